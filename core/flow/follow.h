/* SPDX-License-Identifier: MIT
 *
 * Followed flows: which gateway (hipproxy/alg.h) a flow has, and its session.
 */
#ifndef HP_FLOW_FOLLOW_H
#define HP_FLOW_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/alg.h>

#include "util/hash.h"

struct hp_follow {
	struct hp_hnode node;      /* UDP: in the database's table */
	struct hp_flow *flow;
	const struct hp_alg *alg;
	struct hp_instance *self;
	bool transparent[2];       /* UDP, by enum hp_direction */
	_Alignas(max_align_t) uint8_t session[];
};

/* self's gateway alg follows f from now on.  0; -EBUSY: f is followed; -EOPNOTSUPP: f has another
 * protocol; -ENOMEM; or what open returned. */
int hp_flow_follow(struct hp_flow *f, struct hp_instance *self, const struct hp_alg *alg);
/* NULL: nobody follows f. */
struct hp_follow *hp_flow_followed(const struct hp_flow *f);
/* f is about to be freed. */
void hp_flow_unfollow(struct hp_flow *f);
/* How many flows are followed. */
struct hp_flowdb;
size_t hp_flowdb_followed(const struct hp_flowdb *db);

/* What a gateway's function is told. */
struct hp_alg_call hp_follow_call(struct hp_follow *w, struct hp_packet *p);
/* Most octets that are held of a stream. */
uint32_t hp_alg_hold(const struct hp_alg *alg);

#endif
