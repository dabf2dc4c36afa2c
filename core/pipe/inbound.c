/* SPDX-License-Identifier: MIT
 *
 * HIP -> plain side: ESP is opened (RFC 4303, RFC 7402) and what was in it goes, by its flow, to
 * a legacy host, or to applications on this host.
 */
#include "pipe/internal.h"

#include <errno.h>

#include "wire/esp.h"

/* ---- out of the association */

static enum hp_verdict toward_legacy(struct hp_pipe *pipe, struct hp_packet *p)
{
	static const enum hp_stage stages[] = { HP_STAGE_IN_FLOW, HP_STAGE_IN_XLAT,
						HP_STAGE_IN_L7, HP_STAGE_IN_EMIT };
	enum hp_verdict v = p->related ? HP_NEXT : hp_pipe_fits_legacy(pipe, p, p->flow);

	for (size_t i = 0; i < sizeof(stages) / sizeof(*stages) && v == HP_NEXT; i++)
		v = hp_pipe_hooks(pipe, p, stages[i]);
	return v;
}

static uint8_t look_at_tcp(struct hp_pipe *pipe, struct hp_packet *p)
{
	uint8_t flags;
	uint16_t mss;

	if (p->proto != HP_PROTO_TCP || p->len < p->l4_off + 20u)
		return 0;
	flags = p->data[p->l4_off + HP_TCP_OFF_FLAGS];
	if (flags & HP_TCP_SYN) {
		mss = hp_xlat_clamp_mss(
			p, (uint16_t)(hp_pipe_max_payload(pipe, p->assoc) - 20));
		if (mss)
			p->flow->mss_peer = mss;
	}
	return flags;
}

static enum hp_verdict to_flow(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow *f)
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
	p->flow = NULL; /* may be gone when the packet leaves */
	p->assoc = NULL;
	hp_coalesce_add(&pipe->coalesce, p);
	return HP_TAKEN;
}

/* The flow of p, in HIT form; one may begin.  NULL with HP_NEXT: nobody's. */
static enum hp_verdict find_flow(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow **f)
{
	bool icmp = p->proto == HP_PROTO_ICMP6;
	enum hp_verdict v;

	*f = hp_flow_find_hit(pipe->flows, p->proto, &p->dst, p->dport, &p->src,
			      icmp ? 0 : p->sport);
	if (!*f && icmp) {
		*f = hp_pipe_related_hit(pipe, p);
		p->related = *f != NULL;
	}
	if (*f)
		return HP_NEXT;
	v = hp_pipe_expected_in(pipe, p, f);
	return v != HP_NEXT || *f ? v : hp_pipe_peer_begun(pipe, p, f);
}

static enum hp_verdict inner(struct hp_pipe *pipe, struct hp_packet *p)
{
	struct hp_flow *f;
	enum hp_verdict v = find_flow(pipe, p, &f);

	if (v != HP_NEXT)
		return v;
	if (f)
		return to_flow(pipe, p, f);
	if (!hp_addr_eq(&p->dst, &pipe->d.host_hit))
		return hp_pipe_drop(pipe, p, "in.flow", HP_DROP_NO_FLOW);
	hp_pipe_note(pipe, p, "in.host", "sent", "");
	hp_coalesce_add(&pipe->coalesce, p);
	return HP_TAKEN;
}

/* ---- opening */

static enum hp_verdict open_failed(struct hp_pipe *pipe, struct hp_packet *p, int err)
{
	switch (err) {
	case -EALREADY:
		return hp_pipe_drop(pipe, p, "in.esp", HP_DROP_ESP_REPLAY);
	case -EKEYREJECTED:
		return hp_pipe_drop(pipe, p, "in.esp", HP_DROP_ESP_AUTH);
	case -EPROTO:
		return hp_pipe_drop(pipe, p, "in.esp", HP_DROP_ESP_PADDING);
	default:
		return hp_pipe_drop(pipe, p, "in.esp", HP_DROP_ESP_RUNT);
	}
}

