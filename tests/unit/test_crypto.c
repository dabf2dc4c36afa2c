/* SPDX-License-Identifier: MIT
 *
 * Hashes, HMAC, HKDF, KEYMAT, HIP ciphers, HITs and the puzzle.
 */
#include "../harness.h"

#include <errno.h>
#include <string.h>

#include "crypto/cipher.h"
#include "crypto/hash.h"
#include "crypto/hit.h"
#include "crypto/keymat.h"
#include "crypto/rand.h"
#include "hex.h"

static struct hp_seg seg(const void *p, size_t len)
{
	return (struct hp_seg){ p, len };
}

static void hashes_match_fips_180(void)
{
	struct hp_seg abc[] = { seg("a", 1), seg("", 0), seg("bc", 2) };
	uint8_t h[HP_RHASH_MAX];

	CU_ASSERT(!hp_digest(HP_RHASH_SHA1, abc, 3, h));
	CU_ASSERT(is_hex(h, 20, "a9993e364706816aba3e25717850c26c9cd0d89d"));
	CU_ASSERT(!hp_digest(HP_RHASH_SHA256, abc, 3, h));
	CU_ASSERT(is_hex(h, 32, "ba7816bf8f01cfea414140de5dae2223"
				"b00361a396177a9cb410ff61f20015ad"));
	CU_ASSERT(!hp_digest(HP_RHASH_SHA384, abc, 3, h));
	CU_ASSERT(is_hex(h, 48, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
				"1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"));
	CU_ASSERT_EQUAL(hp_digest(HP_RHASH_NONE, abc, 3, h), -EINVAL);
}

static void hmacs_match_rfc_4231(void)
{
	struct hp_seg text[] = { seg("what do ya want ", 16), seg("for nothing?", 12) };
	struct hp_seg hi = seg("Hi There", 8);
	uint8_t h[HP_RHASH_MAX], key[20];

	memset(key, 0x0b, sizeof(key));
	CU_ASSERT(!hp_hmac(HP_RHASH_SHA256, key, 20, &hi, 1, h));
	CU_ASSERT(is_hex(h, 32, "b0344c61d8db38535ca8afceaf0bf12b"
				"881dc200c9833da726e9376c2e32cff7"));
	CU_ASSERT(!hp_hmac(HP_RHASH_SHA384, key, 20, &hi, 1, h));
	CU_ASSERT(is_hex(h, 48, "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec6"
				"82aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6"));
	CU_ASSERT(!hp_hmac(HP_RHASH_SHA256, (const uint8_t *)"Jefe", 4, text, 2, h));
	CU_ASSERT(is_hex(h, 32, "5bdcc146bf60754e6a042426089575c7"
				"5a003f089d2739839dec58b964ec3843"));
	CU_ASSERT(!hp_hmac(HP_RHASH_SHA384, (const uint8_t *)"Jefe", 4, text, 2, h));
	CU_ASSERT(is_hex(h, 48, "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47"
				"e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"));
}

