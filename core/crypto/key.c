/* SPDX-License-Identifier: MIT
 *
 * Host Identities as counted objects, and their signatures.
 *
 * RFC 7401 does not say which hash an ECDSA signature with P-256 uses: the HIT suite is
 * ECDSA/SHA-384, the profile it refers to (RFC 4754) pairs P-256 with SHA-256.  This code
 * signs with the HIT suite's hash, as for every other key, and accepts either.
 */
#include "crypto/key.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "crypto/hash.h"
#include "crypto/hit.h"
#include "crypto/key_int.h"

static const struct {
	uint16_t algorithm;
	uint8_t suite;
	uint8_t curve; /* ECDSA's curve label */
	uint8_t width; /* octets of a coordinate */
	const char *group;
} kinds[] = {
	[HP_KEY_RSA] = {HP_HIALG_RSA, HP_HITSUITE_RSA_DSA_SHA256, 0, 0, NULL},
	[HP_KEY_P256] = {HP_HIALG_ECDSA, HP_HITSUITE_ECDSA_SHA384, 1, 32, "P-256"},
	[HP_KEY_P384] = {HP_HIALG_ECDSA, HP_HITSUITE_ECDSA_SHA384, 2, 48, "P-384"},
};

struct hp_key {
	atomic_uint refs;
	EVP_PKEY *pkey; /* NULL: a public key, made anew from hi when it is needed */
	enum hp_key_kind kind;
	bool private;
	struct hp_addr hit;
	size_t hi_len, sig_len;
	char name[16];
	uint8_t hi[];
};

/* ---- Host Identity from a key */

/* RFC 3110, section 2: exponent's length in one octet, or 0 and two. */
static int rsa_to_hi(const EVP_PKEY *pkey, uint8_t *hi, size_t *len)
{
	BIGNUM *n = NULL, *e = NULL;
	int err = -ENOMEM, e_len, n_len;
	size_t at = 1;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		goto out;
	e_len = BN_num_bytes(e);
	n_len = BN_num_bytes(n);
	err = -EKEYREJECTED;
	if (e_len > 4 || 3 + e_len + n_len > HP_KEY_HI_MAX)
		goto out;
	hi[0] = (uint8_t)e_len;
	at += (size_t)BN_bn2bin(e, hi + at);
	at += (size_t)BN_bn2bin(n, hi + at);
	*len = at;
	err = 0;
out:
	BN_free(n);
	BN_free(e);
	return err;
}

static int ec_to_hi(const EVP_PKEY *pkey, enum hp_key_kind kind, uint8_t *hi, size_t *len)
{
	BIGNUM *x = NULL, *y = NULL;
	int w = kinds[kind].width, err = -ENOMEM;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) != 1 ||
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) != 1)
		goto out;
	hi[0] = 0;
	hi[1] = kinds[kind].curve;
	hi[2] = 0x04;
	if (BN_bn2binpad(x, hi + 3, w) == w && BN_bn2binpad(y, hi + 3 + w, w) == w)
		err = 0;
	*len = 3 + 2 * (size_t)w;
out:
	BN_free(x);
	BN_free(y);
	return err;
}

/* ---- construction */

static int kind_of(EVP_PKEY *pkey, enum hp_key_kind *kind)
{
	char group[32];
	size_t len;

	if (EVP_PKEY_is_a(pkey, "RSA")) {
		int bits = EVP_PKEY_get_bits(pkey);

		*kind = HP_KEY_RSA;
		return bits < HP_KEY_RSA_BITS_MIN || bits > HP_KEY_RSA_BITS_MAX
			       ? -EKEYREJECTED
			       : 0;
	}
	if (!EVP_PKEY_is_a(pkey, "EC") ||
	    EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) != 1)
		return -ENOTSUP;
	if (!strcmp(group, "prime256v1") || !strcmp(group, "P-256"))
		*kind = HP_KEY_P256;
	else if (!strcmp(group, "secp384r1") || !strcmp(group, "P-384"))
		*kind = HP_KEY_P384;
	else
		return -ENOTSUP;
	return 0;
}

