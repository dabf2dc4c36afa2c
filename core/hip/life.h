/* SPDX-License-Identifier: MIT
 *
 * Regular checks of associations that carry data.
 */
#ifndef HP_HIP_LIFE_H
#define HP_HIP_LIFE_H

#include "hip/assoc.h"

/* Begins the checks, or begins them anew. */
void hp_assoc_watch(struct hp_assoc *a);

#endif
