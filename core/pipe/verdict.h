/* SPDX-License-Identifier: MIT
 *
 * The one exit for verdicts: the end of a packet's processing.
 */
#ifndef HP_PIPE_VERDICT_H
#define HP_PIPE_VERDICT_H

#include "pipe/state.h"

/* Gives the kernel its verdict if p is queued, and returns p to the pool. */
void hp_pipe_conclude(struct hp_pipe *pipe, struct hp_packet *p, enum hp_verdict v);
/* The same for HP_PASS.  connection: the rest of its connection passes too. */
void hp_pipe_pass(struct hp_pipe *pipe, struct hp_packet *p, bool connection);
/* The kernel discards its copy; p is only ours now. */
void hp_pipe_steal(struct hp_pipe *pipe, struct hp_packet *p);

#endif
