/* SPDX-License-Identifier: MIT
 *
 * The local Host Identities.
 */
#ifndef HP_HIP_IDENTITY_H
#define HP_HIP_IDENTITY_H

#include "crypto/hash.h"
#include "hip/engine.h"
#include "hip/offer.h"

struct hp_identity {
	struct hp_list node;
	unsigned refs;
	bool removed, never_opportunistic;
	struct hp_key *key;
	struct hp_addr hit;
	struct hp_addr instead_of; /* the identity that this one stands in for; zero: none */
	enum hp_rhash rhash; /* of associations in which this is the Responder */
	uint16_t controls;
	size_t host_id_len; /* the whole TLV */
	uint8_t *host_id;
	struct hp_list r1s;
	struct hp_r1 *offered[HP_HIP_LIST_MAX]; /* by index of the group in the configuration */
	bool making[HP_HIP_LIST_MAX];
};

/* See hp_hip_identity_add; it is in no list yet, and has no R1s. */
int hp_identity_new(struct hp_key *key, unsigned flags, const char *di,
		    struct hp_identity **out);
struct hp_identity *hp_identity_find(const struct hp_hip *hip, const struct hp_addr *hit);
struct hp_identity *hp_identity_ref(struct hp_identity *id);
void hp_identity_unref(struct hp_identity *id); /* NULL is fine */
/* NULL: none. */
struct hp_r1 *hp_r1_by_opaque(struct hp_identity *id, const uint8_t *opaque);

#endif
