/* SPDX-License-Identifier: MIT
 *
 * Numbers with units, for people.
 */
#include "tools/unit.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

const char *hp_unit_bytes(char buf[HP_UNIT_MAX], uint64_t n)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)n;
	size_t u = 0;

	for (; v >= 999.95 && u < 6; u++)
		v /= 1000;
	snprintf(buf, HP_UNIT_MAX, u ? "%.1f %s" : "%.0f %s", v, units[u]);
	return buf;
}

const char *hp_unit_time(char buf[HP_UNIT_MAX], uint64_t seconds)
{
	if (seconds < 120)
		snprintf(buf, HP_UNIT_MAX, "%" PRIu64 " s", seconds);
	else if (seconds < 7200)
		snprintf(buf, HP_UNIT_MAX, "%" PRIu64 " min", seconds / 60);
	else if (seconds < 172800)
		snprintf(buf, HP_UNIT_MAX, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600,
			 seconds / 60 % 60);
	else
		snprintf(buf, HP_UNIT_MAX, "%" PRIu64 " d %" PRIu64 " h", seconds / 86400,
			 seconds / 3600 % 24);
	return buf;
}
