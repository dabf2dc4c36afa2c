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
	EVP_MAC_CTX *mac;	/* NULL for GCM */
	uint8_t nonce[12];	/* GCM: salt, then the packet's IV */
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

static EVP_MAC_CTX *icv_new(const uint8_t *key, size_t len)
{
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *c = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	if (c && EVP_MAC_init(c, key, len, params) != 1) {
		EVP_MAC_CTX_free(c);
		return NULL;
	}
	return c;
}

static EVP_CIPHER_CTX *cipher_new(const struct hp_esp_suite *s, const uint8_t *key,
				  bool encrypt)
{
	const EVP_CIPHER *evp = s->gcm		   ? EVP_aes_128_gcm()
				: s->enc_len == 16 ? EVP_aes_128_cbc()
						   : EVP_aes_256_cbc();
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	if (c && (EVP_CipherInit_ex(c, evp, NULL, key, NULL, encrypt) != 1 ||
		  EVP_CIPHER_CTX_set_padding(c, 0) != 1)) {
		EVP_CIPHER_CTX_free(c);
		return NULL;
	}
	return c;
}

static void ossl_close(void *ctx)
{
	struct ossl *o = ctx;

	if (!o)
		return;
	/* Both free functions cleanse the key schedules. */
	EVP_CIPHER_CTX_free(o->cipher);
	EVP_MAC_CTX_free(o->mac);
	hp_wipe(o, sizeof(*o));
	free(o);
}

static int ossl_open(const struct hp_esp_suite *s, bool seal, const uint8_t *enc,
		     const uint8_t *auth, void **ctx)
{
	struct ossl *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->suite = s;
	if (s->gcm)
		memcpy(o->nonce, enc + s->enc_len - GCM_SALT, GCM_SALT);
	if (s->enc_len)
		o->cipher = cipher_new(s, enc, seal);
	if (s->auth_len)
		o->mac = icv_new(auth, s->auth_len);
	if ((s->enc_len && !o->cipher) || (s->auth_len && !o->mac)) {
		ossl_close(o);
		return -ENOMEM;
	}
	*ctx = o;
	return 0;
}

/* RFC 4106, section 5: AAD is SPI and sequence number, with ESN its high half between. */
static bool gcm_begin(struct ossl *o, const struct hp_esp_op *op)
{
	uint8_t aad[12];
	size_t len = HDR;
	int n;

	memcpy(aad, op->pkt, HDR);
	if (op->esn) {
		hp_put32(aad + 4, op->seq_hi);
		memcpy(aad + 8, op->pkt + 4, 4);
		len = 12;
	}
	memcpy(o->nonce + GCM_SALT, op->pkt + HDR, 8);
	return EVP_CipherInit_ex(o->cipher, NULL, NULL, NULL, o->nonce, -1) == 1 &&
	       EVP_CipherUpdate(o->cipher, NULL, &n, aad, (int)len) == 1;
}

static uint8_t *text_of(const struct ossl *o, const struct hp_esp_op *op)
{
	return op->pkt + HDR + o->suite->iv_len;
}

/* The head comes from src, the rest stands in place. */
static bool encrypt_text(struct ossl *o, const struct hp_esp_op *op)
{
	uint8_t *text = text_of(o, op);
	size_t head = op->src_len;
	int n;

	if (head && EVP_EncryptUpdate(o->cipher, text, &n, op->src, (int)head) != 1)
		return false;
	return op->text_len == head ||
	       EVP_EncryptUpdate(o->cipher, text + head, &n, text + head,
				 (int)(op->text_len - head)) == 1;
}

/* RFC 4303, section 2.2.1: with a separate integrity algorithm the high half of the
 * sequence number follows the packet. */
static bool icv(struct ossl *o, const struct hp_esp_op *op, uint8_t out[32])
{
	uint8_t hi[4];
	size_t n;

	hp_put32(hi, op->seq_hi);
	return EVP_MAC_init(o->mac, NULL, 0, NULL) == 1 &&
	       EVP_MAC_update(o->mac, op->pkt, HDR + o->suite->iv_len + op->text_len) ==
		       1 &&
	       (!op->esn || EVP_MAC_update(o->mac, hi, 4) == 1) &&
	       EVP_MAC_final(o->mac, out, &n, 32) == 1;
}

static int ossl_seal(void *ctx, const struct hp_esp_op *op)
{
	struct ossl *o = ctx;
	uint8_t *text = text_of(o, op), mac[32], none[16];
	int n;

	if (o->suite->gcm)
		return gcm_begin(o, op) && encrypt_text(o, op) &&
				       EVP_EncryptFinal_ex(o->cipher, none, &n) == 1 &&
				       EVP_CIPHER_CTX_ctrl(o->cipher,
							   EVP_CTRL_AEAD_GET_TAG,
							   o->suite->icv_len,
							   text + op->text_len) == 1
			       ? 0
			       : -EIO;
	if (o->cipher) {
		if (EVP_EncryptInit_ex(o->cipher, NULL, NULL, NULL, op->pkt + HDR) != 1 ||
		    !encrypt_text(o, op))
			return -EIO;
	} else if (op->src_len) {
		memcpy(text, op->src, op->src_len);
	}
	if (!icv(o, op, mac))
		return -EIO;
	memcpy(text + op->text_len, mac, o->suite->icv_len);
	return 0;
}

static int gcm_open(struct ossl *o, const struct hp_esp_op *op)
{
	uint8_t *text = text_of(o, op), *to = op->to ? op->to : text, none[16];
	int n;

	if (!gcm_begin(o, op) ||
	    EVP_CIPHER_CTX_ctrl(o->cipher, EVP_CTRL_AEAD_SET_TAG, o->suite->icv_len,
				text + op->text_len) != 1 ||
	    EVP_DecryptUpdate(o->cipher, to, &n, text, (int)op->text_len) != 1)
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
	return EVP_DecryptInit_ex(o->cipher, NULL, NULL, NULL, op->pkt + HDR) == 1 &&
			       EVP_DecryptUpdate(o->cipher, to, &n, text,
						 (int)op->text_len) == 1
		       ? 0
		       : -EIO;
}

const struct hp_esp_backend hp_esp_openssl = {
	.name = "openssl",
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
