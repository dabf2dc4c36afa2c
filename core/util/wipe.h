/* SPDX-License-Identifier: MIT
 *
 * Handling of secrets in memory.
 */
#ifndef HP_UTIL_WIPE_H
#define HP_UTIL_WIPE_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroes memory so that the compiler does not leave it out. */
void hp_wipe(void *p, size_t len);
/* Equality in a time that depends on len only. */
bool hp_memeq(const void *a, const void *b, size_t len);

#endif
