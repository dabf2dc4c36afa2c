/* SPDX-License-Identifier: MIT
 *
 * Slab: see slab.h.  What is in use stands in one bit an object, apart from the objects.
 */
#include "util/slab.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WORDS (HP_CHUNK_ITEMS / 64)

struct hp_slab_chunk {
	uint32_t used;
	uint32_t first; /* no word before it has a free bit */
	uint64_t map[WORDS];
};

/* ---- where the octets are */

#ifdef HP_SLAB_MALLOC

static size_t stride(size_t size)
{
	(void)size;
	return sizeof(void *);
}

static int object_make(struct hp_slab *s, uint32_t number)
{
	void **at = hp_chunks_at(&s->objects, number);

	*at = calloc(1, ((s->size + 15) & ~(size_t)15) + s->extra);
	return *at ? 0 : -ENOMEM;
}

static void object_drop(struct hp_slab *s, uint32_t number)
{
	void **at = hp_chunks_at(&s->objects, number);

	free(*at);
	*at = NULL;
}

#else

static size_t stride(size_t size)
{
	return size;
}

static int object_make(struct hp_slab *s, uint32_t number)
{
	memset(hp_slab_at(s, number), 0, s->size);
	if (s->extra)
		memset(hp_slab_extra(s, number), 0, s->extra);
	return 0;
}

static void object_drop(struct hp_slab *s, uint32_t number)
{
	(void)s, (void)number;
}

#endif

/* ---- chunks */

static void mark_roomy(struct hp_slab *s, uint32_t chunk, bool on)
{
	uint64_t bit = 1ULL << (chunk % 64);

	if (on)
		s->roomy[chunk / 64] |= bit;
	else
		s->roomy[chunk / 64] &= ~bit;
}

static int list_grow(struct hp_slab *s)
{
	uint32_t n = s->chunks + 64;
	struct hp_slab_chunk **chunk = realloc(s->chunk, n * sizeof(*chunk));
	uint64_t *roomy;

	if (!chunk)
		return -ENOMEM;
	s->chunk = chunk;
	roomy = realloc(s->roomy, n / 64 * sizeof(*roomy));
	if (!roomy)
		return -ENOMEM;
	s->roomy = roomy;
	memset(chunk + s->chunks, 0, 64 * sizeof(*chunk));
	roomy[s->chunks / 64] = 0;
	s->chunks = n;
	return 0;
}

static int chunk_add(struct hp_slab *s, uint32_t chunk)
{
	struct hp_slab_chunk *c;

	if (chunk >= s->chunks && list_grow(s))
		return -ENOMEM;
	if (hp_chunks_have(&s->objects, chunk) ||
	    (s->extras.item && hp_chunks_have(&s->extras, chunk)))
		return -ENOMEM;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	if (!chunk)
		c->map[0] = 1; /* number 0 is nobody's */
	s->chunk[chunk] = c;
	s->empty++;
	mark_roomy(s, chunk, true);
	return 0;
}

static void chunk_drop(struct hp_slab *s, uint32_t chunk)
{
	mark_roomy(s, chunk, false);
	free(s->chunk[chunk]);
	s->chunk[chunk] = NULL;
	s->empty--;
	hp_chunks_drop(&s->objects, chunk);
	hp_chunks_drop(&s->extras, chunk);
}

/* The lowest chunk with room, UINT32_MAX without memory. */
static uint32_t chunk_find(struct hp_slab *s)
{
	uint32_t chunk = 0;

	for (uint32_t w = 0; w < s->chunks / 64; w++)
		if (s->roomy[w])
			return w * 64 + (uint32_t)__builtin_ctzll(s->roomy[w]);
	while (chunk < s->chunks && s->chunk[chunk])
		chunk++;
	if (chunk >= 1u << (32 - HP_CHUNK_BITS) || chunk_add(s, chunk))
		return UINT32_MAX;
	return chunk;
}

static uint32_t capacity(uint32_t chunk)
{
	return chunk ? HP_CHUNK_ITEMS : HP_CHUNK_ITEMS - 1;
}

/* ---- objects */

void hp_slab_init(struct hp_slab *s, size_t size, size_t extra)
{
	*s = (struct hp_slab){ .size = size, .extra = extra };
	hp_chunks_init(&s->objects, stride(size));
	/* Those of AddressSanitizer's objects follow them. */
	hp_chunks_init(&s->extras, stride(size) == size ? (extra + 15) & ~(size_t)15 : 0);
}

void hp_slab_fini(struct hp_slab *s)
{
	for (uint32_t n = hp_slab_next(s, 1); n; n = hp_slab_next(s, n + 1))
		object_drop(s, n);
	for (uint32_t i = 0; i < s->chunks; i++)
		free(s->chunk[i]);
	hp_chunks_fini(&s->objects);
	hp_chunks_fini(&s->extras);
	free(s->chunk);
	free(s->roomy);
	hp_slab_init(s, s->size, s->extra);
}

uint32_t hp_slab_get(struct hp_slab *s)
{
	uint32_t at = chunk_find(s), number;
	struct hp_slab_chunk *c;

	if (at == UINT32_MAX)
		return 0;
	c = s->chunk[at];
	while (!~c->map[c->first])
		c->first++;
	number = at << HP_CHUNK_BITS | c->first * 64 |
		 (uint32_t)__builtin_ctzll(~c->map[c->first]);
	if (object_make(s, number))
		return 0;
	c->map[c->first] |= 1ULL << (number % 64);
	if (!c->used++)
		s->empty--;
	if (c->used == capacity(at))
		mark_roomy(s, at, false);
	s->used++;
	return number;
}

void hp_slab_put(struct hp_slab *s, uint32_t number)
{
	uint32_t at = number >> HP_CHUNK_BITS, word = number % HP_CHUNK_ITEMS / 64;
	struct hp_slab_chunk *c = s->chunk[at];

	object_drop(s, number);
	c->map[word] &= ~(1ULL << (number % 64));
	if (word < c->first)
		c->first = word;
	mark_roomy(s, at, true);
	s->used--;
	if (--c->used)
		return;
	s->empty++;
	if (s->empty > 1 && at)
		chunk_drop(s, at);
}

uint32_t hp_slab_next(const struct hp_slab *s, uint32_t from)
{
	uint32_t word = from % HP_CHUNK_ITEMS / 64;
	uint64_t bits = ~0ULL << (from % 64);

	for (uint32_t at = from >> HP_CHUNK_BITS; at < s->chunks; at++, word = 0, bits = ~0ULL) {
		const struct hp_slab_chunk *c = s->chunk[at];

		for (; c && word < WORDS; word++, bits = ~0ULL) {
			bits &= c->map[word];
			if (!at && !word)
				bits &= ~1ULL;
			if (bits)
				return at << HP_CHUNK_BITS | word * 64 |
				       (uint32_t)__builtin_ctzll(bits);
		}
	}
	return 0;
}
