/* SPDX-License-Identifier: MIT
 *
 * The flows of a burst are fetched from memory at the same time: among a million flows that is
 * most of the cost of a small packet.
 *
 * First each name is hashed, and its entry in the index begins to be fetched.  Then the flows
 * begin to be fetched.  Then the packets are processed, one by one.
 */
#include "pipe/ahead.h"

#include "pipe/packet.h"

static uint32_t name_of(const struct hp_pipe *pipe, enum hp_direction dir,
			const struct hp_packet *p)
{
	if (dir == HP_OUTBOUND)
		return hp_flow_hash_legacy(pipe->flows, p->proto, &p->src, p->sport, &p->dst,
					   hp_pipe_far_port(p));
	return hp_flow_hash_hit(pipe->flows, p->proto, &p->dst, p->dport, &p->src,
				hp_pipe_peer_port(p));
}

static void fetch(struct hp_pipe *pipe, const struct hp_burst_packet *bp, enum hp_direction dir)
{
	if (bp->local)
		return;
	if (dir == HP_OUTBOUND)
		hp_flow_fetch_legacy(pipe->flows, bp->hash);
	else
		hp_flow_fetch_hit(pipe->flows, bp->hash);
}

void hp_burst_fetch_flows(struct hp_pipe *pipe, struct hp_burst *b, enum hp_direction dir)
{
	for (unsigned int i = 0; i < b->n; i++) {
		struct hp_burst_packet *bp = &b->at[i];

		bp->local = dir == HP_OUTBOUND && hp_pipe_is_local(pipe, bp->p);
		if (!bp->local)
			bp->hash = name_of(pipe, dir, bp->p);
	}
	if (b->n < 2 || hp_flowdb_count(pipe->flows) < pipe->d.ahead_flows)
		return;
	for (unsigned int i = 0; i < b->n; i++)
		fetch(pipe, &b->at[i], dir);
}
