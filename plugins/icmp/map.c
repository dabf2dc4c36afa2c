/* SPDX-License-Identifier: MIT
 *
 * ICMP errors from one family to the other, with the packet they quote.
 */
#include "map.h"

#include <stdbool.h>
#include <string.h>

#include <hipproxy/checksum.h>
#include <hipproxy/wire.h>

#define MAX4 576u /* RFC 1812, section 4.3.2.3 */
#define MIN6_MTU 1280u
#define MIN4_MTU 68u
#define DF_CLEAR_MAX 1260u /* RFC 7915, section 5.1 */

enum { IP4 = 20, IP6 = 40, FRAG_HLEN = 8, ICMP_HLEN = 8, QUOTED_MIN = 8 };
enum { ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, FRAGMENT = 44, ICMP6 = 58, UDPLITE = 136 };
/* RFC 4884, sections 3, 7 and 8. */
enum { EXT_QUOTED_MIN = 128, EXT_HLEN = 4, EXT_OBJECT_HLEN = 4 };

/* ---- tables */

struct code {
	uint8_t type, code;       /* what comes in */
	uint8_t to_type, to_code; /* what it becomes */
};

/* RFC 7915, section 4.2.  Type 3 code 2 and 4 are treated apart. */
static const struct code codes46[] = {
	{ 3, 0, 1, 0 },  { 3, 1, 1, 0 },  { 3, 3, 1, 4 },  { 3, 5, 1, 0 },  { 3, 6, 1, 0 },
	{ 3, 7, 1, 0 },  { 3, 8, 1, 0 },  { 3, 9, 1, 1 },  { 3, 10, 1, 1 }, { 3, 11, 1, 0 },
	{ 3, 12, 1, 0 }, { 3, 13, 1, 1 }, { 3, 15, 1, 1 }, { 11, 0, 3, 0 }, { 11, 1, 3, 1 },
};

/* RFC 7915, section 5.2. */
static const struct code codes64[] = {
	{ 1, 0, 3, 1 }, { 1, 1, 3, 10 }, { 1, 2, 3, 1 }, { 1, 3, 3, 1 },
	{ 1, 4, 3, 3 }, { 3, 0, 11, 0 }, { 3, 1, 11, 1 },
};

#define NONE 255

/* RFC 7915, figure 3: octet of the IPv4 header -> octet of the IPv6 header. */
static const uint8_t pointer46[20] = {
	0, 1, 4, 4, NONE, NONE, NONE, NONE, 7, 6, NONE, NONE, 8, 8, 8, 8, 24, 24, 24, 24,
};

/* RFC 7915, figure 6. */
static uint8_t pointer64(uint32_t at)
{
	static const uint8_t head[8] = { 0, 1, NONE, NONE, 2, 2, 9, 8 };

	if (at < 8)
		return head[at];
	if (at < 24)
		return 12;
	return at < 40 ? 16 : NONE;
}

/* RFC 1191, section 7.1. */
static const uint16_t plateaus[] = { 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68 };

static uint32_t plateau_below(uint32_t len)
{
	size_t i = 0;

	while (i + 1 < sizeof(plateaus) / sizeof(*plateaus) && plateaus[i] >= len)
		i++;
	return plateaus[i];
}

static enum map_why find_code(const struct code *t, size_t n, const struct map_head *in,
			      struct map_head *out)
{
	for (size_t i = 0; i < n; i++)
		if (t[i].type == in->type && t[i].code == in->code) {
			*out = (struct map_head){ t[i].to_type, t[i].to_code, 0 };
			return MAP_OK;
		}
	return MAP_CODE;
}

#define FIND(table, in, out) find_code(table, sizeof(table) / sizeof(*(table)), in, out)

/* ---- heads */

/* Fragmentation needed -> packet too big. */
static enum map_why too_big46(const struct map_head *in, uint32_t quoted_len,
			      struct map_head *out)
{
	uint32_t mtu = in->rest & 0xffff;

	mtu = (mtu ? mtu : plateau_below(quoted_len)) + IP6 - IP4;
	*out = (struct map_head){ 2, 0, mtu < MIN6_MTU ? MIN6_MTU : mtu };
	return MAP_OK;
}

static enum map_why problem46(const struct map_head *in, struct map_head *out)
{
	uint8_t at = (uint8_t)(in->rest >> 24);

	if (in->code != 0 && in->code != 2)
		return MAP_CODE;
	if (at >= sizeof(pointer46) || pointer46[at] == NONE)
		return MAP_POINTER;
	*out = (struct map_head){ 4, 0, pointer46[at] };
	return MAP_OK;
}

