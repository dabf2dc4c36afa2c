/* SPDX-License-Identifier: MIT
 *
 * HIP control messages and the hooks of the CTL stages.
 *
 * The engine and sockets know no plugins: who wires them together calls these, with the registry, as
 * messages come and go.
 */
#ifndef HP_PIPE_CONTROL_H
#define HP_PIPE_CONTROL_H

#include "hip/hip.h"
#include "plugin/registry.h"

/* Shows a message to the hooks of CTL_RX, CTL_AUTH or CTL_OUTER; path as the engine has it, a may be
 * NULL.  True if none of them drops it. */
bool hp_pipe_control_shown(struct hp_registry *reg, enum hp_stage stage, const struct hp_path *path,
		      struct hp_assoc *a, const uint8_t *msg, size_t len);
/* Has CTL_BUILD a hook? */
bool hp_pipe_control_builds(const struct hp_registry *reg);
/* Runs CTL_BUILD: as struct hp_hip_ops.build. */
size_t hp_pipe_control_build(struct hp_registry *reg, const struct hp_hip_built *what, uint8_t *tlvs);

#endif
