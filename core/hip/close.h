/* SPDX-License-Identifier: MIT
 *
 * CLOSE and CLOSE_ACK.
 */
#ifndef HP_HIP_CLOSE_H
#define HP_HIP_CLOSE_H

#include "hip/rx.h"

/* Sends CLOSE, enters CLOSING. */
void hp_close_start(struct hp_assoc *a);
int hp_close_input(const struct hp_rx *rx);
int hp_close_input_early(const struct hp_rx *rx); /* in I2-SENT */
int hp_close_ack_input(const struct hp_rx *rx);

#endif
