/* SPDX-License-Identifier: MIT
 *
 * What others than the engine have to say about its messages: parameters to add to those that
 * are going to be built, and whether one that is authentic is to be dropped.
 *
 * Messages are built in jobs; so parameters are asked for on the loop, when the job is made.
 */
#ifndef HP_HIP_EXTRA_H
#define HP_HIP_EXTRA_H

#include "hip/hip.h"
#include "wire/hip.h"

struct hp_identity;

struct hp_hip_extra {
	size_t len;
	uint8_t tlvs[]; /* in ascending order */
};

/* For a message of id to peer (zero: anybody) by path (NULL: not known yet); a may be NULL.  NULL:
 * there is nothing to add; otherwise the caller's. */
struct hp_hip_extra *hp_extra_new(struct hp_hip *hip, const struct hp_identity *id, uint8_t type,
				  const struct hp_addr *peer, const struct hp_path *path,
				  struct hp_assoc *a);
/* Adds x (may be NULL) to a message without MAC and signature; one that has no room for it stays
 * as it is. */
void hp_extra_add(struct hp_hip_builder *b, const struct hp_hip_extra *x);
/* 0, or the reason to drop m. */
int hp_extra_check(struct hp_hip *hip, struct hp_assoc *a, const struct hp_path *path,
		   const struct hp_hip_msg *m);

#endif
