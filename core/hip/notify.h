/* SPDX-License-Identifier: MIT
 *
 * NOTIFY, as it is received.
 */
#ifndef HP_HIP_NOTIFY_H
#define HP_HIP_NOTIFY_H

#include "hip/rx.h"

int hp_notify_input(const struct hp_rx *rx);

#endif
