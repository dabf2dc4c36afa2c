/* SPDX-License-Identifier: MIT
 *
 * Legacy servers behind Host Identities of this machine.  Services say which server a packet is
 * for, by which address the server knows the peer, and whether the peer has access.
 */
#include "pipe/hosting.h"

#include <errno.h>

#include "pipe/area.h"
#include "pipe/backend.h"
#include "pipe/flows.h"
#include "pipe/hooks.h"
#include "pipe/icmp.h"
#include "pipe/limited.h"
#include "pipe/packet.h"
#include "pipe/related.h"
#include "pipe/trace.h"
#include "pipe/wanted.h"

int hp_pipe_pool_client(struct hp_pipe *pipe, const struct hp_packet *p,
			struct hp_backend_ask *ask)
{
	const struct hp_service *s;

	for (size_t i = 0; (s = hp_service_at(pipe->d.registry, HP_SERVICE_BACKEND, i)); i++)
		if (hp_service_backend(s)->client &&
		    !hp_service_backend(s)->client(hp_service_self(s), &p->src, &p->dst, ask))
			return 0;
	return -ENOENT;
}

static enum hp_verdict refused(struct hp_pipe *pipe, struct hp_packet *p, int err)
{
	switch (err) {
	case -EACCES:
		hp_pipe_wish(&pipe->denied, p, hp_pipe_now(pipe));
		return hp_pipe_drop(pipe, p, "in.flow", HP_DROP_ACCESS);
	case -ENOBUFS:
		return hp_pipe_drop(pipe, p, "in.flow", HP_DROP_POOL);
	default:
		return hp_pipe_drop(pipe, p, "in.flow", HP_DROP_NO_FLOW);
	}
}

static enum hp_verdict flow_new(struct hp_pipe *pipe, struct hp_packet *p,
				const struct hp_backend_ask *ask,
				const struct hp_backend_result *b,
				struct hp_flow **f)
{
	bool icmp = p->proto == HP_PROTO_ICMP6;
	struct hp_flow_key key = {
		.legacy = b->addr, .legacy_port = icmp ? p->dport : b->port, .far = b->far,
		.local_hit = ask->local_hit, .local_port = p->dport,
		.peer_hit = ask->peer_hit, .peer_port = hp_pipe_peer_port(p), .proto = p->proto,
	};
	struct hp_pipe_assoc *pa = hp_pipe_assoc_area(p->assoc);
	int err = pa ? hp_flow_add(pipe->flows, &key, false, f) : -ENOMEM;

	if (err == -EADDRINUSE && !hp_flow_has_ports(p->proto))
		hp_pipe_icmp_protocol_peer(pipe, p);
	if (err)
		return hp_pipe_drop(pipe, p, "in.flow", hp_pipe_flow_refused(pipe, p, err));
	hp_pipe_flow_begins(pipe, *f, p->assoc, pa);
	return HP_NEXT;
}

/* A reset begins nothing. */
static bool is_reset(const struct hp_packet *p)
{
	return hp_pipe_tcp_flags(p) & HP_TCP_RST;
}

enum hp_verdict hp_pipe_peer_begun(struct hp_pipe *pipe, struct hp_packet *p,
				   struct hp_flow **f)
{
	struct hp_backend_ask ask = { .local_hit = p->dst, .peer_hit = p->src,
				      .local_port = p->dport, .proto = p->proto };
	struct hp_backend_result b;
	enum hp_verdict v;
	int err;

	*f = NULL;
	v = hp_pipe_ask_backend(pipe, p, &ask, &err, &b);
	if (v != HP_NEXT || err == -ENOENT)
		return v;
	if (err || is_reset(p))
		return refused(pipe, p, err ? err : -EINVAL);
	if (!hp_pipe_maps(pipe, p->proto) || !hp_pipe_may_begin(p)) {
		if (p->proto != HP_PROTO_ICMP6)
			hp_pipe_icmp_protocol_peer(pipe, p);
		return hp_pipe_drop(pipe, p, "in.flow", HP_DROP_NO_MAPPING);
	}
	return flow_new(pipe, p, &ask, &b, f);
}