enum map_why map_head46(const struct map_head *in, uint32_t quoted_len, struct map_head *out)
{
	switch (in->type) {
	case 3:
		if (in->code == 4)
			return too_big46(in, quoted_len, out);
		if (in->code != 2)
			return FIND(codes46, in, out);
		*out = (struct map_head){ 4, 1, 6 }; /* points at the next header */
		return MAP_OK;
	case 4:
		return MAP_QUENCH;
	case 5:
		return MAP_REDIRECT;
	case 11:
		return FIND(codes46, in, out);
	case 12:
		return problem46(in, out);
	default:
		return MAP_TYPE;
	}
}

static enum map_why problem64(const struct map_head *in, struct map_head *out)
{
	uint8_t at = pointer64(in->rest);

	if (in->code == 1) {
		*out = (struct map_head){ 3, 2, 0 };
		return MAP_OK;
	}
	if (in->code != 0)
		return MAP_CODE;
	if (at == NONE)
		return MAP_POINTER;
	*out = (struct map_head){ 12, 0, (uint32_t)at << 24 };
	return MAP_OK;
}

/* Packet too big -> fragmentation needed. */
static enum map_why too_big64(const struct map_head *in, bool fragment, struct map_head *out)
{
	uint32_t mtu = in->rest > 65535 ? 65535 : in->rest;
	uint32_t less = IP6 - IP4 + (fragment ? FRAG_HLEN : 0);

	*out = (struct map_head){ 3, 4, mtu < MIN4_MTU + less ? MIN4_MTU : mtu - less };
	return MAP_OK;
}

enum map_why map_head64(const struct map_head *in, bool fragment, struct map_head *out)
{
	switch (in->type) {
	case 1:
	case 3:
		return FIND(codes64, in, out);
	case 2:
		return too_big64(in, fragment, out);
	case 4:
		return problem64(in, out);
	case 137:
		return MAP_REDIRECT;
	default:
		return MAP_TYPE;
	}
}

/* Within ICMPv6 nothing changes but addresses. */
static enum map_why head66(const struct map_head *in, struct map_head *out)
{
	*out = *in;
	if (in->type == 137)
		return MAP_REDIRECT;
	return in->type >= 1 && in->type <= 4 ? MAP_OK : MAP_TYPE;
}

/* ---- the quoted packet */

struct quoted {
	const uint8_t *l4;
	size_t l4_len;   /* octets at hand */
	uint32_t whole;  /* octets of transport as the header says */
	uint32_t total;  /* octets of the packet as the header says */
	struct hp_addr src, dst;
	uint32_t frag_id;
	uint8_t proto, ttl, tos;
	bool fragment;   /* IPv6: it has a fragment header */
	bool v4;
};

static enum map_why read4(const uint8_t *p, size_t len, struct quoted *q)
{
	size_t hlen = (p[0] & 15) * 4u;
	uint32_t be;

	q->total = hp_get16(p + 2);
	if (hlen < IP4 || (hp_get16(p + 6) & 0x1fff))
		return MAP_QUOTED;
	if (hlen + QUOTED_MIN > len)
		return MAP_SHORT;
	/* Some routers quote the length as they have changed it: 0, or without the header.  What it
	 * can't be is not believed. */
	if (q->total < hlen + QUOTED_MIN)
		q->total = (uint32_t)len;
	memcpy(&be, p + 12, 4);
	q->src = hp_addr_from4(be);
	memcpy(&be, p + 16, 4);
	q->dst = hp_addr_from4(be);
	q->tos = p[1];
	q->ttl = p[8];
	q->proto = p[9];
	q->l4 = p + hlen;
	q->l4_len = len - hlen;
	q->whole = q->total - (uint32_t)hlen;
	q->v4 = true;
	return MAP_OK;
}

/* The first fragment of a datagram names ports as well; whoever gets the error knows the datagram
 * whole, so the fragment header is left out. */
static enum map_why skip_fragment(struct quoted *q)
{
	if (q->proto != FRAGMENT)
		return MAP_OK;
	if (q->l4_len < FRAG_HLEN + QUOTED_MIN)
		return MAP_SHORT;
	if (q->whole < FRAG_HLEN + QUOTED_MIN || (hp_get16(q->l4 + 2) & 0xfff8))
		return MAP_QUOTED;
	q->fragment = true;
	q->frag_id = hp_get32(q->l4 + 4);
	q->proto = q->l4[0];
	q->l4 += FRAG_HLEN;
	q->l4_len -= FRAG_HLEN;
	q->whole -= FRAG_HLEN;
	return MAP_OK;
}

