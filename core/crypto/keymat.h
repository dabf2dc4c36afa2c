/* SPDX-License-Identifier: MIT
 *
 * Keying material (RFC 7401, section 6.5): HKDF (RFC 5869) over Kij, and the keys in it.
 */
#ifndef HP_CRYPTO_KEYMAT_H
#define HP_CRYPTO_KEYMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

#include "crypto/hash.h"

/* The pseudorandom key and what expands it; wipe with hp_keymat_fini. */
struct hp_keymat {
	enum hp_rhash alg;
	uint8_t prk[HP_RHASH_MAX];
	uint8_t info[32]; /* both HITs, the smaller first */
};

/* HKDF's two steps with any input.  info_len + 1 + hash octets are hashed a step.
 * expand: -EMSGSIZE beyond 255 * hash length. */
int hp_hkdf_extract(enum hp_rhash alg, const struct hp_seg *salt, size_t n_salt,
		    const uint8_t *ikm, size_t ikm_len, uint8_t *prk);
int hp_hkdf_expand(enum hp_rhash alg, const uint8_t *prk, const uint8_t *info,
		   size_t info_len, uint8_t *out, size_t len);

/* i and j: RHASH's length.  Order of the HITs is free.  0, -EINVAL, -ENOMEM. */
int hp_keymat_init(struct hp_keymat *km, enum hp_rhash alg, const uint8_t *kij,
		   size_t kij_len, const uint8_t *i, const uint8_t *j,
		   const struct hp_addr *hit_a, const struct hp_addr *hit_b);
void hp_keymat_fini(struct hp_keymat *km);
/* len octets from offset on; -EMSGSIZE if that goes beyond 255 * RHASH's length. */
int hp_keymat_draw(const struct hp_keymat *km, size_t offset, uint8_t *out, size_t len);

#define HP_KEY_MAX 48

/* One direction's pair of keys: HIP (cipher, MAC) or ESP (encryption with salt, ICV). */
struct hp_keypair {
	uint8_t enc[HP_KEY_MAX], mac[HP_KEY_MAX];
	uint8_t enc_len, mac_len;
};

/* out: keys for what this host sends, in: for what it receives.  Wipe after use. */
struct hp_keyset {
	struct hp_keypair out, in;
};

/* Draws gl enc, gl mac, lg enc, lg mac from offset on and deals them by role: greater
 * says whether this host has the greater HIT.  Sets *end to the offset after them (KEYMAT
 * index for what comes next) unless NULL.  0, -EMSGSIZE, -EINVAL for lengths over
 * HP_KEY_MAX. */
int hp_keymat_keys(const struct hp_keymat *km, size_t offset, size_t enc_len,
		   size_t mac_len, bool greater, struct hp_keyset *ks, size_t *end);
/* HIP keys: offset 0, the cipher's key length, RHASH's length.  -ENOTSUP unknown cipher.
 */
int hp_keymat_hip(const struct hp_keymat *km, uint16_t hip_cipher, bool greater,
		  struct hp_keyset *ks, size_t *end);
/* ESP keys of a suite, from ESP_INFO's KEYMAT index on.  -ENOTSUP unknown suite. */
int hp_keymat_esp(const struct hp_keymat *km, size_t offset, uint16_t suite, bool greater,
		  struct hp_keyset *ks, size_t *end);

#endif
