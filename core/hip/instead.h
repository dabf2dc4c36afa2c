/* SPDX-License-Identifier: MIT
 *
 * Identities that stand in for another one.
 */
#ifndef HP_HIP_INSTEAD_H
#define HP_HIP_INSTEAD_H

#include "hip/assoc.h"
#include "wire/hip.h"

/* The peer's R1, which is authentic, does not list the HIT suite of a.  True: the exchange goes on
 * with another identity, and a may be gone. */
bool hp_instead_begin(struct hp_assoc *a, const struct hp_hip_msg *r1);

#endif