static enum hp_verdict unknown_spi(struct hp_pipe *pipe, struct hp_packet *p, uint32_t spi)
{
	struct hp_path path = { .src = p->dst, .dst = p->src,
				.sport = p->dport, .dport = p->sport };

	hp_hip_unknown_spi(pipe->d.hip, &path, spi);
	return hp_pipe_drop(pipe, p, "in.esp", HP_DROP_ESP_SPI);
}

/* BEET (RFC 7402, section 3.1): the inner header is made anew from the SA's HITs; hop limit and
 * traffic class are the outer header's (appendix B.1.4). */
static int inner_header(struct hp_packet *p, const struct hp_sa *sa,
			const struct hp_esp_opened *o)
{
	struct hp_ip_head h = {
		.src = sa->src_hit, .dst = sa->dst_hit, .proto = o->next_header,
		.payload_len = (uint16_t)o->len, .ttl = p->ttl, .tos = p->tos,
	};

	if (o->len > 65535)
		return -EBADMSG;
	p->data = o->payload;
	p->len = o->len;
	if (!hp_packet_push(p, HP_IP6_HLEN))
		return -ENOBUFS;
	hp_ip6_build(p->data, &h);
	return hp_packet_dissect(p);
}

/* The peer may have moved, or a NAT before it. */
static void came_by(struct hp_assoc *a, const struct hp_packet *p)
{
	const struct hp_path *now = hp_assoc_path(a);
	struct hp_path path = { .src = p->dst, .dst = p->src,
				.sport = p->dport, .dport = p->sport };

	if (now->dport != p->sport || !hp_addr_eq(&now->dst, &p->src))
		hp_assoc_seen(a, &path);
}

static enum hp_verdict open_packet(struct hp_pipe *pipe, struct hp_packet *p)
{
	struct hp_esp_opened o;
	struct hp_pipe_assoc *pa;
	struct hp_esp esp;
	struct hp_sa *sa;
	int err;

	if (hp_esp_parse(p->data, p->len, &esp))
		return hp_pipe_drop(pipe, p, "in.esp", HP_DROP_ESP_RUNT);
	sa = hp_sadb_find(hp_hip_sadb(pipe->d.hip), esp.spi);
	if (!sa)
		return unknown_spi(pipe, p, esp.spi);
	err = hp_esp_open(sa, p->data, p->len, &o);
	if (err)
		return open_failed(pipe, p, err);
	/* RFC 4303, section 2.6: dummy packets say 59, and are discarded. */
	if (o.next_header == HP_PROTO_NONE)
		return hp_pipe_drop(pipe, p, "in.esp", HP_DROP_ESP_DUMMY);
	p->assoc = sa->owner;
	hp_assoc_received(p->assoc, hp_pipe_now(pipe));
	came_by(p->assoc, p);
	if (inner_header(p, sa, &o))
		return hp_pipe_drop(pipe, p, "in.esp", HP_DROP_BAD_PACKET);
	/* What came in fragments of the outer packet, its sender lets be cut. */
	if (o.len > hp_pipe_max_payload(pipe, p->assoc))
		p->df = false;
	pa = hp_pipe_assoc_area(p->assoc);
	if (pa) {
		pa->packets[HP_INBOUND]++;
		pa->octets[HP_INBOUND] += p->len;
	}
	pipe->totals.in_packets++;
	pipe->totals.in_bytes += p->len;
	return HP_NEXT;
}

void hp_pipe_esp(struct hp_pipe *pipe, struct hp_packet *p)
{
	struct hp_assoc *a;
	enum hp_verdict v;

	p->dir = HP_INBOUND;
	v = hp_pipe_hooks_early(pipe, p, HP_STAGE_IN_OUTER);
	if (v == HP_NEXT)
		v = open_packet(pipe, p);
	if (v != HP_NEXT) {
		hp_pipe_conclude(pipe, p, v == HP_PASS ? HP_DROP : v);
		return;
	}
	a = p->assoc;
	p = hp_pipe_whole(pipe, p, "in.reassembly");
	if (!p)
		return;
	p->assoc = a;
	v = inner(pipe, p);
	hp_pipe_conclude(pipe, p, v == HP_PASS ? HP_DROP : v);
}
