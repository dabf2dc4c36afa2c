/* SPDX-License-Identifier: MIT
 *
 * Plain side -> HIP: captured packets of legacy hosts, and packets that applications on this
 * host send to HITs.
 *
 *	entry      reassembly and the CLASSIFY hooks, packet by packet
 *	burst      superseded acknowledgements are dropped, flows are fetched (acks.c, ahead.c)
 *	captured   flow; without one: policy, resolution, new flow.  Then FLOW, L7, size, XLAT, ESP
 *	local      association by HITs, size, ESP
 *
 * The kernel keeps its copy of a captured packet until it is certain that the packet travels
 * inside ESP, so that the packet can still pass.
 */
#include "pipe/outbound.h"

#include <errno.h>

#include "pipe/acks.h"
#include "pipe/ahead.h"
#include "pipe/area.h"
#include "pipe/burst.h"
#include "pipe/cut.h"
#include "pipe/expected.h"
#include "pipe/filter.h"
#include "pipe/flows.h"
#include "pipe/hooks.h"
#include "pipe/hosting.h"
#include "pipe/icmp.h"
#include "pipe/limited.h"
#include "pipe/packet.h"
#include "pipe/related.h"
#include "pipe/resolve.h"
#include "pipe/rewrite.h"
#include "pipe/seal.h"
#include "pipe/size.h"
#include "pipe/trace.h"
#include "pipe/verdict.h"
#include "pipe/whole.h"

#define EXPECT_AGAIN_MS 30000

/* ---- a packet of a flow */

static enum hp_verdict hooks_before_esp(struct hp_pipe *pipe, struct hp_packet *p)
{
	enum hp_verdict v = hp_pipe_route_ended(pipe, p, "out.flow");

	if (v == HP_NEXT)
		v = hp_pipe_hooks(pipe, p, HP_STAGE_OUT_FLOW);
	if (v == HP_NEXT)
		v = hp_pipe_hooks(pipe, p, HP_STAGE_OUT_L7);
	if (v == HP_NEXT)
		v = hp_pipe_fits_peer(pipe, p, p->assoc, "out.flow");
	if (v != HP_NEXT)
		return v;
	hp_pipe_steal(pipe, p);
	return hp_pipe_hooks(pipe, p, HP_STAGE_OUT_XLAT);
}

static void look_at_mss(struct hp_pipe *pipe, struct hp_packet *p, uint8_t flags)
{
	uint16_t mss;

	if (!(flags & HP_TCP_SYN))
		return;
	mss = hp_xlat_clamp_mss(p, (uint16_t)(hp_pipe_max_payload(pipe, p->assoc) - 20));
	if (mss)
		p->flow->way[HP_OUTBOUND].mss = mss;
}

static enum hp_verdict forward_as_is(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow *f)
{
	uint8_t flags = hp_pipe_tcp_flags(p);
	enum hp_verdict v;

	p->flow = f;
	p->assoc = f->assoc;
	if (!p->related) {
		look_at_mss(pipe, p, flags);
		hp_flow_track(f, HP_OUTBOUND, flags, p->len);
	}
	v = hooks_before_esp(pipe, p);
	if (v != HP_NEXT)
		return v;
	return hp_pipe_seal(pipe, p, f->assoc, f->way[HP_INBOUND].mss);
}

static enum hp_verdict forward(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow *f)
{
	return f->flags & HP_FLOW_FOLLOWED ? hp_pipe_roomy(pipe, p, f, forward_as_is) :
					     forward_as_is(pipe, p, f);
}

/* Binds the flow to an association that may carry data. */
static enum hp_verdict ready(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow *f)
{
	struct hp_ask q = { .local_hit = &f->key.local_hit,
			    .dst = f->outbound ? &f->key.far : &f->key.peer_hit };
	struct hp_pipe_assoc *pa;
	struct hp_assoc *a;
	enum hp_verdict v;

