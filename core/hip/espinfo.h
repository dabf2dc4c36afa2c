/* SPDX-License-Identifier: MIT
 *
 * ESP_INFO of a verified UPDATE.
 */
#ifndef HP_HIP_ESPINFO_H
#define HP_HIP_ESPINFO_H

#include "hip/assoc.h"
#include "wire/hip.h"

/* 0, or the reason why the UPDATE is not processed.  Fine if it has none. */
int hp_espinfo_check(const struct hp_assoc *a, const struct hp_hip_msg *m);
/* Does it ask for new SAs? */
bool hp_espinfo_rekeys(const struct hp_esp_info *ei);

#endif
