/* SPDX-License-Identifier: MIT
 *
 * The ESP suites and OpenSSL's engine for them: AES-GCM (RFC 4106), AES-CBC (RFC 3602)
 * and NULL with HMAC-SHA-256-128 (RFC 4868).
 */
#include "crypto/espcipher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <hipproxy/wire.h>

#include "util/wipe.h"

#define HDR	 8
#define GCM_SALT 4

static const struct hp_esp_suite suites[] = {
	{HP_ESPSUITE_NULL_SHA256, "null-hmac-sha-256", 0, 32, 0, 16, 4, false},
	{HP_ESPSUITE_AES_128_CBC_SHA256, "aes-128-cbc-hmac-sha-256", 16, 32, 16, 16, 16,
	 false},
	{HP_ESPSUITE_AES_256_CBC_SHA256, "aes-256-cbc-hmac-sha-256", 32, 32, 16, 16, 16,
	 false},
	{HP_ESPSUITE_AES_GCM_8, "aes-128-gcm-8", 20, 0, 8, 8, 4, true},
	{HP_ESPSUITE_AES_GCM_16, "aes-128-gcm-16", 20, 0, 8, 16, 4, true},
};

#define N_SUITES (sizeof(suites) / sizeof(suites[0]))

struct ossl {
	const struct hp_esp_suite *suite;
	EVP_CIPHER_CTX *cipher; /* NULL for the NULL suite */
	/* HMAC: hashes that have taken the key with RFC 2104's ipad and opad, and one to
	 * work with; NULL for GCM. */
	EVP_MD_CTX *inner, *outer, *md;
	uint8_t nonce[12]; /* GCM: salt, then the packet's IV */
	bool quick;	   /* GCM: see quick_iv_works */
	/* GCM: nonce and, to open, the ICV; where the ICV is to be written. */
	OSSL_PARAM begin[3], tag[2];
};

const struct hp_esp_suite *hp_esp_suite_find(uint16_t id)
{
	for (size_t i = 0; i < N_SUITES; i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

const struct hp_esp_suite *hp_esp_suite_by_name(const char *name)
{
	for (size_t i = 0; i < N_SUITES; i++)
		if (!strcmp(suites[i].name, name))
			return &suites[i];
	return NULL;
}

static EVP_MD_CTX *hash_new(const EVP_MD *md, const uint8_t *key, size_t len, uint8_t pad)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t block[64]; /* SHA-256's */

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)((i < len ? key[i] : 0) ^ pad);
	if (c && (EVP_DigestInit_ex2(c, md, NULL) != 1 ||
		  EVP_DigestUpdate(c, block, sizeof(block)) != 1)) {
		EVP_MD_CTX_free(c);
		c = NULL;
	}
	hp_wipe(block, sizeof(block));
	return c;
}

/* HMAC of plain hashes (RFC 2104): a context of EVP_MAC costs more for each packet. */
static bool icv_init(struct ossl *o, const uint8_t *key, size_t len)
{
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);

	if (md) {
		o->inner = hash_new(md, key, len, 0x36);
		o->outer = hash_new(md, key, len, 0x5c);
		o->md = EVP_MD_CTX_new();
	}
	EVP_MD_free(md);
	return o->inner && o->outer && o->md;
}

static EVP_CIPHER_CTX *cipher_new(const struct hp_esp_suite *s, const uint8_t *key,
				  bool encrypt)
{
	const char *name = s->gcm	      ? "AES-128-GCM"
			   : s->enc_len == 16 ? "AES-128-CBC"
					      : "AES-256-CBC";
	EVP_CIPHER *evp = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *c = evp ? EVP_CIPHER_CTX_new() : NULL;
	unsigned int none = 0;
	/* EVP_CIPHER_CTX_set_padding would be repeated at each packet's initialization.
	 */
	OSSL_PARAM padding[] = {
		OSSL_PARAM_construct_uint(OSSL_CIPHER_PARAM_PADDING, &none),
		OSSL_PARAM_construct_end(),
	};

	if (c && (EVP_CipherInit_ex2(c, evp, key, NULL, encrypt, NULL) != 1 ||
		  (!s->gcm && EVP_CIPHER_CTX_set_params(c, padding) != 1))) {
		EVP_CIPHER_CTX_free(c);
		c = NULL;
	}
	EVP_CIPHER_free(evp);
	return c;
}

static void ossl_close(void *ctx)
{
	struct ossl *o = ctx;

	if (!o)
		return;
	/* Both free functions cleanse what they hold. */
	EVP_CIPHER_CTX_free(o->cipher);
	EVP_MD_CTX_free(o->inner);
	EVP_MD_CTX_free(o->outer);
	EVP_MD_CTX_free(o->md);
	hp_wipe(o, sizeof(*o));
	free(o);
}

