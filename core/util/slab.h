/* SPDX-License-Identifier: MIT
 *
 * Many objects of one size, each with a number: a reference of four octets, and no allocator's
 * overhead.  Low numbers are given first, and chunks with nothing in them go back to the
 * kernel (one is kept).
 *
 * Under AddressSanitizer each object is malloc's, so that use after free is found.
 */
#ifndef HP_UTIL_SLAB_H
#define HP_UTIL_SLAB_H

#include "util/chunks.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define HP_SLAB_MALLOC 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define HP_SLAB_MALLOC 1
#endif

struct hp_slab_chunk;

struct hp_slab {
	struct hp_chunks objects; /* HP_SLAB_MALLOC: of pointers to them */
	struct hp_chunks extras;
	struct hp_slab_chunk **chunk; /* what is in use; NULL: not there */
	uint64_t *roomy;              /* bit: this chunk is there and not full */
	uint32_t chunks;              /* of chunk and roomy */
	uint32_t empty;               /* chunks that are there with nothing in them */
	uint32_t used;                /* objects */
	size_t size, extra;
};

/* size: octets of an object (a multiple of 8; of 64: each begins a cache line).  extra: octets
 * that belong to each but lie elsewhere (aligned to 16), may be 0. */
void hp_slab_init(struct hp_slab *s, size_t size, size_t extra);
/* Objects still in use are forgotten with the rest. */
void hp_slab_fini(struct hp_slab *s);
/* A zeroed object's number, above 0; 0: out of memory. */
uint32_t hp_slab_get(struct hp_slab *s);
void hp_slab_put(struct hp_slab *s, uint32_t number);
/* The first number in use that is not below from; 0: none. */
uint32_t hp_slab_next(const struct hp_slab *s, uint32_t from);

#ifdef HP_SLAB_MALLOC

static inline void *hp_slab_at(const struct hp_slab *s, uint32_t number)
{
	return *(void **)hp_chunks_at(&s->objects, number);
}

static inline void *hp_slab_extra(const struct hp_slab *s, uint32_t number)
{
	return *(uint8_t **)hp_chunks_at(&s->objects, number) + ((s->size + 15) & ~(size_t)15);
}

#else

static inline void *hp_slab_at(const struct hp_slab *s, uint32_t number)
{
	return hp_chunks_at(&s->objects, number);
}

/* Only if extra is not 0. */
static inline void *hp_slab_extra(const struct hp_slab *s, uint32_t number)
{
	return hp_chunks_at(&s->extras, number);
}

#endif

#endif
