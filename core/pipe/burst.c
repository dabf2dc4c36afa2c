/* SPDX-License-Identifier: MIT
 *
 * Bursts of packets (see burst.h).
 */
#include "pipe/burst.h"

#include "pipe/seal.h"
#include "pipe/trace.h"
#include "pipe/verdict.h"

void hp_burst_empty(struct hp_burst *b)
{
	b->n = 0;
	b->gaps = false;
	b->octets = 0;
}

void hp_burst_begin(struct hp_pipe *pipe, struct hp_burst *b)
{
	hp_burst_empty(b);
	b->outer = pipe->burst;
	pipe->burst = b;
}

/* Packets are more urgent than verdicts. */
void hp_burst_end(struct hp_pipe *pipe, struct hp_burst *b)
{
	pipe->burst = b->outer;
	if (pipe->burst)
		return;
	hp_pipe_send_run(pipe);
	pipe->d.ops->verdicts(pipe->d.ops->ctx);
}

bool hp_burst_add(struct hp_burst *b, struct hp_packet *p)
{
	b->at[b->n++].p = p;
	b->octets += p->len;
	return b->n == HP_PIPE_BURST || b->octets >= HP_PIPE_BURST_OCTETS;
}

void hp_burst_close_up(struct hp_burst *b)
{
	unsigned int kept = 0;

	if (!b->gaps)
		return;
	for (unsigned int i = 0; i < b->n; i++)
		if (b->at[i].p)
			b->at[kept++] = b->at[i];
	b->n = kept;
	b->gaps = false;
}

void hp_burst_list(struct hp_pipe *pipe, struct hp_packet *list,
		   void (*process)(struct hp_pipe *pipe, struct hp_burst *b))
{
	struct hp_burst b;
	struct hp_packet *p;

	hp_burst_begin(pipe, &b);
	while ((p = list)) {
		list = p->next;
		p->next = NULL;
		if (hp_burst_add(&b, p))
			process(pipe, &b);
	}
	process(pipe, &b);
	hp_burst_end(pipe, &b);
}

static void forget(struct hp_pipe *pipe, struct hp_burst *b, const struct hp_assoc *a)
{
	for (unsigned int i = 0; i < b->n; i++) {
		struct hp_packet *p = b->at[i].p;

		if (!p || p->assoc != a)
			continue;
		hp_burst_take(b, i);
		b->gaps = true;
		hp_pipe_conclude(pipe, p, hp_pipe_drop(pipe, p, "in.flow", HP_DROP_NO_SA));
	}
}

void hp_burst_forget(struct hp_pipe *pipe, const struct hp_assoc *a)
{
	for (struct hp_burst *b = pipe->burst; b; b = b->outer)
		forget(pipe, b, a);
}
