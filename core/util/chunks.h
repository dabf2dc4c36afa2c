/* SPDX-License-Identifier: MIT
 *
 * A long array that never moves: chunks of 32768 items, taken from the kernel when they are
 * needed and given back when they are not.
 *
 * All but the first chunk ask for huge pages: a table of a million items then needs a few
 * hundred entries of the TLB, and a small one no more memory than its items.
 */
#ifndef HP_UTIL_CHUNKS_H
#define HP_UTIL_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#define HP_CHUNK_BITS  15
#define HP_CHUNK_ITEMS (1u << HP_CHUNK_BITS)

struct hp_chunks {
	uint8_t **at; /* NULL: not there */
	uint32_t n;   /* of at */
	size_t item;  /* octets */
};

/* No memory is taken yet. */
static inline void hp_chunks_init(struct hp_chunks *c, size_t item)
{
	*c = (struct hp_chunks){ .item = item };
}

void hp_chunks_fini(struct hp_chunks *c);
/* Sees to it that chunk number chunk is there; a new one is zeroed.  0, -ENOMEM. */
int hp_chunks_have(struct hp_chunks *c, uint32_t chunk);
/* Gives it back.  Harmless if it is not there. */
void hp_chunks_drop(struct hp_chunks *c, uint32_t chunk);

/* Item i, whose chunk must be there. */
static inline void *hp_chunks_at(const struct hp_chunks *c, uint32_t i)
{
	return c->at[i >> HP_CHUNK_BITS] + (i & (HP_CHUNK_ITEMS - 1)) * c->item;
}

#endif
