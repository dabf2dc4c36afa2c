/* SPDX-License-Identifier: MIT
 *
 * Packets out of ESP to the plain side.
 */
#ifndef HP_PIPE_INBOUND_H
#define HP_PIPE_INBOUND_H

#include "pipe/burst.h"

/* All packets of b: authentic, in HIT form, assoc set; perhaps super-packets.  b is empty then. */
void hp_pipe_inner(struct hp_pipe *pipe, struct hp_burst *b);
/* The same for packets that were held (backend.c), oldest first; list by hp_packet.next, taken over. */
void hp_pipe_inner_again(struct hp_pipe *pipe, struct hp_packet *list);

#endif
