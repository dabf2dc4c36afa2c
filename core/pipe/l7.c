/* SPDX-License-Identifier: MIT
 *
 * The step core.seqadj: streams that a plugin follows (hipproxy/alg.h).
 *
 * A segment's new octets are shown to the follower, what it decided goes into the log
 * (flow/seqadj.h), and the segment is written anew from the log: so a retransmission, whatever
 * its boundaries, comes out as the original did.  A segment that comes before its turn is
 * dropped, as its place on the other side is not known yet; its sender repeats it.
 */
#include "pipe/l7.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/follow.h"
#include "flow/seqadj.h"
#include "pipe/emit.h"
#include "pipe/rewrite.h"
#include "pipe/seal.h"
#include "pipe/trace.h"
#include "wire/checksum.h"

/* RFC 9293, section 3.7.1: where the receiver has announced none. */
#define MSS_DEFAULT4 536u
#define MSS_DEFAULT6 1220u

struct segment {
	struct hp_packet *p;
	struct hp_seqadj *s;
	struct hp_seqadj_dir *d, *back; /* its direction, and the other */
	struct hp_tcp tcp;
	struct hp_tcp_optinfo opt;
	const uint8_t *data;            /* payload */
	uint32_t len, end;              /* octets; number behind the last */
	bool fin;
};

/* ---- the follower */

/* Used octets stay as they are; those held were perhaps acknowledged and must be in the log. */
static bool keep(struct hp_seqadj_dir *d, const uint8_t *data, size_t used)
{
	size_t held = used < d->held ? used : d->held;

	if (held && hp_seqadj_piece(d, held, data, held))
		return false; /* offered again with the next segment */
	hp_seqadj_skip(d, used - held);
	return true;
}

/* False: nothing more can be decided now. */
static bool ask(struct hp_pipe *pipe, struct segment *g, const uint8_t *data, size_t len,
		size_t *used)
{
	struct hp_seqadj_dir *d = g->d;
	struct hp_alg_out out = { .data = pipe->stream[HP_PIPE_STREAM_OUT],
				  .cap = d->hold_max + HP_ALG_GROW };
	struct hp_follow *w = g->s->follow;
	struct hp_alg_call c = hp_follow_call(w, g->p);

	*used = 0;
	if (d->n == HP_SEQADJ_PIECES)
		return false;
	*used = w->alg->stream(&c, data, len, &out);
	if (*used > len)
		*used = len;
	if (!*used && !g->fin && !hp_seqadj_hold(d, data + d->held, len - d->held))
		return false;
	if (!*used)
		*used = len;
	if (out.replace && !hp_seqadj_piece(d, *used, out.data, out.len))
		return true;
	return keep(d, data, *used);
}

static void show(struct hp_pipe *pipe, struct segment *g)
{
	struct hp_seqadj_dir *d = g->d;
	uint32_t have = d->next + d->held, total = d->held, at = have - g->tcp.seq;
	uint8_t *work = pipe->stream[HP_PIPE_STREAM_IN];
	size_t used;

	if (d->held)
		memcpy(work, d->hold, d->held);
	memcpy(work + total, g->data + at, g->len - at);
	total += g->len - at;
	while (total && !d->open && ask(pipe, g, work, total, &used)) {
		work += used;
		total -= (uint32_t)used;
	}
	if (d->open)
		keep(d, work, total);
}

/* 0, or -EAGAIN: not its turn. */
static int look(struct hp_pipe *pipe, struct segment *g)
{
	struct hp_seqadj_dir *d = g->d;
	uint32_t have;

	/* Octets that were held when the direction became transparent stay as they are. */
	if (d->open && d->held)
		keep(d, d->hold, d->held);
	have = d->next + d->held;
	if (!g->len && !g->fin)
		return 0;
	if (d->open && !d->held) {
		if (hp_seq_before(d->next, g->end + g->fin))
			d->next = g->end + g->fin;
		return 0;
	}
	if (hp_seq_before(have, g->tcp.seq))
		return -EAGAIN;
	if (hp_seq_before(have, g->end) || (g->fin && d->held && have == g->end))
		show(pipe, g);
	if (g->fin && d->next == g->end)
		d->next++; /* a FIN has a number too */
	return 0;
}

