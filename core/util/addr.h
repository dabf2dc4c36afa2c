/* SPDX-License-Identifier: MIT
 *
 * Addresses: see <hipproxy/addr.h>.
 */
#ifndef HP_UTIL_ADDR_H
#define HP_UTIL_ADDR_H

#include <hipproxy/addr.h>

#endif
