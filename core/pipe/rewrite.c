/* SPDX-License-Identifier: MIT
 *
 * Packets whose payload changes: see rewrite.h.
 */
#include "pipe/rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "flow/follow.h"
#include "flow/seqadj.h"
#include "pipe/trace.h"
#include "pipe/verdict.h"
#include "wire/checksum.h"
#include "wire/udp.h"

bool hp_pipe_rewrite_ready(struct hp_pipe *pipe)
{
	bool ready = true;

	for (int i = 0; i < HP_PIPE_STREAMS; i++) {
		if (!pipe->stream[i])
			pipe->stream[i] = malloc(HP_PACKET_CAP + HP_ALG_HOLD_MAX);
		ready = ready && pipe->stream[i];
	}
	return ready;
}

void hp_pipe_relength(struct hp_packet *p, size_t l4_len)
{
	p->len = p->l4_off + l4_len;
	if (p->family == 4) {
		hp_put16(p->data + 2, (uint16_t)p->len);
		hp_ip4_csum_set(p->data, p->l4_off);
	} else {
		hp_put16(p->data + 4, (uint16_t)(p->len - HP_IP6_HLEN));
	}
}

void hp_pipe_rechecksum(struct hp_packet *p)
{
	uint8_t *l4 = p->data + p->l4_off, *at = l4 + hp_proto_csum_off(p->proto);
	uint32_t len = (uint32_t)(p->len - p->l4_off);
	uint16_t sum;

	hp_put16(at, 0);
	sum = p->csum_partial ? hp_csum_fold(hp_csum_pseudo(&p->src, &p->dst, p->proto, len)) :
				hp_csum_l4(&p->src, &p->dst, p->proto, l4, len);
	if (!sum && p->proto == HP_PROTO_UDP && !p->csum_partial)
		sum = 0xffff; /* RFC 768: zero means none */
	hp_put16(at, sum);
}

/* ---- room */

/* Octets of the stream that may be put in front of p's. */
static size_t kept(const struct hp_packet *p, const struct hp_flow *f)
{
	const struct hp_seqadj_dir *d;

	if (p->proto != HP_PROTO_TCP || !f->seqadj)
		return 0;
	d = &f->seqadj->dir[p->dir];
	return d->held + (hp_seq_before(d->una, d->told) ? d->told - d->una : 0);
}

/* The most octets that p may have when the gateway has seen it. */
static size_t most(const struct hp_packet *p, const struct hp_flow *f)
{
	return p->len + kept(p, f) + HP_ALG_GROW;
}

static enum hp_verdict go_on(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow *f,
			     hp_pipe_step next)
{
	size_t room = p->cap - (size_t)(p->data - p->buf);
	struct hp_packet *q = p;
	enum hp_verdict v;

	if (most(p, f) > room)
		q = pipe->d.ops->expand(pipe->d.ops->ctx, p);
	if (!q)
		return hp_pipe_drop(pipe, p, "l7", HP_DROP_NO_MEMORY);
	v = next(pipe, q, f);
	if (q == p)
		return v;
	hp_pipe_conclude(pipe, q, v);
	return HP_TAKEN;
}

/* One datagram out of p; len octets of transport part are in pipe->segment. */
static struct hp_packet *part_of(struct hp_pipe *pipe, const struct hp_packet *p, size_t len)
{
	struct hp_packet *q = pipe->d.ops->get(pipe->d.ops->ctx), *big;

	if (!q)
		return NULL;
	if (q->cap - HP_PACKET_HEADROOM < p->l4_off + len) {
		big = pipe->d.ops->expand(pipe->d.ops->ctx, q);
		if (!big) {
			pipe->d.ops->put(pipe->d.ops->ctx, q);
			return NULL;
		}
		q = big;
	}
	memcpy(q->data, p->data, p->l4_off);
	memcpy(q->data + p->l4_off, pipe->segment, len);
	q->family = p->family;
	q->l4_off = p->l4_off;
	hp_pipe_relength(q, len);
	if (hp_packet_dissect(q)) {
		pipe->d.ops->put(pipe->d.ops->ctx, q);
		return NULL;
	}
	q->dir = p->dir;
	q->assoc = p->assoc;
	q->tun = p->tun;
	q->df = p->df;
	return q;
}

static enum hp_verdict apart(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow *f,
			     hp_pipe_step next)
{
	struct hp_segmenter s;
	struct hp_packet *q;
	int len;

	if (hp_segment_init(&s, p, p->gso_size))
		return hp_pipe_drop(pipe, p, "l7", HP_DROP_BAD_TRANSPORT);
	hp_pipe_steal(pipe, p);
	while ((len = hp_segment_next(&s, pipe->segment, HP_PACKET_CAP)) > 0) {
		q = part_of(pipe, p, (size_t)len);
		if (q)
			hp_pipe_conclude(pipe, q, go_on(pipe, q, f, next));
		else
			hp_pipe_drop(pipe, p, "l7", HP_DROP_NO_MEMORY);
	}
	hp_pipe_conclude(pipe, p, HP_DROP); /* its datagrams have been accounted for */
	return HP_TAKEN;
}

enum hp_verdict hp_pipe_roomy(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow *f,
			      hp_pipe_step next)
{
	if (p->related)
		return next(pipe, p, f);
	if (p->proto == HP_PROTO_UDP && p->gso_size)
		return apart(pipe, p, f, next);
	return go_on(pipe, p, f, next);
}
