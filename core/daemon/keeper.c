/* SPDX-License-Identifier: MIT
 *
 * Keeps a file of lines by a thread (see keeper.h).
 */
#include "daemon/keeper.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/linefile.h"
#include "util/buf.h"
#include "util/list.h"

struct hp_keeper {
	const struct hp_disk *disk;
	int refs;
	char *path;
	struct hp_buf next; /* edits to be written */
	struct hp_timer retry;
	int err;
	bool writing;
	/* The thread's, while writing. */
	struct hp_job job;
	char *edits;
	int result;
};

static void again(struct hp_timer *t);

struct hp_keeper *hp_keeper_new(const struct hp_disk *disk, const char *path)
{
	struct hp_keeper *k = calloc(1, sizeof(*k));

	if (k)
		k->path = strdup(path);
	if (!k || !k->path) {
		free(k);
		return NULL;
	}
	k->disk = disk;
	k->refs = 1;
	hp_timer_init(&k->retry, again);
	return k;
}

struct hp_keeper *hp_keeper_ref(struct hp_keeper *k)
{
	k->refs++;
	return k;
}

const char *hp_keeper_path(const struct hp_keeper *k)
{
	return k->path;
}

int hp_keeper_error(const struct hp_keeper *k)
{
	return k->err;
}

static void keeper_free(struct hp_keeper *k)
{
	if (k->disk->timers)
		hp_timer_cancel(k->disk->timers, &k->retry);
	free(k->path);
	free(k->edits);
	hp_buf_fini(&k->next);
	free(k);
}

static void tell(struct hp_keeper *k, int err)
{
	bool news = !err != !k->err;

	k->err = err;
	if (news && k->disk->told)
		k->disk->told(k->disk->ctx, k->path, err);
}

/* What was not written comes before what came meanwhile. */
static void put_back(struct hp_keeper *k)
{
	struct hp_buf b = HP_BUF_INIT;

	hp_buf_add(&b, k->edits, strlen(k->edits));
	if (k->next.len)
		hp_buf_add(&b, k->next.data, k->next.len);
	if (b.failed) {
		hp_buf_fini(&b);
		return;
	}
	hp_buf_fini(&k->next);
	k->next = b;
}

static void finish(struct hp_keeper *k, int err)
{
	if (err)
		put_back(k);
	free(k->edits);
	k->edits = NULL;
	tell(k, err);
}

static void write_now(struct hp_keeper *k)
{
	k->edits = hp_buf_take(&k->next);
	if (k->edits)
		finish(k, hp_lines_edit(k->path, k->edits));
}

/* ---- by a thread */

static void job_run(struct hp_job *job)
{
	struct hp_keeper *k = HP_CONTAINER(job, struct hp_keeper, job);

	k->result = hp_lines_edit(k->path, k->edits);
}

static void begin(struct hp_keeper *k);

static void job_done(struct hp_job *job)
{
	struct hp_keeper *k = HP_CONTAINER(job, struct hp_keeper, job);

	k->writing = false;
	finish(k, k->result);
	if (k->refs) {
		begin(k);
		return;
	}
	if (k->next.len)
		write_now(k);
	keeper_free(k);
}

static void later(struct hp_keeper *k)
{
	if (k->disk->timers)
		hp_timer_set(k->disk->timers, &k->retry,
			     hp_clock_ms(k->disk->clock) + HP_KEEPER_RETRY_MS);
}

static void start(struct hp_keeper *k)
{
	if (!k->disk->jobs) {
		write_now(k);
		if (k->err)
			later(k);
		return;
	}
	k->edits = hp_buf_take(&k->next);
	if (!k->edits)
		return;
	k->job = (struct hp_job){ .run = job_run, .done = job_done };
	k->writing = !hp_jobs_put(k->disk->jobs, &k->job);
	if (k->writing)
		return;
	put_back(k);
	free(k->edits);
	k->edits = NULL;
	later(k);
}

static void begin(struct hp_keeper *k)
{
	if (k->writing || !k->next.len || hp_timer_armed(&k->retry))
		return;
	if (k->err)
		later(k);
	else
		start(k);
}

static void again(struct hp_timer *t)
{
	struct hp_keeper *k = HP_CONTAINER(t, struct hp_keeper, retry);

	if (!k->writing && k->next.len)
		start(k);
}

/* ---- */

int hp_keeper_edit(struct hp_keeper *k, char how, const char *text)
{
	size_t len = strlen(text) + 2;

	if (k->next.len + len > HP_KEEPER_MAX)
		return -ENOSPC;
	hp_buf_add(&k->next, &how, 1);
	hp_buf_add(&k->next, text, len - 2);
	hp_buf_add(&k->next, "\n", 1);
	if (k->next.failed)
		return -ENOMEM;
	begin(k);
	return 0;
}

void hp_keeper_pending(const struct hp_keeper *k, void (*fn)(void *ctx, const char *edits),
		       void *ctx)
{
	if (k->edits)
		fn(ctx, k->edits);
	if (k->next.len)
		fn(ctx, k->next.data);
}

void hp_keeper_unref(struct hp_keeper *k)
{
	if (!k || --k->refs || k->writing)
		return;
	if (k->next.len)
		write_now(k);
	keeper_free(k);
}
