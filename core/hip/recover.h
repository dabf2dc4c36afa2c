/* SPDX-License-Identifier: MIT
 *
 * Peers that use an association which we have lost.
 */
#ifndef HP_HIP_RECOVER_H
#define HP_HIP_RECOVER_H

#include "hip/rx.h"

/* UPDATE without an association: HP_HIPD_NO_ASSOC, and perhaps an I1. */
int hp_update_lost(const struct hp_rx *rx);

#endif