static bool gcm_begin_plain(struct ossl *o)
{
	return EVP_CipherInit_ex2(o->cipher, NULL, NULL, o->nonce, -1, NULL) == 1;
}

/* OpenSSL 3.0 spends as long on initializing with a nonce as on encrypting 200 octets.
 * The parameter by which TLS sets its nonce sets a whole one if told that its length is
 * -1 (EVP_CTRL_AEAD_SET_IV_FIXED). */
static bool gcm_begin_quick(struct ossl *o)
{
	return EVP_CIPHER_CTX_set_params(o->cipher, o->begin) == 1;
}

static void gcm_params(struct ossl *o, bool seal)
{
	OSSL_PARAM *p = o->begin;

	*p++ = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED,
						 o->nonce, (size_t)-1);
	if (!seal)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL,
							 o->suite->icv_len);
	*p = OSSL_PARAM_construct_end();
	o->tag[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL,
						      o->suite->icv_len);
	o->tag[1] = OSSL_PARAM_construct_end();
}

/* The key stream of one block for a nonce ending in n. */
static bool probe(struct ossl *o, bool (*begin)(struct ossl *o), uint8_t n,
		  uint8_t out[16])
{
	static const uint8_t zero[16];
	int len;

	o->nonce[11] = n;
	return begin(o) && EVP_CipherUpdate(o->cipher, out, &len, zero, 16) == 1;
}

/* Does the quick way do what the plain one does, in this library?  The streams are kept
 * from everybody, so their nonces count as not used. */
static bool quick_iv_works(struct ossl *o)
{
	uint8_t plain[2][16], quick[2][16], some_tag[16] = {0};
	bool works;

	o->begin[1].data = some_tag;
	works = probe(o, gcm_begin_plain, 1, plain[0]) &&
		probe(o, gcm_begin_plain, 2, plain[1]) &&
		probe(o, gcm_begin_quick, 1, quick[0]) &&
		probe(o, gcm_begin_quick, 2, quick[1]) &&
		!memcmp(plain, quick, sizeof(plain));
	hp_wipe(plain, sizeof(plain));
	hp_wipe(quick, sizeof(quick));
	o->begin[1].data = NULL;
	return works;
}

static int ossl_open(const struct hp_esp_suite *s, bool seal, const uint8_t *enc,
		     const uint8_t *auth, void **ctx)
{
	struct ossl *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->suite = s;
	if (s->enc_len)
		o->cipher = cipher_new(s, enc, seal);
	if ((s->enc_len && !o->cipher) ||
	    (s->auth_len && !icv_init(o, auth, s->auth_len))) {
		ossl_close(o);
		return -ENOMEM;
	}
	if (s->gcm) {
		memcpy(o->nonce, enc + s->enc_len - GCM_SALT, GCM_SALT);
		gcm_params(o, seal);
	}
	*ctx = o;
	return 0;
}

static int ossl_open_quick(const struct hp_esp_suite *s, bool seal, const uint8_t *enc,
			   const uint8_t *auth, void **ctx)
{
	int err = ossl_open(s, seal, enc, auth, ctx);
	struct ossl *o;

	if (err || !s->gcm)
		return err;
	o = *ctx;
	o->quick = quick_iv_works(o);
	return 0;
}

static uint8_t *text_of(const struct ossl *o, const struct hp_esp_op *op)
{
	return op->pkt + HDR + o->suite->iv_len;
}

/* RFC 4303, section 2.2.1: with a separate integrity algorithm the high half of the
 * sequence number follows the packet. */
static bool icv(struct ossl *o, const struct hp_esp_op *op, uint8_t out[32])
{
	uint8_t hi[4];

	hp_put32(hi, op->seq_hi);
	return EVP_MD_CTX_copy_ex(o->md, o->inner) == 1 &&
	       EVP_DigestUpdate(o->md, op->pkt, HDR + o->suite->iv_len + op->text_len) ==
		       1 &&
	       (!op->esn || EVP_DigestUpdate(o->md, hi, 4) == 1) &&
	       EVP_DigestFinal_ex(o->md, out, NULL) == 1 &&
	       EVP_MD_CTX_copy_ex(o->md, o->outer) == 1 &&
	       EVP_DigestUpdate(o->md, out, 32) == 1 &&
	       EVP_DigestFinal_ex(o->md, out, NULL) == 1;
}

/* Nonce and AAD. */
static bool gcm_begin(struct ossl *o, const struct hp_esp_op *op)
{
	uint8_t aad[12];
	int n, len = (int)hp_esp_aad(op, aad);

	memcpy(o->nonce + GCM_SALT, op->pkt + HDR, 8);
	return (o->quick ? gcm_begin_quick(o) : gcm_begin_plain(o)) &&
	       EVP_CipherUpdate(o->cipher, NULL, &n, aad, len) == 1;
}

