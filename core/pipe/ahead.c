/* SPDX-License-Identifier: MIT
 *
 * Small packets of one batch wait for each other, so that what their flows keep in memory is
 * fetched for one while others are worked on: among a million flows that is most of what a small
 * packet costs.  Nothing is held beyond the end of the batch (hp_pipe_flush).
 *
 * Large packets do not wait: fetching is nothing beside their own octets, which would leave the
 * processor's cache meanwhile.  What came before them goes first, so that no packet overtakes
 * another one of its direction.
 */
#include "pipe/ahead.h"

#include "pipe/inbound.h"
#include "pipe/outbound.h"
#include "pipe/packet.h"
#include "pipe/trace.h"
#include "pipe/verdict.h"

#define SMALL  512               /* octets */
#define STAGE  (HP_FLOW_AHEAD / 2) /* packets from hash to fetch, and from fetch to work */

uint32_t hp_pipe_name(const struct hp_pipe *pipe, enum hp_direction dir,
		      const struct hp_packet *p)
{
	if (dir == HP_OUTBOUND)
		return hp_flow_hash_legacy(pipe->flows, p->proto, &p->src, p->sport, &p->dst,
					   hp_pipe_far_port(p));
	return hp_flow_hash_hit(pipe->flows, p->proto, &p->dst, p->dport, &p->src,
				hp_pipe_peer_port(p));
}

static void fetch(struct hp_pipe *pipe, enum hp_direction dir, uint32_t hash)
{
	if (dir == HP_OUTBOUND)
		hp_flow_fetch_legacy(pipe->flows, hash);
	else
		hp_flow_fetch_hit(pipe->flows, hash);
}

static void work(struct hp_pipe *pipe, enum hp_direction dir, struct hp_packet *p, uint32_t hash)
{
	if (dir == HP_OUTBOUND)
		hp_pipe_outbound_named(pipe, p, hash);
	else
		hp_pipe_inner_named(pipe, p, hash);
}

static struct hp_ahead_packet *at(struct hp_ahead *a, unsigned int i)
{
	return &a->at[(a->first + i) % HP_AHEAD_SLOTS];
}

static void fetch_up_to(struct hp_pipe *pipe, enum hp_direction dir, unsigned int n)
{
	struct hp_ahead *a = &pipe->ahead[dir];

	for (; a->fetched < n; a->fetched++)
		fetch(pipe, dir, at(a, a->fetched)->hash);
}

static void first_goes(struct hp_pipe *pipe, enum hp_direction dir)
{
	struct hp_ahead *a = &pipe->ahead[dir];
	struct hp_ahead_packet one = *at(a, 0);

	a->first = (a->first + 1) % HP_AHEAD_SLOTS;
	a->n--;
	if (a->fetched)
		a->fetched--;
	work(pipe, dir, one.p, one.hash);
}

static void leave(struct hp_pipe *pipe, enum hp_direction dir)
{
	struct hp_ahead *a = &pipe->ahead[dir];

	if (a->n > 1)
		fetch_up_to(pipe, dir, a->n);
	while (a->n)
		first_goes(pipe, dir);
}

void hp_pipe_ahead(struct hp_pipe *pipe, enum hp_direction dir, struct hp_packet *p)
{
	struct hp_ahead *a = &pipe->ahead[dir];
	uint32_t hash = hp_pipe_name(pipe, dir, p);

	if (p->len > SMALL || hp_flowdb_count(pipe->flows) < pipe->d.ahead_flows) {
		leave(pipe, dir);
		work(pipe, dir, p, hash);
		return;
	}
	*at(a, a->n++) = (struct hp_ahead_packet){ p, hash };
	if (a->n > STAGE)
		fetch_up_to(pipe, dir, a->n - STAGE);
	if (a->n > HP_FLOW_AHEAD)
		first_goes(pipe, dir);
}

void hp_pipe_ahead_leave(struct hp_pipe *pipe)
{
	leave(pipe, HP_OUTBOUND);
	leave(pipe, HP_INBOUND);
}

unsigned int hp_pipe_ahead_forget(struct hp_pipe *pipe, const struct hp_assoc *assoc)
{
	struct hp_ahead *a = &pipe->ahead[HP_INBOUND];
	unsigned int n = a->n, kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (at(a, i)->p->assoc == assoc)
			hp_pipe_conclude(pipe, at(a, i)->p, HP_DROP);
		else
			*at(a, kept++) = *at(a, i);
	}
	a->n = kept;
	a->fetched = 0;
	return n - kept;
}

void hp_pipe_ahead_free(struct hp_pipe *pipe)
{
	for (int dir = 0; dir < 2; dir++) {
		struct hp_ahead *a = &pipe->ahead[dir];

		for (unsigned int i = 0; i < a->n; i++)
			hp_pipe_conclude(pipe, at(a, i)->p,
					 hp_pipe_drop(pipe, at(a, i)->p, "ahead", HP_DROP_CLOSED));
		a->n = a->fetched = 0;
	}
}
