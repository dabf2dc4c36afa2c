/* SPDX-License-Identifier: MIT
 *
 * ESP packets are opened (RFC 4303, RFC 7402); inbound.c processes the inner packets, in HIT
 * form.
 *
 * Most packets that arrive together belong to one stream.  So each is deciphered from the
 * socket's buffer straight to the place behind the packet before it (xlat/coalesce.h).  If it
 * continues that packet, nothing is copied, and all further steps are done once for the
 * super-packet.
 */
#include "pipe/open.h"

#include <errno.h>
#include <string.h>

#include "pipe/area.h"
#include "pipe/burst.h"
#include "pipe/hooks.h"
#include "pipe/inbound.h"
#include "pipe/seal.h"
#include "pipe/trace.h"
#include "pipe/verdict.h"
#include "pipe/whole.h"
#include "wire/esp.h"

/* What the steps of one packet share. */
struct opening {
	struct hp_pipe *pipe;
	const struct hp_packet *outer; /* the ESP packet, for reports and paths */
	struct hp_sa *sa;
	struct hp_esp_opened o;
};

/* ---- what can go wrong */

static enum hp_verdict open_failed(struct hp_pipe *pipe, const struct hp_packet *outer, int err)
{
	switch (err) {
	case -EALREADY:
		return hp_pipe_drop(pipe, outer, "in.esp", HP_DROP_ESP_REPLAY);
	case -EKEYREJECTED:
		return hp_pipe_drop(pipe, outer, "in.esp", HP_DROP_ESP_AUTH);
	case -EPROTO:
		return hp_pipe_drop(pipe, outer, "in.esp", HP_DROP_ESP_PADDING);
	default:
		return hp_pipe_drop(pipe, outer, "in.esp", HP_DROP_ESP_RUNT);
	}
}

static struct hp_path path_back(const struct hp_packet *outer)
{
	return (struct hp_path){ .src = outer->dst, .dst = outer->src,
				 .sport = outer->dport, .dport = outer->sport };
}

/* HP_NEXT and g->sa, or a drop. */
static enum hp_verdict find_sa(struct opening *g, const uint8_t *pkt, size_t len)
{
	struct hp_path path = path_back(g->outer);
	struct hp_esp esp;

	if (hp_esp_parse(pkt, len, &esp))
		return hp_pipe_drop(g->pipe, g->outer, "in.esp", HP_DROP_ESP_RUNT);
	g->sa = hp_sadb_find(hp_hip_sadb(g->pipe->d.hip), esp.spi);
	if (g->sa)
		return HP_NEXT;
	hp_hip_unknown_spi(g->pipe->d.hip, &path, esp.spi);
	return hp_pipe_drop(g->pipe, g->outer, "in.esp", HP_DROP_ESP_SPI);
}

/* ---- once it is authentic */

/* The peer, or a NAT in front of it, may have a new address. */
static void came_by(struct hp_assoc *a, const struct hp_packet *outer)
{
	const struct hp_path *now = hp_assoc_path(a);
	struct hp_path path;

	if (now->dport == outer->sport && hp_addr_eq(&now->dst, &outer->src))
		return;
	path = path_back(outer);
	hp_assoc_seen(a, &path);
}

static void count(struct opening *g, struct hp_assoc *a)
{
	struct hp_pipe_assoc *pa = hp_pipe_assoc_area(a);
	size_t len = g->o.len + HP_IP6_HLEN;

	if (pa) {
		pa->packets[HP_INBOUND]++;
		pa->octets[HP_INBOUND] += len;
	}
	g->pipe->totals.in_packets++;
	g->pipe->totals.in_bytes += len;
}

/* HP_NEXT, or a drop. */
static enum hp_verdict authentic(struct opening *g)
{
	struct hp_assoc *a = g->sa->owner;

	/* RFC 4303, section 2.6: dummy packets have next header 59 and are discarded. */
	if (g->o.next_header == HP_PROTO_NONE)
		return hp_pipe_drop(g->pipe, g->outer, "in.esp", HP_DROP_ESP_DUMMY);
	hp_assoc_received(a, hp_pipe_now(g->pipe));
	came_by(a, g->outer);
	if (g->o.len > UINT16_MAX)
		return hp_pipe_drop(g->pipe, g->outer, "in.esp", HP_DROP_BAD_PACKET);
	count(g, a);
	return HP_NEXT;
}

/* A packet that arrived in fragments of the outer packet may be fragmented further: peers that do
 * not fragment the inner packet have no other way to say so. */
static bool came_cut(const struct opening *g)
{
	return g->o.len > hp_pipe_max_payload(g->pipe, g->sa->owner);
}

/* BEET (RFC 7402, section 3.1): the inner header is made anew from the SA's HITs; hop limit and
 * traffic class are the outer header's (appendix B.1.4).  p's octets are the opened payload. */
static int inner_header(const struct opening *g, struct hp_packet *p)
{
	struct hp_ip_head h = {
		.src = g->sa->src_hit, .dst = g->sa->dst_hit, .proto = g->o.next_header,
		.payload_len = (uint16_t)g->o.len, .ttl = g->outer->ttl, .tos = g->outer->tos,
	};
	int err;

	if (!hp_packet_push(p, HP_IP6_HLEN))
		return -ENOBUFS;
	hp_ip6_build(p->data, &h);
	err = hp_packet_dissect(p);
	if (!err && came_cut(g))
		p->df = false;
	return err;
}

