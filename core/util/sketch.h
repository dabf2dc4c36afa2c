/* SPDX-License-Identifier: MIT
 *
 * How many entries of a large table each owner has, roughly: a count-min sketch (Cormode and
 * Muthukrishnan, 2005).
 *
 * Its size is fixed, however many owners there are.  Two rows of counters are addressed by the two
 * halves of an owner's keyed hash; the smaller of an owner's two counters is never less than what
 * it has, and more only where others share both.  That finds owners of a large part of the table,
 * which is what shares need; strangers can't aim at others' counters without the key.
 */
#ifndef HP_UTIL_SKETCH_H
#define HP_UTIL_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#define HP_SKETCH_MAX 16384u /* counters in a row */

struct hp_sketch {
	uint32_t *rows[2]; /* one allocation */
	uint32_t mask;
};

/* entries: how many the table may have.  0, or -ENOMEM. */
int hp_sketch_init(struct hp_sketch *s, size_t entries);
void hp_sketch_fini(struct hp_sketch *s);

static inline uint32_t *hp_sketch_at(const struct hp_sketch *s, int row, uint64_t owner)
{
	return &s->rows[row][(uint32_t)(owner >> (row ? 32 : 0)) & s->mask];
}

static inline uint32_t hp_sketch_get(const struct hp_sketch *s, uint64_t owner)
{
	uint32_t a = *hp_sketch_at(s, 0, owner), b = *hp_sketch_at(s, 1, owner);

	return a < b ? a : b;
}

static inline void hp_sketch_add(struct hp_sketch *s, uint64_t owner)
{
	(*hp_sketch_at(s, 0, owner))++;
	(*hp_sketch_at(s, 1, owner))++;
}

/* Only what was added. */
static inline void hp_sketch_sub(struct hp_sketch *s, uint64_t owner)
{
	(*hp_sketch_at(s, 0, owner))--;
	(*hp_sketch_at(s, 1, owner))--;
}

#endif
