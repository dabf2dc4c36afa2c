/* SPDX-License-Identifier: MIT
 *
 * What the files of hp_key share; nobody else includes it.
 */
#ifndef HP_CRYPTO_KEY_INT_H
#define HP_CRYPTO_KEY_INT_H

#include <openssl/evp.h>

#include "crypto/key.h"

/* Takes pkey, also on failure.  hi: the octets it came from, or NULL to derive them. */
int hp_key_wrap(EVP_PKEY *pkey, bool private, const uint8_t *hi, size_t hi_len,
		struct hp_key **out);
/* A public key from HOST_ID's octets: 0, or as hp_key_from_hi. */
int hp_key_pkey_from_hi(uint16_t algorithm, const uint8_t *hi, size_t len, EVP_PKEY **out);
/* NULL after hp_key_compact. */
const EVP_PKEY *hp_key_pkey(const struct hp_key *k);

#endif
