/* SPDX-License-Identifier: MIT
 *
 * R2, as Initiator.
 */
#ifndef HP_HIP_R2_H
#define HP_HIP_R2_H

#include "hip/rx.h"

int hp_r2_input(const struct hp_rx *rx);

#endif
