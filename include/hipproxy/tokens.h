/* SPDX-License-Identifier: MIT
 *
 * Token bucket: at most burst at once, rate_per_s on average.  The caller passes the time.
 */
#ifndef HIPPROXY_TOKENS_H
#define HIPPROXY_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

struct hp_tokens {
	uint32_t rate_per_s;
	uint32_t burst;
	uint64_t level_milli; /* thousandths of a token */
	uint64_t last_ms;
	uint64_t refused;     /* since the last token given */
	bool started;
};

/* For static storage: a full bucket. */
#define HP_TOKENS(rate, most) { .rate_per_s = (rate), .burst = (most) }

void hp_tokens_init(struct hp_tokens *t, uint32_t rate_per_s, uint32_t burst);
/* Takes n tokens if they are there; false, and refused counted, if not. */
bool hp_tokens_take(struct hp_tokens *t, uint64_t now_ms, uint32_t n);

#endif
