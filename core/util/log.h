/* SPDX-License-Identifier: MIT
 *
 * Logging: see <hipproxy/log.h>.
 */
#ifndef HP_UTIL_LOG_H
#define HP_UTIL_LOG_H

#include <hipproxy/log.h>

#endif
