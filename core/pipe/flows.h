/* SPDX-License-Identifier: MIT
 *
 * The beginning and the end of flows: plugins and the daemon are told.
 */
#ifndef HP_PIPE_FLOWS_H
#define HP_PIPE_FLOWS_H

#include "pipe/state.h"

/* Tells plugins. */
void hp_pipe_flow_made(struct hp_pipe *pipe, struct hp_flow *f);
/* The last step of making a flow: binds it, tells plugins and the daemon. */
void hp_pipe_flow_begins(struct hp_pipe *pipe, struct hp_flow *f, struct hp_assoc *a,
			 struct hp_pipe_assoc *pa);
/* The flow table frees f; ctx is the pipeline. */
void hp_pipe_flow_ends(void *ctx, struct hp_flow *f);

#endif