static void a_changed_or_cut_hmac_is_refused(void)
{
	uint8_t key[32] = { 1 }, mac[HP_RHASH_MAX];
	struct hp_seg s = seg("data", 4);

	CU_ASSERT(!hp_hmac(HP_RHASH_SHA384, key, 32, &s, 1, mac));
	CU_ASSERT(!hp_hmac_verify(HP_RHASH_SHA384, key, 32, "data", 4, mac, 48));
	CU_ASSERT_EQUAL(hp_hmac_verify(HP_RHASH_SHA384, key, 32, "datb", 4, mac, 48), -EBADMSG);
	for (size_t len = 0; len < 48; len++)
		CU_ASSERT(hp_hmac_verify(HP_RHASH_SHA384, key, 32, "data", 4, mac, len));
	for (int bit = 0; bit < 48 * 8; bit++) {
		mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT(hp_hmac_verify(HP_RHASH_SHA384, key, 32, "data", 4, mac, 48));
		mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void hkdf_matches_rfc_5869(void)
{
	uint8_t ikm[22], salt[13], info[10], prk[HP_RHASH_MAX], okm[42];
	struct hp_seg s = seg(salt, sizeof(salt));

	memset(ikm, 0x0b, sizeof(ikm));
	unhex("000102030405060708090a0b0c", salt);
	unhex("f0f1f2f3f4f5f6f7f8f9", info);
	CU_ASSERT(!hp_hkdf_extract(HP_RHASH_SHA256, &s, 1, ikm, 22, prk));
	CU_ASSERT(is_hex(prk, 32, "077709362c2e32df0ddc3f0dc47bba63"
				  "90b6c73bb50f9c3122ec844ad7c2b3e5"));
	CU_ASSERT(!hp_hkdf_expand(HP_RHASH_SHA256, prk, info, 10, okm, 42));
	CU_ASSERT(is_hex(okm, 42, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
				  "34007208d5b887185865"));
	/* Test case 3: no salt, no info. */
	CU_ASSERT(!hp_hkdf_extract(HP_RHASH_SHA256, NULL, 0, ikm, 22, prk));
	CU_ASSERT(is_hex(prk, 32, "19ef24a32c717b167f33a91d6f648bdf"
				  "96596776afdb6377ac434c1c293ccb04"));
	CU_ASSERT(!hp_hkdf_expand(HP_RHASH_SHA256, prk, info, 0, okm, 42));
	CU_ASSERT(is_hex(okm, 42, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
				  "9d201395faa4b61a96c8"));
}

static void keymat_make(struct hp_keymat *km)
{
	static const uint8_t i[48] = { 1 }, j[48] = { 2 }, kij[32] = { 3 };
	struct hp_addr a = { { 0x20, 1, 0, 0x22, 9 } }, b = { { 0x20, 1, 0, 0x22, 8 } };
	struct hp_keymat other;

	CU_ASSERT(!hp_keymat_init(km, HP_RHASH_SHA384, kij, 32, i, j, &a, &b));
	CU_ASSERT(!hp_keymat_init(&other, HP_RHASH_SHA384, kij, 32, i, j, &b, &a));
	CU_ASSERT(!memcmp(km, &other, sizeof(other)));
}

static void keymat_can_be_drawn_from_any_offset(void)
{
	static uint8_t all[255 * 48], part[255 * 48 + 1];
	struct hp_keymat km;

	keymat_make(&km);
	CU_ASSERT(!hp_keymat_draw(&km, 0, all, sizeof(all)));
	for (size_t off = 0; off < 200; off += 7)
		for (size_t len = 0; len < 150; len += 11) {
			CU_ASSERT(!hp_keymat_draw(&km, off, part, len));
			CU_ASSERT(!memcmp(all + off, part, len));
		}
	CU_ASSERT(!hp_keymat_draw(&km, sizeof(all) - 5, part, 5));
	CU_ASSERT(!memcmp(all + sizeof(all) - 5, part, 5));
	CU_ASSERT_EQUAL(hp_keymat_draw(&km, 0, part, sizeof(part)), -EMSGSIZE);
	CU_ASSERT_EQUAL(hp_keymat_draw(&km, sizeof(all), part, 1), -EMSGSIZE);
	CU_ASSERT_EQUAL(hp_keymat_draw(&km, SIZE_MAX, part, 2), -EMSGSIZE);
}

static void keys_are_dealt_by_role(void)
{
	struct hp_keyset g, l;
	struct hp_keymat km;
	uint8_t raw[128];
	size_t end;

	keymat_make(&km);
	CU_ASSERT(!hp_keymat_hip(&km, HP_HIPCIPHER_AES_128_CBC, true, &g, &end));
	CU_ASSERT_EQUAL(end, 128);
	CU_ASSERT(!hp_keymat_hip(&km, HP_HIPCIPHER_AES_128_CBC, false, &l, NULL));
	CU_ASSERT(!hp_keymat_draw(&km, 0, raw, 128));
	CU_ASSERT(!memcmp(g.out.enc, raw, 16) && !memcmp(g.out.mac, raw + 16, 48));
	CU_ASSERT(!memcmp(g.in.enc, raw + 64, 16) && !memcmp(g.in.mac, raw + 80, 48));
	CU_ASSERT(!memcmp(&g.out, &l.in, sizeof(g.out)) && !memcmp(&g.in, &l.out, sizeof(g.in)));
	CU_ASSERT_EQUAL(hp_keymat_hip(&km, 3, true, &g, NULL), -ENOTSUP);
	CU_ASSERT(!hp_keymat_esp(&km, 128, HP_ESPSUITE_AES_GCM_16, true, &g, &end));
	CU_ASSERT_EQUAL(end, 128 + 2 * 20);
	CU_ASSERT_EQUAL(hp_keymat_esp(&km, 128, 10, true, &g, NULL), -ENOTSUP);
}

static void cbc_matches_sp_800_38a(void)
{
	static const struct {
		uint16_t id;
		const char *key, *text;
	} cases[] = {
		{ HP_HIPCIPHER_AES_128_CBC, "2b7e151628aed2a6abf7158809cf4f3c",
		  "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2" },
		{ HP_HIPCIPHER_AES_256_CBC,
		  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
		  "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d" },
	};
	uint8_t key[32], iv[16], plain[32], out[32];

	unhex("000102030405060708090a0b0c0d0e0f", iv);
	unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51", plain);
	for (int i = 0; i < 2; i++) {
		const struct hp_cipher *c = hp_cipher_find(cases[i].id);

		unhex(cases[i].key, key);
		CU_ASSERT(hp_cipher_by_name(c->name) == c);
		CU_ASSERT(!hp_cipher_encrypt(c, key, iv, plain, 32, out));
		CU_ASSERT(is_hex(out, 32, cases[i].text));
		CU_ASSERT(!hp_cipher_decrypt(c, key, iv, out, 32, out));
		CU_ASSERT(!memcmp(out, plain, 32));
		for (size_t len = 1; len < 16; len++)
			CU_ASSERT_EQUAL(hp_cipher_decrypt(c, key, iv, out, len, out), -EINVAL);
	}
	CU_ASSERT(!hp_cipher_encrypt(hp_cipher_find(HP_HIPCIPHER_NULL), NULL, NULL, plain, 31, out));
	CU_ASSERT(!memcmp(out, plain, 31));
	CU_ASSERT_PTR_NULL(hp_cipher_find(3));
	CU_ASSERT_PTR_NULL(hp_cipher_by_name("aes"));
}

static void a_hit_names_its_suite_and_depends_on_every_octet(void)
{
	uint8_t hi[99] = { 0, 2, 4 };
	struct hp_addr a, b;

	CU_ASSERT(!hp_hit_from_hi(2, hi, sizeof(hi), &a));
	CU_ASSERT(hp_addr_is_hit(&a));
	CU_ASSERT_EQUAL(hp_hit_suite(&a), 2);
	for (size_t i = 0; i < sizeof(hi); i++) {
		hi[i] ^= 1;
		CU_ASSERT(!hp_hit_from_hi(2, hi, sizeof(hi), &b));
		CU_ASSERT(!hp_addr_eq(&a, &b));
		hi[i] ^= 1;
	}
	CU_ASSERT(!hp_hit_from_hi(1, hi, sizeof(hi), &b));
	CU_ASSERT_EQUAL(hp_hit_suite(&b), 1);
	CU_ASSERT_EQUAL(hp_hit_from_hi(5, hi, sizeof(hi), &a), -EINVAL);
	CU_ASSERT_EQUAL(hp_hit_from_hi(0, hi, sizeof(hi), &a), -EINVAL);
}

static void solved_puzzles_check_and_others_do_not(void)
{
	uint8_t i[48] = { 7 }, hit_i[16] = { 1 }, hit_r[16] = { 2 }, j[48] = { 0 };

	for (uint8_t k = 0; k <= 12; k++) {
		CU_ASSERT(!hp_puzzle_solve(HP_RHASH_SHA384, k, i, hit_i, hit_r, j, 0));
		CU_ASSERT(hp_puzzle_check(HP_RHASH_SHA384, k, i, hit_i, hit_r, j));
	}
	i[0]++;
	CU_ASSERT(!hp_puzzle_check(HP_RHASH_SHA384, 12, i, hit_i, hit_r, j));
	CU_ASSERT(hp_puzzle_check(HP_RHASH_SHA384, 0, i, hit_i, hit_r, j));
	CU_ASSERT(!hp_puzzle_check(HP_RHASH_SHA256, 255, i, hit_i, hit_r, j));
	CU_ASSERT_EQUAL(hp_puzzle_solve(HP_RHASH_SHA256, 200, i, hit_i, hit_r, j, 10), -ETIME);
}

static void system_randomness_fills(void)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	CU_ASSERT(!hp_rand_fill(&hp_rand_system, a, 32));
	CU_ASSERT(!hp_rand_fill(&hp_rand_system, b, 32));
	CU_ASSERT(memcmp(a, b, 32));
}

static const struct hp_test tests[] = {
	HP_TEST(hashes_match_fips_180),
	HP_TEST(hmacs_match_rfc_4231),
	HP_TEST(a_changed_or_cut_hmac_is_refused),
	HP_TEST(hkdf_matches_rfc_5869),
	HP_TEST(keymat_can_be_drawn_from_any_offset),
	HP_TEST(keys_are_dealt_by_role),
	HP_TEST(cbc_matches_sp_800_38a),
	HP_TEST(a_hit_names_its_suite_and_depends_on_every_octet),
	HP_TEST(solved_puzzles_check_and_others_do_not),
	HP_TEST(system_randomness_fills),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("crypto", tests, argc, argv);
}