static enum map_why read6(const uint8_t *p, size_t len, struct quoted *q)
{
	if (len < IP6 + QUOTED_MIN)
		return MAP_SHORT;
	q->whole = hp_get16(p + 4);
	if (q->whole < QUOTED_MIN)
		q->whole = (uint32_t)(len - IP6);
	q->total = q->whole + IP6;
	q->tos = (uint8_t)(p[0] << 4 | p[1] >> 4);
	q->proto = p[6];
	q->ttl = p[7];
	q->src = hp_addr_from6(p + 8);
	q->dst = hp_addr_from6(p + 24);
	q->l4 = p + IP6;
	q->l4_len = len - IP6;
	q->v4 = false;
	return skip_fragment(q);
}

static enum map_why read_quoted(const uint8_t *p, size_t len, struct quoted *q)
{
	if (len < IP4)
		return MAP_SHORT;
	if (p[0] >> 4 == 4)
		return read4(p, len, q);
	return p[0] >> 4 == 6 ? read6(p, len, q) : MAP_QUOTED;
}

static uint8_t map_proto(uint8_t proto, bool to4)
{
	if (proto == ICMP || proto == ICMP6)
		return to4 ? ICMP : ICMP6;
	return proto;
}

/* RFC 7915, 5.1 and 5.1.1, which go for a quoted packet too (5.3). */
static size_t put_head4(uint8_t *out, const struct quoted *q, const struct map_quoted *to)
{
	bool df = !q->fragment && q->whole + IP4 > DF_CLEAR_MAX;

	memset(out, 0, IP4);
	out[0] = 0x45;
	out[1] = q->tos;
	hp_put16(out + 2, (uint16_t)(q->whole + IP4));
	hp_put16(out + 4, q->fragment ? (uint16_t)q->frag_id : to->ip_id);
	hp_put16(out + 6, df ? 0x4000 : 0);
	out[8] = q->ttl;
	out[9] = map_proto(q->proto, true);
	memcpy(out + 12, to->src.b + 12, 4);
	memcpy(out + 16, to->dst.b + 12, 4);
	hp_put16(out + 10, hp_csum_finish(hp_csum_add(0, out, IP4)));
	return IP4;
}

static size_t put_head6(uint8_t *out, const struct quoted *q, const struct map_quoted *to)
{
	memset(out, 0, 4);
	out[0] = (uint8_t)(0x60 | q->tos >> 4);
	out[1] = (uint8_t)(q->tos << 4);
	hp_put16(out + 4, (uint16_t)q->whole);
	out[6] = map_proto(q->proto, false);
	out[7] = q->ttl;
	memcpy(out + 8, to->src.b, 16);
	memcpy(out + 24, to->dst.b, 16);
	return IP6;
}

/* ICMP's checksum covers no pseudo header. */
static uint64_t pseudo(const struct hp_addr *src, const struct hp_addr *dst, uint8_t proto,
		       uint32_t len)
{
	return proto == ICMP ? 0 : hp_csum_pseudo(src, dst, proto, len);
}

static int csum_at(uint8_t proto)
{
	switch (proto) {
	case TCP:
		return 16;
	case UDP:
	case UDPLITE:
	case DCCP:
		return 6;
	default:
		return proto == ICMP || proto == ICMP6 ? 2 : -1;
	}
}

static bool echo_type(uint8_t *type, bool to4)
{
	switch (*type) {
	case 8:
	case 128:
		*type = to4 ? 8 : 128;
		return true;
	case 0:
	case 129:
		*type = to4 ? 0 : 129;
		return true;
	default:
		return false;
	}
}

/* Ports, or an echo's type and identifier, with the checksum if it is at hand.  Of other protocols
 * (the setting protocols) the checksum alone, where it covers a pseudo header. */
