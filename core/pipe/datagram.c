/* SPDX-License-Identifier: MIT
 *
 * The step core.alg: see datagram.h and hipproxy/alg.h.
 *
 * A datagram comes whole (reassembly is before) and alone (rewrite.c has taken joined ones
 * apart).
 */
#include "pipe/datagram.h"

#include <string.h>

#include "flow/follow.h"
#include "pipe/rewrite.h"
#include "pipe/seal.h"
#include "pipe/trace.h"
#include "wire/udp.h"

/* 0, or -1.  Octets behind the datagram's own length are left out. */
static int parse(struct hp_packet *p, struct hp_udp *udp)
{
	if (p->len < p->l4_off || hp_udp_parse(p->data + p->l4_off, p->len - p->l4_off, udp))
		return -1;
	if (udp->len != p->len - p->l4_off)
		hp_pipe_relength(p, udp->len);
	return hp_packet_checksum_ok(p) ? 0 : -1;
}

/* Its sender has found out that the datagram it sent fits, not the one that it became. */
static void may_be_cut(struct hp_pipe *pipe, struct hp_packet *p, size_t before)
{
	if (!p->df || (p->dir == HP_OUTBOUND && before > hp_pipe_max_payload(pipe, p->assoc)))
		return;
	p->df = false;
	if (p->family != 4)
		return;
	p->data[6] &= (uint8_t)~0x40;
	/* RFC 6864, section 4.1: without DF the identification must be unique. */
	hp_put16(p->data + 4, (uint16_t)pipe->xlat.ip_id++);
	p->frag_id = hp_get16(p->data + 4);
	hp_ip4_csum_set(p->data, p->l4_off);
}

static void put(struct hp_pipe *pipe, struct hp_packet *p, const struct hp_alg_out *out)
{
	uint8_t *l4 = p->data + p->l4_off;
	size_t before = p->len - p->l4_off, now = HP_UDP_HLEN + out->len;

	memcpy(l4 + HP_UDP_HLEN, out->data, out->len);
	hp_put16(l4 + HP_UDP_OFF_LEN, (uint16_t)now);
	hp_pipe_relength(p, now);
	hp_pipe_rechecksum(p);
	if (now > before)
		may_be_cut(pipe, p, before);
}

static size_t room_for(const struct hp_packet *p)
{
	size_t head = p->l4_off + HP_UDP_HLEN, most = UINT16_MAX - head;
	size_t room = p->cap - (size_t)(p->data - p->buf) - head;

	return room < most ? room : most;
}

static enum hp_verdict refused(struct hp_pipe *pipe, struct hp_packet *p,
			       const struct hp_follow *w, const char *stage)
{
	const struct hp_instance *self = w->self;
	const char *reason = self->last_drop < self->drops.n ?
				     self->plugin->drops[self->last_drop].name : "";

	return hp_pipe_drop_hook(pipe, p, stage, w->alg->name, reason);
}

enum hp_verdict hp_pipe_datagram(struct hp_instance *self, struct hp_packet *p)
{
	struct hp_pipe *pipe = *(struct hp_pipe **)self->state;
	const char *stage = p->dir == HP_OUTBOUND ? "out.l7" : "in.l7";
	struct hp_follow *w = hp_flow_followed(p->flow);
	struct hp_alg_out out = { .replace = false };
	struct hp_alg_call c;
	struct hp_udp udp;

	if (!w || w->transparent[p->dir])
		return HP_NEXT;
	if (parse(p, &udp))
		return hp_pipe_drop(pipe, p, stage, HP_DROP_BAD_TRANSPORT);
	if (!hp_pipe_rewrite_ready(pipe))
		return hp_pipe_drop(pipe, p, stage, HP_DROP_NO_MEMORY);
	out.data = pipe->stream[HP_PIPE_STREAM_OUT];
	out.cap = room_for(p);
	c = hp_follow_call(w, p);
	if (w->alg->datagram(&c, p->data + p->l4_off + HP_UDP_HLEN, udp.len - HP_UDP_HLEN, &out) !=
	    HP_NEXT)
		return refused(pipe, p, w, stage);
	if (out.replace && out.len <= out.cap)
		put(pipe, p, &out);
	return HP_NEXT;
}
