/* SPDX-License-Identifier: MIT
 *
 * Timers: a hierarchical wheel (Varghese and Lauck, scheme 7), one millisecond a tick.
 *
 * Intrusive: no call allocates or fails; setting and cancelling take constant time, so a
 * timer may be moved for every packet.
 */
#ifndef HP_UTIL_TIMER_H
#define HP_UTIL_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/list.h"

#define HP_TIMER_LEVELS 11 /* of 6 bits each: all 64 bits of time */

struct hp_timer {
	struct hp_list node;
	uint64_t at_ms;
	void (*fn)(struct hp_timer *t); /* may set, cancel or free any timer, itself included */
	uint8_t level, slot;
	bool armed;
};

struct hp_timers {
	struct hp_list slots[HP_TIMER_LEVELS][64];
	struct hp_list due;
	uint64_t used[HP_TIMER_LEVELS]; /* bit: slot not empty */
	uint64_t now_ms;
	size_t count;
};

void hp_timers_init(struct hp_timers *ts, uint64_t now_ms);
static inline void hp_timer_init(struct hp_timer *t, void (*fn)(struct hp_timer *t))
{
	*t = (struct hp_timer){ .fn = fn };
}

/* Arms t (again) for at_ms; a time that has passed means the next run. */
void hp_timer_set(struct hp_timers *ts, struct hp_timer *t, uint64_t at_ms);
/* Harmless if not armed (zeroed memory is a timer that is not armed). */
void hp_timer_cancel(struct hp_timers *ts, struct hp_timer *t);
static inline bool hp_timer_armed(const struct hp_timer *t)
{
	return t->armed;
}

/* Milliseconds from now_ms until hp_timers_run has something to do: never later than the
 * first timer, perhaps earlier; -1 when none is armed.  Fits epoll_wait. */
int hp_timers_next(const struct hp_timers *ts, uint64_t now_ms);
/* Calls every timer that is due, in order of time to the millisecond.  Timers set meanwhile
 * for a time already passed wait for the next run. */
void hp_timers_run(struct hp_timers *ts, uint64_t now_ms);

#endif
