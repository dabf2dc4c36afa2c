/* SPDX-License-Identifier: MIT
 *
 * Packets out of ESP, in HIT form, assoc set.
 */
#ifndef HP_PIPE_INBOUND_H
#define HP_PIPE_INBOUND_H

#include "pipe/state.h"

/* ctx is the pipe.  named: at once; hash: hp_pipe_name. */
void hp_pipe_inner(void *ctx, struct hp_packet *p);
void hp_pipe_inner_named(struct hp_pipe *pipe, struct hp_packet *p, uint32_t hash);
/* A packet that was held: at once. */
void hp_pipe_inner_again(struct hp_pipe *pipe, struct hp_packet *p);

#endif
