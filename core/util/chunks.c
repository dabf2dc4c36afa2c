/* SPDX-License-Identifier: MIT
 *
 * Chunks: see chunks.h.
 */
#include "util/chunks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE ((size_t)2 << 20)

static size_t chunk_bytes(const struct hp_chunks *c)
{
	size_t bytes = c->item << HP_CHUNK_BITS;

	return (bytes + 4095) & ~(size_t)4095;
}

/* Zeroed pages; those that fill huge pages begin where one can. */
static uint8_t *pages(size_t bytes)
{
	size_t more = bytes % HUGE ? 0 : HUGE, before;
	uint8_t *p = mmap(NULL, bytes + more, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (!more)
		return p;
	before = -(uintptr_t)p & (HUGE - 1);
	if (before)
		munmap(p, before);
	munmap(p + before + bytes, more - before);
	return p + before;
}

static int list_grow(struct hp_chunks *c, uint32_t n)
{
	uint8_t **at;

	if (n <= c->n)
		return 0;
	at = realloc(c->at, n * sizeof(*at));
	if (!at)
		return -ENOMEM;
	memset(at + c->n, 0, (n - c->n) * sizeof(*at));
	c->at = at;
	c->n = n;
	return 0;
}

/* Advice only: without huge pages everything works as well. */
static void advise(const struct hp_chunks *c, uint32_t chunk)
{
	if (chunk_bytes(c) % HUGE || !chunk)
		return;
	madvise(c->at[chunk], chunk_bytes(c), MADV_HUGEPAGE);
	if (chunk == 1 && c->at[0])
		madvise(c->at[0], chunk_bytes(c), MADV_HUGEPAGE);
}

int hp_chunks_have(struct hp_chunks *c, uint32_t chunk)
{
	if (list_grow(c, chunk + 1))
		return -ENOMEM;
	if (c->at[chunk])
		return 0;
	c->at[chunk] = pages(chunk_bytes(c));
	if (!c->at[chunk])
		return -ENOMEM;
	advise(c, chunk);
	return 0;
}

void hp_chunks_drop(struct hp_chunks *c, uint32_t chunk)
{
	if (chunk >= c->n || !c->at[chunk])
		return;
	munmap(c->at[chunk], chunk_bytes(c));
	c->at[chunk] = NULL;
}

void hp_chunks_fini(struct hp_chunks *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		hp_chunks_drop(c, i);
	free(c->at);
	hp_chunks_init(c, c->item);
}
