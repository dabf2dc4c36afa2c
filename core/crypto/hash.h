/* SPDX-License-Identifier: MIT
 *
 * Hashes and HMACs, and which of them a HIT suite uses (RFC 7401, section 5.2.10).
 *
 * RHASH of an association is the hash of the Responder's HIT suite: it sizes I, J,
 * HIP_MAC and KEYMAT's steps.  (The name hp_hash belongs to the tables' SipHash.)
 */
#ifndef HP_CRYPTO_HASH_H
#define HP_CRYPTO_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/hip_names.h"

enum hp_rhash { HP_RHASH_NONE, HP_RHASH_SHA1, HP_RHASH_SHA256, HP_RHASH_SHA384 };

#define HP_RHASH_MAX 48 /* octets of the longest output */

struct hp_seg {
	const void *p;
	size_t len;
};

/* Octets of output; 0 for HP_RHASH_NONE. */
size_t hp_rhash_len(enum hp_rhash alg);
/* "sha256" ...; "none". */
const char *hp_rhash_name(enum hp_rhash alg);
/* HP_RHASH_NONE for a suite that is not supported. */
enum hp_rhash hp_rhash_of_suite(uint8_t hit_suite);

/* Hash of the segments one after another; out has hp_rhash_len octets.  0, -EINVAL for
 * HP_RHASH_NONE, -ENOMEM when the library fails. */
int hp_digest(enum hp_rhash alg, const struct hp_seg *segs, size_t n, uint8_t *out);
/* HMAC (RFC 2104), full length; the same returns. */
int hp_hmac(enum hp_rhash alg, const uint8_t *key, size_t key_len,
	    const struct hp_seg *segs, size_t n, uint8_t *out);
/* 0, or -EBADMSG unless mac is exactly the HMAC; in constant time. */
int hp_hmac_verify(enum hp_rhash alg, const uint8_t *key, size_t key_len,
		   const void *data, size_t len, const uint8_t *mac, size_t mac_len);

/* The puzzle (RFC 7401, section 4.1.2): are the k lowest-order bits of
 * RHASH(I | HIT-I | HIT-R | J) zero?  i and j are of RHASH's length, hits 16 octets.
 * k of 0 is always solved; k beyond RHASH never. */
bool hp_puzzle_check(enum hp_rhash alg, uint8_t k, const uint8_t *i, const uint8_t *hit_i,
		     const uint8_t *hit_r, const uint8_t *j);
/* Finds j, counting up from the octets that j holds (fill it with random ones).  0, or
 * -ETIME after max_tries (0: no limit). */
int hp_puzzle_solve(enum hp_rhash alg, uint8_t k, const uint8_t *i, const uint8_t *hit_i,
		    const uint8_t *hit_r, uint8_t *j, uint64_t max_tries);

#endif
