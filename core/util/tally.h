/* SPDX-License-Identifier: MIT
 *
 * How many entries of a table each owner has: what shares of a limit are made of.
 *
 * An owner is a keyed hash of 64 bits.  Two owners with the same hash would share a count, which
 * nobody can bring about without the key.
 */
#ifndef HP_UTIL_TALLY_H
#define HP_UTIL_TALLY_H

#include <stdint.h>

#include "util/hash.h"

struct hp_tally {
	struct hp_htab owners;
};

/* 0, or -ENOMEM. */
int hp_tally_init(struct hp_tally *t);
void hp_tally_fini(struct hp_tally *t);
uint32_t hp_tally_get(const struct hp_tally *t, uint64_t owner);
/* One more.  0, or -ENOMEM: it is not counted. */
int hp_tally_add(struct hp_tally *t, uint64_t owner);
/* One less.  An owner without any is left alone. */
void hp_tally_sub(struct hp_tally *t, uint64_t owner);

#endif
