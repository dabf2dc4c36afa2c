/* SPDX-License-Identifier: MIT
 *
 * Token bucket, counted in thousandths so that a millisecond's share is a whole number.
 */
#include "util/tokens.h"

void hp_tokens_init(struct hp_tokens *t, uint32_t rate_per_s, uint32_t burst)
{
	*t = (struct hp_tokens)HP_TOKENS(rate_per_s, burst);
}

static void refill(struct hp_tokens *t, uint64_t now_ms)
{
	uint64_t most = (uint64_t)t->burst * 1000;
	uint64_t gone = now_ms > t->last_ms ? now_ms - t->last_ms : 0;

	if (!t->started) {
		t->started = true;
		t->level_milli = most;
	} else if (t->rate_per_s && gone > most / t->rate_per_s) {
		t->level_milli = most;
	} else {
		t->level_milli += gone * t->rate_per_s;
		if (t->level_milli > most)
			t->level_milli = most;
	}
	if (now_ms > t->last_ms)
		t->last_ms = now_ms;
}

bool hp_tokens_take(struct hp_tokens *t, uint64_t now_ms, uint32_t n)
{
	uint64_t want = (uint64_t)n * 1000;

	refill(t, now_ms);
	if (t->level_milli < want) {
		t->refused++;
		return false;
	}
	t->level_milli -= want;
	t->refused = 0;
	return true;
}
