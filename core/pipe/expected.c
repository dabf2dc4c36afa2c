/* SPDX-License-Identifier: MIT
 *
 * Connections that another one has announced (flow/expect.h).
 */
#include "pipe/expected.h"

#include <errno.h>

#include "flow/follow.h"
#include "pipe/area.h"
#include "pipe/backend.h"
#include "pipe/filter.h"
#include "pipe/flows.h"
#include "pipe/limited.h"
#include "pipe/packet.h"
#include "pipe/trace.h"

/* Only what begins a connection is ever expected.  A datagram without a flow begins one. */
static bool begins(const struct hp_packet *p)
{
	return p->proto != HP_PROTO_TCP ||
	       (hp_pipe_tcp_flags(p) & (HP_TCP_SYN | HP_TCP_ACK | HP_TCP_RST | HP_TCP_FIN)) == HP_TCP_SYN;
}

static int find(struct hp_pipe *pipe, const struct hp_packet *p, struct hp_expect *e)
{
	struct hp_expect_packet q = {
		.outbound = p->dir == HP_OUTBOUND, .proto = p->proto, .port = p->dport,
		.from_port = p->sport, .src = p->src, .dst = p->dst,
	};

	return begins(p) ? hp_expect_find(hp_flowdb_expect(pipe->flows), &q, e) : -ENOENT;
}

/* Another peer than the one that the expectation is about: may it, and by which address does the
 * legacy host know it?  HP_NEXT: *may is the answer; else p is held or dropped. */
static enum hp_verdict meet(struct hp_pipe *pipe, struct hp_packet *p, struct hp_expect *e, bool *may)
{
	struct hp_backend_ask ask = { .local_hit = e->key.local_hit, .peer_hit = p->src,
				      .local_port = e->parent_port, .proto = e->parent_proto };
	struct hp_backend_result server;
	enum hp_verdict v;
	int err;

	*may = true;
	if (hp_addr_eq(&p->src, &e->key.peer_hit))
		return HP_NEXT;
	e->key.peer_hit = p->src;
	if (e->parent_outbound) {
		*may = hp_pipe_known_as(pipe, p, hp_addr_is4(&e->key.legacy), &e->key.far);
		return HP_NEXT;
	}
	v = hp_pipe_ask_backend(pipe, p, &ask, &err, &server);
	if (v != HP_NEXT)
		return v;
	*may = !err && hp_addr_eq(&server.addr, &e->key.legacy);
	if (*may)
		e->key.far = server.far;
	return HP_NEXT;
}

void hp_pipe_expected_begins(struct hp_pipe *pipe, struct hp_flow *f, const struct hp_expect *e)
{
	f->expected = true;
	hp_flow_flag_set(f, e->flags);
	hp_expect_used(hp_flowdb_expect(pipe->flows), e);
	if (e->alg)
		hp_flow_follow(f, e->self, e->alg);
}

enum hp_verdict hp_pipe_expected_in(struct hp_pipe *pipe, struct hp_packet *p,
				    struct hp_flow **f)
{
	struct hp_pipe_assoc *pa;
	struct hp_expect e;
	enum hp_verdict v;
	bool may;
	int err;

	*f = NULL;
	if (find(pipe, p, &e))
		return HP_NEXT;
	v = meet(pipe, p, &e, &may);
	if (v != HP_NEXT || !may)
		return v;
	e.key.peer_port = e.key.far_port = p->sport;
	pa = hp_pipe_assoc_area(p->assoc);
	err = pa ? hp_flow_add(pipe->flows, &e.key, false, f) : -ENOMEM;
	if (err)
		return hp_pipe_drop(pipe, p, "in.flow", hp_pipe_flow_refused(pipe, p, err));
	hp_pipe_expected_begins(pipe, *f, &e);
	hp_pipe_flow_begins(pipe, *f, p->assoc, pa);
	return HP_NEXT;
}

bool hp_pipe_expected_out(struct hp_pipe *pipe, const struct hp_packet *p, struct hp_expect *e)
{
	return !find(pipe, p, e);
}
