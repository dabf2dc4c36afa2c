/* SPDX-License-Identifier: MIT
 *
 * The largest messages that an identity leads to.
 */
#ifndef HP_HIP_SIZES_H
#define HP_HIP_SIZES_H

#include "hip/hip.h"

/* The greatest lengths of R1 and I2, octets; 0: too long for a message.  0 or -EMSGSIZE. */
int hp_hip_largest(const struct hp_hip_config *cfg, const struct hp_key *key, const char *di,
		   size_t *r1, size_t *i2);

#endif
