/* SPDX-License-Identifier: MIT
 *
 * A burst: packets that were received together and are processed together.
 *
 * Each entry of the pipeline makes one, on the stack.  When the outermost one ends, the run of ESP is
 * sent and the verdicts are given: no packet outlives the call, but for those in the hold queue and
 * in reassembly.  What else seals packets or gives verdicts (timers, commands) does so within a burst
 * too, which may be empty.
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
		struct hp_packet *p; /* NULL: it is not in the burst any more */
		uint32_t hash;       /* of the name of its flow (ahead.c) */
		bool local;          /* of an application on this host, which has no flow */
	} at[HP_PIPE_BURST];
};

void hp_burst_begin(struct hp_pipe *pipe, struct hp_burst *b);
void hp_burst_end(struct hp_pipe *pipe, struct hp_burst *b);

/* p, taken over, is the last one now.  True: the burst is full and must be processed. */
bool hp_burst_add(struct hp_burst *b, struct hp_packet *p);
/* Closes the gaps that packets have left. */
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

/* The association is about to be freed: drops its packets that are not processed yet. */
void hp_burst_forget(struct hp_pipe *pipe, const struct hp_assoc *a);

#endif
