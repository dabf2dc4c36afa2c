/* SPDX-License-Identifier: MIT
 *
 * The job pool (see jobs.h): two queues under one lock, and an eventfd that wakes the
 * loop.
 */
#include "io/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job_queue {
	struct hp_job *first, **tail;
};

struct hp_jobs {
	struct hp_loop *loop;
	struct hp_watch watch;
	int fd;
	size_t limit, pending; /* the loop's thread only */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job_queue todo, done; /* under lock, as is stop */
	bool stop;
	unsigned int n_wanted, n_threads;
	pthread_t threads[];
};

static void queue_init(struct job_queue *q)
{
	q->first = NULL;
	q->tail = &q->first;
}

static void queue_put(struct job_queue *q, struct hp_job *job)
{
	job->next = NULL;
	*q->tail = job;
	q->tail = &job->next;
}

static struct hp_job *queue_get(struct job_queue *q)
{
	struct hp_job *job = q->first;

	if (!job)
		return NULL;
	q->first = job->next;
	if (!q->first)
		q->tail = &q->first;
	return job;
}

/* Blocks until there is a job; NULL: the pool is being freed. */
static struct hp_job *job_wait(struct hp_jobs *jobs)
{
	struct hp_job *job = NULL;

	pthread_mutex_lock(&jobs->lock);
	while (!jobs->stop && !(job = queue_get(&jobs->todo)))
		pthread_cond_wait(&jobs->wake, &jobs->lock);
	pthread_mutex_unlock(&jobs->lock);
	return job;
}

static void *worker(void *arg)
{
	struct hp_jobs *jobs = arg;
	struct hp_job *job;

	while ((job = job_wait(jobs))) {
		job->run(job);
		pthread_mutex_lock(&jobs->lock);
		queue_put(&jobs->done, job);
		pthread_mutex_unlock(&jobs->lock);
		eventfd_write(jobs->fd, 1);
	}
	return NULL;
}

static void jobs_collect(struct hp_jobs *jobs)
{
	struct hp_job *job, *next;

	pthread_mutex_lock(&jobs->lock);
	job = jobs->done.first;
	queue_init(&jobs->done);
	pthread_mutex_unlock(&jobs->lock);
	for (; job; job = next) {
		next = job->next;
		jobs->pending--;
		job->done(job);
	}
}

static void jobs_ready(void *ctx, uint32_t events)
{
	struct hp_jobs *jobs = ctx;
	eventfd_t n;

	eventfd_read(jobs->fd, &n);
	jobs_collect(jobs);
}

int hp_jobs_start(struct hp_jobs *jobs)
{
	sigset_t all, old;
	int err = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (jobs->n_threads < jobs->n_wanted && !err) {
		err = pthread_create(&jobs->threads[jobs->n_threads], NULL, worker, jobs);
		if (!err)
			jobs->n_threads++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

struct hp_jobs *hp_jobs_new(struct hp_loop *loop, unsigned int n, size_t limit)
{
	struct hp_jobs *jobs;
	int err;

	if (!n)
		n = 1;
	jobs = calloc(1, sizeof(*jobs) + n * sizeof(pthread_t));
	if (!jobs)
		return NULL;
	jobs->loop = loop;
	jobs->n_wanted = n;
	jobs->limit = limit;
	queue_init(&jobs->todo);
	queue_init(&jobs->done);
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->wake, NULL);
	jobs->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	err = jobs->fd < 0 ? errno : 0;
	if (!err)
		err = -hp_loop_add(loop, &jobs->watch, jobs->fd, EPOLLIN, jobs_ready,
				   jobs);
	if (!err)
		return jobs;
	hp_jobs_free(jobs);
	errno = err;
	return NULL;
}

void hp_jobs_free(struct hp_jobs *jobs)
{
	struct hp_job *job;

	if (!jobs)
		return;
	pthread_mutex_lock(&jobs->lock);
	jobs->stop = true;
	pthread_cond_broadcast(&jobs->wake);
	pthread_mutex_unlock(&jobs->lock);
	while (jobs->n_threads)
		pthread_join(jobs->threads[--jobs->n_threads], NULL);
	jobs_collect(jobs);
	while ((job = queue_get(&jobs->todo))) {
		jobs->pending--;
		job->run(job);
		job->done(job);
	}
	hp_loop_del(jobs->loop, &jobs->watch);
	if (jobs->fd >= 0)
		close(jobs->fd);
	pthread_cond_destroy(&jobs->wake);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}

int hp_jobs_put(struct hp_jobs *jobs, struct hp_job *job)
{
	if (jobs->pending >= jobs->limit)
		return -EAGAIN;
	jobs->pending++;
	pthread_mutex_lock(&jobs->lock);
	queue_put(&jobs->todo, job);
	pthread_cond_signal(&jobs->wake);
	pthread_mutex_unlock(&jobs->lock);
	return 0;
}

size_t hp_jobs_pending(const struct hp_jobs *jobs)
{
	return jobs->pending;
}
