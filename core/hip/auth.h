/* SPDX-License-Identifier: MIT
 *
 * Authentication of messages (RFC 7401, section 6.4): the only place where a message becomes a
 * verified one, and where a message of ours gets its MAC and signature.
 *
 * Functions that check return 0 or a reason.
 */
#ifndef HP_HIP_AUTH_H
#define HP_HIP_AUTH_H

#include "crypto/hash.h"
#include "crypto/keymat.h"
#include "hip/rx.h"

struct hp_secrets;

/* A message whose MAC and signature are right: only auth.c makes one. */
struct hp_verified;
const struct hp_hip_msg *hp_verified_msg(const struct hp_verified *v);

/* HIP_MAC, by the association's present keys, or by s. */
int hp_auth_mac(const struct hp_assoc *a, const struct hp_hip_msg *m);
int hp_auth_mac_with(const struct hp_secrets *s, const struct hp_hip_msg *m);
/* HIP_MAC_2, by s. */
int hp_auth_mac2(const struct hp_secrets *s, const struct hp_hip_msg *m);

/* These are slow: for jobs only.  HOST_ID t must belong to the HIT; *key is the caller's. */
int hp_auth_host_id(const struct hp_hip_tlv *t, const struct hp_addr *hit,
		    struct hp_key **key, struct hp_host_id *out);
int hp_auth_signature(const struct hp_hip_msg *m, const struct hp_key *key);
int hp_auth_signature2(const struct hp_hip_msg *m, const struct hp_key *key);

/* Starts a job that checks the signature and calls then(a, v, path) on the loop if it is right
 * and the association is still in the same exchange.  HP_HIPD_BUSY while another message of the
 * association is verified. */
typedef int (*hp_verified_fn)(struct hp_assoc *a, const struct hp_verified *v,
			      const struct hp_path *path);
int hp_auth_start(const struct hp_rx *rx, const struct hp_key *key, hp_verified_fn then);
/* The same for messages that anybody can send: they do not keep other messages out while they
 * are verified. */
int hp_auth_start_aside(const struct hp_rx *rx, const struct hp_key *key, hp_verified_fn then);

/* Ends a message: MAC with the key of out (NULL: none; HIP_MAC_2 if mac2_host_id is given),
 * signature by id.  The message's length or -errno. */
int hp_auth_seal(struct hp_hip_builder *b, enum hp_rhash rhash,
		 const struct hp_keypair *out, const struct hp_bytes *mac2_host_id,
		 const struct hp_identity *id);

#endif
