/* SPDX-License-Identifier: MIT
 *
 * Quoted ESP packets (see quote.h).
 *
 * hp_ip_parse is for whole packets: a quote ends long before the length that its header names.
 */
#include "wire/quote.h"

#include <hipproxy/wire.h>

#include "wire/ip.h"

static struct hp_addr read_addr4(struct hp_rd *r)
{
	uint32_t be = 0;

	hp_rd_copy(r, &be, sizeof(be));
	return hp_addr_from4(be);
}

/* Moves r behind the IP header; the protocol there, or -errno. */
static int read_ip4(struct hp_rd *r, struct hp_quote *out)
{
	uint8_t first = hp_rd_u8(r), proto;
	unsigned int hlen = (first & 15) * 4u;
	uint16_t frag;

	hp_rd_skip(r, 1);
	out->total_len = hp_rd_u16(r);
	hp_rd_skip(r, 2);
	frag = hp_rd_u16(r);
	hp_rd_skip(r, 1);
	proto = hp_rd_u8(r);
	hp_rd_skip(r, 2);
	out->src = read_addr4(r);
	out->dst = read_addr4(r);
	if (hp_rd_done(r) || first >> 4 != 4 || hlen < HP_IP4_HLEN)
		return -EBADMSG;
	hp_rd_skip(r, hlen - HP_IP4_HLEN);
	return frag & 0x1fff ? -ENOMSG : proto;
}

/* We send no extension header but the one for fragments. */
static int read_ip6(struct hp_rd *r, struct hp_quote *out)
{
	uint8_t version = hp_rd_u8(r) >> 4, proto;
	uint16_t frag;

	hp_rd_skip(r, 3);
	out->total_len = hp_rd_u16(r) + HP_IP6_HLEN;
	proto = hp_rd_u8(r);
	hp_rd_skip(r, 1);
	out->src = hp_rd_addr(r);
	out->dst = hp_rd_addr(r);
	if (hp_rd_done(r) || version != 6)
		return -EBADMSG;
	if (proto != HP_PROTO_FRAGMENT)
		return proto;
	proto = hp_rd_u8(r);
	hp_rd_skip(r, 1);
	frag = hp_rd_u16(r);
	hp_rd_skip(r, 4);
	if (hp_rd_done(r))
		return -EBADMSG;
	return frag & 0xfff8 ? -ENOMSG : proto;
}

int hp_quote_esp(uint8_t family, const uint8_t *p, size_t len, struct hp_quote *out)
{
	struct hp_rd r = hp_rd_init(p, len);
	int proto;

	memset(out, 0, sizeof(*out));
	proto = family == 4 ? read_ip4(&r, out) : read_ip6(&r, out);
	if (proto < 0)
		return proto;
	if (proto == HP_PROTO_UDP) {
		out->sport = hp_rd_u16(&r);
		out->dport = hp_rd_u16(&r);
		hp_rd_skip(&r, 4);
	} else if (proto != HP_PROTO_ESP) {
		return -ENOMSG;
	}
	out->spi = hp_rd_u32(&r);
	out->seq = hp_rd_u32(&r);
	if (hp_rd_done(&r))
		return -EBADMSG;
	/* In UDP a marker of zero stands where ESP has its SPI (RFC 5770, section 5.1). */
	return out->spi ? 0 : -ENOMSG;
}
