/* SPDX-License-Identifier: MIT
 *
 * I2, as Responder.
 */
#ifndef HP_HIP_I2_H
#define HP_HIP_I2_H

#include "hip/rx.h"

int hp_i2_input(const struct hp_rx *rx);
int hp_i2_input_crossing(const struct hp_rx *rx); /* in I2-SENT */

#endif
