/* SPDX-License-Identifier: MIT
 *
 * Fragments and source routes: what has to be settled before a flow is looked up.
 */
#ifndef HP_PIPE_WHOLE_H
#define HP_PIPE_WHOLE_H

#include "pipe/state.h"

/* Fragments carry no ports: they are reassembled first.  p itself if it is no fragment; NULL: p
 * is kept until the other fragments arrive, or was dropped. */
struct hp_packet *hp_pipe_whole(struct hp_pipe *pipe, struct hp_packet *p, const char *stage);

/* HP_NEXT; or a drop, and the sender is told: p has a source route or routing header with places
 * left. */
enum hp_verdict hp_pipe_look_at_route(struct hp_pipe *pipe, const struct hp_packet *p,
				      const char *stage);
static inline enum hp_verdict hp_pipe_route_ended(struct hp_pipe *pipe, const struct hp_packet *p,
						  const char *stage)
{
	if (p->l4_off == (p->family == 4 ? HP_IP4_HLEN : HP_IP6_HLEN))
		return HP_NEXT;
	return hp_pipe_look_at_route(pipe, p, stage);
}

#endif
