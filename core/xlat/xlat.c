/* SPDX-License-Identifier: MIT
 *
 * Legacy form <-> HIT form (RFC 7915, sections 4.1, 4.5, 5.1): see xlat.h.
 */
#include "xlat/xlat.h"

#include <errno.h>

#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "wire/udp.h"

/* What a packet shall become. */
struct target {
	struct hp_addr src, dst;
	uint16_t sport, dport; /* ICMP echo: the identifier is in both */
	uint8_t proto;
	uint8_t icmp_type;
};

static bool is_icmp(uint8_t proto)
{
	return proto == HP_PROTO_ICMP || proto == HP_PROTO_ICMP6;
}

static bool has_ports(uint8_t proto)
{
	return proto == HP_PROTO_TCP || proto == HP_PROTO_UDP;
}

/* UDP-Lite (RFC 3828, section 3.1) and DCCP (RFC 4340, section 9.1) cover a pseudo header.  SCTP's
 * CRC32c (RFC 9260, section 6.8) and GRE's checksum (RFC 2784, section 2.5) do not. */
static bool covers_pseudo(uint8_t proto)
{
	return proto == HP_PROTO_UDPLITE || proto == HP_PROTO_DCCP;
}

static int check_carried(uint8_t proto, size_t len)
{
	return covers_pseudo(proto) && len < HP_UDP_HLEN ? -EBADMSG : 0;
}

/* Echo messages keep their meaning in the other family (RFC 7915, 4.2 and 5.2). */
static int target_icmp(struct target *t, const struct hp_packet *p)
{
	uint8_t type = p->data[p->l4_off];
	bool to4 = hp_addr_is4(&t->dst);

	if (p->proto == HP_PROTO_ICMP ? type == HP_ICMP4_ECHO : type == HP_ICMP6_ECHO)
		t->icmp_type = to4 ? HP_ICMP4_ECHO : HP_ICMP6_ECHO;
	else if (p->proto == HP_PROTO_ICMP ? type == HP_ICMP4_ECHO_REPLY :
					     type == HP_ICMP6_ECHO_REPLY)
		t->icmp_type = to4 ? HP_ICMP4_ECHO_REPLY : HP_ICMP6_ECHO_REPLY;
	else
		return -EPROTONOSUPPORT;
	t->proto = to4 ? HP_PROTO_ICMP : HP_PROTO_ICMP6;
	return 0;
}

static int check_transport(const struct hp_xlat *x, const struct hp_packet *p)
{
	const uint8_t *l4 = p->data + p->l4_off;
	size_t len = p->len - p->l4_off;
	struct hp_udp udp;
	struct hp_tcp tcp;

	switch (p->proto) {
	case HP_PROTO_TCP:
		return hp_tcp_parse(l4, len, &tcp);
	case HP_PROTO_UDP:
		if (hp_udp_parse(l4, len, &udp) || (udp.len != len && !p->gso && !p->gso_size))
			return -EBADMSG;
		/* RFC 8200, 8.1: IPv6 has no UDP without checksum. */
		return p->family == 6 && !p->csum_partial && !udp.csum ? -EBADMSG : 0;
	case HP_PROTO_ICMP:
	case HP_PROTO_ICMP6:
		return len < HP_ICMP_HLEN ? -EBADMSG : 0;
	default:
		return hp_xlat_carries(x, p->proto) ? check_carried(p->proto, len) :
						      -EPROTONOSUPPORT;
	}
}

/* RFC 7915, 4.1 and 5.1: options and extension headers are ignored and left out, but a
 * route that is not at its end is refused. */
static int check_route(const struct hp_packet *p)
{
	struct hp_ip ip;

	if (p->l4_off == (p->family == 4 ? HP_IP4_HLEN : HP_IP6_HLEN))
		return 0;
	if (hp_ip_parse(p->data, p->len, &ip))
		return -EBADMSG;
	return ip.has_routing ? -EINVAL : 0;
}

