/* SPDX-License-Identifier: MIT
 *
 * Public keys from HOST_ID's octets (RFC 7401, section 5.2.9; RFC 3110).
 */
#include <errno.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <hipproxy/wire.h>

#include "crypto/key_int.h"

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY *pkey = NULL;

	if (!c || !params || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(c);
	return pkey;
}

struct rsa_numbers {
	const uint8_t *e, *n;
	size_t e_len, n_len;
};

static int rsa_read(const uint8_t *hi, size_t len, struct rsa_numbers *v)
{
	struct hp_rd r = hp_rd_init(hi, len);

	v->e_len = hp_rd_u8(&r);
	if (!v->e_len)
		v->e_len = hp_rd_u16(&r);
	v->e = hp_rd_bytes(&r, v->e_len);
	v->n_len = hp_rd_left(&r);
	v->n = hp_rd_bytes(&r, v->n_len);
	if (hp_rd_end(&r) || !v->e_len || !v->n_len || !v->n[0] ||
	    !(v->n[v->n_len - 1] & 1))
		return -EBADMSG;
	/* A short exponent bounds what a verification costs; 1 and even ones are no keys.
	 */
	if (v->e_len > 4 || !(v->e[v->e_len - 1] & 1) || (v->e_len == 1 && v->e[0] == 1))
		return -EKEYREJECTED;
	return 0;
}

static int rsa_pkey(const struct rsa_numbers *v, EVP_PKEY **out)
{
	BIGNUM *e = BN_bin2bn(v->e, (int)v->e_len, NULL);
	BIGNUM *n = BN_bin2bn(v->n, (int)v->n_len, NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	int err = -ENOMEM;

	if (!e || !n || !bld)
		goto out;
	if (BN_num_bits(n) < HP_KEY_RSA_BITS_MIN ||
	    BN_num_bits(n) > HP_KEY_RSA_BITS_MAX) {
		err = -EKEYREJECTED;
		goto out;
	}
	if (OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		goto out;
	*out = from_params("RSA", bld);
	err = *out ? 0 : -EBADMSG;
out:
	OSSL_PARAM_BLD_free(bld);
	BN_free(e);
	BN_free(n);
	return err;
}

static int ec_pkey(const uint8_t *hi, size_t len, EVP_PKEY **out)
{
	struct hp_rd r = hp_rd_init(hi, len);
	uint16_t curve = hp_rd_u16(&r);
	size_t left = hp_rd_left(&r), width = curve == 1 ? 32 : 48;
	uint8_t point[1 + 2 * 48] = {0x04};
	OSSL_PARAM_BLD *bld;

	if (hp_rd_done(&r))
		return -EBADMSG;
	if (curve != 1 && curve != 2)
		return -ENOTSUP;
	if (left == 2 * width + 1 && hp_rd_u8(&r) != 0x04)
		return -EBADMSG;
	hp_rd_copy(&r, point + 1, 2 * width);
	if (hp_rd_end(&r))
		return -EBADMSG;
	bld = OSSL_PARAM_BLD_new();
	*out = NULL;
	if (bld &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
					    curve == 1 ? "P-256" : "P-384", 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point,
					     1 + 2 * width) == 1)
		*out = from_params("EC", bld); /* decoding checks the curve's equation */
	OSSL_PARAM_BLD_free(bld);
	return *out ? 0 : -EBADMSG;
}

int hp_key_pkey_from_hi(uint16_t algorithm, const uint8_t *hi, size_t len, EVP_PKEY **out)
{
	struct rsa_numbers v;
	int err;

	*out = NULL;
	if (len > HP_KEY_HI_MAX)
		return -EKEYREJECTED;
	switch (algorithm) {
	case HP_HIALG_RSA:
		err = rsa_read(hi, len, &v);
		return err ? err : rsa_pkey(&v, out);
	case HP_HIALG_ECDSA:
		return ec_pkey(hi, len, out);
	default:
		return -ENOTSUP;
	}
}

int hp_key_from_hi(uint16_t algorithm, const uint8_t *hi, size_t len, struct hp_key **out)
{
	EVP_PKEY *pkey;
	int err = hp_key_pkey_from_hi(algorithm, hi, len, &pkey);

	return err ? err : hp_key_wrap(pkey, false, hi, len, out);
}