	if (f->assoc && hp_assoc_sa_out(f->assoc))
		return HP_NEXT;
	v = hp_pipe_resolve(pipe, p, &q, &a);
	if (v == HP_PASS) /* a flow that began protected is never sent in the clear */
		return hp_pipe_drop(pipe, p, "out.flow", HP_DROP_NO_SA);
	if (v != HP_NEXT)
		return v;
	if (!hp_addr_eq(hp_assoc_peer_hit(a), &f->key.peer_hit)) {
		hp_flow_del(f); /* the next packet begins a new flow */
		return hp_pipe_drop(pipe, p, "out.flow", HP_DROP_PEER_CHANGED);
	}
	pa = hp_pipe_assoc_area(a);
	if (!pa)
		return hp_pipe_drop(pipe, p, "out.flow", HP_DROP_NO_MEMORY);
	hp_flow_bind(f, a, &pa->flows);
	return HP_NEXT;
}

/* ---- a packet without a flow */

static enum hp_verdict refused(struct hp_pipe *pipe, struct hp_packet *p, int err)
{
	if (err == -EADDRINUSE && !hp_flow_has_ports(p->proto))
		hp_pipe_icmp_protocol(pipe, p);
	else if (err != -ENOMEM)
		hp_pipe_icmp_unreachable(pipe, p);
	return hp_pipe_drop(pipe, p, "out.flow", hp_pipe_flow_refused(pipe, p, err));
}

static enum hp_verdict flow_new(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a,
				const struct hp_ask *q, struct hp_flow **out)
{
	struct hp_flow_key key = {
		.legacy = p->src, .far = p->dst,
		.legacy_port = p->sport, .far_port = hp_pipe_far_port(p),
		.local_hit = *hp_assoc_local_hit(a), .peer_hit = *hp_assoc_peer_hit(a),
		.peer_port = q->peer_port ? q->peer_port : hp_pipe_far_port(p), .proto = p->proto,
	};
	struct hp_pipe_assoc *pa = hp_pipe_assoc_area(a);
	int err = pa ? hp_flow_add(pipe->flows, &key, true, out) : -ENOMEM;

	if (err)
		return refused(pipe, p, err);
	if (q->expected)
		hp_pipe_expected_begins(pipe, *out, q->expected);
	hp_pipe_flow_begins(pipe, *out, a, pa);
	return HP_NEXT;
}

static enum hp_verdict protect(struct hp_pipe *pipe, struct hp_packet *p,
			       const struct hp_ask *q, struct hp_flow **out)
{
	struct hp_assoc *a;
	enum hp_verdict v = hp_pipe_resolve(pipe, p, q, &a);

	if (v != HP_NEXT)
		return v;
	if (!hp_pipe_maps(pipe, p->proto) || !hp_pipe_may_begin(p)) {
		if (p->proto != HP_PROTO_ICMP && p->proto != HP_PROTO_ICMP6)
			hp_pipe_icmp_protocol(pipe, p);
		return hp_pipe_drop(pipe, p, "out.flow", HP_DROP_NO_MAPPING);
	}
	return flow_new(pipe, p, a, q, out);
}

/* A legacy server opens a connection to a peer, by the address by which it knows the peer.  Or it
 * answers the peer from another port: then the source is the identity to which the peer sent. */
static enum hp_verdict begin_back(struct hp_pipe *pipe, struct hp_packet *p,
				  const struct hp_backend_ask *who, struct hp_flow **out)
{
	struct hp_ask q = { .local_hit = &who->local_hit, .dst = &who->peer_hit };
	const struct hp_flow *asked = NULL;
	enum hp_verdict v;

	if (p->proto == HP_PROTO_UDP)
		asked = hp_mapping_asked_server(pipe->flows, &p->dst, p->dport, &p->src);
	if (asked && !asked->outbound) {
		q.local_hit = &asked->key.local_hit;
		q.peer_port = asked->key.peer_port;
	}
	v = protect(pipe, p, &q, out);
	return v == HP_PASS ? hp_pipe_drop(pipe, p, "out.pool", HP_DROP_PEER_UNREACHABLE) : v;
}

