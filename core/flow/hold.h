/* SPDX-License-Identifier: MIT
 *
 * Bounded queue of packets that wait for an answer (is the destination HIP-capable? is the
 * association up?).  First in, first out; what does not fit stays with the caller, who counts
 * the drop.
 */
#ifndef HP_FLOW_HOLD_H
#define HP_FLOW_HOLD_H

#include <stddef.h>
#include <stdint.h>

#include <hipproxy/packet.h>

/* Shared by all queues of one owner. */
struct hp_hold_pool {
	size_t max_packets;       /* in one queue */
	size_t max_octets;        /* in one queue, of packet data */
	size_t max_total_packets; /* in all queues; a held packet keeps a whole pool buffer */
	size_t packets, octets;   /* in all queues now */
	uint64_t held, overflows; /* counters */
};

struct hp_hold {
	struct hp_packet *first, *last; /* chained by hp_packet.next */
	size_t packets, octets;
};

/* Zeroed memory is an empty queue.  0: the queue keeps p; -ENOBUFS: full, p stays the
 * caller's, overflow counted. */
int hp_hold_add(struct hp_hold_pool *pool, struct hp_hold *h, struct hp_packet *p);
/* The oldest, now the caller's; NULL when empty. */
struct hp_packet *hp_hold_take(struct hp_hold_pool *pool, struct hp_hold *h);
/* Moves all to out (which must be empty), so that they can be worked on while new ones come. */
void hp_hold_move(struct hp_hold_pool *pool, struct hp_hold *h, struct hp_hold *out);
/* Gives every packet to fn, oldest first.  Packets that fn has added again wait for the next
 * call. */
void hp_hold_release(struct hp_hold_pool *pool, struct hp_hold *h,
		     void (*fn)(void *ctx, struct hp_packet *p), void *ctx);

#endif
