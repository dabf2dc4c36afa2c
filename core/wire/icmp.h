/* SPDX-License-Identifier: MIT
 *
 * ICMP (RFC 792, RFC 1191) and ICMPv6 (RFC 4443): headers, and errors made from the packet
 * that caused them.
 */
#ifndef HP_WIRE_ICMP_H
#define HP_WIRE_ICMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>
#include "wire/ip.h"

#define HP_ICMP_HLEN     8
#define HP_ICMP4_ERR_MAX 576  /* RFC 1812, section 4.3.2.3: whole packet */
#define HP_ICMP6_ERR_MAX 1280 /* RFC 4443, section 2.4 (c) */
#define HP_ICMP6_ERR_MIN 96   /* below that an error does not name what it is about */

enum {
	HP_ICMP4_ECHO_REPLY      = 0,
	HP_ICMP4_UNREACH         = 3,
	HP_ICMP4_QUENCH          = 4,
	HP_ICMP4_REDIRECT        = 5,
	HP_ICMP4_ECHO            = 8,
	HP_ICMP4_TIME_EXCEEDED   = 11,
	HP_ICMP4_PARAM_PROBLEM   = 12,
	HP_ICMP4_TIMESTAMP       = 13,
	HP_ICMP4_TIMESTAMP_REPLY = 14,
};

/* Codes of HP_ICMP4_UNREACH. */
enum {
	HP_ICMP4_NET             = 0,
	HP_ICMP4_HOST            = 1,
	HP_ICMP4_PROTO           = 2,
	HP_ICMP4_PORT            = 3,
	HP_ICMP4_FRAG_NEEDED     = 4,
	HP_ICMP4_SRC_ROUTE       = 5,
	HP_ICMP4_NET_PROHIBITED  = 9,
	HP_ICMP4_HOST_PROHIBITED = 10,
	HP_ICMP4_ADMIN           = 13,
	HP_ICMP4_PRECEDENCE      = 15,
};

enum {
	HP_ICMP6_UNREACH       = 1,
	HP_ICMP6_TOO_BIG       = 2,
	HP_ICMP6_TIME_EXCEEDED = 3,
	HP_ICMP6_PARAM_PROBLEM = 4,
	HP_ICMP6_ECHO          = 128,
	HP_ICMP6_ECHO_REPLY    = 129,
	HP_ICMP6_RS            = 133,
	HP_ICMP6_RA            = 134,
	HP_ICMP6_NS            = 135,
	HP_ICMP6_NA            = 136,
	HP_ICMP6_REDIRECT      = 137,
};

/* Codes of HP_ICMP6_UNREACH. */
enum {
	HP_ICMP6_NO_ROUTE     = 0,
	HP_ICMP6_ADMIN        = 1,
	HP_ICMP6_BEYOND_SCOPE = 2,
	HP_ICMP6_ADDR         = 3,
	HP_ICMP6_PORT         = 4,
	HP_ICMP6_POLICY       = 5,
};

/* Codes of HP_ICMP6_PARAM_PROBLEM. */
enum {
	HP_ICMP6_FIELD       = 0, /* erroneous header field */
	HP_ICMP6_NEXT_HEADER = 1, /* unrecognized next header */
};

struct hp_icmp {
	uint8_t type, code;
	uint16_t csum;      /* as found */
	uint16_t id, seq;   /* echo, host order */
	uint32_t mtu;       /* packet too big; IPv4: the low 16 bits, 0 from old routers */
	uint32_t rest;      /* octets 4..7, host order */
	bool is_error;      /* carries the beginning of a packet */
	bool is_echo;       /* echo request or reply */
	bool is_request;    /* echo request */
	size_t inner_off;   /* of that packet from the ICMP header, octets; 0 if not an error */
};

/* family 4: ICMP, 6: ICMPv6.  0, or -EBADMSG if fewer than 8 octets.  The checksum is not
 * looked at (hp_csum_l4). */
int hp_icmp_parse(uint8_t family, const uint8_t *p, size_t len, struct hp_icmp *out);
/* Static text, "echo request", "type 42" as "unknown". */
const char *hp_icmp_name(uint8_t family, uint8_t type);

/* May an error be sent about this packet (RFC 1122, section 3.2.2; RFC 4443, section
 * 2.4 (e))?  Not about ICMP errors and redirects, later fragments, multicast or broadcast
 * destinations (but IPv6 packet too big), and sources that are no single host. */
bool hp_icmp_may_answer(const struct hp_ip *ip, const uint8_t *packet, uint8_t type);

/* One error that is the same in both families. */
enum hp_icmp_error {
	HP_ICMP_ERR_HOST,    /* destination host unreachable */
	HP_ICMP_ERR_NO_ROUTE,
	HP_ICMP_ERR_PORT,
	HP_ICMP_ERR_PROTO,   /* protocol unreachable; ICMPv6: next header not recognized */
	HP_ICMP_ERR_ADMIN,   /* administratively prohibited */
	HP_ICMP_ERR_TOO_BIG, /* info: MTU */
	HP_ICMP_ERR_TTL,     /* time exceeded in transit */
	HP_ICMP_ERR_REASSEMBLY, /* fragment reassembly time exceeded */
	HP_ICMP_ERR_ROUTE,   /* source route failed; ICMPv6: segments left in a routing header */
	HP_ICMP_ERRORS
};

/* Builds the whole packet (IP header included) that tells the sender of packet (ip: its
 * dissection, len: octets of it at hand) of err, from address from, which must be of the
 * same family.  It quotes as much as fits into cap.  Returns the octets written to out, 0 if no
 * answer may be given or cap is below HP_ICMP6_ERR_MIN. */
size_t hp_icmp_error_build(uint8_t *out, size_t cap, enum hp_icmp_error err, uint32_t info,
			   const struct hp_addr *from, const struct hp_ip *ip,
			   const uint8_t *packet, size_t len);

#endif
