/* SPDX-License-Identifier: MIT
 *
 * A limit that is reached: since when, and how often it refused something.
 *
 * It bites from the first refusal until nothing was refused for a while.  Both are worth a line in
 * the log, which the owner writes; what is in between is only counted.
 */
#ifndef HP_UTIL_LIMIT_H
#define HP_UTIL_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define HP_LIMIT_QUIET_MS 10000

/* Zeroed memory: it has refused nothing. */
struct hp_limit {
	uint64_t refused;           /* since the start */
	uint64_t since_ms, last_ms; /* 0: it does not bite now */
	uint64_t refused_before;    /* when it began to bite */
};

/* Something was refused, or had to give way.  True: that is the first. */
static inline bool hp_limit_hit(struct hp_limit *l, uint64_t now_ms)
{
	bool first = !l->last_ms;

	if (first) {
		l->since_ms = now_ms;
		l->refused_before = l->refused;
	}
	l->last_ms = now_ms ? now_ms : 1;
	l->refused++;
	return first;
}

static inline bool hp_limit_bites(const struct hp_limit *l)
{
	return l->last_ms;
}

/* Has it been quiet long enough?  Then it bites no longer: true once, and *refused says how much
 * it was in all this time. */
static inline bool hp_limit_over(struct hp_limit *l, uint64_t now_ms, uint64_t *refused)
{
	if (!l->last_ms || now_ms - l->last_ms < HP_LIMIT_QUIET_MS)
		return false;
	*refused = l->refused - l->refused_before;
	l->last_ms = l->since_ms = 0;
	return true;
}

#endif
