/* SPDX-License-Identifier: MIT
 *
 * Public-key work away from the loop, and its safe return.
 *
 * A job holds a reference to the engine and to its association.  When it comes back after
 * either is gone, or after another exchange began, its result is thrown away.
 */
#include "hip/job.h"

#include "hip/assoc.h"

static void run(struct hp_job *job)
{
	struct hp_work *w = HP_CONTAINER(job, struct hp_work, job);

	w->run(w);
}

static void done(struct hp_job *job)
{
	struct hp_work *w = HP_CONTAINER(job, struct hp_work, job);
	struct hp_assoc *a = w->a;
	struct hp_hip *hip = w->hip;
	bool live = !hip->dying && (!a || (!a->base.dead && a->base.epoch == w->epoch));

	w->done(w, live);
	w->free(w);
	if (a)
		hp_assoc_unref(a);
	hp_hip_unref(hip);
}

static int hand_over(struct hp_hip *hip, struct hp_job *job)
{
	if (hip->ops.job)
		return hip->ops.job(hip->ops.ctx, job);
	job->run(job);
	job->done(job);
	return 0;
}

int hp_work_start(struct hp_hip *hip, struct hp_assoc *a, struct hp_work *w)
{
	w->job = (struct hp_job){.run = run, .done = done};
	w->hip = hip;
	w->a = a;
	hip->refs++;
	if (a) {
		a->base.refs++;
		w->epoch = a->base.epoch;
	}
	if (!hand_over(hip, &w->job))
		return 0;
	hip->full_count++;
	w->free(w);
	if (a)
		hp_assoc_unref(a);
	hp_hip_unref(hip);
	return HP_HIPD_QUEUE_FULL;
}
