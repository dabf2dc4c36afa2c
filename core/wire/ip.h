/* SPDX-License-Identifier: MIT
 *
 * IPv4 and IPv6 headers (RFC 791, RFC 8200) down to the ports.
 */
#ifndef HP_WIRE_IP_H
#define HP_WIRE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>
#include <hipproxy/wire.h>

enum {
	HP_PROTO_HOPOPTS  = 0,
	HP_PROTO_ICMP     = 1,
	HP_PROTO_TCP      = 6,
	HP_PROTO_UDP      = 17,
	HP_PROTO_ROUTING  = 43,
	HP_PROTO_FRAGMENT = 44,
	HP_PROTO_ESP      = 50,
	HP_PROTO_AH       = 51,
	HP_PROTO_DCCP     = 33,
	HP_PROTO_ICMP6    = 58,
	HP_PROTO_NONE     = 59,
	HP_PROTO_DSTOPTS  = 60,
	HP_PROTO_UDPLITE  = 136,
	HP_PROTO_HIP      = 139,
};

#define HP_IP4_HLEN     20
#define HP_IP6_HLEN     40
#define HP_IP6_FRAGHLEN 8
#define HP_IP6_MTU_MIN  1280 /* RFC 8200, section 5 */

enum hp_ip_bad {
	HP_IP_OK,
	HP_IP_BAD_SHORT,    /* ends within a header */
	HP_IP_BAD_VERSION,  /* neither 4 nor 6 */
	HP_IP_BAD_HLEN,     /* IPv4 header length below 20 */
	HP_IP_BAD_TOTLEN,   /* total length below the header's, or beyond the buffer */
	HP_IP_BAD_EXT,      /* too many extension headers */
	HP_IP_BAD_FRAG,     /* fragment beyond 65535 octets, or not a multiple of 8 */
	HP_IP_BADS
};

struct hp_ip {
	struct hp_addr src, dst;
	uint8_t family;       /* 4 or 6 */
	uint8_t proto;        /* transport protocol, after extension headers */
	uint8_t ttl;          /* TTL or hop limit */
	uint8_t tos;          /* DSCP and ECN */
	uint16_t hlen;        /* IP header with options or extension headers, octets */
	uint16_t l4_off;      /* = hlen */
	uint32_t total_len;   /* octets, as the header says; what follows is padding */
	uint32_t l4_len;      /* total_len - l4_off */
	uint32_t flow_label;  /* IPv6 */
	uint32_t frag_id;     /* host order; IPv4's has 16 bits */
	uint16_t frag_off;    /* octets */
	uint16_t frag_hdr_off; /* IPv6: offset of the fragment header, 0 if there is none */
	uint16_t nh_off;      /* IPv6: offset of the octet that names proto */
	bool frag_more;
	bool df;              /* IPv4; true for IPv6 */
	bool has_options;     /* IPv4 options, or IPv6 extension headers other than fragment */
	bool has_routing;     /* IPv4 source route, or IPv6 routing header, not at its end */
	uint16_t route_off;   /* IPv6 with has_routing: offset of the Segments Left octet */
	/* Transport, where the packet holds it (frag_off 0 and long enough), else 0. */
	bool l4_ok;           /* the transport's fixed header is there (TCP 20, UDP 8, ICMP 8) */
	uint16_t sport, dport; /* host order; ICMP echo: the identifier in both */
	uint8_t tcp_flags;
	uint8_t icmp_type, icmp_code;
	enum hp_ip_bad why;
};

static inline bool hp_ip_is_fragment(const struct hp_ip *ip)
{
	return ip->frag_more || ip->frag_off;
}

/* Reads len octets.  A jumbogram (IPv6 payload length 0) and an IPv4 total length of 0 are
 * refused.  0, or -EBADMSG with out->why set. */
int hp_ip_parse(const uint8_t *p, size_t len, struct hp_ip *out);
const char *hp_ip_bad_name(enum hp_ip_bad why);

/* Is the IPv4 header's checksum right?  The header must have been parsed. */
bool hp_ip4_csum_ok(const uint8_t *p);
/* Sets it, for a header of hlen octets. */
void hp_ip4_csum_set(uint8_t *p, size_t hlen);
/* Sets the identification, and the checksum to match; p is an IPv4 header with a right one. */
void hp_ip4_id_set(uint8_t *p, uint16_t id);
/* Lowers TTL or hop limit by one with IPv4's checksum; the TTL left. */
uint8_t hp_ip_ttl_dec(uint8_t *p);

struct hp_ip_head {
	struct hp_addr src, dst;
	uint32_t flow_label;   /* IPv6 */
	uint16_t payload_len;  /* octets after this header */
	uint16_t id;           /* IPv4, host order */
	uint8_t proto, ttl, tos;
	bool df;               /* IPv4 */
};

/* Write 20 octets with checksum, or 40 octets, at p. */
void hp_ip4_build(uint8_t *p, const struct hp_ip_head *h);
void hp_ip6_build(uint8_t *p, const struct hp_ip_head *h);
/* The one that fits h->src's family; returns the octets written. */
size_t hp_ip_build(uint8_t *p, const struct hp_ip_head *h);
/* RFC 8200, section 4.5: 8 octets.  off in octets, a multiple of 8. */
void hp_ip6_frag_build(uint8_t *p, uint8_t next, uint16_t off, bool more, uint32_t id);

#endif
