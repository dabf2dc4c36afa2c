/* SPDX-License-Identifier: MIT
 *
 * The one exit for verdicts: the end of a packet's processing.
 */
#include "pipe/verdict.h"

#include "pipe/emit.h"
#include "pipe/trace.h"

void hp_pipe_steal(struct hp_pipe *pipe, struct hp_packet *p)
{
	if (p->queued)
		pipe->d.ops->steal(pipe->d.ops->ctx, p);
	p->queued = false;
}

static void let_pass(struct hp_pipe *pipe, struct hp_packet *p, bool connection)
{
	if (p->tun) {
		hp_pipe_drop(pipe, p, "out", HP_DROP_ROUTED);
		return;
	}
	pipe->totals.passed++;
	/* The kernel has no copy of a reassembled packet: it is sent again. */
	if (p->queued)
		pipe->d.ops->accept(pipe->d.ops->ctx, p, connection);
	else
		hp_pipe_plain(pipe, p);
	p->queued = false;
}

/* If there is no verdict yet the kernel discards its copy. */
static void end(struct hp_pipe *pipe, struct hp_packet *p)
{
	hp_pipe_steal(pipe, p);
	pipe->d.ops->put(pipe->d.ops->ctx, p);
}

void hp_pipe_pass(struct hp_pipe *pipe, struct hp_packet *p, bool connection)
{
	let_pass(pipe, p, connection);
	end(pipe, p);
}

void hp_pipe_conclude(struct hp_pipe *pipe, struct hp_packet *p, enum hp_verdict v)
{
	if (v == HP_PASS)
		hp_pipe_pass(pipe, p, true);
	else if (v != HP_TAKEN)
		end(pipe, p);
}
