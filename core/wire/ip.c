/* SPDX-License-Identifier: MIT
 *
 * IPv4 and IPv6 headers (RFC 791, RFC 8200).
 */
#include "wire/ip.h"

#include "wire/checksum.h"

#define EXT_HEADERS_MAX 8

static const char *const bad_names[HP_IP_BADS] = {
	[HP_IP_OK] = "ok",
	[HP_IP_BAD_SHORT] = "truncated",
	[HP_IP_BAD_VERSION] = "bad_version",
	[HP_IP_BAD_HLEN] = "bad_header_length",
	[HP_IP_BAD_TOTLEN] = "bad_total_length",
	[HP_IP_BAD_EXT] = "too_many_extension_headers",
	[HP_IP_BAD_FRAG] = "bad_fragment",
};

const char *hp_ip_bad_name(enum hp_ip_bad why)
{
	return why < HP_IP_BADS ? bad_names[why] : "?";
}

static int bad(struct hp_ip *out, enum hp_ip_bad why)
{
	out->why = why;
	return -EBADMSG;
}

/* Ports, flags, ICMP type of the first fragment, as far as the packet holds them. */
static void parse_l4(const uint8_t *p, struct hp_ip *out)
{
	uint8_t echo, reply;

	if (out->frag_off || out->l4_len < 8)
		return;
	switch (out->proto) {
	case HP_PROTO_TCP:
		if (out->l4_len < 20)
			return;
		out->tcp_flags = p[13];
		/* fall through */
	case HP_PROTO_UDP:
		out->sport = hp_get16(p);
		out->dport = hp_get16(p + 2);
		break;
	case HP_PROTO_ICMP:
	case HP_PROTO_ICMP6:
		echo = out->proto == HP_PROTO_ICMP ? 8 : 128;
		reply = out->proto == HP_PROTO_ICMP ? 0 : 129;
		out->icmp_type = p[0];
		out->icmp_code = p[1];
		if (p[0] == echo || p[0] == reply)
			out->sport = out->dport = hp_get16(p + 4);
		break;
	default:
		break;
	}
	out->l4_ok = true;
}

#define OPT_END  0
#define OPT_NOP  1
#define OPT_LSRR 131
#define OPT_SSRR 137

/* RFC 791, section 3.1: is there a source route with an address left?  Its pointer (from 1) is
 * greater than its length when none is.  One too short to have a pointer leads nowhere. */
static bool ip4_source_route(const uint8_t *opt, size_t len)
{
	size_t i = 0, n;

	while (i < len && opt[i] != OPT_END) {
		if (opt[i] == OPT_NOP) {
			i++;
			continue;
		}
		n = len - i < 2 ? 0 : opt[i + 1];
		if (n < 2 || n > len - i)
			return false;
		if ((opt[i] == OPT_LSRR || opt[i] == OPT_SSRR) && n > 2 && opt[i + 2] <= n)
			return true;
		i += n;
	}
	return false;
}

/* A fragment must end within 65535 octets, and but for the last be whole units of 8. */
static bool frag_sane(const struct hp_ip *ip)
{
	return (uint32_t)ip->frag_off + ip->l4_len <= 65535 &&
	       (!ip->frag_more || ip->l4_len % 8 == 0);
}

static int parse4(const uint8_t *p, size_t len, struct hp_ip *out)
{
	size_t hlen = (size_t)(p[0] & 15) * 4;
	uint16_t frag;

	if (hlen < HP_IP4_HLEN)
		return bad(out, HP_IP_BAD_HLEN);
	if (len < HP_IP4_HLEN || len < hlen)
		return bad(out, HP_IP_BAD_SHORT);
	out->total_len = hp_get16(p + 2);
	if (out->total_len < hlen || out->total_len > len)
		return bad(out, HP_IP_BAD_TOTLEN);
	frag = hp_get16(p + 6);
	out->family = 4;
	out->hlen = out->l4_off = (uint16_t)hlen;
	out->l4_len = out->total_len - (uint32_t)hlen;
	out->tos = p[1];
	out->frag_id = hp_get16(p + 4);
	out->df = frag & 0x4000;
	out->frag_more = frag & 0x2000;
	out->frag_off = (uint16_t)((frag & 0x1fff) * 8);
	out->ttl = p[8];
	out->proto = p[9];
	memcpy(&out->src, &(struct hp_addr){ .b = { [10] = 0xff, [11] = 0xff } }, 16);
	out->dst = out->src;
	memcpy(out->src.b + 12, p + 12, 4);
	memcpy(out->dst.b + 12, p + 16, 4);
	out->has_options = hlen > HP_IP4_HLEN;
	out->has_routing = ip4_source_route(p + HP_IP4_HLEN, hlen - HP_IP4_HLEN);
	if (hp_ip_is_fragment(out) && !frag_sane(out))
		return bad(out, HP_IP_BAD_FRAG);
	parse_l4(p + hlen, out);
	return 0;
}

static bool is_ext(uint8_t nh)
{
	return nh == HP_PROTO_HOPOPTS || nh == HP_PROTO_ROUTING || nh == HP_PROTO_DSTOPTS ||
	       nh == HP_PROTO_FRAGMENT;
}

/* One extension header at r, at octets from the packet's beginning; its next header. */
static uint8_t parse_ext(struct hp_rd *r, uint8_t nh, uint16_t at, struct hp_ip *out)
{
	const uint8_t *p = hp_rd_bytes(r, 8);
	uint16_t frag;

	if (!p)
		return HP_PROTO_NONE;
	if (nh != HP_PROTO_FRAGMENT) {
		hp_rd_skip(r, (size_t)p[1] * 8);
		out->has_options = true;
		if (nh == HP_PROTO_ROUTING && p[3] && !out->has_routing) {
			out->has_routing = true;
			out->route_off = (uint16_t)(at + 3);
		}
		return p[0];
	}
	frag = hp_get16(p + 2);
	out->frag_off = frag & 0xfff8;
	out->frag_more = frag & 1;
	out->frag_id = hp_get32(p + 4);
	return p[0];
}

