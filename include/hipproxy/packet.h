/* SPDX-License-Identifier: MIT
 *
 * A packet on its way through the pipeline, and the verdicts about it.
 *
 * Bytes: buf .. buf+cap is memory owned by the packet pool; data .. data+len is the packet,
 * beginning with its IP header.  headroom = data - buf, tailroom = buf + cap - data - len.
 * A hook borrows the packet for one call.
 */
#ifndef HIPPROXY_PACKET_H
#define HIPPROXY_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

struct hp_flow;
struct hp_assoc;

#define HP_PACKET_HEADROOM 256  /* octets in front of a packet as it enters */
#define HP_PACKET_TAILROOM 128  /* octets behind a packet as it enters */
#define HP_PACKET_CAP (65536 + HP_PACKET_HEADROOM + HP_PACKET_TAILROOM)

enum hp_direction {
	HP_OUTBOUND, /* legacy -> HIP */
	HP_INBOUND,  /* HIP -> legacy */
};

struct hp_packet {
	uint8_t *buf;
	size_t cap;
	uint8_t *data;
	size_t len;

	/* Dissected from data; refreshed by hp_packet_dissect after headers changed. */
	struct hp_addr src, dst;
	uint8_t family;      /* 4 or 6 */
	uint8_t proto;       /* transport protocol (IP protocol number) */
	uint8_t ttl;         /* TTL or hop limit */
	uint8_t tos;         /* DSCP and ECN */
	uint16_t l4_off;     /* transport header's offset from data, octets */
	uint16_t sport, dport; /* host order; ICMP echo: identifier in both; else 0 */
	uint32_t frag_id;    /* host order */
	uint16_t frag_off;   /* octets */
	bool frag_more;
	bool df;             /* IPv4 don't fragment; true for IPv6 */

	uint16_t gso_size;   /* 0: one packet; else a TCP super-packet of this much payload each */
	bool gso;            /* may be a super-packet although gso_size is not known */
	bool csum_partial;   /* transport checksum holds the pseudo header's sum only */

	enum hp_direction dir;
	/* An ICMP error: flow is what it is about, and hooks are matched by the packet's own
	 * protocol, not by the flow's. */
	bool related;
	struct hp_flow *flow;   /* borrowed; NULL before FLOW */
	struct hp_assoc *assoc; /* borrowed; NULL when none yet */

	/* Where it came from, for the verdict. */
	uint32_t queue_id;   /* NFQUEUE packet id; valid if queued */
	uint16_t queue_num;
	bool queued;
	bool tun;            /* routed to us by the kernel, by the TUN device */
	struct hp_packet *next; /* the holder's list (pool, hold queue); not for hooks */
};

/* What a hook decided.  Values other than NEXT end the walk. */
enum hp_verdict {
	HP_NEXT,  /* go on with the next hook */
	HP_PASS,  /* leave it to the kernel, untouched */
	HP_DROP,  /* discarded; hp_packet_drop has counted a named reason */
	HP_TAKEN, /* the hook or core keeps or has sent it */
};

/* Moves the packet's front edge.  push: n more octets in front, NULL if there is no headroom;
 * pull: n octets fewer, NULL if the packet is shorter.  Return the new data pointer. */
uint8_t *hp_packet_push(struct hp_packet *p, size_t n);
uint8_t *hp_packet_pull(struct hp_packet *p, size_t n);

/* The core's own translation between p's legacy form and its HIT form, by p->flow and p->dir, for
 * TCP, UDP and ICMP echo (identifier translated).  For hooks in the XLAT stages; core steps leave
 * alone what is translated already.  0; -EBADMSG the transport header is truncated or inconsistent;
 * -EPROTONOSUPPORT another protocol, which is not in the setting `protocols`, or there is no flow;
 * -EINVAL a source route or routing header that is not at its end (RFC 7915, sections 4.1 and 5.1);
 * -EOPNOTSUPP a fragment; -ETIME the TTL or hop limit is used up; -EMSGSIZE it would exceed 65535
 * octets; -ENOBUFS there is no headroom.  After an error the packet is unchanged. */
struct hp_instance;
int hp_packet_translate(struct hp_instance *self, struct hp_packet *p);

/* The longest packet in HIT form that travels whole to p's peer, octets with IP header: for hooks
 * in OUT_XLAT that make the packet anew.  1280 elsewhere. */
size_t hp_packet_room(struct hp_instance *self, const struct hp_packet *p);

/* Reads the headers again into src .. df.  0, or -EBADMSG when data is no sane IP packet. */
int hp_packet_dissect(struct hp_packet *p);

#endif
