/* SPDX-License-Identifier: MIT
 *
 * Named counters: a constant table of names, and as many values.
 *
 * Counters belong to the loop's thread; there are no atomics.
 */
#ifndef HIPPROXY_COUNT_H
#define HIPPROXY_COUNT_H

#include <stddef.h>
#include <stdint.h>

struct hp_counter {
	const char *name; /* lower case with underscores, e.g. "replayed" */
	const char *help; /* one sentence */
};

struct hp_counters {
	const struct hp_counter *table; /* n rows, borrowed */
	uint64_t *values;               /* n values; whose memory: the maker's */
	size_t n;
};

static inline void hp_count_add(const struct hp_counters *c, size_t i, uint64_t n)
{
	if (i < c->n)
		c->values[i] += n;
}

static inline void hp_count(const struct hp_counters *c, size_t i)
{
	hp_count_add(c, i, 1);
}

static inline uint64_t hp_count_get(const struct hp_counters *c, size_t i)
{
	return i < c->n ? c->values[i] : 0;
}

/* The row with this name, or -1. */
int hp_count_find(const struct hp_counters *c, const char *name);
void hp_count_reset(const struct hp_counters *c);

#endif
