/* SPDX-License-Identifier: MIT
 *
 * The one exit for drops; tracing and logging of verdicts.
 */
#ifndef HP_PIPE_TRACE_H
#define HP_PIPE_TRACE_H

#include "pipe/state.h"

/* Counts the reason, traces it, returns HP_DROP. */
enum hp_verdict hp_pipe_drop(struct hp_pipe *pipe, const struct hp_packet *p, const char *stage,
			     enum hp_drop_reason r);
/* The same for a packet that a plugin's hook drops; reason: the plugin's own name for it. */
enum hp_verdict hp_pipe_drop_hook(struct hp_pipe *pipe, const struct hp_packet *p,
				  const char *stage, const char *hook, const char *reason);
/* The same for n packets that are not struct hp_packet any more. */
void hp_pipe_drop_count(struct hp_pipe *pipe, enum hp_drop_reason r, uint64_t n);
/* Traces a verdict that is not a drop. */
void hp_pipe_note(struct hp_pipe *pipe, const struct hp_packet *p, const char *stage,
		  const char *verdict, const char *reason);
/* The same with the name of the hook that gave the verdict. */
void hp_pipe_note_hook(struct hp_pipe *pipe, const struct hp_packet *p, const char *stage,
		       const char *hook, const char *verdict, const char *reason);

#endif