/* ---- writing it anew */

/* The sender has been told that octets arrived which the receiver does not have.  They are sent
 * again when the sender repeats the octet behind them, so that octet is not reported. */
static bool covers_what_must_be_repeated(const struct hp_seqadj_dir *d, uint32_t left,
					 uint32_t right)
{
	return hp_seq_before(d->una, d->told) && !hp_seq_before(d->told, left) &&
	       hp_seq_before(d->told, right);
}

static void put_sack(struct segment *g, uint8_t *tcp)
{
	for (unsigned int i = 0; i < g->opt.sack_blocks; i++) {
		uint32_t left, right;

		hp_tcp_sack_get(tcp + g->opt.sack_off, i, &left, &right);
		left = hp_seqadj_unmap_up(g->back, left);
		right = hp_seqadj_unmap(g->back, right);
		if (covers_what_must_be_repeated(g->back, left, right))
			left = g->back->told + 1;
		if (hp_seq_before(right, left))
			left = right; /* no whole octet of the sender's: an empty block */
		hp_put32(tcp + g->opt.sack_off + 2 + 8 * i, left);
		hp_put32(tcp + g->opt.sack_off + 6 + 8 * i, right);
	}
}

/* Has it grown beyond what the legacy host takes?  Then the kernel cuts it. */
static void cut_for_legacy(struct segment *g, uint32_t payload)
{
	struct hp_packet *p = g->p;
	uint32_t mss = p->flow->way[HP_OUTBOUND].mss;

	if (p->dir != HP_INBOUND || payload <= g->len || p->gso_size)
		return;
	if (mss + 20 < g->tcp.hlen + 64u)
		mss = p->family == 4 ? MSS_DEFAULT4 : MSS_DEFAULT6;
	mss = mss + 20 - g->tcp.hlen;
	if (payload <= mss)
		return;
	p->gso_size = (uint16_t)mss;
	p->csum_partial = true;
	/* The kernel would give each segment the same urgent pointer, and so a receiver would take
	 * octets for urgent that are not. */
	p->data[p->l4_off + HP_TCP_OFF_FLAGS] &= (uint8_t)~HP_TCP_URG;
}

/* Sender's numbers from..to; fits what there is room for.  Octets, or -errno. */
static int copy(struct hp_pipe *pipe, struct segment *g, uint32_t *from, uint32_t *to)
{
	const struct hp_packet *p = g->p;
	size_t head = p->l4_off + g->tcp.hlen;
	size_t room = p->cap - (size_t)(p->data - p->buf) - head;
	int n;

	if (room > UINT16_MAX - head)
		room = UINT16_MAX - head;
	do {
		n = hp_seqadj_copy(g->d, *from, *to, g->data, g->tcp.seq, g->len,
				   pipe->stream[HP_PIPE_STREAM_SENT],
				   room);
		if (n == -ENOBUFS)
			*to = *from + (*to - *from) / 2;
		else if (n == -ENODATA && *from != g->tcp.seq)
			*from = g->tcp.seq;
		else
			return n;
	} while (*to != *from);
	return 0;
}

/* May octets that the receiver does not have be put in front?  In front of data or FIN always: their
 * sender repeats these until they are acknowledged.  An acknowledgement takes them along if all that
 * the sender was told of is decided: after that it perhaps sends nothing else. */
static bool takes_along(const struct segment *g)
{
	return g->len || g->fin ||
	       (!(g->tcp.flags & HP_TCP_RST) && !hp_seq_before(g->d->next, g->d->told));
}

