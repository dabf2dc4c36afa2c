/* SPDX-License-Identifier: MIT
 *
 * Bare acknowledgements of one batch.
 */
#ifndef HP_PIPE_ACKS_H
#define HP_PIPE_ACKS_H

#include "pipe/state.h"

bool hp_pipe_hold_ack(struct hp_pipe *pipe, struct hp_packet *p);
void hp_pipe_acks_leave(struct hp_pipe *pipe);
void hp_pipe_acks_free(struct hp_pipe *pipe);

#endif