static bool rewrite_l4(uint8_t *l4, size_t len, const struct quoted *q,
		       const struct map_quoted *to, bool to4)
{
	uint8_t proto = map_proto(q->proto, to4);
	uint64_t from = pseudo(&q->src, &q->dst, q->proto, q->whole);
	uint64_t into = pseudo(&to->src, &to->dst, proto, q->whole);
	bool icmp = proto == ICMP || proto == ICMP6;
	int at = csum_at(proto);

	if (icmp) {
		from = hp_csum_add(hp_csum_add(from, l4, 2), l4 + 4, 2);
		if (!echo_type(&l4[0], to4))
			return false;
		hp_put16(l4 + 4, to->id);
		into = hp_csum_add(hp_csum_add(into, l4, 2), l4 + 4, 2);
	} else if (proto == TCP || proto == UDP) {
		from = hp_csum_add(from, l4, 4);
		hp_put16(l4, to->sport);
		hp_put16(l4 + 2, to->dport);
		into = hp_csum_add(into, l4, 4);
	}
	if (at < 0 || (size_t)at + 2 > len || (proto == UDP && !hp_get16(l4 + at)))
		return true;
	hp_csum_update(l4 + at, from, into);
	if (proto == UDP && !hp_get16(l4 + at))
		hp_put16(l4 + at, 0xffff); /* RFC 768: zero means none */
	return true;
}

/* Octets written, 0 if it can't be told. */
static size_t put_quoted(uint8_t *out, size_t room, const struct quoted *q,
			 const struct map_quoted *to)
{
	bool to4 = hp_addr_is4(&to->src);
	size_t hlen = to4 ? put_head4(out, q, to) : put_head6(out, q, to);
	size_t n = q->l4_len < room - hlen ? q->l4_len : room - hlen;

	memcpy(out + hlen, q->l4, n);
	return rewrite_l4(out + hlen, n, q, to, to4) ? hlen + n : 0;
}

/* ---- extensions (RFC 4884): behind the quoted packet, whose length the head then tells */

/* Where that length stands in the head's last four octets, and its unit in octets; unit 0: this
 * type has none. */
struct ext_place {
	uint8_t shift, unit;
};

static struct ext_place ext_place(bool v4, uint8_t type)
{
	if (v4 && (type == 3 || type == 11 || type == 12))
		return (struct ext_place){ 16, 4 };
	if (!v4 && (type == 1 || type == 3))
		return (struct ext_place){ 24, 8 };
	return (struct ext_place){ 0, 0 };
}

/* Octets of the quoted packet among len; what follows is the extension. */
static size_t ext_split(bool v4, const struct map_head *h, size_t len)
{
	struct ext_place at = ext_place(v4, h->type);
	size_t n = (h->rest >> at.shift & 0xff) * at.unit;

	return n >= EXT_QUOTED_MIN && n < len ? n : len;
}

/* Octets of ext that fit into room: its header and whole objects; 0 if no object does. */
static size_t ext_cut(const uint8_t *ext, size_t len, size_t room)
{
	size_t n = EXT_HLEN, object;

	while (len >= n + EXT_OBJECT_HLEN) {
		object = hp_get16(ext + n);
		if (object < EXT_OBJECT_HLEN || object > len - n || n + object > room)
			break;
		n += object;
	}
	return n > EXT_HLEN ? n : 0;
}

/* Copies as much of ext as there is room for; how much.  Its checksum covers what is left. */
static size_t ext_copy(uint8_t *out, size_t room, const uint8_t *ext, size_t len)
{
	size_t n = len > room ? ext_cut(ext, len, room) : len;

	memcpy(out, ext, n);
	if (n && n < len && hp_get16(out + 2)) { /* 0: it has none (RFC 4884, section 7) */
		hp_put16(out + 2, 0);
		hp_put16(out + 2, hp_csum_finish(hp_csum_add(0, out, n)));
	}
	return n;
}

/* Octets for the n of a quoted packet before ext_len octets of extension: whole units, as many as
 * leave room, but no fewer than RFC 4884, section 3, demands. */
static size_t ext_quote_len(size_t n, size_t room, size_t ext_len, unsigned int unit)
{
	size_t most = ext_len < room ? (room - ext_len) / unit * unit : 0;

	n = (n + unit - 1) / unit * unit;
	if (n > most)
		n = most;
	if (n > 0xffu * unit) /* what the length attribute can say */
		n = 0xffu * unit;
	return n < EXT_QUOTED_MIN ? EXT_QUOTED_MIN : n;
}

/* Puts ext of ext_len octets behind n octets of quoted packet at out; the new length.  Where there
 * is no room for both, the end of the quoted packet is left out, and what of the extension then
 * finds no room beside 128 octets (RFC 7915, 4.2); all of it where the type can't carry any. */
