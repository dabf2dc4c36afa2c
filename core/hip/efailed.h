/* SPDX-License-Identifier: MIT
 *
 * The failure of an exchange.
 */
#ifndef HP_HIP_EFAILED_H
#define HP_HIP_EFAILED_H

#include "hip/assoc.h"

/* E-FAILED, with HP_HIP_FAILED; hp_assoc_error becomes error. */
void hp_assoc_fail(struct hp_assoc *a, int error);

#endif