static int check(const struct hp_xlat *x, const struct hp_packet *p, bool to4)
{
	size_t head = to4 ? HP_IP4_HLEN : HP_IP6_HLEN;
	size_t l4_len = p->len - p->l4_off;
	int err;

	if (p->len < p->l4_off)
		return -EBADMSG;
	if (p->frag_off || p->frag_more)
		return -EOPNOTSUPP;
	err = check_transport(x, p);
	if (!err)
		err = check_route(p);
	if (err)
		return err;
	if (x->decrement_ttl && p->ttl <= 1)
		return -ETIME;
	if (l4_len + (to4 ? head : 0) > UINT16_MAX)
		return -EMSGSIZE;
	return (size_t)(p->data - p->buf) + p->l4_off < head ? -ENOBUFS : 0;
}

/* TCP and UDP: ports and checksum. */
static void rewrite_ports(struct hp_packet *p, const struct target *t)
{
	uint8_t *l4 = p->data + p->l4_off;
	uint8_t *csum = l4 + hp_proto_csum_off(p->proto);
	uint32_t l4_len = (uint32_t)(p->len - p->l4_off);
	uint64_t from, to = hp_csum_pseudo(&t->src, &t->dst, t->proto, l4_len);
	bool none = p->proto == HP_PROTO_UDP && !hp_get16(csum);

	from = hp_csum_add(hp_csum_pseudo(&p->src, &p->dst, p->proto, l4_len), l4, 4);
	hp_put16(l4, t->sport);
	hp_put16(l4 + 2, t->dport);
	if (p->csum_partial) {
		hp_put16(csum, hp_csum_fold(to));
		return;
	}
	if (none) /* RFC 7915, 4.5 */
		hp_put16(csum, hp_csum_finish(hp_csum_add(to, l4, l4_len)));
	else
		hp_csum_update(csum, from, hp_csum_add(to, l4, 4));
	if (p->proto == HP_PROTO_UDP && !hp_get16(csum))
		hp_put16(csum, 0xffff);
}

/* Echo: type and identifier; ICMPv6's checksum covers a pseudo header, ICMP's does not. */
static void rewrite_echo(struct hp_packet *p, const struct target *t)
{
	uint8_t *l4 = p->data + p->l4_off;
	uint32_t l4_len = (uint32_t)(p->len - p->l4_off);
	uint64_t from = 0, to = 0;

	if (p->proto == HP_PROTO_ICMP6)
		from = hp_csum_pseudo(&p->src, &p->dst, p->proto, l4_len);
	if (t->proto == HP_PROTO_ICMP6)
		to = hp_csum_pseudo(&t->src, &t->dst, t->proto, l4_len);
	from = hp_csum_add(hp_csum_add(from, l4, 2), l4 + 4, 2);
	l4[0] = t->icmp_type;
	hp_put16(l4 + 4, t->sport);
	if (p->csum_partial)
		hp_put16(l4 + 2, hp_csum_fold(to));
	else
		hp_csum_update(l4 + 2, from, hp_csum_add(hp_csum_add(to, l4, 2), l4 + 4, 2));
}

/* A protocol of which nothing but the addresses is known. */
static void rewrite_carried(struct hp_packet *p, const struct target *t)
{
	uint8_t *csum = p->data + p->l4_off + HP_UDP_OFF_CSUM;
	uint32_t l4_len = (uint32_t)(p->len - p->l4_off);

	if (!covers_pseudo(p->proto))
		return;
	hp_csum_update(csum, hp_csum_pseudo(&p->src, &p->dst, p->proto, l4_len),
		       hp_csum_pseudo(&t->src, &t->dst, t->proto, l4_len));
	if (p->proto == HP_PROTO_UDPLITE && !hp_get16(csum))
		hp_put16(csum, 0xffff); /* RFC 3828, section 3.1 */
}

/* How many identifications p takes: the kernel counts on from the first when it cuts a
 * super-packet. */
static uint32_t packets_in(const struct hp_packet *p)
{
	return p->gso_size ? (uint32_t)(p->len - p->l4_off) / p->gso_size + 1 : 1;
}

/* RFC 7915, 5.1: DF and identification.  A packet that had a fragment header may be fragmented
 * again, whatever its length, and keeps its identification (5.1.1). */
static void head_df(struct hp_ip_head *h, struct hp_xlat *x, const struct hp_packet *p)
{
	h->df = p->df && hp_packet_transport_len(p) + HP_IP4_HLEN > HP_XLAT_DF_CLEAR_MAX;
	if (!p->df && p->frag_id) {
		h->id = (uint16_t)p->frag_id;
		return;
	}
	h->id = (uint16_t)x->ip_id;
	x->ip_id += packets_in(p);
}

