/* SPDX-License-Identifier: MIT
 *
 * Host Identities and Diffie-Hellman.
 */
#include "../harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/dh.h"
#include "crypto/key.h"
#include "hex.h"

static const enum hp_key_kind kinds[] = { HP_KEY_RSA, HP_KEY_P256, HP_KEY_P384 };
static struct hp_key *made[3];

static struct hp_key *key_of(int n)
{
	if (!made[n])
		CU_ASSERT_FATAL(!hp_key_generate(kinds[n], 2048, &made[n]));
	return made[n];
}

static void the_public_half_verifies_and_nothing_changed_does(void)
{
	uint8_t text[100] = { 5 }, sig[HP_KEY_SIG_MAX];
	struct hp_key *pub;
	size_t len, hi_len;

	for (int n = 0; n < 3; n++) {
		struct hp_key *k = key_of(n);
		const uint8_t *hi = hp_key_hi(k, &hi_len);

		CU_ASSERT_FATAL(!hp_key_from_hi(hp_key_algorithm(k), hi, hi_len, &pub));
		CU_ASSERT(hp_addr_eq(hp_key_hit(k), hp_key_hit(pub)));
		CU_ASSERT(hp_key_is_private(k) && !hp_key_is_private(pub));
		CU_ASSERT(!hp_key_sign(k, text, sizeof(text), sig, &len));
		CU_ASSERT_EQUAL(len, hp_key_sig_len(pub));
		CU_ASSERT(!hp_key_verify(pub, text, sizeof(text), sig, len));
		CU_ASSERT_EQUAL(hp_key_sign(pub, text, sizeof(text), sig, &len), -EINVAL);
		for (size_t cut = 0; cut < len; cut++)
			CU_ASSERT(hp_key_verify(pub, text, sizeof(text), sig, cut));
		for (size_t i = 0; i < len; i += 3) {
			sig[i] ^= 0x10;
			CU_ASSERT(hp_key_verify(pub, text, sizeof(text), sig, len));
			sig[i] ^= 0x10;
		}
		text[99] ^= 1;
		CU_ASSERT(hp_key_verify(pub, text, sizeof(text), sig, len));
		memset(sig, 0, len);
		CU_ASSERT(hp_key_verify(pub, text, sizeof(text), sig, len));
		hp_key_unref(pub);
	}
}

static void kinds_have_their_suites(void)
{
	static const uint8_t suite[] = { 1, 2, 2 }, algorithm[] = { 5, 7, 7 };
	static const char *const name[] = { "RSA-2048", "ECDSA-P-256", "ECDSA-P-384" };

	for (int n = 0; n < 3; n++) {
		CU_ASSERT_EQUAL(hp_key_hit_suite(key_of(n)), suite[n]);
		CU_ASSERT_EQUAL(hp_key_algorithm(key_of(n)), algorithm[n]);
		CU_ASSERT_EQUAL(hp_key_kind(key_of(n)), kinds[n]);
		CU_ASSERT_STRING_EQUAL(hp_key_name(key_of(n)), name[n]);
	}
}

static void rfc_4754_signature_of_p256_with_sha256_verifies(void)
{
	uint8_t hi[67], sig[64];
	struct hp_key *k;

	unhex("0001 04 2442A5CC0ECD015FA3CA31DC8E2BBC70BF42D60CBCA20085E0822CB04235E970"
	      "6FC98BD7E50211A4A27102FA3549DF79EBCB4BF246B80945CDDFE7D509BBFD7D", hi);
	unhex("CB28E0999B9C7715FD0A80D8E47A77079716CBBF917DD72E97566EA1C066957C"
	      "86FA3BB4E26CAD5BF90B7F81899256CE7594BB1EA0C89212748BFF3B3D5B0315", sig);
	CU_ASSERT_FATAL(!hp_key_from_hi(HP_HIALG_ECDSA, hi, 67, &k));
	CU_ASSERT(!hp_key_verify(k, "abc", 3, sig, 64));
	CU_ASSERT(hp_key_verify(k, "abd", 3, sig, 64));
	hp_key_unref(k);
}