static void range(const struct segment *g, uint32_t *from, uint32_t *to)
{
	const struct hp_seqadj_dir *d = g->d;

	*from = takes_along(g) ? hp_seqadj_from(d, g->tcp.seq) : g->tcp.seq;
	*to = g->end;
	if (d->open && !d->held)
		return;
	/* Without payload: what is held has not been sent yet. */
	if (!g->len && !g->fin && *to - d->next > d->held)
		return;
	if (hp_seq_before(d->next, *to))
		*to = d->next;
	if (hp_seq_before(*to, *from))
		*from = *to;
}

static int rewrite(struct hp_pipe *pipe, struct segment *g)
{
	struct hp_packet *p = g->p;
	uint8_t *tcp = p->data + p->l4_off;
	uint32_t from, to, seq;
	int n;

	range(g, &from, &to);
	n = copy(pipe, g, &from, &to);
	if (n < 0)
		return n;
	seq = hp_seqadj_map(g->d, from);
	hp_put32(tcp + HP_TCP_OFF_SEQ, seq);
	if (g->fin && to != g->end)
		tcp[HP_TCP_OFF_FLAGS] &= (uint8_t)~HP_TCP_FIN;
	if (g->tcp.flags & HP_TCP_URG)
		hp_put16(tcp + HP_TCP_OFF_URG,
			 (uint16_t)(hp_seqadj_map(g->d, g->tcp.seq + g->tcp.urgent) - seq));
	if ((g->tcp.flags & HP_TCP_ACK) && g->back->began) {
		hp_put32(tcp + HP_TCP_OFF_ACK, hp_seqadj_acked(g->back, g->tcp.ack));
		put_sack(g, tcp);
	}
	if (n)
		memcpy(tcp + g->tcp.hlen, pipe->stream[HP_PIPE_STREAM_SENT], (size_t)n);
	cut_for_legacy(g, (uint32_t)n);
	hp_pipe_relength(p, g->tcp.hlen + (size_t)n);
	hp_pipe_rechecksum(p);
	return 0;
}

/* ---- acknowledging what the receiver does not get */

/* A segment in the name of g's receiver: legacy form, back to g's sender. */
static void build_ack(const struct segment *g, struct hp_packet *q, uint32_t ack)
{
	bool ts = g->back->has_ts && g->opt.has_ts;
	uint32_t hlen = ts ? 32 : 20;
	struct hp_ip_head h = {
		.src = g->p->dst, .dst = g->p->src, .proto = HP_PROTO_TCP, .ttl = 64,
		.tos = (uint8_t)(g->p->tos & ~3), .payload_len = (uint16_t)hlen, .df = true,
	};
	size_t at = hp_ip_build(q->data, &h);
	uint8_t *tcp = q->data + at;

	memset(tcp, 0, hlen);
	hp_put16(tcp, g->tcp.dport);
	hp_put16(tcp + 2, g->tcp.sport);
	hp_put32(tcp + HP_TCP_OFF_SEQ, g->tcp.ack);
	hp_put32(tcp + HP_TCP_OFF_ACK, ack);
	tcp[HP_TCP_OFF_DOFF] = (uint8_t)(hlen << 2);
	tcp[HP_TCP_OFF_FLAGS] = HP_TCP_ACK;
	hp_put16(tcp + HP_TCP_OFF_WIN, g->back->window);
	if (ts) {
		tcp[20] = tcp[21] = HP_TCPOPT_NOP;
		tcp[22] = HP_TCPOPT_TIMESTAMP;
		tcp[23] = 10;
		hp_put32(tcp + 24, g->back->ts_val);
		hp_put32(tcp + 28, g->d->ts_val);
	}
	hp_put16(tcp + HP_TCP_OFF_CSUM, hp_csum_l4(&h.src, &h.dst, HP_PROTO_TCP, tcp, hlen));
	q->len = at + hlen;
}

