/* SPDX-License-Identifier: MIT
 *
 * Connections that a reload or a revocation has cut.
 *
 * Such a flow carries no more packets.  It is kept for a while to inform both ends: their packets
 * are answered with a RST, or with an ICMP error if they are not TCP.  An end that sends nothing
 * is made to answer by an acknowledgement out of its window (RFC 9293, section 3.10.7.4).  A SYN
 * begins a new connection, to which the rules are applied.
 */
#include "pipe/cut.h"

#include <string.h>

#include "pipe/burst.h"
#include "pipe/configured.h"
#include "pipe/emit.h"
#include "pipe/icmp.h"
#include "pipe/packet.h"
#include "pipe/seal.h"
#include "pipe/trace.h"
#include "wire/checksum.h"

#define RST_ACK (HP_TCP_RST | HP_TCP_ACK)

struct segment {
	struct hp_addr src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
};

static struct hp_packet *build(struct hp_pipe *pipe, const struct segment *s)
{
	struct hp_packet *q = pipe->d.ops->get(pipe->d.ops->ctx);
	struct hp_ip_head h = { .src = s->src, .dst = s->dst, .proto = HP_PROTO_TCP, .ttl = 64,
				.payload_len = HP_TCP_HLEN };
	uint8_t *tcp;

	if (!q)
		return NULL;
	tcp = q->data + hp_ip_build(q->data, &h);
	memset(tcp, 0, HP_TCP_HLEN);
	hp_put16(tcp, s->sport);
	hp_put16(tcp + 2, s->dport);
	hp_put32(tcp + HP_TCP_OFF_SEQ, s->seq);
	hp_put32(tcp + HP_TCP_OFF_ACK, s->ack);
	tcp[HP_TCP_OFF_DOFF] = HP_TCP_HLEN << 2;
	tcp[HP_TCP_OFF_FLAGS] = s->flags;
	hp_put16(tcp + HP_TCP_OFF_CSUM, hp_csum_l4(&h.src, &h.dst, HP_PROTO_TCP, tcp, HP_TCP_HLEN));
	q->len = (size_t)(tcp - q->data) + HP_TCP_HLEN;
	if (!hp_packet_dissect(q))
		return q;
	pipe->d.ops->put(pipe->d.ops->ctx, q);
	return NULL;
}

/* a: the association to the peer; NULL: to the plain side. */
static void send_segment(struct hp_pipe *pipe, const struct segment *s, struct hp_assoc *a)
{
	struct hp_packet *q = build(pipe, s);

	if (!q)
		return;
	if (a)
		hp_pipe_seal(pipe, q, a, 0);
	else
		hp_pipe_plain(pipe, q);
	pipe->d.ops->put(pipe->d.ops->ctx, q);
}

/* RFC 9293, section 3.10.7.1: a segment with an acknowledgement names the number that its sender
 * expects. */
static void send_reset(struct hp_pipe *pipe, const struct hp_packet *p, struct hp_assoc *a)
{
	const uint8_t *tcp = p->data + p->l4_off;
	struct segment s = { .src = p->dst, .dst = p->src, .sport = p->dport, .dport = p->sport,
			     .flags = HP_TCP_RST, .seq = hp_get32(tcp + HP_TCP_OFF_ACK) };

	if (hp_tokens_take(&pipe->cut_tokens, hp_pipe_now(pipe), 1))
		send_segment(pipe, &s, a);
}

enum hp_verdict hp_pipe_cut_packet(struct hp_pipe *pipe, struct hp_packet *p,
				   const struct hp_flow *f)
{
	bool out = p->dir == HP_OUTBOUND;
	uint8_t flags = hp_pipe_tcp_flags(p);

	p->flow = (struct hp_flow *)f;
	if (p->related || p->frag_off)
		return hp_pipe_drop(pipe, p, out ? "out.flow" : "in.flow", HP_DROP_CUT);
	if ((flags & RST_ACK) == HP_TCP_ACK)
		send_reset(pipe, p, out ? NULL : p->assoc);
	else if (p->proto != HP_PROTO_TCP && out)
		hp_pipe_icmp_prohibited(pipe, p);
	else if (p->proto == HP_PROTO_UDP)
		hp_pipe_icmp_port_peer(pipe, p);
	return hp_pipe_drop(pipe, p, out ? "out.flow" : "in.flow", HP_DROP_CUT);
}

void hp_pipe_cut_tell(struct hp_pipe *pipe, const struct hp_flow *f)
{
	const struct hp_flow_key *k = &f->key;
	struct segment plain = { .src = k->far, .dst = k->legacy, .sport = k->far_port,
				 .dport = k->legacy_port, .flags = HP_TCP_ACK };
	struct segment peer = { .src = k->local_hit, .dst = k->peer_hit, .sport = k->local_port,
				.dport = k->peer_port, .flags = HP_TCP_ACK };
	struct hp_burst b;

	if (f->key.proto != HP_PROTO_TCP)
		return;
	hp_burst_begin(pipe, &b);
	/* A client whose packets do not come here any more would answer in the clear. */
	if (!f->outbound || hp_pipe_configured(pipe, &k->far))
		send_segment(pipe, &plain, NULL);
	if (f->assoc && hp_assoc_sa_out(f->assoc))
		send_segment(pipe, &peer, f->assoc);
	hp_burst_end(pipe, &b);
}

void hp_pipe_cut(struct hp_pipe *pipe, struct hp_flow *f)
{
	bool open = f->state != HP_FLOW_CLOSING;

	hp_flow_cut(f);
	/* A restart must not restore it. */
	if (pipe->d.ops->flow_gone)
		pipe->d.ops->flow_gone(pipe->d.ops->ctx, f);
	if (open)
		hp_pipe_cut_tell(pipe, f);
}
