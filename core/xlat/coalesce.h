/* SPDX-License-Identifier: MIT
 *
 * Joins consecutive TCP segments of one flow into a super-packet of up to 64 KB, within one
 * batch of received packets, by the rules of Linux's GRO.
 *
 * Payload is appended behind the first packet's; the swallowed packets go back to the pool.
 * Nothing is delayed beyond the batch and the order within a flow is kept.  Works on legacy and
 * on HIT form.  A joined packet leaves with gso_size set and a partial checksum; every segment
 * in it had a right one.
 */
#ifndef HP_XLAT_COALESCE_H
#define HP_XLAT_COALESCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/packet.h>

#define HP_COALESCE_SLOTS 8

struct hp_coalesce_slot {
	struct hp_packet *p; /* NULL: free */
	uint32_t next_seq;
	uint32_t hash;       /* of ports and addresses' ends, to tell slots apart quickly */
	uint16_t hlen;       /* TCP header, octets */
	uint16_t gso;        /* payload of the first segment */
	uint16_t segments;
	bool verified;       /* the first segment's checksum was looked at */
};

struct hp_coalesce {
	struct hp_coalesce_slot slots[HP_COALESCE_SLOTS];
	unsigned int used;   /* slots in use */
	unsigned int victim; /* which slot leaves when all are in use */
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

#endif
