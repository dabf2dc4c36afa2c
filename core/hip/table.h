/* SPDX-License-Identifier: MIT
 *
 * Part of an association: its place in the engine's tables (by HITs, by address).
 */
#ifndef HP_HIP_TABLE_H
#define HP_HIP_TABLE_H

#include "hip/engine.h"

struct hp_identity;

struct hp_place {
	struct hp_hnode node;
	struct hp_list all; /* hip->assocs */
	struct hp_list opp; /* hip->opps: the peer's HIT is not known yet */
	bool reserved;	    /* of a peer that the configuration names */
};

/* Under a->local and a->peer.  0 or -ENOBUFS. */
int hp_assoc_enter(struct hp_assoc *a, bool reserved);
void hp_assoc_leave(struct hp_assoc *a);
/* Gives an opportunistic association its peer's HIT.  0, or -ENOBUFS: it is in no table then. */
int hp_assoc_rename(struct hp_assoc *a, const struct hp_addr *peer);
/* Makes id its local end.  0, or -ENOBUFS: it is in no table then. */
int hp_assoc_be(struct hp_assoc *a, struct hp_identity *id);
void hp_assoc_reserve(struct hp_assoc *a, bool reserved);
/* An association without a peer's HIT that asks addr; NULL: none. */
struct hp_assoc *hp_assoc_by_addr(struct hp_hip *hip, const struct hp_addr *local,
				  const struct hp_addr *addr);

#endif
