/* SPDX-License-Identifier: MIT
 *
 * The packet pool: buffers of two sizes, made on demand up to a limit and then used
 *again, the one used last first (it is still in the cache).
 *
 *	big    HP_PACKET_CAP: super-packets, anything the kernel may hand over
 *	small  one ordinary packet: received ESP, packets that wait
 */
#ifndef HP_IO_POOL_H
#define HP_IO_POOL_H

#include <stddef.h>
#include <stdint.h>

#include <hipproxy/packet.h>

#define HP_POOL_SMALL_ROOM 2048 /* octets of packet in a small buffer */
#define HP_POOL_SMALL_CAP  (HP_POOL_SMALL_ROOM + HP_PACKET_HEADROOM + HP_PACKET_TAILROOM)

struct hp_pool;

struct hp_pool_counts {
	size_t big_used, big_max; /* handed out now; the most there may be */
	size_t small_used, small_max;
	uint64_t empty; /* times a packet was asked for and none was left */
};

/* NULL with errno. */
struct hp_pool *hp_pool_new(size_t big_max, size_t small_max);
/* Every packet must be back. */
void hp_pool_free(struct hp_pool *pool);

/* A packet with all fields zero but buf, cap and data = buf + HP_PACKET_HEADROOM, len 0.
 * NULL when the limit is reached or memory is out; counted. */
struct hp_packet *hp_pool_get(struct hp_pool *pool); /* big */
struct hp_packet *hp_pool_get_small(struct hp_pool *pool);
/* NULL is allowed. */
void hp_pool_put(struct hp_pool *pool, struct hp_packet *p);

/* For a packet that will wait: moves it to a small buffer if it fits and one is there,
 * and gives the big one back.  The packet to use from now on (p itself when nothing was
 * gained); headroom is HP_PACKET_HEADROOM in a new one. */
struct hp_packet *hp_pool_compact(struct hp_pool *pool, struct hp_packet *p);

/* For a packet that will grow: moves it to a big buffer unless it is in one.  NULL when there is
 * none: p is as it was. */
struct hp_packet *hp_pool_expand(struct hp_pool *pool, struct hp_packet *p);

struct hp_pool_counts hp_pool_counts(const struct hp_pool *pool);

/* Buffers that sockets read into, outside of the pool: address space that costs memory as it is
 * touched.  NULL when there is none; free takes NULL. */
uint8_t *hp_room_new(size_t bytes);
void hp_room_free(uint8_t *room, size_t bytes);

/* The kernel's mark on a captured packet, kept beside it for the verdict. */
uint32_t hp_pool_kmark(const struct hp_packet *p);
void hp_pool_kmark_set(struct hp_packet *p, uint32_t mark);

#endif
