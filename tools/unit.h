/* SPDX-License-Identifier: MIT
 *
 * Numbers with units, for people.
 */
#ifndef HP_TOOLS_UNIT_H
#define HP_TOOLS_UNIT_H

#include <stdint.h>

/* "1.2 MB" (powers of 1000), "3 h 4 min"; each returns buf. */
#define HP_UNIT_MAX 32
const char *hp_unit_bytes(char buf[HP_UNIT_MAX], uint64_t n);
const char *hp_unit_time(char buf[HP_UNIT_MAX], uint64_t seconds);

#endif
