/* SPDX-License-Identifier: MIT
 *
 * Membership in the preference lists of the configuration and in lists of a message.
 */
#ifndef HP_HIP_LISTS_H
#define HP_HIP_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool hp_list_has16(const uint16_t *list, size_t n, uint16_t v)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == v)
			return true;
	return false;
}

static inline bool hp_list_has8(const uint8_t *list, size_t n, uint8_t v)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == v)
			return true;
	return false;
}

#endif
