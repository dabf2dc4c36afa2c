/* SPDX-License-Identifier: MIT
 *
 * R1, as Initiator.
 */
#ifndef HP_HIP_R1_H
#define HP_HIP_R1_H

#include "hip/rx.h"

int hp_r1_input(const struct hp_rx *rx);

#endif
