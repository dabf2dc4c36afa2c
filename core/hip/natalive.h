/* SPDX-License-Identifier: MIT
 *
 * Keepalives of NAT mappings (RFC 5770, sections 4.7 and 5.3; RFC 9028, section 5.3).
 */
#ifndef HP_HIP_NATALIVE_H
#define HP_HIP_NATALIVE_H

#include "hip/assoc.h"
#include "hip/rx.h"

/* Sends one if it is due. */
void hp_natalive_look(struct hp_assoc *a, uint64_t now);
/* Is it a keepalive? */
bool hp_natalive_is(const struct hp_hip_msg *m);
/* One came.  It is not authenticated. */
void hp_natalive_input(const struct hp_rx *rx);

#endif
