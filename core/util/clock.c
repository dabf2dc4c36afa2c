/* SPDX-License-Identifier: MIT
 *
 * The machine's monotonic clock.
 */
#include "util/clock.h"

#include <time.h>

static uint64_t mono_us(void *ctx)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t mono_ms(void *ctx)
{
	return mono_us(ctx) / 1000;
}

const struct hp_clock hp_clock_monotonic = { mono_ms, mono_us, NULL };
