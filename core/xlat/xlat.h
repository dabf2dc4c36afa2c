/* SPDX-License-Identifier: MIT
 *
 * Translation between the legacy form of a packet (IPv4 or IPv6 addresses) and its HIT form
 * (IPv6 header with HITs): RFC 7915 for IPv4, plain rewriting for IPv6.
 *
 * Headers, ports and checksums only; payload is never looked at.  The packet must have been
 * dissected, and is dissected again (src .. dport, l4_off follow) when a call has succeeded;
 * after an error its bytes are as they were.  A packet with csum_partial stays partial: its
 * checksum field then holds the new pseudo header's sum, not complemented.
 *
 * df survives translation, although IPv6 has no such bit: it says whether whoever must make
 * the packet smaller may fragment it.  The reassembler clears it.  frag_id survives on the way to
 * HIT form, for the fragment header that the packet may get.
 */
#ifndef HP_XLAT_XLAT_H
#define HP_XLAT_XLAT_H

#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/flow.h>
#include <hipproxy/packet.h>

/* RFC 7915, section 5.1: an IPv4 packet of up to so many octets is made without DF. */
#define HP_XLAT_DF_CLEAR_MAX 1260u

struct hp_xlat {
	bool decrement_ttl; /* the kernel has not done it */
	uint32_t ip_id;     /* next IPv4 identification; start it at random */
	uint64_t carried[4]; /* bit: packets of this protocol keep what is behind the IP header */
};

/* Legacy -> HIT: legacy:legacy_port -> far:far_port becomes local_hit:local_port ->
 * peer_hit:peer_port.  0, or:
 *   -EBADMSG          transport header is truncated or inconsistent
 *   -EPROTONOSUPPORT  neither TCP, UDP nor ICMP echo, nor carried: a plugin's business
 *   -EINVAL           source route or routing header with segments left (RFC 7915, 4.1, 5.1)
 *   -EOPNOTSUPP       a fragment: ports can only change after reassembly
 *   -ETIME            TTL used up: time exceeded is due
 *   -ENOBUFS          no headroom
 *   -EMSGSIZE         would exceed 65535 octets */
int hp_xlat_to_hit(struct hp_xlat *x, struct hp_packet *p, const struct hp_flow_key *key);
/* HIT -> legacy: peer_hit:peer_port -> local_hit:local_port becomes far:far_port ->
 * legacy:legacy_port.  The family is that of key->legacy.  Errors as above. */
int hp_xlat_to_legacy(struct hp_xlat *x, struct hp_packet *p, const struct hp_flow_key *key);

/* Is this protocol carried without being understood? */
static inline bool hp_xlat_carries(const struct hp_xlat *x, uint8_t proto)
{
	return x->carried[proto / 64] >> proto % 64 & 1;
}

/* Lowers the MSS option of a SYN so that segments have at most max_mss octets of payload
 * (without options, RFC 6691).  The MSS the SYN announced before, 0 if p is no SYN with one. */
uint16_t hp_xlat_clamp_mss(struct hp_packet *p, uint16_t max_mss);

/* Octets of transport header and payload in each packet on the wire: of a super-packet, those of
 * one full segment.  Whatever is compared with an MTU or another limit of one packet takes this
 * length, never p->len.  p is dissected. */
size_t hp_packet_transport_len(const struct hp_packet *p);

/* A partial checksum becomes whole; others are left alone.  0, or -EBADMSG if the transport
 * header does not fit or is none with a checksum. */
int hp_packet_complete_checksum(struct hp_packet *p);
/* Is the transport checksum right?  True also for a partial one (nothing was on a wire yet) and
 * for UDP over IPv4 without; false for fragments and truncated headers. */
bool hp_packet_checksum_ok(const struct hp_packet *p);
/* Offset of the checksum in proto's header, or -1. */
int hp_proto_csum_off(uint8_t proto);

#endif
