/* SPDX-License-Identifier: MIT
 *
 * The hooks of plugins, and the core's own steps among them.
 */
#ifndef HP_PIPE_HOOKS_H
#define HP_PIPE_HOOKS_H

#include "pipe/state.h"

/* Runs the hooks of a stage that p's flow subscribed to. */
enum hp_verdict hp_pipe_hooks(struct hp_pipe *pipe, struct hp_packet *p, enum hp_stage stage);
/* The same before there is a flow: matched packet by packet. */
enum hp_verdict hp_pipe_hooks_early(struct hp_pipe *pipe, struct hp_packet *p,
				    enum hp_stage stage);
/* Does the core or a plugin translate this protocol? */
bool hp_pipe_maps(const struct hp_pipe *pipe, uint8_t proto);
void hp_pipe_choices_free(struct hp_pipe *pipe);

#endif
