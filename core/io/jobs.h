/* SPDX-License-Identifier: MIT
 *
 * A pool of threads for work that must not hold up the loop (see util/job.h).
 */
#ifndef HP_IO_JOBS_H
#define HP_IO_JOBS_H

#include <stddef.h>

#include "io/loop.h"
#include "util/job.h"

struct hp_jobs;

/* For n threads (at least 1), at most limit jobs accepted and not yet done.  NULL with errno. */
struct hp_jobs *hp_jobs_new(struct hp_loop *loop, unsigned int n, size_t limit);
/* Makes the threads, which block all signals; jobs accepted before wait for them.  A thread is
 * restricted as its maker is at this moment, so the sandbox comes first.  0 or -errno. */
int hp_jobs_start(struct hp_jobs *jobs);
/* Lets running jobs finish, joins the threads, then calls done for every accepted job:
 * those that never ran are run first, on this thread. */
void hp_jobs_free(struct hp_jobs *jobs);
/* 0: taken, done will be called on the loop's thread.  -EAGAIN: full, the job stays the
 * caller's.  On the loop's thread. */
int hp_jobs_put(struct hp_jobs *jobs, struct hp_job *job);
/* Accepted and not yet done. */
size_t hp_jobs_pending(const struct hp_jobs *jobs);

#endif