static void a_point_without_its_first_octet_is_accepted_as_it_stands(void)
{
	uint8_t bare[HP_KEY_HI_MAX];
	struct hp_key *k = key_of(1), *pub;
	size_t len;
	const uint8_t *hi = hp_key_hi(k, &len), *kept;

	memcpy(bare, hi, 2);
	memcpy(bare + 2, hi + 3, len - 3);
	CU_ASSERT_FATAL(!hp_key_from_hi(HP_HIALG_ECDSA, bare, len - 1, &pub));
	kept = hp_key_hi(pub, &len);
	CU_ASSERT(!memcmp(kept, bare, len));
	CU_ASSERT(!hp_addr_eq(hp_key_hit(k), hp_key_hit(pub)));
	hp_key_unref(pub);
}

static void cut_and_invalid_identities_are_refused(void)
{
	uint8_t hi[HP_KEY_HI_MAX];
	struct hp_key *pub;
	size_t len;

	for (int n = 0; n < 3; n++) {
		const uint8_t *from = hp_key_hi(key_of(n), &len);

		memcpy(hi, from, len);
		for (size_t cut = 0; cut < len; cut++) {
			uint8_t *exact = malloc(cut + 1);

			memcpy(exact, hi, cut);
			if (n && cut == len - 1) /* x|y, but no such point */
				exact[2] = 4;
			CU_ASSERT(hp_key_from_hi(hp_key_algorithm(key_of(n)), exact, cut, &pub));
			free(exact);
		}
	}
	hi[20] ^= 1; /* P-384, off the curve */
	CU_ASSERT_EQUAL(hp_key_from_hi(HP_HIALG_ECDSA, hi, len, &pub), -EBADMSG);
	hi[1] = 3;
	CU_ASSERT_EQUAL(hp_key_from_hi(HP_HIALG_ECDSA, hi, len, &pub), -ENOTSUP);
	CU_ASSERT_EQUAL(hp_key_from_hi(HP_HIALG_DSA, hi, len, &pub), -ENOTSUP);
	CU_ASSERT_EQUAL(hp_key_from_hi(HP_HIALG_RSA, hi, HP_KEY_HI_MAX + 1, &pub), -EKEYREJECTED);
}

static void rsa_identities_out_of_bounds_are_refused(void)
{
	uint8_t hi[HP_KEY_HI_MAX] = { 3, 1, 0, 1 };
	struct hp_key *pub;

	memset(hi + 4, 0xff, 128);
	CU_ASSERT_EQUAL(hp_key_from_hi(HP_HIALG_RSA, hi, 4 + 128, &pub), -EKEYREJECTED);
	memset(hi + 4, 0xff, 256);
	CU_ASSERT_EQUAL(hp_key_from_hi(HP_HIALG_RSA, hi, 4 + 255, &pub), -EKEYREJECTED);
	hi[0] = 200; /* an exponent that would cost dearly */
	CU_ASSERT_EQUAL(hp_key_from_hi(HP_HIALG_RSA, hi, 600, &pub), -EBADMSG);
	memset(hi, 0xff, sizeof(hi));
	hi[0] = 200;
	CU_ASSERT_EQUAL(hp_key_from_hi(HP_HIALG_RSA, hi, 600, &pub), -EKEYREJECTED);
	CU_ASSERT_EQUAL(hp_key_generate(HP_KEY_RSA, 1024, &pub), -EINVAL);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_FATAL(f != NULL);
	fputs(text, f);
	fclose(f);
	CU_ASSERT(!chmod(path, mode));
}

