/* SPDX-License-Identifier: MIT
 *
 * Index: see index.h.  Buckets below n are there; the next one to be split is n less the
 * highest power of two in it.
 */
#include "util/index.h"

#include <errno.h>
#include <string.h>

#define BUCKETS_MIN 16u
/* Numbers for two buckets: above the first there is one bucket more, below the second one less. */
#define GROW_ABOVE   7u
#define SHRINK_BELOW 3u

_Static_assert(sizeof(struct hp_index_bucket) == 64, "a bucket is a cache line");

int hp_index_init(struct hp_index *x)
{
	*x = (struct hp_index){ .n = BUCKETS_MIN, .mask = BUCKETS_MIN * 2 - 1 };
	hp_chunks_init(&x->buckets, sizeof(struct hp_index_bucket));
	hp_slab_init(&x->extra, sizeof(struct hp_index_bucket), 0);
	return hp_chunks_have(&x->buckets, 0);
}

void hp_index_fini(struct hp_index *x)
{
	hp_chunks_fini(&x->buckets);
	hp_slab_fini(&x->extra);
	*x = (struct hp_index){ 0 };
}

/* ---- chains */

static struct hp_index_bucket *bucket(const struct hp_index *x, uint32_t i)
{
	return hp_chunks_at(&x->buckets, i);
}

static struct hp_index_bucket *next(const struct hp_index *x, const struct hp_index_bucket *b)
{
	return b->more ? hp_slab_at(&x->extra, b->more) : NULL;
}

static struct hp_index_bucket *last(const struct hp_index *x, struct hp_index_bucket *b)
{
	struct hp_index_bucket *n;

	while ((n = next(x, b)))
		b = n;
	return b;
}

/* Frees what follows b. */
static void cut(struct hp_index *x, struct hp_index_bucket *b)
{
	while (b->more) {
		uint32_t gone = b->more;

		b->more = ((struct hp_index_bucket *)hp_slab_at(&x->extra, gone))->more;
		hp_slab_put(&x->extra, gone);
	}
}

/* Makes room for n entries more behind those of the chain.  0, -ENOMEM (as before). */
static int extend(struct hp_index *x, struct hp_index_bucket *chain, uint32_t n)
{
	struct hp_index_bucket *end = last(x, chain), *b = end;
	uint32_t room = HP_INDEX_WAYS - end->n;

	for (; room < n; room += HP_INDEX_WAYS) {
		b->more = hp_slab_get(&x->extra);
		if (!b->more) {
			cut(x, end);
			return -ENOMEM;
		}
		b = next(x, b);
	}
	return 0;
}

/* Into *at or what follows; there is room. */
static void put(const struct hp_index *x, struct hp_index_bucket **at, uint32_t hash,
		uint32_t number)
{
	struct hp_index_bucket *b = *at;

	while (b->n == HP_INDEX_WAYS)
		b = next(x, b);
	b->hash[b->n] = hash;
	b->number[b->n++] = number;
	*at = b;
}

/* ---- one bucket more, one less */

static uint32_t count_moving(const struct hp_index *x, const struct hp_index_bucket *b,
			     uint32_t to)
{
	uint32_t n = 0;

	for (; b; b = next(x, b))
		for (uint32_t i = 0; i < b->n; i++)
			n += (b->hash[i] & x->mask) == to;
	return n;
}

/* Entries of from's chain whose place is now to go there; the others close up. */
static void deal(struct hp_index *x, struct hp_index_bucket *from, uint32_t to)
{
	struct hp_index_bucket *stay = from, *go = bucket(x, to);

	for (struct hp_index_bucket *b = from; b; b = next(x, b)) {
		uint32_t n = b->n;

		b->n = 0;
		for (uint32_t i = 0; i < n; i++)
			put(x, (b->hash[i] & x->mask) == to ? &go : &stay, b->hash[i],
			    b->number[i]);
	}
	cut(x, stay);
}

/* Without memory the table works on with longer chains. */
static void split(struct hp_index *x)
{
	uint32_t to = x->n, mask = x->mask;
	struct hp_index_bucket *from;

	if (to > mask)
		mask = mask * 2 + 1;
	if (!mask || hp_chunks_have(&x->buckets, to >> HP_CHUNK_BITS))
		return;
	x->mask = mask;
	from = bucket(x, to & mask >> 1);
	*bucket(x, to) = (struct hp_index_bucket){ .n = 0 };
	if (extend(x, bucket(x, to), count_moving(x, from, to))) {
		if (to == (mask >> 1) + 1)
			x->mask = mask >> 1;
		return;
	}
	x->n++;
	deal(x, from, to);
}

static void merge(struct hp_index *x)
{
	uint32_t at = x->n - 1, mask = at == (x->mask >> 1) ? x->mask >> 1 : x->mask;
	struct hp_index_bucket *from = bucket(x, at), *to = bucket(x, at & mask >> 1);
	uint32_t n = 0;

	for (struct hp_index_bucket *b = from; b; b = next(x, b))
		n += b->n;
	if (extend(x, to, n))
		return;
	for (struct hp_index_bucket *b = from; b; b = next(x, b))
		for (uint32_t i = 0; i < b->n; i++)
			put(x, &to, b->hash[i], b->number[i]);
	cut(x, from);
	from->n = 0;
	x->n = at;
	x->mask = mask;
	/* The chunk that has just become empty stays, it may be needed again soon. */
	if (!(at & (HP_CHUNK_ITEMS - 1)))
		hp_chunks_drop(&x->buckets, (at >> HP_CHUNK_BITS) + 1);
}

/* ---- entries */

int hp_index_add(struct hp_index *x, uint32_t hash, uint32_t number)
{
	struct hp_index_bucket *b;
	int err;

	if (2ull * x->count >= (uint64_t)GROW_ABOVE * x->n)
		split(x);
	b = (struct hp_index_bucket *)(uintptr_t)hp_index_bucket(x, hash);
	err = b->n < HP_INDEX_WAYS ? 0 : extend(x, b, 1);
	if (err)
		return err;
	put(x, &b, hash, number);
	x->count++;
	return 0;
}

/* The last entry of the chain takes the place of entry i of b. */
static void close_gap(struct hp_index *x, struct hp_index_bucket *chain,
		      struct hp_index_bucket *b, uint32_t i)
{
	struct hp_index_bucket *end = chain, *before = chain;

	while (end->more) {
		before = end;
		end = next(x, end);
	}
	end->n--;
	b->hash[i] = end->hash[end->n];
	b->number[i] = end->number[end->n];
	if (end != chain && !end->n)
		cut(x, before);
}

void hp_index_del(struct hp_index *x, uint32_t hash, uint32_t number)
{
	struct hp_index_bucket *chain =
		(struct hp_index_bucket *)(uintptr_t)hp_index_bucket(x, hash);

	for (struct hp_index_bucket *b = chain; b; b = next(x, b)) {
		for (uint32_t i = 0; i < b->n; i++) {
			if (b->number[i] != number)
				continue;
			close_gap(x, chain, b, i);
			x->count--;
			if (2ull * x->count < (uint64_t)SHRINK_BELOW * x->n &&
			    x->n > BUCKETS_MIN)
				merge(x);
			return;
		}
	}
}

void hp_index_renumber(struct hp_index *x, uint32_t hash, uint32_t number, uint32_t to)
{
	struct hp_index_bucket *b = (struct hp_index_bucket *)(uintptr_t)hp_index_bucket(x, hash);

	for (; b; b = next(x, b))
		for (uint32_t i = 0; i < b->n; i++)
			if (b->number[i] == number) {
				b->number[i] = to;
				return;
			}
}
