/* SPDX-License-Identifier: MIT
 *
 * A parameter that a plugin adds to R1 or I2 (hipproxy/outer.h), in its place between HIP_CIPHER and
 * ENCRYPTED.
 */
#ifndef HP_HIP_OFFERED_H
#define HP_HIP_OFFERED_H

#include <hipproxy/outer.h>

#include "wire/hip.h"

/* Nothing for type 0. */
static inline void hp_hip_add_offered(struct hp_hip_builder *b, const struct hp_outer_offer *o)
{
	if (o->type)
		hp_hip_param(b, o->type, o->data, o->len);
}

#endif
