/* SPDX-License-Identifier: MIT
 *
 * Diffie-Hellman over OpenSSL's EVP.
 */
#include "crypto/dh.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include "util/wipe.h"

struct group {
	uint8_t id;
	bool ec;
	int nid;
	uint16_t shared_len; /* the modulus, or one coordinate */
	const char *openssl, *name;
};

static const struct group groups[] = {
	{HP_DH_MODP1536, false, 0, 192, "modp_1536", "MODP 1536"},
	{HP_DH_MODP3072, false, 0, 384, "modp_3072", "MODP 3072"},
	{HP_DH_P256, true, NID_X9_62_prime256v1, 32, "P-256", "NIST P-256"},
	{HP_DH_P384, true, NID_secp384r1, 48, "P-384", "NIST P-384"},
	{HP_DH_P521, true, NID_secp521r1, 66, "P-521", "NIST P-521"},
	{HP_DH_MODP2048, false, 0, 256, "modp_2048", "MODP 2048"},
};

struct hp_dh {
	atomic_uint refs;
	const struct group *g;
	EVP_PKEY *pkey; /* NULL: made anew from the numbers when it is needed */
	uint8_t *private; /* then, as long as a public MODP value or one coordinate */
	uint8_t public[];
};

static const struct group *find(uint8_t id)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (groups[i].id == id)
			return &groups[i];
	return NULL;
}

bool hp_dh_supported(uint8_t group)
{
	return find(group) != NULL;
}

size_t hp_dh_public_len(uint8_t group)
{
	const struct group *g = find(group);

	return !g ? 0 : g->ec ? 2u * g->shared_len : g->shared_len;
}

size_t hp_dh_shared_len(uint8_t group)
{
	const struct group *g = find(group);

	return g ? g->shared_len : 0;
}

const char *hp_dh_name(uint8_t group)
{
	const struct group *g = find(group);

	return g ? g->name : "unknown";
}

/* ---- EVP keys from numbers; priv and the MODP pub may be NULL */

static EVP_PKEY *build(const struct group *g, OSSL_PARAM_BLD *bld, bool private)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, g->ec ? "EC" : "DH", NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY *pkey = NULL;

	if (!c || !params || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &pkey, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
			      params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(c);
	return pkey;
}

/* pub: hp_dh_public_len octets. */
static EVP_PKEY *pkey_of(const struct group *g, const uint8_t *pub, const BIGNUM *priv)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	uint8_t point[1 + 2 * 66] = {0x04};
	EVP_PKEY *pkey = NULL;
	BIGNUM *y = NULL;
	bool ok;

	ok = bld && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
						    g->openssl, 0) == 1;
	if (g->ec) {
		memcpy(point + 1, pub, 2u * g->shared_len);
		ok = ok &&
		     OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point,
						      1 + 2u * g->shared_len) == 1;
	} else {
		y = BN_bin2bn(pub, g->shared_len, NULL);
		ok = ok && y &&
		     OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PUB_KEY, y) == 1;
	}
	if (ok && priv)
		ok = OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, priv) == 1;
	if (ok)
		pkey = build(g, bld, priv != NULL);
	BN_free(y);
	OSSL_PARAM_BLD_free(bld);
	return pkey;
}

static int take_number(const EVP_PKEY *pkey, const char *what, uint8_t *out, int len)
{
	BIGNUM *n = NULL;
	bool ok = EVP_PKEY_get_bn_param(pkey, what, &n) == 1 &&
		  BN_bn2binpad(n, out, len) == len;

	BN_clear_free(n);
	return ok ? 0 : -ENOMEM;
}

static int take_public(struct hp_dh *d)
{
	int len = d->g->shared_len, err;

	if (!d->g->ec)
		return take_number(d->pkey, OSSL_PKEY_PARAM_PUB_KEY, d->public, len);
	err = take_number(d->pkey, OSSL_PKEY_PARAM_EC_PUB_X, d->public, len);
	return err ? err
		   : take_number(d->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, d->public + len, len);
}

/* Takes pkey. */
static int wrap(const struct group *g, EVP_PKEY *pkey, struct hp_dh **out)
{
	struct hp_dh *d = pkey ? calloc(1, sizeof(*d) + hp_dh_public_len(g->id)) : NULL;
	int err;

	if (!d) {
		EVP_PKEY_free(pkey);
		return -ENOMEM;
	}
	atomic_init(&d->refs, 1);
	d->g = g;
	d->pkey = pkey;
	err = take_public(d);
	if (err)
		hp_dh_unref(d);
	else
		*out = d;
	return err;
}

static EVP_PKEY *modp_keygen(const struct group *g)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)(uintptr_t)g->openssl, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *pkey = NULL;

	if (!c || EVP_PKEY_keygen_init(c) != 1 ||
	    EVP_PKEY_CTX_set_params(c, params) != 1 || EVP_PKEY_generate(c, &pkey) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(c);
	return pkey;
}

int hp_dh_generate(uint8_t group, struct hp_dh **out)
{
	const struct group *g = find(group);

	if (!g)
		return -ENOTSUP;
	return wrap(g,
		    g->ec ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", g->openssl)
			  : modp_keygen(g),
		    out);
}

/* ---- import: the public value is computed first */

