/* SPDX-License-Identifier: MIT
 *
 * Public-key work away from the loop.
 */
#ifndef HP_HIP_JOB_H
#define HP_HIP_JOB_H

#include "hip/engine.h"

struct hp_work {
	struct hp_job job;
	struct hp_hip *hip;
	struct hp_assoc *a; /* NULL: none yet */
	struct hp_hip_extra *extra; /* for the message it builds; freed with w */
	uint32_t epoch;
	void (*run)(struct hp_work *w);
	/* On the loop.  live: the engine lives, and so does w->a if there is one, in the
	 * same exchange as at the start. */
	void (*done)(struct hp_work *w, bool live);
	void (*free)(struct hp_work *w); /* frees w and what it holds */
};

/* Takes w, also on failure.  0 or a reason. */
int hp_work_start(struct hp_hip *hip, struct hp_assoc *a, struct hp_work *w);

#endif