/* Announced by another connection: its peer is known, so the policy is not applied. */
static enum hp_verdict begin_expected(struct hp_pipe *pipe, struct hp_packet *p,
				      const struct hp_expect *e, struct hp_flow **out)
{
	struct hp_ask q = { .local_hit = &e->key.local_hit, .dst = &e->key.peer_hit,
			    .peer_port = e->key.peer_port, .expected = e };
	enum hp_verdict v = protect(pipe, p, &q, out);

	if (v == HP_PASS)
		return hp_pipe_drop(pipe, p, "out.flow", HP_DROP_NO_SA);
	if (v == HP_TAKEN) /* p will be processed again when the exchange has ended */
		hp_expect_extend(hp_flowdb_expect(pipe->flows), e, EXPECT_AGAIN_MS);
	return v;
}

static enum hp_verdict begin(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow **out)
{
	struct hp_ask q = { .local_hit = &pipe->d.client_hit, .dst = &p->dst };
	const struct hp_policy_rule *rule;
	struct hp_backend_ask who;
	struct hp_expect e;

	if (hp_pipe_expected_out(pipe, p, &e))
		return begin_expected(pipe, p, &e, out);
	if (!hp_pipe_pool_client(pipe, p, &who))
		return begin_back(pipe, p, &who, out);
	/* The peer of a pool's address does not exist, or p is not from a client. */
	if (p->tun && (hp_addr_is_zero(&pipe->d.client_hit) ||
		       (pipe->d.ops->in_pool && pipe->d.ops->in_pool(pipe->d.ops->ctx, &p->dst)))) {
		hp_pipe_icmp_unreachable(pipe, p);
		return hp_pipe_drop(pipe, p, "out.pool", HP_DROP_POOL);
	}
	rule = hp_policy_match(pipe->policy, &p->src, &p->dst, p->proto, p->dport);
	q.background = rule->probe == HP_PROBE_BACKGROUND;
	switch (rule->action) {
	case HP_POLICY_PROTECT:
		return protect(pipe, p, &q, out);
	case HP_POLICY_BYPASS:
		hp_pipe_note(pipe, p, "out.policy", "pass", "a rule says bypass");
		return HP_PASS;
	default:
		hp_pipe_icmp_prohibited(pipe, p);
		return hp_pipe_drop(pipe, p, "out.policy", HP_DROP_POLICY);
	}
}

static enum hp_verdict captured(struct hp_pipe *pipe, struct hp_packet *p, uint32_t hash)
{
	struct hp_flow *f = hp_flow_find_legacy_hashed(pipe->flows, hash, p->proto, &p->src,
						       p->sport, &p->dst, hp_pipe_far_port(p));
	enum hp_verdict v;

	if (f && hp_flow_begins_anew(f, hp_pipe_tcp_flags(p))) {
		hp_flow_del(f);
		f = NULL;
	}
	if (!f) {
		f = hp_pipe_related_legacy(pipe, p);
		p->related = f != NULL;
	}
	if (f && f->cut)
		return hp_pipe_cut_packet(pipe, p, f);
	v = f ? ready(pipe, p, f) : begin(pipe, p, &f);

	return v == HP_NEXT ? forward(pipe, p, f) : v;
}

/* ---- from this host */

static enum hp_verdict local(struct hp_pipe *pipe, struct hp_packet *p)
{
	struct hp_ask q = { .local_hit = &p->src, .dst = &p->dst };
	struct hp_assoc *a = hp_hip_find(pipe->d.hip, &p->src, &p->dst);
	enum hp_verdict v = HP_NEXT;

	hp_pipe_local_sends(pipe, p);
	if (!a || !hp_assoc_sa_out(a))
		v = hp_pipe_resolve(pipe, p, &q, &a);
	if (v == HP_PASS)
		return hp_pipe_drop(pipe, p, "local", HP_DROP_HOST_UNKNOWN_PEER);
	if (v == HP_NEXT)
		v = hp_pipe_fits_peer(pipe, p, a, "local");
	return v == HP_NEXT ? hp_pipe_seal(pipe, p, a, 0) : v;
}

/* ---- a burst */

