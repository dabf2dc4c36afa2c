/* SPDX-License-Identifier: MIT
 *
 * Token bucket: see <hipproxy/tokens.h>.
 */
#ifndef HP_UTIL_TOKENS_H
#define HP_UTIL_TOKENS_H

#include <hipproxy/tokens.h>

#endif
