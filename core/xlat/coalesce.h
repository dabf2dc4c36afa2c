/* SPDX-License-Identifier: MIT
 *
 * Joins consecutive TCP segments of one flow, or its UDP datagrams of equal length, into a
 * super-packet of up to 64 KB, within one batch of received packets, by the rules of Linux's
 * GRO.
 *
 * Payload is appended behind the first packet's; the swallowed packets go back to the pool.
 * Nothing is delayed beyond the batch and the order within a flow is kept.  Works on legacy and
 * on HIT form.  A joined packet leaves with gso_size set and a partial checksum; every segment
 * in it had a right one.
 *
 * A packet that is yet to be written (deciphered) somewhere may be written straight to its
 * place: hp_coalesce_spot gives the octets behind what was collected last, less a transport
 * header's.  If it belongs there, hp_coalesce_join makes it part of the super-packet and nothing
 * was copied; if not, hp_coalesce_leave puts back what the header has overwritten.
 */
#ifndef HP_XLAT_COALESCE_H
#define HP_XLAT_COALESCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/packet.h>

#define HP_COALESCE_SLOTS	  8
#define HP_COALESCE_HLEN_MAX	  60 /* a transport header, octets */
#define HP_COALESCE_DATAGRAMS 64 /* in one super-packet: the kernel's UDP_MAX_SEGMENTS */

struct hp_coalesce_slot {
	struct hp_packet *p; /* NULL: free */
	uint32_t next_seq;   /* TCP */
	uint32_t hash;       /* of ports and addresses' ends, to tell slots apart quickly */
	uint16_t hlen;       /* transport header, octets */
	uint16_t gso;        /* payload of the first segment */
	uint16_t segments;
	bool verified;       /* the first segment's checksum was looked at */
};

struct hp_coalesce {
	struct hp_coalesce_slot slots[HP_COALESCE_SLOTS];
	unsigned int used;   /* slots in use */
	unsigned int victim; /* which slot leaves when all are in use */
	struct hp_coalesce_slot *latest; /* opened or joined last; NULL: none, or it left */
	bool udp;            /* datagrams are joined too; off at first */
	bool at_spot;        /* between hp_coalesce_spot and join or leave */
	uint8_t kept[HP_COALESCE_HLEN_MAX]; /* what the header at the spot overwrites */
	void *ctx;
	/* A packet leaves, joined or as it came: the callee's now. */
	void (*emit)(void *ctx, struct hp_packet *p);
	/* A packet was swallowed: back to its pool. */
	void (*put)(void *ctx, struct hp_packet *p);
	/* A packet that is to be joined with others, in a buffer of HP_PACKET_CAP octets; NULL
	 * and p stays as it is.  May be NULL: what has no room is not joined. */
	struct hp_packet *(*grow)(void *ctx, struct hp_packet *p);
	uint64_t joined, emitted, bad_checksum; /* counters */
};

void hp_coalesce_init(struct hp_coalesce *c, void (*emit)(void *ctx, struct hp_packet *p),
		      void (*put)(void *ctx, struct hp_packet *p), void *ctx);
/* Takes a dissected packet over.  What can't be joined leaves through emit, after what was
 * collected of its flow. */
void hp_coalesce_add(struct hp_coalesce *c, struct hp_packet *p);
/* End of batch: all that was collected leaves. */
void hp_coalesce_flush(struct hp_coalesce *c);

/* What the next packet is, before it is known what it says. */
struct hp_coalesce_next {
	const struct hp_addr *src, *dst;
	uint8_t ttl, tos;
};

/* Where the transport part of the packet that comes next (at most len octets, with what a
 * cipher writes behind it) may be put.  NULL: nowhere, take a packet of its own.  Until join or
 * leave nothing else may be called. */
uint8_t *hp_coalesce_spot(struct hp_coalesce *c, const struct hp_coalesce_next *next, size_t len);
/* What stands at the spot now is a transport header and payload of len octets.  True: it is part
 * of the super-packet.  False: it is not, and still stands there. */
bool hp_coalesce_join(struct hp_coalesce *c, uint8_t proto, size_t len);
/* Nothing stands at the spot any more. */
void hp_coalesce_leave(struct hp_coalesce *c);
/* What was collected and of which gone says yes goes back to the pool; how many segments. */
uint64_t hp_coalesce_purge(struct hp_coalesce *c,
			   bool (*gone)(const struct hp_packet *p, const void *arg),
			   const void *arg);

#endif
