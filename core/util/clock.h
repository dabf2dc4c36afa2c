/* SPDX-License-Identifier: MIT
 *
 * A replaceable clock, so that tests decide what time it is.
 */
#ifndef HP_UTIL_CLOCK_H
#define HP_UTIL_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct hp_clock {
	uint64_t (*now_ms)(void *ctx); /* monotonic milliseconds */
	uint64_t (*now_us)(void *ctx); /* monotonic microseconds, same origin */
	void *ctx;
};

/* CLOCK_MONOTONIC. */
extern const struct hp_clock hp_clock_monotonic;

static inline uint64_t hp_clock_ms(const struct hp_clock *c)
{
	return c->now_ms(c->ctx);
}

static inline uint64_t hp_clock_us(const struct hp_clock *c)
{
	return c->now_us(c->ctx);
}

#endif
