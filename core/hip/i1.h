/* SPDX-License-Identifier: MIT
 *
 * I1: our first message, and the answer to one.
 */
#ifndef HP_HIP_I1_H
#define HP_HIP_I1_H

#include "hip/rx.h"

/* A new exchange: sends I1, enters I1-SENT. */
void hp_i1_start(struct hp_assoc *a);
int hp_i1_input(const struct hp_rx *rx);
int hp_i1_input_crossing(const struct hp_rx *rx); /* in I1-SENT */

#endif
