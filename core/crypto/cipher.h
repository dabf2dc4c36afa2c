/* SPDX-License-Identifier: MIT
 *
 * HIP_CIPHER: what encrypts the ENCRYPTED parameter (RFC 7401, sections 5.2.8
 * and 5.2.18).
 */
#ifndef HP_CRYPTO_CIPHER_H
#define HP_CRYPTO_CIPHER_H

#include <stddef.h>
#include <stdint.h>

#include "wire/hip_names.h"

#define HP_CIPHER_BLOCK_MAX 16

struct hp_cipher {
	uint16_t id;
	const char *name; /* as the configuration writes it: "aes-128-cbc" */
	uint8_t key_len;
	uint8_t iv_len; /* 0 for NULL */
	uint8_t block;	/* plaintext must be a multiple of it; 1 for NULL */
};

/* NULL if there is no such cipher. */
const struct hp_cipher *hp_cipher_find(uint16_t id);
const struct hp_cipher *hp_cipher_by_name(const char *name);

/* iv_len octets at iv, chosen at random by the sender; out may be in, or must not
 * overlap. 0, -EINVAL when len is not a multiple of the block, -ENOMEM. */
int hp_cipher_encrypt(const struct hp_cipher *c, const uint8_t *key, const uint8_t *iv,
		      const uint8_t *in, size_t len, uint8_t *out);
int hp_cipher_decrypt(const struct hp_cipher *c, const uint8_t *key, const uint8_t *iv,
		      const uint8_t *in, size_t len, uint8_t *out);

#endif