/* A key of another kind: Ed25519, from RFC 8410, section 10.3. */
static const char ed25519_pem[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
	"-----END PRIVATE KEY-----\n";

static void key_files_are_private_and_say_why_not(void)
{
	char dir[] = "/tmp/hp-key-XXXXXX", path[64];
	struct hp_key *k;
	struct stat st;

	CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/k.pem", dir);
	for (int n = 0; n < 3; n++) {
		CU_ASSERT(!hp_key_save(key_of(n), path));
		CU_ASSERT_EQUAL(hp_key_save(key_of(n), path), -EEXIST);
		CU_ASSERT(!stat(path, &st) && (st.st_mode & 0777) == 0600);
		CU_ASSERT_FATAL(!hp_key_load(path, &k));
		CU_ASSERT(hp_addr_eq(hp_key_hit(k), hp_key_hit(key_of(n))));
		CU_ASSERT(hp_key_is_private(k));
		hp_key_unref(k);
		chmod(path, 0640);
		CU_ASSERT_EQUAL(hp_key_load(path, &k), -EPERM);
		unlink(path);
	}
	CU_ASSERT_EQUAL(hp_key_load(path, &k), -ENOENT);
	write_file(path, "no key\n", 0600);
	CU_ASSERT_EQUAL(hp_key_load(path, &k), -EBADMSG);
	write_file(path, ed25519_pem, 0600);
	CU_ASSERT_EQUAL(hp_key_load(path, &k), -ENOTSUP);
	unlink(path);
	CU_ASSERT_EQUAL(hp_key_load(dir, &k), -EBADMSG);
	rmdir(dir);
	for (int e = -1; e > -140; e--)
		CU_ASSERT(strlen(hp_key_load_error(e)) > 10);
}

/* ---- Diffie-Hellman */

static const uint8_t groups[] = { 3, 4, 7, 8, 9, 11 };

static void both_sides_of_every_group_agree(void)
{
	uint8_t a_k[HP_DH_SHARED_MAX], b_k[HP_DH_SHARED_MAX];
	struct hp_dh *a, *b;

	for (size_t i = 0; i < sizeof(groups); i++) {
		uint8_t g = groups[i];
		size_t len = hp_dh_public_len(g);

		CU_ASSERT_FATAL(!hp_dh_generate(g, &a) && !hp_dh_generate(g, &b));
		CU_ASSERT_EQUAL(hp_dh_group(a), g);
		CU_ASSERT(memcmp(hp_dh_public(a), hp_dh_public(b), len));
		CU_ASSERT(!hp_dh_derive(a, hp_dh_public(b), len, a_k));
		CU_ASSERT(!hp_dh_derive(b, hp_dh_public(a), len, b_k));
		CU_ASSERT(!memcmp(a_k, b_k, hp_dh_shared_len(g)));
		for (size_t cut = 0; cut < len; cut++)
			CU_ASSERT_EQUAL(hp_dh_derive(a, hp_dh_public(b), cut, a_k), -EBADMSG);
		hp_dh_unref(a);
		hp_dh_unref(b);
	}
	CU_ASSERT(!hp_dh_supported(10) && !hp_dh_supported(1) && !hp_dh_public_len(10));
	CU_ASSERT_EQUAL(hp_dh_generate(10, &a), -ENOTSUP);
}

static void a_compact_pair_derives_as_before(void)
{
	uint8_t before[HP_DH_SHARED_MAX], after[HP_DH_SHARED_MAX];
	struct hp_dh *a, *b;

	for (size_t i = 0; i < sizeof(groups); i++) {
		size_t len = hp_dh_public_len(groups[i]);

		CU_ASSERT_FATAL(!hp_dh_generate(groups[i], &a) && !hp_dh_generate(groups[i], &b));
		CU_ASSERT(!hp_dh_derive(a, hp_dh_public(b), len, before));
		hp_dh_compact(hp_dh_ref(a)); /* not alone: nothing happens */
		hp_dh_unref(a);
		for (int j = 0; j < 2; j++) {
			hp_dh_compact(a);
			CU_ASSERT(!hp_dh_derive(a, hp_dh_public(b), len, after));
			CU_ASSERT(!memcmp(before, after, hp_dh_shared_len(groups[i])));
			CU_ASSERT_EQUAL(hp_dh_derive(a, hp_dh_public(b), len - 1, after),
					-EBADMSG);
		}
		hp_dh_unref(a);
		hp_dh_unref(b);
	}
}

static void a_compact_identity_verifies_as_before(void)
{
	uint8_t sig[HP_KEY_SIG_MAX];
	struct hp_key *public, *private;
	const uint8_t *hi;
	size_t len, hi_len;

	for (int kind = HP_KEY_RSA; kind <= HP_KEY_P384; kind++) {
		private = key_of(kind);
		hi = hp_key_hi(private, &hi_len);
		CU_ASSERT_FATAL(!hp_key_from_hi(hp_key_algorithm(private), hi, hi_len, &public));
		hp_key_compact(private); /* it would be lost */
		CU_ASSERT(!hp_key_sign(private, "text", 4, sig, &len));
		for (int i = 0; i < 2; i++) {
			hp_key_compact(public);
			CU_ASSERT(!hp_key_verify(public, "text", 4, sig, len));
			CU_ASSERT_EQUAL(hp_key_verify(public, "next", 4, sig, len), -EBADMSG);
			CU_ASSERT_STRING_EQUAL(hp_key_name(public), hp_key_name(private));
		}
		hp_key_unref(public);
	}
}

static void p256_matches_rfc_5903(void)
{
	uint8_t priv[32], peer[64], k[32];
	struct hp_dh *d;

	unhex("C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433", priv);
	unhex("D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
	      "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB", peer);
	CU_ASSERT_FATAL(!hp_dh_import(HP_DH_P256, priv, 32, &d));
	CU_ASSERT(is_hex(hp_dh_public(d), 64,
			 "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"
			 "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3"));
	CU_ASSERT(!hp_dh_derive(d, peer, 64, k));
	CU_ASSERT(is_hex(k, 32,
			 "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE"));
	hp_dh_unref(d);
}

static void points_off_the_curve_are_refused(void)
{
	uint8_t pub[HP_DH_PUBLIC_MAX], k[HP_DH_SHARED_MAX];
	struct hp_dh *d;

	for (uint8_t g = 7; g <= 9; g++) {
		size_t len = hp_dh_public_len(g);

		CU_ASSERT_FATAL(!hp_dh_generate(g, &d));
		memcpy(pub, hp_dh_public(d), len);
		pub[len - 1] ^= 1;
		CU_ASSERT_EQUAL(hp_dh_derive(d, pub, len, k), -EBADMSG);
		memset(pub, 0, len);
		CU_ASSERT_EQUAL(hp_dh_derive(d, pub, len, k), -EBADMSG);
		memset(pub, 0xff, len);
		CU_ASSERT_EQUAL(hp_dh_derive(d, pub, len, k), -EBADMSG);
		hp_dh_unref(d);
	}
}

static void zero_one_and_what_is_near_the_modulus_are_refused(void)
{
	static const uint8_t modp[] = { 3, 4, 11 };
	uint8_t pub[HP_DH_PUBLIC_MAX], k[HP_DH_SHARED_MAX];
	struct hp_dh *d;

	for (int i = 0; i < 3; i++) {
		size_t len = hp_dh_public_len(modp[i]);

		CU_ASSERT_FATAL(!hp_dh_generate(modp[i], &d));
		memset(pub, 0, len);
		CU_ASSERT_EQUAL(hp_dh_derive(d, pub, len, k), -EBADMSG);
		pub[len - 1] = 1;
		CU_ASSERT_EQUAL(hp_dh_derive(d, pub, len, k), -EBADMSG);
		pub[len - 1] = 2;
		CU_ASSERT(!hp_dh_derive(d, pub, len, k));
		CU_ASSERT(!memcmp(k, hp_dh_public(d), len));
		memset(pub, 0xff, len); /* beyond p */
		CU_ASSERT_EQUAL(hp_dh_derive(d, pub, len, k), -EBADMSG);
		hp_dh_unref(d);
	}
}

/* RFC 3526, group 5. */
static const char p1536[] =
	"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
	"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
	"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
	"98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
	"9ED529077096966D670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF";

static void minus_one_is_refused(void)
{
	uint8_t p[192], k[HP_DH_SHARED_MAX];
	struct hp_dh *d;

	CU_ASSERT_EQUAL(unhex(p1536, p), 192);
	CU_ASSERT_FATAL(!hp_dh_generate(HP_DH_MODP1536, &d));
	CU_ASSERT_EQUAL(hp_dh_derive(d, p, 192, k), -EBADMSG);
	p[191]--;
	CU_ASSERT_EQUAL(hp_dh_derive(d, p, 192, k), -EBADMSG);
	p[191]--;
	CU_ASSERT(!hp_dh_derive(d, p, 192, k));
	hp_dh_unref(d);
}

static void leading_zeros_of_kij_are_kept(void)
{
	uint8_t two[192] = { [191] = 2 }, k[192], want[192] = { [191] = 32 };
	uint8_t five = 5;
	struct hp_dh *d;

	CU_ASSERT_FATAL(!hp_dh_import(HP_DH_MODP1536, &five, 1, &d));
	CU_ASSERT(!memcmp(hp_dh_public(d), want, 192));
	CU_ASSERT(!hp_dh_derive(d, two, 192, k));
	CU_ASSERT(!memcmp(k, want, 192));
	hp_dh_unref(d);
	five = 0;
	CU_ASSERT_EQUAL(hp_dh_import(HP_DH_MODP1536, &five, 1, &d), -EINVAL);
	CU_ASSERT_EQUAL(hp_dh_import(HP_DH_P256, &five, 1, &d), -EINVAL);
}

static void a_private_value_as_long_as_the_modulus_works(void)
{
	uint8_t p[192], k[192], two[192] = { [191] = 2 };
	struct hp_dh *d;

	unhex(p1536, p);
	CU_ASSERT_EQUAL(hp_dh_import(HP_DH_MODP1536, p, 192, &d), -EINVAL);
	p[191] -= 4;
	CU_ASSERT_FATAL(!hp_dh_import(HP_DH_MODP1536, p, 192, &d));
	CU_ASSERT(!hp_dh_derive(d, two, 192, k));
	CU_ASSERT(!memcmp(k, hp_dh_public(d), 192));
	hp_dh_unref(d);
}

static void let_go(void)
{
	for (int n = 0; n < 3; n++)
		hp_key_unref(made[n]);
}

static const struct hp_test tests[] = {
	HP_TEST(the_public_half_verifies_and_nothing_changed_does),
	HP_TEST(kinds_have_their_suites),
	HP_TEST(rfc_4754_signature_of_p256_with_sha256_verifies),
	HP_TEST(a_point_without_its_first_octet_is_accepted_as_it_stands),
	HP_TEST(cut_and_invalid_identities_are_refused),
	HP_TEST(rsa_identities_out_of_bounds_are_refused),
	HP_TEST(key_files_are_private_and_say_why_not),
	HP_TEST(both_sides_of_every_group_agree),
	HP_TEST(a_compact_pair_derives_as_before),
	HP_TEST(a_compact_identity_verifies_as_before),
	HP_TEST(p256_matches_rfc_5903),
	HP_TEST(points_off_the_curve_are_refused),
	HP_TEST(zero_one_and_what_is_near_the_modulus_are_refused),
	HP_TEST(minus_one_is_refused),
	HP_TEST(leading_zeros_of_kij_are_kept),
	HP_TEST(a_private_value_as_long_as_the_modulus_works),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int status = hp_test_main("crypto_key", tests, argc, argv);

	let_go();
	return status;
}
