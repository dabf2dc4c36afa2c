/* SPDX-License-Identifier: MIT
 *
 * Exchanges that this side begins.
 */
#ifndef HP_HIP_CONNECT_H
#define HP_HIP_CONNECT_H

#include "hip/engine.h"

/* As hp_hip_connect, but by the path on which somebody came.  NULL: refused, or no memory. */
struct hp_assoc *hp_connect_back(struct hp_hip *hip, const struct hp_addr *local_hit,
				 const struct hp_addr *peer_hit,
				 const struct hp_path *path);

#endif
