/* SPDX-License-Identifier: MIT
 *
 * The order of a stage's hooks: a stable constraint sort.
 *
 * Of all hooks whose predecessors are placed, the one registered first comes next.  Names
 * that no hook of the stage has constrain nothing.
 */
#include "plugin/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

_Static_assert(HP_STAGE_HOOKS <= 64, "a set of hooks is a word");

static uint64_t bit(size_t i)
{
	return (uint64_t)1 << i;
}

static bool is_named(const char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

/* before[i]: the hooks that must come before i. */
static void collect(const struct hp_step *steps, size_t n, uint64_t *before)
{
	for (size_t i = 0; i < n; i++) {
		before[i] = 0;
		for (size_t k = 0; k < n; k++)
			if (is_named(steps[i].hook->after, steps[k].hook->name) ||
			    is_named(steps[k].hook->before, steps[i].hook->name))
				before[i] |= bit(k);
	}
}

/* Each of left waits for another of left: going from one to such another must come round. */
static void name_ring(const struct hp_step *steps, const uint64_t *before, uint64_t left,
		      char *why, size_t bytes)
{
	size_t i = (size_t)__builtin_ctzll(left), at = 0, start;
	uint64_t seen = 0;

	for (; !(seen & bit(i)); i = (size_t)__builtin_ctzll(before[i] & left))
		seen |= bit(i);
	start = i;
	do {
		at += (size_t)snprintf(why + at, bytes - at, "%s after ", steps[i].hook->name);
		i = (size_t)__builtin_ctzll(before[i] & left);
	} while (i != start && at < bytes);
	if (at < bytes)
		snprintf(why + at, bytes - at, "%s", steps[start].hook->name);
}

int hp_stage_sort(struct hp_step *steps, size_t n, char *why, size_t why_bytes)
{
	struct hp_step sorted[HP_STAGE_HOOKS];
	uint64_t before[HP_STAGE_HOOKS];
	uint64_t left = n == 64 ? UINT64_MAX : bit(n) - 1;
	size_t i;

	collect(steps, n, before);
	for (size_t k = 0; k < n; k++) {
		for (i = 0; i < n; i++)
			if ((left & bit(i)) && !(before[i] & left))
				break;
		if (i == n) {
			name_ring(steps, before, left, why, why_bytes);
			return -ELOOP;
		}
		sorted[k] = steps[i];
		left &= ~bit(i);
	}
	memcpy(steps, sorted, n * sizeof(*steps));
	return 0;
}
