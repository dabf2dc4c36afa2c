/* SPDX-License-Identifier: MIT
 *
 * Hierarchical timer wheel.
 *
 * Level L has 64 slots of 64^L milliseconds.  A timer waits on the level of the highest
 * 6-bit digit in which its time and the wheel's differ; it is moved down when the wheel
 * reaches its slot, and fires from there when nothing differs any more.
 */
#include "util/timer.h"

#include <limits.h>

#define LEVEL_DUE    0xff /* in ts->due */
#define LEVEL_FIRING 0xfe /* in the list hp_timers_run walks */

void hp_timers_init(struct hp_timers *ts, uint64_t now_ms)
{
	for (int l = 0; l < HP_TIMER_LEVELS; l++) {
		ts->used[l] = 0;
		for (int s = 0; s < 64; s++)
			hp_list_init(&ts->slots[l][s]);
	}
	hp_list_init(&ts->due);
	ts->now_ms = now_ms;
	ts->count = 0;
}

static void place(struct hp_timers *ts, struct hp_timer *t)
{
	unsigned level;

	if (t->at_ms <= ts->now_ms) {
		t->level = LEVEL_DUE;
		hp_list_add_tail(&ts->due, &t->node);
		return;
	}
	level = (63 - (unsigned)__builtin_clzll(t->at_ms ^ ts->now_ms)) / 6;
	t->level = (uint8_t)level;
	t->slot = t->at_ms >> 6 * level & 63;
	hp_list_add_tail(&ts->slots[level][t->slot], &t->node);
	ts->used[level] |= 1ULL << t->slot;
}

void hp_timer_cancel(struct hp_timers *ts, struct hp_timer *t)
{
	if (!t->armed)
		return;
	hp_list_del(&t->node);
	if (t->level < HP_TIMER_LEVELS && hp_list_empty(&ts->slots[t->level][t->slot]))
		ts->used[t->level] &= ~(1ULL << t->slot);
	t->armed = false;
	ts->count--;
}

void hp_timer_set(struct hp_timers *ts, struct hp_timer *t, uint64_t at_ms)
{
	hp_timer_cancel(ts, t);
	t->at_ms = at_ms;
	t->armed = true;
	ts->count++;
	place(ts, t);
}

/* The earliest slot in use: its level, -1 for none, and when it begins. */
static int first_slot(const struct hp_timers *ts, unsigned *slot, uint64_t *begin_ms)
{
	for (int l = 0; l < HP_TIMER_LEVELS; l++) {
		unsigned above = 6 * ((unsigned)l + 1);

		if (!ts->used[l])
			continue;
		*slot = (unsigned)__builtin_ctzll(ts->used[l]);
		*begin_ms = (above < 64 ? ts->now_ms >> above << above : 0) |
			    (uint64_t)*slot << 6 * l;
		return l;
	}
	return -1;
}

int hp_timers_next(const struct hp_timers *ts, uint64_t now_ms)
{
	uint64_t at;
	unsigned slot;

	if (!hp_list_empty(&ts->due))
		return 0;
	if (first_slot(ts, &slot, &at) < 0)
		return -1;
	if (at <= now_ms)
		return 0;
	return at - now_ms > INT_MAX ? INT_MAX : (int)(at - now_ms);
}

static void fire(struct hp_timers *ts)
{
	struct hp_list firing, *n;

	hp_list_init(&firing);
	hp_list_splice_tail(&firing, &ts->due);
	HP_LIST_EACH(n, &firing)
		HP_CONTAINER(n, struct hp_timer, node)->level = LEVEL_FIRING;
	while ((n = hp_list_pop(&firing))) {
		struct hp_timer *t = HP_CONTAINER(n, struct hp_timer, node);

		t->armed = false;
		ts->count--;
		t->fn(t);
	}
}

void hp_timers_run(struct hp_timers *ts, uint64_t now_ms)
{
	struct hp_list late, moved, *n;
	uint64_t at;
	unsigned slot;
	int level;

	hp_list_init(&late);
	fire(ts);
	/* What callbacks set for the past waits, so that they cannot keep us here. */
	hp_list_splice_tail(&late, &ts->due);
	while ((level = first_slot(ts, &slot, &at)) >= 0 && at <= now_ms) {
		hp_list_init(&moved);
		hp_list_splice_tail(&moved, &ts->slots[level][slot]);
		ts->used[level] &= ~(1ULL << slot);
		ts->now_ms = at;
		while ((n = hp_list_pop(&moved)))
			place(ts, HP_CONTAINER(n, struct hp_timer, node));
		fire(ts);
		hp_list_splice_tail(&late, &ts->due);
	}
	if (now_ms > ts->now_ms)
		ts->now_ms = now_ms;
	hp_list_splice_tail(&ts->due, &late);
}
