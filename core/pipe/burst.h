/* SPDX-License-Identifier: MIT
 *
 * A burst: packets that were received together and are processed together.
 *
 * Each entry of the pipeline makes one on the stack.  When the outermost one ends, the run of ESP
 * and the verdicts are sent.  So no packet stays in the pipeline after the call, except in the
 * hold queue and in reassembly.  Timers and commands that seal packets or give verdicts make an
 * empty burst around that.
 */
#ifndef HP_PIPE_BURST_H
#define HP_PIPE_BURST_H

#include "pipe/state.h"

struct hp_burst {
	struct hp_burst *outer; /* the burst during which this one began; NULL: none */
	unsigned int n;
	bool gaps; /* packets were taken out before it was processed */
	size_t octets;
	struct hp_burst_packet {
		struct hp_packet *p; /* NULL: it has been taken out */
		uint32_t hash;       /* of the name of its flow (ahead.c) */
		bool local;          /* of an application on this host, which has no flow */
	} at[HP_PIPE_BURST];
};

void hp_burst_begin(struct hp_pipe *pipe, struct hp_burst *b);
void hp_burst_end(struct hp_pipe *pipe, struct hp_burst *b);

/* Takes p over and appends it.  True: the burst is full and must be processed. */
bool hp_burst_add(struct hp_burst *b, struct hp_packet *p);
/* Removes the gaps. */
void hp_burst_close_up(struct hp_burst *b);
/* Takes packet i out.  NULL: it has been taken out. */
static inline struct hp_packet *hp_burst_take(struct hp_burst *b, unsigned int i)
{
	struct hp_packet *p = b->at[i].p;

	b->at[i].p = NULL;
	return p;
}
/* All packets have been taken out: others may be added. */
void hp_burst_empty(struct hp_burst *b);

/* A burst of its own for packets that were held, linked by next.  process gets it each time it is
 * full, and at the end; it leaves it empty. */
void hp_burst_list(struct hp_pipe *pipe, struct hp_packet *list,
		   void (*process)(struct hp_pipe *pipe, struct hp_burst *b));

/* The association is about to be freed: drops its packets that are not processed yet. */
void hp_burst_forget(struct hp_pipe *pipe, const struct hp_assoc *a);

#endif
