/* SPDX-License-Identifier: MIT
 *
 * HIP -> plain side: packets that were in ESP (open.c) go to a legacy host by their flow, or to
 * applications on this host.
 */
#include "pipe/inbound.h"

#include "pipe/ahead.h"
#include "pipe/area.h"
#include "pipe/cut.h"
#include "pipe/emit.h"
#include "pipe/expected.h"
#include "pipe/filter.h"
#include "pipe/hooks.h"
#include "pipe/hosting.h"
#include "pipe/packet.h"
#include "pipe/refuse.h"
#include "pipe/related.h"
#include "pipe/rewrite.h"
#include "pipe/seal.h"
#include "pipe/size.h"
#include "pipe/trace.h"
#include "pipe/verdict.h"
#include "pipe/wanted.h"
#include "pipe/whole.h"

/* ---- out of the association */

static enum hp_verdict toward_legacy(struct hp_pipe *pipe, struct hp_packet *p)
{
	static const enum hp_stage stages[] = { HP_STAGE_IN_FLOW, HP_STAGE_IN_XLAT,
						HP_STAGE_IN_L7, HP_STAGE_IN_EMIT };
	enum hp_verdict v = hp_pipe_route_ended(pipe, p, "in.flow");

	if (v == HP_NEXT && !p->related)
		v = hp_pipe_fits_legacy(pipe, p, p->flow);
	for (size_t i = 0; i < sizeof(stages) / sizeof(*stages) && v == HP_NEXT; i++)
		v = hp_pipe_hooks(pipe, p, stages[i]);
	return v;
}

static uint8_t look_at_tcp(struct hp_pipe *pipe, struct hp_packet *p)
{
	uint8_t flags = hp_pipe_tcp_flags(p);
	uint16_t mss;

	if (flags & HP_TCP_SYN) {
		mss = hp_xlat_clamp_mss(
			p, (uint16_t)(hp_pipe_max_payload(pipe, p->assoc) - 20));
		if (mss)
			p->flow->way[HP_INBOUND].mss = mss;
	}
	return flags;
}

static enum hp_verdict to_flow_as_is(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow *f)
{
	struct hp_pipe_assoc *pa = hp_pipe_assoc_area(p->assoc);
	enum hp_verdict v;

	p->flow = f;
	if (f->assoc != p->assoc && pa)
		hp_flow_bind(f, p->assoc, &pa->flows);
	if (!p->related)
		hp_flow_track(f, HP_INBOUND, look_at_tcp(pipe, p), p->len);
	v = toward_legacy(pipe, p);
	if (v != HP_NEXT)
		return v;
	hp_pipe_note(pipe, p, "in.emit", "sent", "");
	hp_pipe_emit(pipe, p);
	return HP_TAKEN;
}

static enum hp_verdict to_flow(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow *f)
{
	return f->flags & HP_FLOW_FOLLOWED ? hp_pipe_roomy(pipe, p, f, to_flow_as_is) :
					     to_flow_as_is(pipe, p, f);
}

/* The flow of p, in HIT form; p may begin one.  HP_NEXT with NULL: p has no flow. */
static enum hp_verdict find_flow(struct hp_pipe *pipe, struct hp_packet *p, uint32_t hash,
				 struct hp_flow **f)
{
	enum hp_verdict v;

	*f = hp_flow_find_hit_hashed(pipe->flows, hash, p->proto, &p->dst, p->dport, &p->src,
				     hp_pipe_peer_port(p));
	if (*f && hp_flow_begins_anew(*f, hp_pipe_tcp_flags(p))) {
		hp_flow_del(*f);
		*f = NULL;
	}
	if (!*f && p->proto == HP_PROTO_ICMP6) {
		*f = hp_pipe_related_hit(pipe, p);
		p->related = *f != NULL;
	}
	if (*f)
		return HP_NEXT;
	v = hp_pipe_expected_in(pipe, p, f);
	if (v == HP_NEXT && !*f)
		v = hp_pipe_answered(pipe, p, f);
	return v != HP_NEXT || *f ? v : hp_pipe_peer_begun(pipe, p, f);
}

static bool begins_tcp(const struct hp_packet *p)
{
	return p->proto == HP_PROTO_TCP && p->len >= p->l4_off + 20u &&
	       (p->data[p->l4_off + HP_TCP_OFF_FLAGS] & (HP_TCP_SYN | HP_TCP_ACK)) == HP_TCP_SYN;
}

static enum hp_verdict inner(struct hp_pipe *pipe, struct hp_packet *p, uint32_t hash)
{
	struct hp_flow *f;
	enum hp_verdict v = find_flow(pipe, p, hash, &f);

	if (v != HP_NEXT)
		return v;
	if (f)
		return f->cut ? hp_pipe_cut_packet(pipe, p, f) : to_flow(pipe, p, f);
	if (!hp_addr_eq(&p->dst, &pipe->d.host_hit)) {
		hp_pipe_refuse_peer(pipe, p);
		return hp_pipe_drop(pipe, p, "in.flow", hp_pipe_unwanted(pipe, p));
	}
	if (begins_tcp(p))
		hp_pipe_wish(&pipe->asked, p, hp_pipe_now(pipe));
	hp_pipe_note(pipe, p, "in.host", "sent", "");
	hp_pipe_emit(pipe, p);
	return HP_TAKEN;
}

void hp_pipe_inner(struct hp_pipe *pipe, struct hp_burst *b)
{
	hp_burst_close_up(b);
	hp_burst_fetch_flows(pipe, b, HP_INBOUND);
	for (unsigned int i = 0; i < b->n; i++) {
		struct hp_packet *p = hp_burst_take(b, i);
		enum hp_verdict v;

		if (!p) /* dropped with its association */
			continue;
		v = inner(pipe, p, b->at[i].hash);
		hp_pipe_conclude(pipe, p, v == HP_PASS ? HP_DROP : v);
	}
	hp_burst_empty(b);
}

void hp_pipe_inner_again(struct hp_pipe *pipe, struct hp_packet *list)
{
	hp_burst_list(pipe, list, hp_pipe_inner);
}