static int describe(struct hp_key *k)
{
	if (k->kind == HP_KEY_RSA) {
		k->sig_len = (size_t)EVP_PKEY_get_size(k->pkey);
		snprintf(k->name, sizeof(k->name), "RSA-%d", EVP_PKEY_get_bits(k->pkey));
	} else {
		k->sig_len = 2 * (size_t)kinds[k->kind].width;
		snprintf(k->name, sizeof(k->name), "ECDSA-%s", kinds[k->kind].group);
	}
	return hp_hit_from_hi(kinds[k->kind].suite, k->hi, k->hi_len, &k->hit);
}

/* The octets of HOST_ID: those given, or else made from pkey. */
static int octets_of(const EVP_PKEY *pkey, enum hp_key_kind kind, const uint8_t *hi,
		     size_t hi_len, uint8_t *out, size_t *len)
{
	if (!hi)
		return kind == HP_KEY_RSA ? rsa_to_hi(pkey, out, len) :
					    ec_to_hi(pkey, kind, out, len);
	memcpy(out, hi, hi_len);
	*len = hi_len;
	return 0;
}

int hp_key_wrap(EVP_PKEY *pkey, bool private, const uint8_t *hi, size_t hi_len,
		struct hp_key **out)
{
	uint8_t octets[HP_KEY_HI_MAX];
	enum hp_key_kind kind;
	struct hp_key *k = NULL;
	int err = kind_of(pkey, &kind);

	if (!err)
		err = octets_of(pkey, kind, hi, hi_len, octets, &hi_len);
	if (!err)
		k = calloc(1, sizeof(*k) + hi_len);
	if (!k) {
		EVP_PKEY_free(pkey);
		return err ? err : -ENOMEM;
	}
	atomic_init(&k->refs, 1);
	k->pkey = pkey;
	k->private = private;
	k->kind = kind;
	k->hi_len = hi_len;
	memcpy(k->hi, octets, hi_len);
	err = describe(k);
	if (err) {
		hp_key_unref(k);
		return err;
	}
	*out = k;
	return 0;
}

const EVP_PKEY *hp_key_pkey(const struct hp_key *k)
{
	return k->pkey;
}

int hp_key_generate(enum hp_key_kind kind, unsigned int rsa_bits, struct hp_key **out)
{
	EVP_PKEY *pkey;

	if (kind == HP_KEY_RSA &&
	    (rsa_bits < HP_KEY_RSA_BITS_MIN || rsa_bits > HP_KEY_RSA_BITS_MAX))
		return -EINVAL;
	if (kind == HP_KEY_RSA)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)rsa_bits);
	else if (kind == HP_KEY_P256 || kind == HP_KEY_P384)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kinds[kind].group);
	else
		return -EINVAL;
	return pkey ? hp_key_wrap(pkey, true, NULL, 0, out) : -ENOMEM;
}

struct hp_key *hp_key_ref(struct hp_key *k)
{
	atomic_fetch_add(&k->refs, 1);
	return k;
}

void hp_key_unref(struct hp_key *k)
{
	if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

void hp_key_compact(struct hp_key *k)
{
	if (!k || k->private || atomic_load(&k->refs) != 1)
		return;
	EVP_PKEY_free(k->pkey);
	k->pkey = NULL;
}

/* The caller's to free. */
static EVP_PKEY *own_pkey(const struct hp_key *k)
{
	EVP_PKEY *pkey = k->pkey;

	if (pkey)
		return EVP_PKEY_up_ref(pkey) == 1 ? pkey : NULL;
	return hp_key_pkey_from_hi(kinds[k->kind].algorithm, k->hi, k->hi_len, &pkey) ? NULL :
											pkey;
}

/* ---- questions */

const uint8_t *hp_key_hi(const struct hp_key *k, size_t *len)
{
	*len = k->hi_len;
	return k->hi;
}

enum hp_key_kind hp_key_kind(const struct hp_key *k)
{
	return k->kind;
}

uint16_t hp_key_algorithm(const struct hp_key *k)
{
	return kinds[k->kind].algorithm;
}

uint8_t hp_key_hit_suite(const struct hp_key *k)
{
	return kinds[k->kind].suite;
}

const struct hp_addr *hp_key_hit(const struct hp_key *k)
{
	return &k->hit;
}

bool hp_key_is_private(const struct hp_key *k)
{
	return k->private;
}

const char *hp_key_name(const struct hp_key *k)
{
	return k->name;
}

size_t hp_key_sig_len(const struct hp_key *k)
{
	return k->sig_len;
}

/* ---- signatures */

static bool set_pss(EVP_PKEY_CTX *pc)
{
	return EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(pc, RSA_PSS_SALTLEN_DIGEST) == 1;
}

/* DER's SEQUENCE of two INTEGERs to r|s of fixed width. */
static int sig_from_der(const uint8_t *der, size_t len, int width, uint8_t *out)
{
	const unsigned char *p = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	int err = -ENOMEM;

	if (sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, width) == width &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + width, width) == width)
		err = 0;
	ECDSA_SIG_free(sig);
	return err;
}

