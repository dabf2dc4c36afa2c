/* SPDX-License-Identifier: MIT
 *
 * Which datagrams of a HIP peer without a flow of their own reach a legacy host (RFC 4787,
 * section 5): the setting `filtering`.
 *
 * The peer's datagram belongs to the flow by which the legacy host has spoken to it from that
 * port.  It is translated by that flow, and keeps its port.  When the legacy host answers, a flow
 * begins as for any packet of it; the mapping gives it the same port on the HIT side.
 *
 * Where clients and this host have the same identity, a port of both is the host's, but for
 * the flows of clients.
 */
#include "pipe/filter.h"

#include "pipe/area.h"
#include "pipe/flows.h"

static const struct hp_conf_peer *configured(const struct hp_pipe *pipe, const struct hp_addr *hit)
{
	const struct hp_conf_peers *peers = &pipe->conf->peers;

	for (size_t i = 0; i < peers->n; i++)
		if (hp_addr_eq(&peers->at[i].hit, hit))
			return &peers->at[i];
	return NULL;
}

/* The address by which legacy hosts of a family know the peer that sent p: as configured, else
 * where it is.  False: they know none. */
bool hp_pipe_known_as(const struct hp_pipe *pipe, const struct hp_packet *p, bool v4,
		      struct hp_addr *out)
{
	const struct hp_conf_peer *c = configured(pipe, &p->src);

	for (size_t i = 0; c && i < c->serves.n; i++) {
		*out = c->serves.at[i].addr;
		if (c->serves.at[i].bits == 128 && hp_addr_is4(out) == v4)
			return true;
	}
	if (c && c->serves.n)
		return false;
	for (size_t i = 0; c && i < c->addresses.n; i++) {
		*out = c->addresses.at[i];
		if (hp_addr_is4(out) == v4)
			return true;
	}
	*out = hp_assoc_path(p->assoc)->dst;
	return hp_addr_is4(out) == v4;
}

/* Endpoint-independent: the legacy host has not spoken to this peer. */
static enum hp_verdict from_stranger(struct hp_pipe *pipe, struct hp_packet *p,
				     const struct hp_mapping *m, struct hp_flow **f)
{
	struct hp_pipe_assoc *pa = hp_pipe_assoc_area(p->assoc);
	struct hp_flow_key key;

	if (!pa || !hp_addr_eq(&p->dst, &pipe->d.client_hit) || !hp_mapping_takes_stranger(m))
		return HP_NEXT;
	key = (struct hp_flow_key){
		.legacy = m->legacy, .legacy_port = m->legacy_port, .far_port = p->sport,
		.local_hit = p->dst, .local_port = p->dport,
		.peer_hit = p->src, .peer_port = p->sport, .proto = p->proto,
	};
	if (!hp_pipe_known_as(pipe, p, hp_addr_is4(&m->legacy), &key.far) ||
	    hp_flow_add(pipe->flows, &key, false, f))
		return HP_NEXT;
	hp_pipe_flow_begins(pipe, *f, p->assoc, pa);
	return HP_NEXT;
}

enum hp_verdict hp_pipe_answered(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow **f)
{
	const struct hp_mapping *m;
	struct hp_flow *asked;

	*f = NULL;
	if (p->proto != HP_PROTO_UDP || pipe->conf->filtering == HP_CONF_FILTER_PORT)
		return HP_NEXT;
	m = hp_mapping_find(pipe->flows, &p->dst, p->dport);
	if (m && m->is_local)
		return HP_NEXT;
	asked = hp_mapping_asked_peer(pipe->flows, &p->dst, p->dport, &p->src);
	if (asked && asked->outbound) {
		asked->other_port = true;
		*f = asked;
		return HP_NEXT;
	}
	return m && pipe->conf->filtering == HP_CONF_FILTER_NONE ? from_stranger(pipe, p, m, f) :
								   HP_NEXT;
}

void hp_pipe_local_sends(struct hp_pipe *pipe, const struct hp_packet *p)
{
	struct hp_mapping *m;

	if (p->proto != HP_PROTO_UDP || !hp_addr_eq(&p->src, &pipe->d.client_hit))
		return;
	m = hp_mapping_find(pipe->flows, &p->src, p->sport);
	if (m)
		m->is_local = true;
}

enum hp_drop_reason hp_pipe_unwanted(const struct hp_pipe *pipe, const struct hp_packet *p)
{
	return p->proto == HP_PROTO_UDP && hp_mapping_find(pipe->flows, &p->dst, p->dport) ?
		       HP_DROP_FILTERED : HP_DROP_NO_FLOW;
}