static void send_ack(struct hp_pipe *pipe, struct segment *g, uint32_t ack)
{
	struct hp_packet *q = pipe->d.ops->get(pipe->d.ops->ctx);

	if (!q)
		return; /* as if it had been lost */
	build_ack(g, q, ack);
	if (!hp_packet_dissect(q)) {
		if (g->p->dir == HP_OUTBOUND)
			hp_pipe_plain(pipe, q);
		else if (!hp_xlat_to_hit(&pipe->xlat, q, &g->p->flow->key))
			hp_pipe_seal(pipe, q, g->p->assoc, 0);
	}
	pipe->d.ops->put(pipe->d.ops->ctx, q);
}

static void acknowledge(struct hp_pipe *pipe, struct segment *g)
{
	struct hp_seqadj_dir *d = g->d;
	uint32_t una = d->una, ack;

	if (!g->len || !(g->tcp.flags & HP_TCP_ACK))
		return;
	ack = hp_seqadj_acked(d, hp_seqadj_map(d, una));
	if (d->una != una || (d->held && d->una == d->next))
		send_ack(pipe, g, ack);
}

/* ---- the step */

static int dissect(struct segment *g)
{
	struct hp_packet *p = g->p;
	const uint8_t *tcp = p->data + p->l4_off;

	if (p->len < p->l4_off || hp_tcp_parse(tcp, p->len - p->l4_off, &g->tcp) ||
	    !hp_packet_checksum_ok(p))
		return -EBADMSG;
	hp_tcp_optinfo(tcp, g->tcp.hlen, &g->opt); /* what precedes a malformed option counts */
	g->data = tcp + g->tcp.hlen;
	g->len = (uint32_t)(p->len - p->l4_off - g->tcp.hlen);
	g->end = g->tcp.seq + g->len;
	g->fin = g->tcp.flags & HP_TCP_FIN;
	return 0;
}

/* What its sender said last, and where it begins.  True: it is no SYN, and is looked at. */
static bool note(struct segment *g)
{
	struct hp_seqadj_dir *d = g->d;

	d->window = g->tcp.window;
	d->has_ts = g->opt.has_ts;
	d->ts_val = g->opt.ts_val;
	if (!(g->tcp.flags & HP_TCP_SYN)) {
		/* Under way before it was followed.  A keep-alive has a number that is too low
		 * (RFC 9293, 3.8.4), so only data says where the stream goes on. */
		if (!d->began && (g->len || g->fin))
			hp_seqadj_begin(d, g->tcp.seq);
		return true;
	}
	/* A SYN that the network repeats late changes nothing (RFC 9293, 3.10.7.4).  One that opens
	 * another connection makes another flow. */
	if (!d->began || d->next + d->held == d->first)
		hp_seqadj_begin(d, g->end + 1);
	return false;
}

enum hp_verdict hp_pipe_seqadj(struct hp_instance *self, struct hp_packet *p)
{
	struct hp_pipe *pipe = *(struct hp_pipe **)self->state;
	struct hp_seqadj *s = p->flow->seqadj;
	const char *stage = p->dir == HP_OUTBOUND ? "out.l7" : "in.l7";
	struct segment g = { .p = p, .s = s };

	if (!s)
		return HP_NEXT;
	g.d = &s->dir[p->dir];
	g.back = &s->dir[p->dir == HP_OUTBOUND ? HP_INBOUND : HP_OUTBOUND];
	if (dissect(&g))
		return hp_pipe_drop(pipe, p, stage, HP_DROP_BAD_TRANSPORT);
	if (!hp_pipe_rewrite_ready(pipe))
		return hp_pipe_drop(pipe, p, stage, HP_DROP_NO_MEMORY);
	if (!note(&g))
		return HP_NEXT;
	if (look(pipe, &g))
		return hp_pipe_drop(pipe, p, stage, HP_DROP_L7_ORDER);
	if (rewrite(pipe, &g))
		return hp_pipe_drop(pipe, p, stage, HP_DROP_BAD_TRANSPORT);
	acknowledge(pipe, &g);
	return HP_NEXT;
}
