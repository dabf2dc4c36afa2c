/* SPDX-License-Identifier: MIT
 *
 * Hex text in tests; spaces are skipped.
 */
#ifndef HP_TESTS_HEX_H
#define HP_TESTS_HEX_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Octets written; out has to be large enough. */
static inline size_t unhex(const char *t, uint8_t *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (; *t; t++) {
		const char *at = strchr(digits, tolower((unsigned char)*t));

		if (*t == ' ' || !at)
			continue;
		out[n / 2] = (uint8_t)(n % 2 ? out[n / 2] | (at - digits) : (at - digits) << 4);
		n++;
	}
	return n / 2;
}

static inline bool is_hex(const uint8_t *p, size_t len, const char *t)
{
	uint8_t want[1024];

	return unhex(t, want) == len && !memcmp(p, want, len);
}

#endif