/* Takes p over.  p's octets are the opened payload. */
static void go_on(struct opening *g, struct hp_packet *p)
{
	p->dir = HP_INBOUND;
	p->assoc = g->sa->owner;
	if (inner_header(g, p)) {
		hp_pipe_conclude(g->pipe, p, hp_pipe_drop(g->pipe, g->outer, "in.esp",
							  HP_DROP_BAD_PACKET));
		return;
	}
	/* Reassembly comes before joining, so that packets are not reordered. */
	p = hp_pipe_whole(g->pipe, p, "in.reassembly");
	if (!p)
		return;
	p->assoc = g->sa->owner;
	hp_coalesce_add(&g->pipe->coalesce, p);
}

void hp_pipe_opened(void *ctx, struct hp_packet *p)
{
	struct hp_pipe *pipe = ctx;

	if (hp_burst_add(pipe->burst, p))
		hp_pipe_inner(pipe, pipe->burst);
}

/* ---- packets in a socket's buffer */

/* A packet for len octets of transport part, data being where it begins.  big: others will be
 * appended. */
static struct hp_packet *packet_for(struct hp_pipe *pipe, size_t len, bool big)
{
	struct hp_packet *p = pipe->d.ops->get(pipe->d.ops->ctx), *grown;
	size_t room = HP_PACKET_HEADROOM + HP_IP6_HLEN + len;

	if (p && (big || room > p->cap)) {
		grown = pipe->d.ops->expand(pipe->d.ops->ctx, p);
		if (grown)
			p = grown;
	}
	if (p && room > p->cap) {
		pipe->d.ops->put(pipe->d.ops->ctx, p);
		return NULL;
	}
	if (p)
		p->data += HP_IP6_HLEN;
	return p;
}

static void open_apart(struct opening *g, const uint8_t *pkt, size_t len, bool more)
{
	struct hp_packet *p = packet_for(g->pipe, len, more);
	enum hp_verdict v;
	int err;

	if (!p) {
		hp_pipe_drop(g->pipe, g->outer, "in.esp", HP_DROP_NO_MEMORY);
		return;
	}
	err = hp_esp_open_to(g->sa, pkt, len, p->data, &g->o);
	v = err ? open_failed(g->pipe, g->outer, err) : authentic(g);
	if (v != HP_NEXT) {
		hp_pipe_conclude(g->pipe, p, v);
		return;
	}
	p->data = g->o.payload;
	p->len = g->o.len;
	go_on(g, p);
}

/* The packet at the spot does not continue the one before: it moves to a buffer of its own. */
static void move_out(struct opening *g)
{
	struct hp_packet *p = packet_for(g->pipe, g->o.len, false);

	if (p) {
		memcpy(p->data, g->o.payload, g->o.len);
		p->len = g->o.len;
	} else {
		hp_pipe_drop(g->pipe, g->outer, "in.esp", HP_DROP_NO_MEMORY);
	}
	hp_coalesce_leave(&g->pipe->coalesce);
	if (p)
		go_on(g, p);
}

static void open_at(struct opening *g, const uint8_t *pkt, size_t len, uint8_t *spot)
{
	struct hp_coalesce *c = &g->pipe->coalesce;
	int err = hp_esp_open_to(g->sa, pkt, len, spot, &g->o);
	enum hp_verdict v = err ? open_failed(g->pipe, g->outer, err) : authentic(g);

	if (v != HP_NEXT) {
		hp_coalesce_leave(c);
		return;
	}
	if (came_cut(g) || !hp_coalesce_join(c, g->o.next_header, g->o.len))
		move_out(g);
}

static void open_one(struct hp_pipe *pipe, const struct hp_packet *outer, bool more)
{
	struct opening g = { .pipe = pipe, .outer = outer };
	struct hp_coalesce_next next = { .ttl = outer->ttl, .tos = outer->tos };
	const uint8_t *pkt = outer->data;
	size_t len = outer->len;
	uint8_t *spot;

	if (find_sa(&g, pkt, len) != HP_NEXT)
		return;
	next.src = &g.sa->src_hit;
	next.dst = &g.sa->dst_hit;
	spot = hp_coalesce_spot(&pipe->coalesce, &next, len);
	if (spot)
		open_at(&g, pkt, len, spot);
	else
		open_apart(&g, pkt, len, more);
}

/* more: other packets follow, which are likely to be joined with these. */
static void arrived(struct hp_pipe *pipe, const struct hp_esp_arrived *r, bool more)
{
	struct hp_packet outer = {
		.src = r->src, .dst = r->dst, .sport = r->sport, .dport = r->dport,
		.family = r->family, .ttl = r->ttl, .tos = r->tos, .proto = HP_PROTO_ESP,
		.dir = HP_INBOUND,
	};

	for (uint32_t i = 0; i < r->n; i++) {
		bool last = i + 1 == r->n;

		/* An outer packet is only read. */
		outer.data = (uint8_t *)(uintptr_t)(r->data + (size_t)i * r->seg);
		outer.len = last ? r->last : r->seg;
		open_one(pipe, &outer, !last || more);
	}
}

void hp_pipe_esp_arrived(struct hp_pipe *pipe, const struct hp_esp_arrived *r, unsigned int n)
{
	struct hp_burst b;

	hp_burst_begin(pipe, &b);
	for (unsigned int i = 0; i < n; i++)
		arrived(pipe, &r[i], i + 1 < n);
	hp_coalesce_flush(&pipe->coalesce);
	hp_pipe_inner(pipe, &b);
	hp_burst_end(pipe, &b);
}
