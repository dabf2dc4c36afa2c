/* SPDX-License-Identifier: MIT
 *
 * Replay window as a ring of words (the idea of RFC 6479): moving it clears whole words
 * and never shifts.
 */
#include "esp/replay.h"

#include <errno.h>
#include <stdlib.h>

int hp_replay_init(struct hp_replay *r, uint32_t size)
{
	uint32_t words = 1;

	if (!size || size > HP_REPLAY_MAX)
		return -EINVAL;
	size = (size + 63) & ~63u;
	/* One word more than the window: its newest word may be partly in the future. */
	while (words < size / 64 + 1)
		words *= 2;
	r->ring = calloc(words, sizeof(*r->ring));
	if (!r->ring)
		return -ENOMEM;
	r->top = 0;
	r->size = size;
	r->words = words;
	return 0;
}

void hp_replay_fini(struct hp_replay *r)
{
	free(r->ring);
	r->ring = NULL;
}

/* RFC 4303, appendix A2.2: the number nearest to the window. */
int hp_replay_guess(const struct hp_replay *r, uint32_t low, uint64_t *seq)
{
	uint32_t top_lo = (uint32_t)r->top, hi = (uint32_t)(r->top >> 32);
	uint32_t bottom = top_lo - r->size + 1;

	if (top_lo >= r->size - 1) {
		if (low < bottom) {
			if (hi == UINT32_MAX)
				return -EALREADY;
			hi++;
		}
	} else if (low >= bottom) {
		/* The window reaches back into the subspace before this one. */
		if (!hi) {
			*seq = low;
			return 0;
		}
		hi--;
	}
	*seq = (uint64_t)hi << 32 | low;
	return 0;
}

bool hp_replay_test(const struct hp_replay *r, uint64_t seq)
{
	if (!seq)
		return false;
	if (seq > r->top)
		return true;
	if (r->top - seq >= r->size)
		return false;
	return !(r->ring[(seq >> 6) & (r->words - 1)] >> (seq & 63) & 1);
}

void hp_replay_record(struct hp_replay *r, uint64_t seq)
{
	uint64_t word = seq >> 6, gap;

	if (seq > r->top) {
		gap = word - (r->top >> 6);
		if (gap > r->words)
			gap = r->words;
		for (; gap; gap--)
			r->ring[(word - gap + 1) & (r->words - 1)] = 0;
		r->top = seq;
	}
	r->ring[word & (r->words - 1)] |= UINT64_C(1) << (seq & 63);
}
