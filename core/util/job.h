/* SPDX-License-Identifier: MIT
 *
 * Work that must not hold up the loop: public-key operations and puzzles.
 *
 * Embedded in the structure that holds copies of all the work needs.  run is called once
 * on a worker thread and touches nothing else; done is called once on the loop's thread
 * afterwards and owns the job from then on (it frees it).  Every accepted job gets its
 * done, in any order.
 */
#ifndef HP_UTIL_JOB_H
#define HP_UTIL_JOB_H

struct hp_job {
	void (*run)(struct hp_job *job);
	void (*done)(struct hp_job *job);
	struct hp_job *next; /* the pool's, while it has the job */
};

#endif
