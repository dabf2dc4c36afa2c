/* SPDX-License-Identifier: MIT
 *
 * ICMP (RFC 792) and ICMPv6 (RFC 4443).
 */
#include "wire/icmp.h"

#include "wire/checksum.h"

static bool is_error(uint8_t family, uint8_t type)
{
	if (family == 6)
		return type < 128;
	return type == HP_ICMP4_UNREACH || type == HP_ICMP4_QUENCH ||
	       type == HP_ICMP4_REDIRECT || type == HP_ICMP4_TIME_EXCEEDED ||
	       type == HP_ICMP4_PARAM_PROBLEM;
}

int hp_icmp_parse(uint8_t family, const uint8_t *p, size_t len, struct hp_icmp *out)
{
	struct hp_rd r = hp_rd_init(p, len);

	memset(out, 0, sizeof(*out));
	out->type = hp_rd_u8(&r);
	out->code = hp_rd_u8(&r);
	out->csum = hp_rd_u16(&r);
	out->rest = hp_rd_u32(&r);
	if (hp_rd_done(&r))
		return -EBADMSG;
	out->id = (uint16_t)(out->rest >> 16);
	out->seq = (uint16_t)out->rest;
	out->is_request = out->type == (family == 6 ? HP_ICMP6_ECHO : HP_ICMP4_ECHO);
	out->is_echo = out->is_request ||
		       out->type == (family == 6 ? HP_ICMP6_ECHO_REPLY : HP_ICMP4_ECHO_REPLY);
	out->is_error = is_error(family, out->type);
	out->inner_off = out->is_error ? HP_ICMP_HLEN : 0;
	if (family == 6 && out->type == HP_ICMP6_TOO_BIG)
		out->mtu = out->rest;
	if (family == 4 && out->type == HP_ICMP4_UNREACH &&
	    out->code == HP_ICMP4_FRAG_NEEDED)
		out->mtu = out->rest & 0xffff;
	return 0;
}

struct name {
	uint8_t family, type;
	const char *name;
};

static const struct name names[] = {
	{ 4, HP_ICMP4_ECHO_REPLY, "echo reply" },
	{ 4, HP_ICMP4_UNREACH, "destination unreachable" },
	{ 4, HP_ICMP4_QUENCH, "source quench" },
	{ 4, HP_ICMP4_REDIRECT, "redirect" },
	{ 4, HP_ICMP4_ECHO, "echo request" },
	{ 4, HP_ICMP4_TIME_EXCEEDED, "time exceeded" },
	{ 4, HP_ICMP4_PARAM_PROBLEM, "parameter problem" },
	{ 4, HP_ICMP4_TIMESTAMP, "timestamp request" },
	{ 4, HP_ICMP4_TIMESTAMP_REPLY, "timestamp reply" },
	{ 6, HP_ICMP6_UNREACH, "destination unreachable" },
	{ 6, HP_ICMP6_TOO_BIG, "packet too big" },
	{ 6, HP_ICMP6_TIME_EXCEEDED, "time exceeded" },
	{ 6, HP_ICMP6_PARAM_PROBLEM, "parameter problem" },
	{ 6, HP_ICMP6_ECHO, "echo request" },
	{ 6, HP_ICMP6_ECHO_REPLY, "echo reply" },
	{ 6, HP_ICMP6_RS, "router solicitation" },
	{ 6, HP_ICMP6_RA, "router advertisement" },
	{ 6, HP_ICMP6_NS, "neighbour solicitation" },
	{ 6, HP_ICMP6_NA, "neighbour advertisement" },
	{ 6, HP_ICMP6_REDIRECT, "redirect" },
};

const char *hp_icmp_name(uint8_t family, uint8_t type)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].family == family && names[i].type == type)
			return names[i].name;
	return "unknown";
}

/* Unspecified, multicast, broadcast, loopback: nobody an error could be sent to. */
static bool is_single_host(const struct hp_addr *a)
{
	static const struct hp_addr loopback = { .b = { [15] = 1 } };

	if (hp_addr_is4(a))
		return a->b[12] != 0 && a->b[12] != 127 && a->b[12] < 224;
	return !hp_addr_is_zero(a) && !hp_addr_is_multicast(a) && !hp_addr_eq(a, &loopback);
}

bool hp_icmp_may_answer(const struct hp_ip *ip, const uint8_t *packet, uint8_t type)
{
	bool icmp = ip->proto == (ip->family == 6 ? HP_PROTO_ICMP6 : HP_PROTO_ICMP);

	if (ip->frag_off || !is_single_host(&ip->src))
		return false;
	if (hp_addr_is_multicast(&ip->dst) &&
	    !(ip->family == 6 && type == HP_ICMP6_TOO_BIG))
		return false;
	if (!icmp)
		return true;
	if (!ip->l4_len)
		return false;
	if (ip->family == 6 && packet[ip->l4_off] == HP_ICMP6_REDIRECT)
		return false;
	return !is_error(ip->family, packet[ip->l4_off]);
}

