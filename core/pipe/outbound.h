/* SPDX-License-Identifier: MIT
 *
 * Packets from the plain side to HIP peers.
 */
#ifndef HP_PIPE_OUTBOUND_H
#define HP_PIPE_OUTBOUND_H

#include "pipe/state.h"

/* Packets that were held, dissected, in the order of their arrival; list by hp_packet.next, taken
 * over. */
void hp_pipe_released(struct hp_pipe *pipe, struct hp_packet *list);

#endif
