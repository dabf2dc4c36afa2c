/* SPDX-License-Identifier: MIT
 *
 * Diffie-Hellman groups of HIPv2 (RFC 7401, section 5.2.7): 3, 4, 11 (MODP, RFC 3526) and
 * 7, 8, 9 (ECP, RFC 5903).  Every function may be called from any thread.
 */
#ifndef HP_CRYPTO_DH_H
#define HP_CRYPTO_DH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/hip_names.h"

struct hp_dh;

#define HP_DH_PUBLIC_MAX 384
#define HP_DH_SHARED_MAX 384

bool hp_dh_supported(uint8_t group);
/* Octets of a public value and of Kij; 0 for an unsupported group. */
size_t hp_dh_public_len(uint8_t group);
size_t hp_dh_shared_len(uint8_t group);
const char *hp_dh_name(uint8_t group); /* "NIST P-256" ...; "unknown" */

/* A fresh key pair.  0, -ENOTSUP, -ENOMEM. */
int hp_dh_generate(uint8_t group, struct hp_dh **out);
/* From a known private value (big-endian): known-answer tests.  Also -EINVAL. */
int hp_dh_import(uint8_t group, const uint8_t *priv, size_t len, struct hp_dh **out);
/* Counted by reference, like keys. */
struct hp_dh *hp_dh_ref(struct hp_dh *d);
void hp_dh_unref(struct hp_dh *d);
/* It will rest for long: only its numbers are kept, a tenth of the memory, and a derivation
 * takes a little longer.  Nothing happens while anybody else has a reference. */
void hp_dh_compact(struct hp_dh *d);

uint8_t hp_dh_group(const struct hp_dh *d);
/* hp_dh_public_len octets as DIFFIE_HELLMAN carries them (x|y for ECP); owned by d. */
const uint8_t *hp_dh_public(const struct hp_dh *d);
/* Kij, hp_dh_shared_len octets, leading zeros kept.  0; -EBADMSG for a peer value of the
 * wrong length, a point off the curve, or 0, 1, p-1 and beyond; -ENOMEM. */
int hp_dh_derive(const struct hp_dh *d, const uint8_t *peer, size_t len, uint8_t *shared);

#endif
