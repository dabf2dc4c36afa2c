/* SPDX-License-Identifier: MIT
 *
 * The mapping between ICMP and ICMPv6 errors (RFC 7915, sections 4.2, 4.3, 5.2, 5.3): tables and
 * arithmetic on octets, without state.
 */
#ifndef ICMP_MAP_H
#define ICMP_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

enum map_why {
	MAP_OK,
	MAP_SHORT,    /* ends before the eight octets of transport every error quotes */
	MAP_CHECKSUM, /* its checksum is wrong */
	MAP_QUENCH,   /* source quench: obsolete (RFC 6633) */
	MAP_REDIRECT, /* concerns the link it was sent on */
	MAP_TYPE,     /* another type without a counterpart */
	MAP_CODE,     /* a code without a counterpart */
	MAP_POINTER,  /* a parameter problem that points at what the other header does not have */
	MAP_QUOTED,   /* quotes something that is no packet, or not of that conversation */
	MAP_WHYS
};

/* Type, code and the four octets behind the checksum. */
struct map_head {
	uint8_t type, code;
	uint32_t rest; /* host order */
};

/* ICMP -> ICMPv6.  quoted_len: total length of the packet it quotes, for routers that do not tell
 * an MTU (RFC 1191, section 7.1). */
enum map_why map_head46(const struct map_head *in, uint32_t quoted_len, struct map_head *out);
/* ICMPv6 -> ICMP.  fragment: the packet it quotes has a fragment header. */
enum map_why map_head64(const struct map_head *in, bool fragment, struct map_head *out);

/* One end of the quoted packet as the receiver of the error knows it. */
struct map_quoted {
	struct hp_addr src, dst;
	uint16_t sport, dport;
	uint16_t id;    /* ICMP echo */
	uint16_t ip_id; /* IPv4 identification, where the packet has brought none */
};

/* A whole error: outer addresses, and what the quoted packet becomes. */
struct map_to {
	struct hp_addr src, dst;
	uint16_t ip_id; /* IPv4 identification of the error */
	uint8_t ttl, tos;
	size_t max;     /* octets it may have at most; MAP_MIN .. MAP_MAX */
	struct map_quoted quoted;
};

#define MAP_MAX 1280 /* octets of any error we make (RFC 4443, section 2.4 (c)) */
#define MAP_MIN 96   /* room for what every error quotes */

/* in: IPv4 or IPv6 packet with an ICMP or ICMPv6 error, l4_off its ICMP header; both families
 * may be the same.  out: MAP_MAX octets; *out_len of them written. */
enum map_why map_error(const uint8_t *in, size_t len, size_t l4_off, const struct map_to *to,
		       uint8_t *out, size_t *out_len);

#endif
