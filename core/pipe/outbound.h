/* SPDX-License-Identifier: MIT
 *
 * Packets from the plain side to HIP peers.
 */
#ifndef HP_PIPE_OUTBOUND_H
#define HP_PIPE_OUTBOUND_H

#include "pipe/state.h"

/* What follows for a dissected packet, also for one that was held.  Takes the packet over.
 * soon: at the latest with hp_pipe_flush.  named: a legacy host's; hash: hp_pipe_name. */
void hp_pipe_outbound(struct hp_pipe *pipe, struct hp_packet *p);
void hp_pipe_outbound_soon(struct hp_pipe *pipe, struct hp_packet *p);
void hp_pipe_outbound_named(struct hp_pipe *pipe, struct hp_packet *p, uint32_t hash);

#endif
