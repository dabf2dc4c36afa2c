/* SPDX-License-Identifier: MIT
 *
 * Small packets wait until their flows have been fetched from memory.
 */
#ifndef HP_PIPE_AHEAD_H
#define HP_PIPE_AHEAD_H

#include "pipe/state.h"

uint32_t hp_pipe_name(const struct hp_pipe *pipe, enum hp_direction dir,
		      const struct hp_packet *p);
void hp_pipe_ahead(struct hp_pipe *pipe, enum hp_direction dir, struct hp_packet *p);
void hp_pipe_ahead_leave(struct hp_pipe *pipe);
unsigned int hp_pipe_ahead_forget(struct hp_pipe *pipe, const struct hp_assoc *assoc);
void hp_pipe_ahead_free(struct hp_pipe *pipe);

#endif
