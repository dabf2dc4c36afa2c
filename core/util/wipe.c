/* SPDX-License-Identifier: MIT
 *
 * Handling of secrets in memory.
 */
#include "util/wipe.h"

#include <stdint.h>
#include <string.h>

void hp_wipe(void *p, size_t len)
{
	if (len)
		explicit_bzero(p, len);
}

bool hp_memeq(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= x[i] ^ y[i];
	return !diff;
}
