/* SPDX-License-Identifier: MIT
 *
 * An R1 by the native way is kept for a moment if a better one may come in UDP.
 */
#ifndef HP_HIP_NATWAIT_H
#define HP_HIP_NATWAIT_H

#include "hip/rx.h"

#define HP_NAT_GRACE_MS 60 /* an R1 by UDP may be this much later */

/* True: it is kept, and given to then when nothing better has come. */
bool hp_nat_wait(const struct hp_rx *rx, hp_rx_fn then);

#endif
