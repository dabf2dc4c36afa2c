/* SPDX-License-Identifier: MIT
 *
 * Asks for a cache line that will be needed soon.
 */
#ifndef HP_UTIL_PREFETCH_H
#define HP_UTIL_PREFETCH_H

/* The empty statement keeps compilers from taking functions that only prefetch for ones without
 * effect, and leaving out their calls (GCC 12 does). */
static inline void hp_prefetch(const void *p)
{
	__builtin_prefetch(p);
	__asm__ volatile("");
}

#endif