static void rewrite_ip(struct hp_xlat *x, struct hp_packet *p, const struct target *t, bool to4)
{
	size_t l4_len = p->len - p->l4_off;
	size_t hlen = to4 ? HP_IP4_HLEN : HP_IP6_HLEN;
	struct hp_ip_head h = {
		.src = t->src,
		.dst = t->dst,
		.payload_len = (uint16_t)l4_len,
		.proto = t->proto,
		.ttl = (uint8_t)(p->ttl - x->decrement_ttl),
		.tos = p->tos,
	};

	if (to4)
		head_df(&h, x, p);
	p->data += p->l4_off;
	p->data -= hlen;
	p->len = l4_len + hlen;
	if (to4)
		hp_ip4_build(p->data, &h);
	else
		hp_ip6_build(p->data, &h);
	p->src = t->src;
	p->dst = t->dst;
	p->family = to4 ? 4 : 6;
	p->proto = t->proto;
	p->ttl = h.ttl;
	p->l4_off = (uint16_t)hlen;
	p->sport = t->sport;
	p->dport = t->dport;
	if (to4)
		p->frag_id = h.id;
}

/* What stands behind a datagram in its IP packet is none of it (RFC 768), and its checksum does not
 * cover it: it is left out. */
static void cut_surplus(struct hp_packet *p)
{
	struct hp_udp udp;

	if (p->proto != HP_PROTO_UDP || p->gso || p->gso_size || p->csum_partial ||
	    p->frag_off || p->frag_more || p->len < p->l4_off)
		return;
	if (!hp_udp_parse(p->data + p->l4_off, p->len - p->l4_off, &udp))
		p->len = p->l4_off + (size_t)udp.len;
}

static int translate(struct hp_xlat *x, struct hp_packet *p, struct target *t)
{
	bool to4 = hp_addr_is4(&t->dst);
	int err;

	cut_surplus(p);
	err = check(x, p, to4);
	if (!err && is_icmp(p->proto))
		err = target_icmp(t, p);
	if (err)
		return err;
	if (is_icmp(p->proto))
		rewrite_echo(p, t);
	else if (has_ports(p->proto))
		rewrite_ports(p, t);
	else
		rewrite_carried(p, t);
	rewrite_ip(x, p, t, to4);
	return 0;
}

int hp_xlat_to_hit(struct hp_xlat *x, struct hp_packet *p, const struct hp_flow_key *key)
{
	struct target t = {
		.src = key->local_hit,
		.dst = key->peer_hit,
		.sport = key->local_port,
		.dport = is_icmp(p->proto) ? key->local_port : key->peer_port,
		.proto = p->proto,
	};

	return translate(x, p, &t);
}

/* A datagram that a peer sends from another port than it was asked at keeps its port. */
static uint16_t far_port(const struct hp_packet *p, const struct hp_flow_key *key)
{
	return p->sport == key->peer_port ? key->far_port : p->sport;
}

int hp_xlat_to_legacy(struct hp_xlat *x, struct hp_packet *p, const struct hp_flow_key *key)
{
	struct target t = {
		.src = key->far,
		.dst = key->legacy,
		.sport = is_icmp(p->proto) ? key->legacy_port : far_port(p, key),
		.dport = key->legacy_port,
		.proto = p->proto,
	};

	return translate(x, p, &t);
}

uint16_t hp_xlat_clamp_mss(struct hp_packet *p, uint16_t max_mss)
{
	uint8_t *l4 = p->data + p->l4_off;
	struct hp_tcp_optinfo info;
	struct hp_tcp tcp;

	if (p->proto != HP_PROTO_TCP || p->frag_off || p->len < p->l4_off ||
	    hp_tcp_parse(l4, p->len - p->l4_off, &tcp) || !(tcp.flags & HP_TCP_SYN))
		return 0;
	hp_tcp_optinfo(l4, tcp.hlen, &info); /* what precedes a malformed option counts */
	if (info.mss > max_mss)
		hp_tcp_mss_clamp(l4, p->len - p->l4_off, max_mss, p->csum_partial);
	return info.mss;
}
