/* SPDX-License-Identifier: MIT
 *
 * The parameters of an R1 (RFC 7401, section 5.3.2), without its signature.
 */
#ifndef HP_HIP_R1PARAMS_H
#define HP_HIP_R1PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/outer.h>

#include "crypto/hash.h"
#include "hip/hip.h"
#include "wire/hip.h"

struct hp_r1_parts {
	const struct hp_hip_config *cfg;
	const uint8_t *host_id; /* the whole TLV */
	enum hp_rhash rhash;
	struct hp_dh_value dh;
	uint8_t k, lifetime;
	uint64_t generation;
	struct hp_outer_offer offer; /* a plugin's parameter */
};

void hp_r1_add_params(struct hp_hip_builder *b, const struct hp_r1_parts *p);

#endif
