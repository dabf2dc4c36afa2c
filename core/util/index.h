/* SPDX-License-Identifier: MIT
 *
 * Finds numbers (of objects in a slab) by hash.
 *
 * Linear hashing (Litwin, 1980) over buckets of one cache line.  A line holds seven hashes and
 * their numbers, so that a miss touches no object.  The table grows, and shrinks, by one bucket
 * at a time: no addition is ever dear, and there are no second tables while it grows.  The
 * hashes must be keyed where strangers choose what is hashed.
 */
#ifndef HP_UTIL_INDEX_H
#define HP_UTIL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "util/prefetch.h"
#include "util/slab.h"

#define HP_INDEX_WAYS 7u

struct hp_index_bucket {
	uint32_t hash[HP_INDEX_WAYS];
	uint32_t more; /* in hp_index.extra; 0: the chain ends */
	uint32_t number[HP_INDEX_WAYS];
	uint32_t n;
};

struct hp_index {
	struct hp_chunks buckets;
	struct hp_slab extra; /* further buckets of chains */
	uint32_t n, mask;     /* buckets; mask / 2 < n <= mask + 1 */
	uint32_t count;
};

/* 0, -ENOMEM. */
int hp_index_init(struct hp_index *x);
void hp_index_fini(struct hp_index *x);
/* number: above 0.  No check for a double.  0, -ENOMEM (then nothing has changed). */
int hp_index_add(struct hp_index *x, uint32_t hash, uint32_t number);
/* Harmless if it is not there. */
void hp_index_del(struct hp_index *x, uint32_t hash, uint32_t number);
/* The entry of number becomes one of another: for an object of the same name. */
void hp_index_renumber(struct hp_index *x, uint32_t hash, uint32_t number, uint32_t to);

static inline const struct hp_index_bucket *hp_index_bucket(const struct hp_index *x,
							    uint32_t hash)
{
	uint32_t i = hash & x->mask;

	if (i >= x->n)
		i &= x->mask >> 1;
	return hp_chunks_at(&x->buckets, i);
}

static inline void hp_index_prefetch(const struct hp_index *x, uint32_t hash)
{
	hp_prefetch(hp_index_bucket(x, hash));
}

#ifdef __SSE2__

/* Bit i: word i of the bucket's first half is this hash. */
static inline uint32_t hp_index_equal(const struct hp_index_bucket *b, uint32_t hash)
{
	__m128i h = _mm_set1_epi32((int)hash);
	__m128i low = _mm_loadu_si128((const __m128i *)(const void *)b);
	__m128i high = _mm_loadu_si128((const __m128i *)(const void *)b + 1);

	low = _mm_cmpeq_epi32(low, h);
	high = _mm_cmpeq_epi32(high, h);
	return (uint32_t)_mm_movemask_epi8(
		_mm_packs_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128()));
}

#else

static inline uint32_t hp_index_equal(const struct hp_index_bucket *b, uint32_t hash)
{
	uint32_t m = 0;

	for (uint32_t i = 0; i < HP_INDEX_WAYS; i++)
		m |= (uint32_t)(b->hash[i] == hash) << i;
	return m;
}

#endif

/* Bit i: entry i has this hash. */
static inline uint32_t hp_index_match(const struct hp_index_bucket *b, uint32_t hash)
{
	return hp_index_equal(b, hash) & ((1u << b->n) - 1);
}

/* A number of this hash in its first bucket, most likely the one that hp_index_find will ask
 * about; 0: none. */
static inline uint32_t hp_index_peek(const struct hp_index *x, uint32_t hash)
{
	const struct hp_index_bucket *b = hp_index_bucket(x, hash);
	uint32_t m = hp_index_match(b, hash);

	return m ? b->number[__builtin_ctz(m)] : 0;
}

/* The number with this hash for which eq says yes, or 0. */
static inline uint32_t hp_index_find(const struct hp_index *x, uint32_t hash,
				     bool (*eq)(const void *ctx, uint32_t number, const void *key),
				     const void *ctx, const void *key)
{
	const struct hp_index_bucket *b = hp_index_bucket(x, hash);

	for (;;) {
		for (uint32_t m = hp_index_match(b, hash); m; m &= m - 1) {
			uint32_t number = b->number[__builtin_ctz(m)];

			if (eq(ctx, number, key))
				return number;
		}
		if (!b->more)
			return 0;
		b = hp_slab_at(&x->extra, b->more);
	}
}

#endif
