/* SPDX-License-Identifier: MIT
 *
 * The table of the engine's counters: HP_HIPC_MAX rows, indexed by enum hp_hip_count.
 */
#ifndef HP_HIP_NAMES_H
#define HP_HIP_NAMES_H

#include <hipproxy/count.h>

const struct hp_counter *hp_hip_count_table(void);

#endif
