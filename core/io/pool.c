/* SPDX-License-Identifier: MIT
 *
 * The packet pool (see pool.h).
 */
#include "io/pool.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A packet as the pool sees it; its buffer follows in the same allocation. */
struct pool_packet {
	struct hp_packet p;
	uint32_t kmark;
	bool small;
	_Alignas(16) uint8_t bytes[];
};

struct pool_class {
	struct hp_packet *idle;
	size_t cap, used, max;
};

struct hp_pool {
	struct pool_class big, small;
	uint64_t empty;
};

/* p is the first member. */
static struct pool_packet *pool_packet(struct hp_packet *p)
{
	return (struct pool_packet *)(void *)p;
}

struct hp_pool *hp_pool_new(size_t big_max, size_t small_max)
{
	struct hp_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->big = (struct pool_class){.cap = HP_PACKET_CAP, .max = big_max};
	pool->small = (struct pool_class){.cap = HP_POOL_SMALL_CAP, .max = small_max};
	return pool;
}

static void class_free(struct pool_class *c)
{
	struct hp_packet *p;

	while ((p = c->idle)) {
		c->idle = p->next;
		free(pool_packet(p));
	}
}

void hp_pool_free(struct hp_pool *pool)
{
	if (!pool)
		return;
	class_free(&pool->big);
	class_free(&pool->small);
	free(pool);
}

static struct pool_packet *class_get(struct pool_class *c)
{
	struct hp_packet *p = c->idle;

	if (c->used >= c->max)
		return NULL;
	if (!p)
		return malloc(sizeof(struct pool_packet) + c->cap);
	c->idle = p->next;
	return pool_packet(p);
}

static struct hp_packet *packet_get(struct hp_pool *pool, struct pool_class *c)
{
	struct pool_packet *pp = class_get(c);

	if (!pp) {
		pool->empty++;
		return NULL;
	}
	c->used++;
	pp->kmark = 0;
	pp->small = c == &pool->small;
	pp->p = (struct hp_packet){
		.buf = pp->bytes,
		.cap = c->cap,
		.data = pp->bytes + HP_PACKET_HEADROOM,
	};
	return &pp->p;
}

struct hp_packet *hp_pool_get(struct hp_pool *pool)
{
	return packet_get(pool, &pool->big);
}

struct hp_packet *hp_pool_get_small(struct hp_pool *pool)
{
	return packet_get(pool, &pool->small);
}

void hp_pool_put(struct hp_pool *pool, struct hp_packet *p)
{
	struct pool_class *c;

	if (!p)
		return;
	c = pool_packet(p)->small ? &pool->small : &pool->big;
	p->next = c->idle;
	c->idle = p;
	c->used--;
}

/* p's packet in another buffer of cap octets; p goes back. */
static struct hp_packet *move(struct hp_pool *pool, struct hp_packet *p,
			      struct hp_packet *other, size_t cap)
{
	struct pool_packet *to;
	uint8_t *data;

	if (!other)
		return NULL;
	to = pool_packet(other);
	data = other->data;
	memcpy(data, p->data, p->len);
	*other = *p;
	other->buf = to->bytes;
	other->cap = cap;
	other->data = data;
	to->kmark = pool_packet(p)->kmark;
	hp_pool_put(pool, p);
	return other;
}

struct hp_packet *hp_pool_compact(struct hp_pool *pool, struct hp_packet *p)
{
	struct hp_packet *small = NULL;

	if (!pool_packet(p)->small && p->len <= HP_POOL_SMALL_ROOM &&
	    pool->small.used < pool->small.max)
		small = move(pool, p, hp_pool_get_small(pool), HP_POOL_SMALL_CAP);
	return small ? small : p;
}

struct hp_packet *hp_pool_expand(struct hp_pool *pool, struct hp_packet *p)
{
	if (!pool_packet(p)->small)
		return p;
	return move(pool, p, hp_pool_get(pool), HP_PACKET_CAP);
}

struct hp_pool_counts hp_pool_counts(const struct hp_pool *pool)
{
	return (struct hp_pool_counts){
		.big_used = pool->big.used,
		.big_max = pool->big.max,
		.small_used = pool->small.used,
		.small_max = pool->small.max,
		.empty = pool->empty,
	};
}

uint8_t *hp_room_new(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

void hp_room_free(uint8_t *room, size_t bytes)
{
	if (room)
		munmap(room, bytes);
}

uint32_t hp_pool_kmark(const struct hp_packet *p)
{
	return ((const struct pool_packet *)(const void *)p)->kmark;
}

void hp_pool_kmark_set(struct hp_packet *p, uint32_t mark)
{
	pool_packet(p)->kmark = mark;
}
