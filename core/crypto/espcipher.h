/* SPDX-License-Identifier: MIT
 *
 * ESP suites (RFC 7402, section 5.1.2) and the engines that compute them.
 *
 * One context belongs to one SA and direction; it is set up once and then used for every
 * packet without allocation.  Other engines than OpenSSL plug in as another vtable.
 */
#ifndef HP_CRYPTO_ESPCIPHER_H
#define HP_CRYPTO_ESPCIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <hipproxy/wire.h>

#include "wire/hip_names.h"

struct hp_esp_suite {
	uint16_t id;
	const char *name; /* "aes-128-gcm-16", "aes-256-cbc-hmac-sha-256" ... */
	uint8_t enc_len;  /* octets of encryption key with salt (GCM: 16 + 4) */
	uint8_t auth_len; /* octets of ICV key; 0 for GCM */
	uint8_t iv_len, icv_len;
	uint8_t align; /* payload, padding, two octets: a multiple of this */
	bool gcm;
};

const struct hp_esp_suite *hp_esp_suite_find(uint16_t id);
const struct hp_esp_suite *hp_esp_suite_by_name(const char *name);

/* One packet: pkt holds SPI, sequence number, IV, text of text_len octets, room for ICV.
 */
struct hp_esp_op {
	uint8_t *pkt;
	size_t text_len;
	/* Seal only: the first src_len octets of text (a multiple of 16) are read from
	 * src; the rest stands in pkt already. */
	const uint8_t *src;
	size_t src_len;
	/* Open only: where the text goes, not overlapping pkt; NULL: in place.  With it pkt is
	 * only read. */
	uint8_t *to;
	uint32_t seq_hi; /* high half of the sequence number */
	bool esn;	 /* seq_hi is part of what the ICV covers */
};

/* RFC 4106, section 5: what GCM authenticates besides is SPI and sequence number, with ESN its high
 * half between.  For engines; octets written to aad. */
static inline size_t hp_esp_aad(const struct hp_esp_op *op, uint8_t aad[12])
{
	memcpy(aad, op->pkt, 8);
	if (!op->esn)
		return 8;
	hp_put32(aad + 4, op->seq_hi);
	memcpy(aad + 8, op->pkt + 4, 4);
	return 12;
}

struct hp_esp_backend {
	const char *name;
	/* 0, -ENOTSUP, -ENOMEM.  enc: suite->enc_len octets, auth: suite->auth_len. */
	int (*open_ctx)(const struct hp_esp_suite *suite, bool seal, const uint8_t *enc,
			const uint8_t *auth, void **ctx);
	void (*close_ctx)(void *ctx); /* wipes the keys */
	/* Encrypts and writes the ICV.  0, -EIO. */
	int (*seal)(void *ctx, const struct hp_esp_op *op);
	/* Verifies in constant time and decrypts.  0, -EKEYREJECTED, -EIO: then what stands
	 * where the text goes is undefined. */
	int (*open)(void *ctx, const struct hp_esp_op *op);
};

extern const struct hp_esp_backend hp_esp_openssl;
/* The same without what hp_esp_openssl does only where it works; for tests. */
extern const struct hp_esp_backend hp_esp_openssl_plain;
/* libipsec-mb, for the AES-GCM suites only (-ENOTSUP for others).  NULL: not built in, or not for
 * this processor. */
const struct hp_esp_backend *hp_esp_ipsec_mb(void);

/* An unpredictable IV from a counter: the counter encrypted under a secret key of its own
 * (NIST SP 800-38A, appendix C; RFC 3602, section 3). */
struct hp_ivgen;
int hp_ivgen_new(const uint8_t key[16], struct hp_ivgen **out);
void hp_ivgen_free(struct hp_ivgen *g);
int hp_ivgen_next(struct hp_ivgen *g, uint64_t counter, uint8_t iv[16]);

#endif
