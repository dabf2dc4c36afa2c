/* SPDX-License-Identifier: MIT
 *
 * Hashes, HMACs and the puzzle over OpenSSL's EVP.
 */
#include "crypto/hash.h"

#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "util/wipe.h"

static const struct {
	const char *name, *openssl;
	size_t len;
} algs[] = {
	[HP_RHASH_NONE] = {"none", NULL, 0},
	[HP_RHASH_SHA1] = {"sha1", "SHA1", 20},
	[HP_RHASH_SHA256] = {"sha256", "SHA256", 32},
	[HP_RHASH_SHA384] = {"sha384", "SHA384", 48},
};

static bool known(enum hp_rhash alg)
{
	return alg > HP_RHASH_NONE && alg <= HP_RHASH_SHA384;
}

size_t hp_rhash_len(enum hp_rhash alg)
{
	return known(alg) ? algs[alg].len : 0;
}

const char *hp_rhash_name(enum hp_rhash alg)
{
	return known(alg) ? algs[alg].name : "none";
}

enum hp_rhash hp_rhash_of_suite(uint8_t hit_suite)
{
	switch (hit_suite) {
	case HP_HITSUITE_RSA_DSA_SHA256:
		return HP_RHASH_SHA256;
	case HP_HITSUITE_ECDSA_SHA384:
		return HP_RHASH_SHA384;
	case HP_HITSUITE_ECDSA_LOW_SHA1:
		return HP_RHASH_SHA1;
	default:
		return HP_RHASH_NONE;
	}
}

/* The library's own table: no fetch, nothing to free. */
static const EVP_MD *md_of(enum hp_rhash alg)
{
	switch (alg) {
	case HP_RHASH_SHA1:
		return EVP_sha1();
	case HP_RHASH_SHA256:
		return EVP_sha256();
	case HP_RHASH_SHA384:
		return EVP_sha384();
	default:
		return NULL;
	}
}

int hp_digest(enum hp_rhash alg, const struct hp_seg *segs, size_t n, uint8_t *out)
{
	EVP_MD_CTX *c;
	bool ok;

	if (!known(alg))
		return -EINVAL;
	c = EVP_MD_CTX_new();
	ok = c && EVP_DigestInit_ex(c, md_of(alg), NULL) == 1;
	for (size_t i = 0; ok && i < n; i++)
		ok = !segs[i].len || EVP_DigestUpdate(c, segs[i].p, segs[i].len) == 1;
	ok = ok && EVP_DigestFinal_ex(c, out, NULL) == 1;
	EVP_MD_CTX_free(c);
	return ok ? 0 : -ENOMEM;
}

static EVP_MAC_CTX *hmac_new(enum hp_rhash alg, const uint8_t *key, size_t key_len)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
						 (char *)(uintptr_t)algs[alg].openssl, 0),
		OSSL_PARAM_construct_end(),
	};
	static const uint8_t empty[1];
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *c = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	/* A NULL key would mean "the key as before". */
	if (c && EVP_MAC_init(c, key_len ? key : empty, key_len, params) != 1) {
		EVP_MAC_CTX_free(c);
		return NULL;
	}
	return c;
}

int hp_hmac(enum hp_rhash alg, const uint8_t *key, size_t key_len,
	    const struct hp_seg *segs, size_t n, uint8_t *out)
{
	EVP_MAC_CTX *c;
	size_t len;
	bool ok;

	if (!known(alg))
		return -EINVAL;
	c = hmac_new(alg, key, key_len);
	ok = c != NULL;
	for (size_t i = 0; ok && i < n; i++)
		ok = !segs[i].len || EVP_MAC_update(c, segs[i].p, segs[i].len) == 1;
	ok = ok && EVP_MAC_final(c, out, &len, algs[alg].len) == 1;
	EVP_MAC_CTX_free(c);
	return ok ? 0 : -ENOMEM;
}

int hp_hmac_verify(enum hp_rhash alg, const uint8_t *key, size_t key_len,
		   const void *data, size_t len, const uint8_t *mac, size_t mac_len)
{
	struct hp_seg seg = {data, len};
	uint8_t want[HP_RHASH_MAX];
	int err;

	if (!known(alg) || mac_len != algs[alg].len)
		return -EBADMSG;
	err = hp_hmac(alg, key, key_len, &seg, 1, want);
	if (!err && !hp_memeq(want, mac, mac_len))
		err = -EBADMSG;
	hp_wipe(want, sizeof(want));
	return err ? -EBADMSG : 0;
}

/* Are the k lowest-order bits, at the end of the octets, zero? */
static bool low_bits_zero(const uint8_t *p, size_t len, unsigned int k)
{
	if (k > len * 8)
		return false;
	for (; k >= 8; k -= 8)
		if (p[--len])
			return false;
	return !k || !(p[len - 1] & ((1u << k) - 1));
}

static int puzzle_hash(enum hp_rhash alg, const struct hp_seg segs[4], EVP_MD_CTX *c,
		       uint8_t *out)
{
	bool ok = EVP_DigestInit_ex(c, md_of(alg), NULL) == 1;

	for (int n = 0; ok && n < 4; n++)
		ok = EVP_DigestUpdate(c, segs[n].p, segs[n].len) == 1;
	return ok && EVP_DigestFinal_ex(c, out, NULL) == 1 ? 0 : -ENOMEM;
}

bool hp_puzzle_check(enum hp_rhash alg, uint8_t k, const uint8_t *i, const uint8_t *hit_i,
		     const uint8_t *hit_r, const uint8_t *j)
{
	size_t len = hp_rhash_len(alg);
	struct hp_seg segs[] = {{i, len}, {hit_i, 16}, {hit_r, 16}, {j, len}};
	uint8_t h[HP_RHASH_MAX];

	if (!known(alg))
		return false;
	if (!k)
		return true;
	return !hp_digest(alg, segs, 4, h) && low_bits_zero(h, len, k);
}

static void count_up(uint8_t *p, size_t len)
{
	while (len && !++p[--len])
		;
}

int hp_puzzle_solve(enum hp_rhash alg, uint8_t k, const uint8_t *i, const uint8_t *hit_i,
		    const uint8_t *hit_r, uint8_t *j, uint64_t max_tries)
{
	size_t len = hp_rhash_len(alg);
	struct hp_seg segs[] = {{i, len}, {hit_i, 16}, {hit_r, 16}, {j, len}};
	uint8_t h[HP_RHASH_MAX];
	EVP_MD_CTX *c;
	int err = 0;

	if (!known(alg) || k > len * 8)
		return -EINVAL;
	if (!k)
		return 0;
	c = EVP_MD_CTX_new();
	if (!c)
		return -ENOMEM;
	for (uint64_t n = 1; !(err = puzzle_hash(alg, segs, c, h)); n++) {
		if (low_bits_zero(h, len, k))
			break;
		if (n == max_tries) {
			err = -ETIME;
			break;
		}
		count_up(j, len);
	}
	EVP_MD_CTX_free(c);
	return err;
}
