/* SPDX-License-Identifier: MIT
 *
 * Peers that the configuration names.
 */
#ifndef HP_PIPE_CONFIGURED_H
#define HP_PIPE_CONFIGURED_H

#include "pipe/state.h"

/* The peer that covers dst most exactly; NULL: none. */
const struct hp_conf_peer *hp_pipe_configured(const struct hp_pipe *pipe,
					      const struct hp_addr *dst);

#endif
