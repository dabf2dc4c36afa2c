/* SPDX-License-Identifier: MIT
 *
 * The state machine's table (RFC 7401, section 4.4.4).
 */
#ifndef HP_HIP_STATE_H
#define HP_HIP_STATE_H

#include "hip/rx.h"

int hp_state_input(enum hp_assoc_state s, uint8_t type, const struct hp_rx *rx);

#endif
