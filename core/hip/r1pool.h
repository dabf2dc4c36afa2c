/* SPDX-License-Identifier: MIT
 *
 * R1s signed in advance.
 */
#ifndef HP_HIP_R1POOL_H
#define HP_HIP_R1POOL_H

#include "hip/identity.h"

void hp_r1_make_all(struct hp_hip *hip, struct hp_identity *id);
/* Called once a second: replaces the R1s whose time is over. */
void hp_r1_second(struct hp_hip *hip);
void hp_r1_retire_all(struct hp_hip *hip, struct hp_identity *id);
void hp_r1_free_all(struct hp_hip *hip, struct hp_identity *id);

#endif