/* type, code in ICMP; type, code in ICMPv6. */
static const uint8_t error_codes[HP_ICMP_ERRORS][4] = {
	[HP_ICMP_ERR_HOST] = { HP_ICMP4_UNREACH, HP_ICMP4_HOST, HP_ICMP6_UNREACH,
			       HP_ICMP6_ADDR },
	[HP_ICMP_ERR_NO_ROUTE] = { HP_ICMP4_UNREACH, HP_ICMP4_NET, HP_ICMP6_UNREACH,
				   HP_ICMP6_NO_ROUTE },
	[HP_ICMP_ERR_PORT] = { HP_ICMP4_UNREACH, HP_ICMP4_PORT, HP_ICMP6_UNREACH,
			       HP_ICMP6_PORT },
	[HP_ICMP_ERR_PROTO] = { HP_ICMP4_UNREACH, HP_ICMP4_PROTO, HP_ICMP6_PARAM_PROBLEM,
				HP_ICMP6_NEXT_HEADER },
	[HP_ICMP_ERR_ADMIN] = { HP_ICMP4_UNREACH, HP_ICMP4_ADMIN, HP_ICMP6_UNREACH,
				HP_ICMP6_ADMIN },
	[HP_ICMP_ERR_TOO_BIG] = { HP_ICMP4_UNREACH, HP_ICMP4_FRAG_NEEDED, HP_ICMP6_TOO_BIG,
				  0 },
	[HP_ICMP_ERR_TTL] = { HP_ICMP4_TIME_EXCEEDED, 0, HP_ICMP6_TIME_EXCEEDED, 0 },
	[HP_ICMP_ERR_REASSEMBLY] = { HP_ICMP4_TIME_EXCEEDED, 1, HP_ICMP6_TIME_EXCEEDED, 1 },
	[HP_ICMP_ERR_ROUTE] = { HP_ICMP4_UNREACH, HP_ICMP4_SRC_ROUTE, HP_ICMP6_PARAM_PROBLEM,
				HP_ICMP6_FIELD },
};

/* Octets 4 to 7. */
static uint32_t rest_of(enum hp_icmp_error err, const struct hp_ip *ip, uint32_t info)
{
	bool v6 = ip->family == 6;

	if (err == HP_ICMP_ERR_TOO_BIG)
		return v6 ? info : info & 0xffff;
	if (!v6)
		return 0;
	/* RFC 4443, section 3.4: where the next header is named, or the field is. */
	if (err == HP_ICMP_ERR_PROTO)
		return ip->nh_off;
	return err == HP_ICMP_ERR_ROUTE ? ip->route_off : 0;
}

size_t hp_icmp_error_build(uint8_t *out, size_t cap, enum hp_icmp_error err, uint32_t info,
			   const struct hp_addr *from, const struct hp_ip *ip,
			   const uint8_t *packet, size_t len)
{
	bool v6 = ip->family == 6;
	const uint8_t *codes = error_codes[err] + (v6 ? 2 : 0);
	size_t hlen = v6 ? HP_IP6_HLEN : HP_IP4_HLEN;
	size_t max = v6 ? HP_ICMP6_ERR_MAX : HP_ICMP4_ERR_MAX;
	struct hp_ip_head head = {
		.src = *from,
		.dst = ip->src,
		.proto = v6 ? HP_PROTO_ICMP6 : HP_PROTO_ICMP,
		.ttl = 64,
		.tos = 0xc0, /* RFC 1812, section 4.3.2.5: internetwork control */
	};
	uint8_t *icmp = out + hlen;
	uint16_t csum;

	if (!hp_icmp_may_answer(ip, packet, codes[0]) || hp_addr_is4(from) == v6 ||
	    cap < HP_ICMP6_ERR_MIN)
		return 0;
	if (max > cap)
		max = cap;
	if (len > ip->total_len)
		len = ip->total_len;
	if (len > max - hlen - HP_ICMP_HLEN)
		len = max - hlen - HP_ICMP_HLEN;
	icmp[0] = codes[0];
	icmp[1] = codes[1];
	hp_put16(icmp + 2, 0);
	hp_put32(icmp + 4, rest_of(err, ip, info));
	memcpy(icmp + HP_ICMP_HLEN, packet, len);
	len += HP_ICMP_HLEN;
	head.payload_len = (uint16_t)len;
	hp_ip_build(out, &head);
	csum = v6 ? hp_csum_l4(from, &ip->src, HP_PROTO_ICMP6, icmp, len)
		  : hp_csum_finish(hp_csum_add(0, icmp, len));
	hp_put16(icmp + 2, csum);
	return hlen + len;
}