static int parse6(const uint8_t *p, size_t len, struct hp_ip *out)
{
	struct hp_rd r;
	int n = 0;

	if (len < HP_IP6_HLEN)
		return bad(out, HP_IP_BAD_SHORT);
	out->total_len = HP_IP6_HLEN + (uint32_t)hp_get16(p + 4);
	out->proto = p[6];
	if (out->total_len > len ||
	    (out->total_len == HP_IP6_HLEN && out->proto != HP_PROTO_NONE))
		return bad(out, HP_IP_BAD_TOTLEN);
	out->family = 6;
	out->df = true;
	out->tos = (uint8_t)(hp_get16(p) >> 4);
	out->flow_label = hp_get32(p) & 0xfffff;
	out->ttl = p[7];
	out->src = hp_addr_from6(p + 8);
	out->dst = hp_addr_from6(p + 24);
	out->nh_off = 6;
	r = hp_rd_init(p + HP_IP6_HLEN, out->total_len - HP_IP6_HLEN);
	/* A later fragment holds payload where the first one has further headers. */
	while (is_ext(out->proto) && !out->frag_off) {
		uint16_t off = (uint16_t)(r.p - p);

		if (n++ == EXT_HEADERS_MAX)
			return bad(out, HP_IP_BAD_EXT);
		if (out->proto == HP_PROTO_FRAGMENT) {
			if (out->frag_hdr_off)
				return bad(out, HP_IP_BAD_EXT);
			out->frag_hdr_off = off;
		}
		out->proto = parse_ext(&r, out->proto, off, out);
		out->nh_off = off;
		if (hp_rd_done(&r))
			return bad(out, HP_IP_BAD_SHORT);
	}
	out->hlen = out->l4_off = (uint16_t)(r.p - p);
	out->l4_len = out->total_len - out->l4_off;
	if (hp_ip_is_fragment(out) && !frag_sane(out))
		return bad(out, HP_IP_BAD_FRAG);
	parse_l4(r.p, out);
	return 0;
}

int hp_ip_parse(const uint8_t *p, size_t len, struct hp_ip *out)
{
	memset(out, 0, sizeof(*out));
	if (!len)
		return bad(out, HP_IP_BAD_SHORT);
	switch (p[0] >> 4) {
	case 4:
		return parse4(p, len, out);
	case 6:
		return parse6(p, len, out);
	default:
		return bad(out, HP_IP_BAD_VERSION);
	}
}

bool hp_ip4_csum_ok(const uint8_t *p)
{
	return hp_csum_fold(hp_csum_add(0, p, (size_t)(p[0] & 15) * 4)) == 0xffff;
}

void hp_ip4_csum_set(uint8_t *p, size_t hlen)
{
	hp_put16(p + 10, 0);
	hp_put16(p + 10, hp_csum_finish(hp_csum_add(0, p, hlen)));
}

void hp_ip4_id_set(uint8_t *p, uint16_t id)
{
	hp_csum_update16(p + 10, hp_get16(p + 4), id);
	hp_put16(p + 4, id);
}

uint8_t hp_ip_ttl_dec(uint8_t *p)
{
	uint16_t was;

	if (p[0] >> 4 == 6)
		return p[7] ? --p[7] : 0;
	if (!p[8])
		return 0;
	was = hp_get16(p + 8);
	p[8]--;
	hp_csum_update16(p + 10, was, hp_get16(p + 8));
	return p[8];
}

void hp_ip4_build(uint8_t *p, const struct hp_ip_head *h)
{
	uint32_t first = 0x45000000u | (uint32_t)h->tos << 16 |
			 (uint16_t)(h->payload_len + HP_IP4_HLEN);
	uint32_t second = (uint32_t)h->id << 16 | (h->df ? 0x4000 : 0);
	uint32_t third = (uint32_t)h->ttl << 24 | (uint32_t)h->proto << 16;
	uint32_t src = hp_get32(h->src.b + 12), dst = hp_get32(h->dst.b + 12);
	/* From the numbers: reading back what was just written would have to wait for it. */
	uint64_t sum = (uint64_t)first + second + third + src + dst;

	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	hp_put32(p, first);
	hp_put32(p + 4, second);
	hp_put32(p + 8, third | (uint16_t)~sum);
	hp_put32(p + 12, src);
	hp_put32(p + 16, dst);
}

void hp_ip6_build(uint8_t *p, const struct hp_ip_head *h)
{
	hp_put32(p, 6u << 28 | (uint32_t)h->tos << 20 | (h->flow_label & 0xfffff));
	hp_put16(p + 4, h->payload_len);
	p[6] = h->proto;
	p[7] = h->ttl;
	memcpy(p + 8, h->src.b, 16);
	memcpy(p + 24, h->dst.b, 16);
}

size_t hp_ip_build(uint8_t *p, const struct hp_ip_head *h)
{
	if (hp_addr_is4(&h->src)) {
		hp_ip4_build(p, h);
		return HP_IP4_HLEN;
	}
	hp_ip6_build(p, h);
	return HP_IP6_HLEN;
}

void hp_ip6_frag_build(uint8_t *p, uint8_t next, uint16_t off, bool more, uint32_t id)
{
	p[0] = next;
	p[1] = 0;
	hp_put16(p + 2, (uint16_t)((off & 0xfff8) | more));
	hp_put32(p + 4, id);
}