static int gcm_seal(struct ossl *o, const struct hp_esp_op *op)
{
	uint8_t *text = text_of(o, op), none[16];
	int n;

	o->tag[0].data = text + op->text_len;
	return gcm_begin(o, op) &&
			       EVP_EncryptUpdate(o->cipher, text, &n, text,
						 (int)op->text_len) == 1 &&
			       EVP_EncryptFinal_ex(o->cipher, none, &n) == 1 &&
			       EVP_CIPHER_CTX_get_params(o->cipher, o->tag) == 1
		       ? 0
		       : -EIO;
}

static bool cbc_encrypt(struct ossl *o, const struct hp_esp_op *op)
{
	uint8_t *text = text_of(o, op);
	int n;

	return EVP_EncryptInit_ex2(o->cipher, NULL, NULL, op->pkt + HDR, NULL) == 1 &&
	       EVP_EncryptUpdate(o->cipher, text, &n, text, (int)op->text_len) == 1;
}

static int ossl_seal(void *ctx, const struct hp_esp_op *op)
{
	struct ossl *o = ctx;
	uint8_t *text = text_of(o, op), mac[32];

	/* Cheaper than another call of the library for the part that stands in place. */
	if (op->src_len)
		memcpy(text, op->src, op->src_len);
	if (o->suite->gcm)
		return gcm_seal(o, op);
	if ((o->cipher && !cbc_encrypt(o, op)) || !icv(o, op, mac))
		return -EIO;
	memcpy(text + op->text_len, mac, o->suite->icv_len);
	return 0;
}

static int gcm_open(struct ossl *o, const struct hp_esp_op *op)
{
	uint8_t *text = text_of(o, op), none[16];
	int n;

	o->begin[1].data = text + op->text_len;
	if (!gcm_begin(o, op) ||
	    (!o->quick && EVP_CIPHER_CTX_set_params(o->cipher, &o->begin[1]) != 1) ||
	    EVP_DecryptUpdate(o->cipher, op->to ? op->to : text, &n, text,
			      (int)op->text_len) != 1)
		return -EIO;
	return EVP_DecryptFinal_ex(o->cipher, none, &n) == 1 ? 0 : -EKEYREJECTED;
}

static int ossl_open_packet(void *ctx, const struct hp_esp_op *op)
{
	struct ossl *o = ctx;
	uint8_t *text = text_of(o, op), *to = op->to ? op->to : text, mac[32];
	int n;

	if (o->suite->gcm)
		return gcm_open(o, op);
	if (!icv(o, op, mac))
		return -EIO;
	if (!hp_memeq(mac, text + op->text_len, o->suite->icv_len))
		return -EKEYREJECTED;
	if (!o->cipher) {
		if (op->to)
			memcpy(to, text, op->text_len);
		return 0;
	}
	return EVP_DecryptInit_ex2(o->cipher, NULL, NULL, op->pkt + HDR, NULL) == 1 &&
			       EVP_DecryptUpdate(o->cipher, to, &n, text,
						 (int)op->text_len) == 1
		       ? 0
		       : -EIO;
}

const struct hp_esp_backend hp_esp_openssl = {
	.name = "openssl",
	.open_ctx = ossl_open_quick,
	.close_ctx = ossl_close,
	.seal = ossl_seal,
	.open = ossl_open_packet,
};

const struct hp_esp_backend hp_esp_openssl_plain = {
	.name = "openssl-plain",
	.open_ctx = ossl_open,
	.close_ctx = ossl_close,
	.seal = ossl_seal,
	.open = ossl_open_packet,
};

struct hp_ivgen {
	EVP_CIPHER_CTX *ecb;
};

int hp_ivgen_new(const uint8_t key[16], struct hp_ivgen **out)
{
	struct hp_ivgen *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->ecb = EVP_CIPHER_CTX_new();
	if (!g->ecb ||
	    EVP_EncryptInit_ex(g->ecb, EVP_aes_128_ecb(), NULL, key, NULL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(g->ecb, 0) != 1) {
		hp_ivgen_free(g);
		return -ENOMEM;
	}
	*out = g;
	return 0;
}

void hp_ivgen_free(struct hp_ivgen *g)
{
	if (!g)
		return;
	EVP_CIPHER_CTX_free(g->ecb);
	free(g);
}

int hp_ivgen_next(struct hp_ivgen *g, uint64_t counter, uint8_t iv[16])
{
	uint8_t block[16] = {0};
	int n;

	hp_put64(block + 8, counter);
	return EVP_EncryptUpdate(g->ecb, iv, &n, block, 16) == 1 ? 0 : -EIO;
}
