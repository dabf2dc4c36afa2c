/* SPDX-License-Identifier: MIT
 *
 * Part of an association: when it was made, and when data passed.
 */
#ifndef HP_HIP_TRAFFIC_H
#define HP_HIP_TRAFFIC_H

#include "hip/engine.h"

struct hp_traffic {
	uint64_t created_ms, established_ms, last_in_ms, last_out_ms; /* 0: never */
	uint64_t unanswered_ms; /* since then packets went out and none came in; 0: not so */
	struct hp_timer t_check; /* life.c */
};

static inline void hp_traffic_out(struct hp_traffic *t, uint64_t now_ms)
{
	t->last_out_ms = now_ms;
	if (!t->unanswered_ms)
		t->unanswered_ms = now_ms;
}

static inline void hp_traffic_in(struct hp_traffic *t, uint64_t now_ms)
{
	t->last_in_ms = now_ms;
	t->unanswered_ms = 0;
}

void hp_traffic_reset(struct hp_assoc *a);
/* When data last passed, in either direction. */
uint64_t hp_traffic_last(const struct hp_traffic *t);
bool hp_traffic_is_idle(const struct hp_assoc *a, uint64_t now);
/* Has the peer been silent for too long while data went out? */
bool hp_traffic_is_one_way(const struct hp_assoc *a, uint64_t now);

#endif
