/* SPDX-License-Identifier: MIT
 *
 * A received message during its admission.
 */
#ifndef HP_HIP_RX_H
#define HP_HIP_RX_H

#include "hip/engine.h"
#include "wire/hip.h"

struct hp_identity;

struct hp_rx {
	struct hp_hip *hip;
	const struct hp_path *path;
	const struct hp_hip_msg *m;
	struct hp_identity *id; /* the one whose HIT the message names; NULL if that is zero */
	struct hp_assoc *a;	/* or NULL */
};

/* Admits a message: 0, or the reason for dropping it. */
typedef int (*hp_rx_fn)(const struct hp_rx *rx);

#endif
