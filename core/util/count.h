/* SPDX-License-Identifier: MIT
 *
 * Counters: see <hipproxy/count.h>.
 */
#ifndef HP_UTIL_COUNT_H
#define HP_UTIL_COUNT_H

#include <hipproxy/count.h>

#endif
