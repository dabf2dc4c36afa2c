/* SPDX-License-Identifier: MIT
 *
 * Host Identities: public keys, or key pairs (RFC 7401, section 5.2.9).
 *
 * Immutable (but for hp_key_compact) and counted by reference, so that a worker thread may hold one: every
 * function here may be called from any thread.
 */
#ifndef HP_CRYPTO_KEY_H
#define HP_CRYPTO_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

#include "wire/hip_names.h"

struct hp_key;

enum hp_key_kind { HP_KEY_RSA, HP_KEY_P256, HP_KEY_P384 };

#define HP_KEY_RSA_BITS_MIN 2048
#define HP_KEY_RSA_BITS_MAX 8192
#define HP_KEY_HI_MAX	    1032 /* octets: RSA 8192 with a short exponent */
#define HP_KEY_SIG_MAX	    1024

/* Reads a PEM private key (unencrypted).  0, or
 * -ENOENT, -EACCES ... as open(2) says; -EPERM: group or others have any permission on
 * the file; -EBADMSG: not a PEM private key; -ENOTSUP: neither RSA, P-256 nor P-384;
 * -EKEYREJECTED: RSA modulus shorter than 2048 bits or unusual exponent; -ENOMEM. */
int hp_key_load(const char *path, struct hp_key **out);
/* The sentence for an error of hp_key_load. */
const char *hp_key_load_error(int err);
/* rsa_bits: for HP_KEY_RSA, 2048 at least.  0, -EINVAL, -ENOMEM. */
int hp_key_generate(enum hp_key_kind kind, unsigned int rsa_bits, struct hp_key **out);
/* Writes a new file (mode 0600, never replaces one): 0, -EEXIST, -errno; -EINVAL without
 * a private key. */
int hp_key_save(const struct hp_key *k, const char *path);
/* From HOST_ID's algorithm and HI: RSA as RFC 3110, ECDSA as curve and 04|x|y or x|y. The
 * octets are kept as they came: the HIT is over them.  0, -EBADMSG malformed or point not
 * on the curve, -ENOTSUP algorithm or curve, -EKEYREJECTED RSA too short or too long. */
int hp_key_from_hi(uint16_t algorithm, const uint8_t *hi, size_t len,
		   struct hp_key **out);

struct hp_key *hp_key_ref(struct hp_key *k);
/* Drops a reference; NULL is fine. */
void hp_key_unref(struct hp_key *k);
/* A public key that will rest for long: only its octets are kept, a tenth of the memory, and a
 * verification takes a little longer.  Nothing happens to a private key, or while anybody else
 * has a reference. */
void hp_key_compact(struct hp_key *k);

/* Octets as in HOST_ID; owned by the key. */
const uint8_t *hp_key_hi(const struct hp_key *k, size_t *len);
enum hp_key_kind hp_key_kind(const struct hp_key *k);
uint16_t hp_key_algorithm(const struct hp_key *k); /* HI and signature algorithm */
uint8_t hp_key_hit_suite(const struct hp_key *k);
const struct hp_addr *hp_key_hit(const struct hp_key *k);
bool hp_key_is_private(const struct hp_key *k);
/* "RSA-2048", "ECDSA-P-256" ...; owned by the key. */
const char *hp_key_name(const struct hp_key *k);
/* Octets of every signature of this key. */
size_t hp_key_sig_len(const struct hp_key *k);

/* sig has HP_KEY_SIG_MAX octets.  RSASSA-PSS, MGF1 and salt by the HIT suite's hash
 * (section 5.2.9); ECDSA as r|s of fixed width.  The hash is the one of the key's own HIT
 * suite.  0, -EINVAL without private key, -ENOMEM. */
int hp_key_sign(const struct hp_key *k, const void *data, size_t len, uint8_t *sig,
		size_t *sig_len);
/* 0, or -EBADMSG. */
int hp_key_verify(const struct hp_key *k, const void *data, size_t len,
		  const uint8_t *sig, size_t sig_len);

#endif
