/* SPDX-License-Identifier: MIT
 *
 * Packets to the plain side.
 */
#ifndef HP_PIPE_EMIT_H
#define HP_PIPE_EMIT_H

#include "pipe/state.h"

/* Borrows p. */
void hp_pipe_plain(struct hp_pipe *pipe, struct hp_packet *p);
/* Takes p over. */
void hp_pipe_emit(struct hp_pipe *pipe, struct hp_packet *p);

#endif
