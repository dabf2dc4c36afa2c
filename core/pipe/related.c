/* SPDX-License-Identifier: MIT
 *
 * ICMP errors belong to the flow that the packet in them belongs to (RFC 5508, section 4).
 */
#include "pipe/related.h"

#include <string.h>

/* The beginning of a packet, as far as an error quotes it. */
struct quoted {
	struct hp_addr src, dst;
	uint16_t sport, dport;
	uint16_t id;           /* ICMP echo: in keys of flows our port; the other is 0 */
	uint8_t proto;
};

static bool is_icmp(uint8_t proto)
{
	return proto == HP_PROTO_ICMP || proto == HP_PROTO_ICMP6;
}

/* Every error quotes at least eight octets of the transport header (RFC 792). */
static bool quoted_ports(const uint8_t *l4, size_t len, struct quoted *q)
{
	if (len < 8)
		return false;
	if (is_icmp(q->proto)) {
		q->id = hp_get16(l4 + 4);
		return true;
	}
	if (!hp_flow_has_ports(q->proto))
		return true;
	q->sport = hp_get16(l4);
	q->dport = hp_get16(l4 + 2);
	return true;
}

static bool quoted_read(const uint8_t *p, size_t len, struct quoted *q)
{
	size_t hlen;

	if (len >= HP_IP4_HLEN && p[0] >> 4 == 4) {
		uint32_t be;

		hlen = (p[0] & 15) * 4u;
		memcpy(&be, p + 12, 4);
		q->src = hp_addr_from4(be);
		memcpy(&be, p + 16, 4);
		q->dst = hp_addr_from4(be);
		q->proto = p[9];
		if (hlen < HP_IP4_HLEN || (hp_get16(p + 6) & 0x1fff))
			return false;
	} else if (len >= HP_IP6_HLEN && p[0] >> 4 == 6) {
		hlen = HP_IP6_HLEN;
		q->src = hp_addr_from6(p + 8);
		q->dst = hp_addr_from6(p + 24);
		q->proto = p[6];
		/* A datagram that was sent in fragments: the first one has the ports. */
		if (q->proto == HP_PROTO_FRAGMENT && len >= HP_IP6_HLEN + HP_IP6_FRAGHLEN) {
			if (hp_get16(p + hlen + 2) & 0xfff8)
				return false;
			q->proto = p[hlen];
			hlen += HP_IP6_FRAGHLEN;
		}
	} else {
		return false;
	}
	return hlen + 8 <= len && quoted_ports(p + hlen, len - hlen, q);
}

/* What p, an ICMP error, quotes. */
static bool quoted_in(const struct hp_packet *p, struct quoted *q)
{
	const uint8_t *l4 = p->data + p->l4_off;
	struct hp_icmp icmp;

	if (!is_icmp(p->proto) || p->len < p->l4_off + 8u ||
	    hp_icmp_parse(p->proto == HP_PROTO_ICMP ? 4 : 6, l4, p->len - p->l4_off, &icmp) ||
	    !icmp.is_error)
		return false;
	return quoted_read(l4 + icmp.inner_off, p->len - p->l4_off - icmp.inner_off, q);
}

struct hp_flow *hp_pipe_related_legacy(struct hp_pipe *pipe, const struct hp_packet *p)
{
	struct quoted q = { .proto = 0 };

	/* The quoted packet's source is the far end, as the legacy host knows it. */
	if (!quoted_in(p, &q) || !hp_addr_eq(&q.src, &p->dst))
		return NULL;
	if (is_icmp(q.proto))
		return hp_flow_find_legacy(pipe->flows, q.proto, &q.dst, q.id, &q.src, 0);
	return hp_flow_find_legacy(pipe->flows, q.proto, &q.dst, q.dport, &q.src, q.sport);
}

struct hp_flow *hp_pipe_related_hit(struct hp_pipe *pipe, const struct hp_packet *p)
{
	struct quoted q = { .proto = 0 };

	/* A peer may send errors only about its own conversations with us. */
	if (!quoted_in(p, &q) || !hp_addr_eq(&q.src, &p->dst) || !hp_addr_eq(&q.dst, &p->src))
		return NULL;
	if (is_icmp(q.proto))
		return hp_flow_find_hit(pipe->flows, q.proto, &q.src, q.id, &q.dst, 0);
	return hp_flow_find_hit(pipe->flows, q.proto, &q.src, q.sport, &q.dst, q.dport);
}

bool hp_pipe_may_begin(const struct hp_packet *p)
{
	uint8_t request = p->proto == HP_PROTO_ICMP ? HP_ICMP4_ECHO : HP_ICMP6_ECHO;

	return !is_icmp(p->proto) ||
	       (p->len >= p->l4_off + 8u && p->data[p->l4_off] == request);
}