/* The reverse; *der is freed by the caller with OPENSSL_free. */
static int sig_to_der(const uint8_t *rs, int width, unsigned char **der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(rs, width, NULL), *s = BN_bin2bn(rs + width, width, NULL);
	int len = -1;

	*der = NULL;
	if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else {
		len = i2d_ECDSA_SIG(sig, der);
	}
	ECDSA_SIG_free(sig);
	return len;
}

int hp_key_sign(const struct hp_key *k, const void *data, size_t len, uint8_t *sig,
		size_t *sig_len)
{
	const char *md = hp_rhash_name(hp_rhash_of_suite(kinds[k->kind].suite));
	uint8_t raw[HP_KEY_SIG_MAX];
	size_t raw_len = sizeof(raw);
	EVP_MD_CTX *c;
	EVP_PKEY_CTX *pc;
	int err = -ENOMEM;

	if (!k->private)
		return -EINVAL;
	c = EVP_MD_CTX_new();
	if (!c || EVP_DigestSignInit_ex(c, &pc, md, NULL, NULL, k->pkey, NULL) != 1 ||
	    (k->kind == HP_KEY_RSA && !set_pss(pc)) ||
	    EVP_DigestSign(c, raw, &raw_len, data, len) != 1)
		goto out;
	*sig_len = k->sig_len;
	err = 0;
	if (k->kind == HP_KEY_RSA)
		memcpy(sig, raw, raw_len);
	else
		err = sig_from_der(raw, raw_len, kinds[k->kind].width, sig);
out:
	EVP_MD_CTX_free(c);
	return err;
}

static bool verify_with(const struct hp_key *k, const char *md, const struct hp_seg *data,
			const uint8_t *sig, size_t sig_len)
{
	EVP_PKEY *pkey = own_pkey(k);
	EVP_MD_CTX *c = pkey ? EVP_MD_CTX_new() : NULL;
	EVP_PKEY_CTX *pc;
	bool ok;

	ok = c && EVP_DigestVerifyInit_ex(c, &pc, md, NULL, NULL, pkey, NULL) == 1 &&
	     (k->kind != HP_KEY_RSA || set_pss(pc)) &&
	     EVP_DigestVerify(c, sig, sig_len, data->p, data->len) == 1;
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(pkey);
	return ok;
}

int hp_key_verify(const struct hp_key *k, const void *data, size_t len,
		  const uint8_t *sig, size_t sig_len)
{
	const char *md = hp_rhash_name(hp_rhash_of_suite(kinds[k->kind].suite));
	struct hp_seg seg = {data, len};
	unsigned char *der;
	int der_len;
	bool ok;

	if (sig_len != k->sig_len)
		return -EBADMSG;
	if (k->kind == HP_KEY_RSA)
		return verify_with(k, md, &seg, sig, sig_len) ? 0 : -EBADMSG;
	der_len = sig_to_der(sig, kinds[k->kind].width, &der);
	if (der_len <= 0)
		return -EBADMSG;
	ok = verify_with(k, md, &seg, der, (size_t)der_len);
	if (!ok && k->kind == HP_KEY_P256)
		ok = verify_with(k, "sha256", &seg, der, (size_t)der_len);
	OPENSSL_free(der);
	return ok ? 0 : -EBADMSG;
}
