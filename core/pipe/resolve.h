/* SPDX-License-Identifier: MIT
 *
 * From a destination to an association; packets are held meanwhile.
 */
#ifndef HP_PIPE_RESOLVE_H
#define HP_PIPE_RESOLVE_H

#include "pipe/state.h"

struct hp_ask {
	const struct hp_addr *local_hit, *dst;
	bool background; /* HP_PASS while nothing is known */
	uint16_t peer_port; /* of a flow to be made, if not the destination's; else 0 */
	const struct hp_expect *expected; /* what announced the flow to be made; NULL: nothing */
};

/* Finds the association to dst, a legacy address or a HIT; if there is none, begins to look for
 * one.  HP_NEXT: *a can carry data; HP_PASS: dst has no HIP; HP_TAKEN: p is held (or could not
 * be, and was dropped). */
enum hp_verdict hp_pipe_resolve(struct hp_pipe *pipe, struct hp_packet *p,
				const struct hp_ask *q, struct hp_assoc **a);
/* The proxy database frees e; ctx is the pipeline. */
void hp_pipe_peer_gone(void *ctx, struct hp_peer *e);
/* The association has come up (err 0) or has failed: the destinations that wait for it are
 * handled from a timer. */
void hp_pipe_wake(struct hp_pipe *pipe, struct hp_pipe_assoc *pa, struct hp_assoc *a, int err);
/* The timer. */
void hp_pipe_work(struct hp_timer *t);

#endif