static bool ec_public(const struct group *g, const BIGNUM *priv, uint8_t *pub)
{
	EC_GROUP *curve = EC_GROUP_new_by_curve_name(g->nid);
	EC_POINT *p = curve ? EC_POINT_new(curve) : NULL;
	uint8_t point[1 + 2 * 66];
	size_t len = 1 + 2u * g->shared_len;
	bool ok;

	ok = p && !BN_is_zero(priv) && BN_cmp(priv, EC_GROUP_get0_order(curve)) < 0 &&
	     EC_POINT_mul(curve, p, priv, NULL, NULL, NULL) == 1 &&
	     EC_POINT_point2oct(curve, p, POINT_CONVERSION_UNCOMPRESSED, point, len,
				NULL) == len;
	if (ok)
		memcpy(pub, point + 1, len - 1);
	EC_POINT_free(p);
	EC_GROUP_free(curve);
	return ok;
}

static BIGNUM *modp_prime(const struct group *g)
{
	switch (g->id) {
	case HP_DH_MODP1536:
		return BN_get_rfc3526_prime_1536(NULL);
	case HP_DH_MODP2048:
		return BN_get_rfc3526_prime_2048(NULL);
	default:
		return BN_get_rfc3526_prime_3072(NULL);
	}
}

static bool modp_public(const struct group *g, const BIGNUM *priv, uint8_t *pub)
{
	BIGNUM *p = modp_prime(g), *two = BN_new(), *y = BN_new();
	BN_CTX *c = BN_CTX_new();
	bool ok;

	ok = p && two && y && c && !BN_is_zero(priv) && BN_cmp(priv, p) < 0 &&
	     BN_set_word(two, 2) == 1 &&
	     BN_mod_exp_mont_consttime(y, two, priv, p, c, NULL) == 1 &&
	     BN_bn2binpad(y, pub, g->shared_len) == g->shared_len;
	BN_CTX_free(c);
	BN_free(y);
	BN_free(two);
	BN_free(p);
	return ok;
}

int hp_dh_import(uint8_t group, const uint8_t *priv, size_t len, struct hp_dh **out)
{
	const struct group *g = find(group);
	uint8_t pub[HP_DH_PUBLIC_MAX];
	EVP_PKEY *pkey = NULL;
	BIGNUM *n;

	if (!g)
		return -ENOTSUP;
	if (len > HP_DH_PUBLIC_MAX)
		return -EINVAL;
	n = BN_bin2bn(priv, (int)len, NULL);
	if (n && (g->ec ? ec_public(g, n, pub) : modp_public(g, n, pub)))
		pkey = pkey_of(g, pub, n);
	BN_clear_free(n);
	return pkey ? wrap(g, pkey, out) : -EINVAL;
}

struct hp_dh *hp_dh_ref(struct hp_dh *d)
{
	atomic_fetch_add(&d->refs, 1);
	return d;
}

void hp_dh_unref(struct hp_dh *d)
{
	if (!d || atomic_fetch_sub(&d->refs, 1) != 1)
		return;
	EVP_PKEY_free(d->pkey);
	if (d->private)
		hp_wipe(d->private, d->g->shared_len);
	free(d->private);
	free(d);
}

void hp_dh_compact(struct hp_dh *d)
{
	size_t len = d->g->shared_len;

	if (!d->pkey || atomic_load(&d->refs) != 1)
		return;
	d->private = malloc(len);
	if (!d->private || take_number(d->pkey, OSSL_PKEY_PARAM_PRIV_KEY, d->private, (int)len)) {
		free(d->private);
		d->private = NULL;
		return;
	}
	EVP_PKEY_free(d->pkey);
	d->pkey = NULL;
}

/* The caller's to free. */
static EVP_PKEY *own_pkey(const struct hp_dh *d)
{
	EVP_PKEY *pkey = d->pkey;
	BIGNUM *n;

	if (pkey)
		return EVP_PKEY_up_ref(pkey) == 1 ? pkey : NULL;
	n = BN_bin2bn(d->private, d->g->shared_len, NULL);
	pkey = n ? pkey_of(d->g, d->public, n) : NULL;
	BN_clear_free(n);
	return pkey;
}

uint8_t hp_dh_group(const struct hp_dh *d)
{
	return d->g->id;
}

const uint8_t *hp_dh_public(const struct hp_dh *d)
{
	return d->public;
}

/* ---- derivation */

static bool derive(const struct hp_dh *d, EVP_PKEY *peer, uint8_t *shared)
{
	EVP_PKEY *own = own_pkey(d);
	EVP_PKEY_CTX *c = own ? EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL) : NULL;
	size_t len = d->g->shared_len;
	bool ok;

	ok = c && EVP_PKEY_derive_init(c) == 1 &&
	     (d->g->ec || EVP_PKEY_CTX_set_dh_pad(c, 1) == 1) &&
	     EVP_PKEY_derive_set_peer_ex(c, peer, 0) == 1 &&
	     EVP_PKEY_derive(c, shared, &len) == 1 && len == d->g->shared_len;
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(own);
	return ok;
}

/* On the curve and not infinity; or 2..p-2, which with a safe prime leaves only the group
 * of full or half order. */
static bool peer_ok(EVP_PKEY *peer)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, peer, NULL);
	bool ok = c && EVP_PKEY_public_check_quick(c) == 1;

	EVP_PKEY_CTX_free(c);
	return ok;
}

int hp_dh_derive(const struct hp_dh *d, const uint8_t *peer, size_t len, uint8_t *shared)
{
	EVP_PKEY *pkey;
	bool ok;

	if (len != hp_dh_public_len(d->g->id))
		return -EBADMSG;
	pkey = pkey_of(d->g, peer, NULL);
	ok = pkey && peer_ok(pkey) && derive(d, pkey, shared);
	EVP_PKEY_free(pkey);
	return ok ? 0 : -EBADMSG;
}