static void process(struct hp_pipe *pipe, struct hp_burst *b)
{
	hp_burst_drop_acks(pipe, b);
	hp_burst_fetch_flows(pipe, b, HP_OUTBOUND);
	for (unsigned int i = 0; i < b->n; i++) {
		struct hp_packet *p = hp_burst_take(b, i);

		hp_pipe_conclude(pipe, p, b->at[i].local ? local(pipe, p) :
							   captured(pipe, p, b->at[i].hash));
	}
	hp_burst_empty(b);
}

void hp_pipe_released(struct hp_pipe *pipe, struct hp_packet *list)
{
	hp_burst_list(pipe, list, process);
}

/* ---- entries */

/* Runs the hooks that decide before p's flow is looked up.  NULL: one of them has decided. */
static struct hp_packet *classify(struct hp_pipe *pipe, struct hp_packet *p)
{
	enum hp_verdict v = hp_pipe_hooks_early(pipe, p, HP_STAGE_OUT_CLASSIFY);

	if (v == HP_NEXT)
		return p;
	/* This packet only, not its connection. */
	if (v == HP_PASS)
		hp_pipe_pass(pipe, p, false);
	else
		hp_pipe_conclude(pipe, p, v);
	return NULL;
}

static struct hp_packet *refuse(struct hp_pipe *pipe, struct hp_packet *p, const char *stage,
				enum hp_drop_reason r)
{
	hp_pipe_conclude(pipe, p, hp_pipe_drop(pipe, p, stage, r));
	return NULL;
}

/* Reassembled and classified; NULL: p is kept, or has its verdict. */
static struct hp_packet *from_client(struct hp_pipe *pipe, struct hp_packet *p)
{
	p = hp_pipe_whole(pipe, p, "out.reassembly");
	return p ? classify(pipe, p) : NULL;
}

static struct hp_packet *enter_captured(struct hp_pipe *pipe, struct hp_packet *p)
{
	p->dir = HP_OUTBOUND;
	if (hp_packet_dissect(p))
		return refuse(pipe, p, "out", HP_DROP_BAD_PACKET);
	return from_client(pipe, p);
}

/* From an application on this host, between HITs; or from a legacy host, which the kernel has
 * routed here. */
static struct hp_packet *enter_routed(struct hp_pipe *pipe, struct hp_packet *p)
{
	bool ours;

	p->dir = HP_OUTBOUND;
	p->tun = true;
	if (hp_packet_dissect(p))
		return refuse(pipe, p, "local", HP_DROP_BAD_PACKET);
	ours = hp_pipe_is_local(pipe, p);
	if (hp_addr_is_hit(&p->dst) != ours || hp_addr_is_multicast(&p->dst))
		return refuse(pipe, p, "local", HP_DROP_HOST_SOURCE);
	return ours ? p : from_client(pipe, p);
}

static void arrive(struct hp_pipe *pipe, struct hp_packets *from,
		   struct hp_packet *(*enter)(struct hp_pipe *pipe, struct hp_packet *p))
{
	struct hp_packet *p;
	struct hp_burst b;

	hp_burst_begin(pipe, &b);
	/* Packets that were held for an exchange that has ended go before new ones. */
	if (!hp_list_empty(&pipe->ready))
		hp_pipe_work(&pipe->work);
	while ((p = from->next(from))) {
		p = enter(pipe, p);
		if (p && hp_burst_add(&b, p))
			process(pipe, &b);
	}
	process(pipe, &b);
	hp_burst_end(pipe, &b);
}

/* Packets in an array. */
struct array {
	struct hp_packets packets;
	struct hp_packet *const *next, *const *end;
};

static struct hp_packet *array_next(struct hp_packets *self)
{
	struct array *a = HP_CONTAINER(self, struct array, packets);

	return a->next < a->end ? *a->next++ : NULL;
}

void hp_pipe_captured(struct hp_pipe *pipe, struct hp_packet *const *p, unsigned int n)
{
	struct array a = { { array_next }, p, p + n };

	arrive(pipe, &a.packets, enter_captured);
}

void hp_pipe_local(struct hp_pipe *pipe, struct hp_packets *from)
{
	arrive(pipe, from, enter_routed);
}