static size_t ext_put(uint8_t *out, size_t n, size_t room, const uint8_t *ext, size_t ext_len,
		      bool to4, struct map_head *h)
{
	struct ext_place at = ext_place(to4, h->type);
	size_t quote, put;

	if (!at.unit)
		return n;
	h->rest &= ~(0xffu << at.shift);
	if (!ext_len || room < EXT_QUOTED_MIN)
		return n;
	quote = ext_quote_len(n, room, ext_len, at.unit);
	put = ext_copy(out + quote, room - quote, ext, ext_len);
	if (!put)
		return n;
	if (n < quote)
		memset(out + n, 0, quote - n);
	h->rest |= (uint32_t)(quote / at.unit) << at.shift;
	return quote + put;
}

/* ---- the whole error */

static void put_outer(uint8_t *out, const struct map_to *to, size_t l4_len)
{
	struct quoted outer = { .whole = (uint32_t)l4_len, .ttl = to->ttl, .tos = to->tos };
	struct map_quoted addrs = { .src = to->src, .dst = to->dst, .ip_id = to->ip_id };

	if (hp_addr_is4(&to->src)) {
		outer.proto = ICMP;
		put_head4(out, &outer, &addrs);
	} else {
		outer.proto = ICMP6;
		put_head6(out, &outer, &addrs);
	}
}

static bool checksum_ok(const uint8_t *in, size_t len, size_t l4_off)
{
	struct hp_addr src, dst;

	if (in[0] >> 4 == 4)
		return hp_csum_finish(hp_csum_add(0, in + l4_off, len - l4_off)) == 0;
	src = hp_addr_from6(in + 8);
	dst = hp_addr_from6(in + 24);
	return hp_csum_l4(&src, &dst, ICMP6, in + l4_off, len - l4_off) == 0;
}

static enum map_why map_head(bool from4, bool to4, const struct map_head *in,
			     const struct quoted *q, struct map_head *out)
{
	if (from4 && to4)
		return MAP_TYPE; /* one side always speaks ICMPv6 */
	if (from4)
		return map_head46(in, q->total, out);
	return to4 ? map_head64(in, q->fragment, out) : head66(in, out);
}

/* Octets behind the ICMP header. */
static size_t room_for(const struct map_to *to, bool to4)
{
	size_t max = to4 && to->max > MAX4 ? MAX4 : to->max;

	return max - (to4 ? IP4 : IP6) - ICMP_HLEN;
}

static void put_icmp(uint8_t *l4, size_t len, const struct map_head *h, const struct map_to *to)
{
	bool v4 = hp_addr_is4(&to->src);
	uint64_t sum;

	l4[0] = h->type;
	l4[1] = h->code;
	hp_put16(l4 + 2, 0);
	hp_put32(l4 + 4, h->rest);
	sum = pseudo(&to->src, &to->dst, v4 ? ICMP : ICMP6, (uint32_t)len);
	hp_put16(l4 + 2, hp_csum_finish(hp_csum_add(sum, l4, len)));
}

enum map_why map_error(const uint8_t *in, size_t len, size_t l4_off, const struct map_to *to,
		       uint8_t *out, size_t *out_len)
{
	bool from4, to4 = hp_addr_is4(&to->src);
	size_t hlen = to4 ? IP4 : IP6, room, n, left, split;
	const uint8_t *quoted = in + l4_off + ICMP_HLEN;
	struct map_head head, mapped;
	struct quoted q = { .fragment = false };
	enum map_why why;

	if (len < IP4 || len < l4_off + ICMP_HLEN || l4_off < IP4)
		return MAP_SHORT;
	from4 = in[0] >> 4 == 4;
	if (!checksum_ok(in, len, l4_off))
		return MAP_CHECKSUM;
	head = (struct map_head){ in[l4_off], in[l4_off + 1], hp_get32(in + l4_off + 4) };
	left = len - l4_off - ICMP_HLEN;
	split = ext_split(from4, &head, left);
	why = read_quoted(quoted, split, &q);
	if (why != MAP_OK)
		return why;
	why = map_head(from4, to4, &head, &q, &mapped);
	if (why != MAP_OK)
		return why;
	room = room_for(to, to4);
	n = put_quoted(out + hlen + ICMP_HLEN, room, &q, &to->quoted);
	if (!n)
		return MAP_QUOTED;
	n = ext_put(out + hlen + ICMP_HLEN, n, room, quoted + split, left - split, to4, &mapped);
	put_outer(out, to, ICMP_HLEN + n);
	put_icmp(out + hlen, ICMP_HLEN + n, &mapped, to);
	*out_len = hlen + ICMP_HLEN + n;
	return MAP_OK;
}
