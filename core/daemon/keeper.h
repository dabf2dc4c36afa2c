/* SPDX-License-Identifier: MIT
 *
 * Keeps a file of lines (linefile.h) as the daemon wants it, without waiting for the disk: edits
 * are collected and written by a thread.
 *
 * If the disk is full, the file stays as it was, what is to be written stays in memory, and it is
 * tried again every ten seconds, and at the end.
 */
#ifndef HP_DAEMON_KEEPER_H
#define HP_DAEMON_KEEPER_H

#include <stddef.h>

#include "io/jobs.h"
#include "util/clock.h"
#include "util/timer.h"

#define HP_KEEPER_RETRY_MS 10000
#define HP_KEEPER_MAX      (4u << 20) /* octets of edits that are not written yet */

struct hp_keeper;

/* What keepers share.  jobs may be NULL: then the disk is waited for. */
struct hp_disk {
	struct hp_jobs *jobs;
	struct hp_timers *timers;
	const struct hp_clock *clock;
	/* Writing has begun to fail (err), or works again (0). */
	void (*told)(void *ctx, const char *path, int err);
	void *ctx;
};

/* disk is borrowed until the end.  NULL when memory is out. */
struct hp_keeper *hp_keeper_new(const struct hp_disk *disk, const char *path);
struct hp_keeper *hp_keeper_ref(struct hp_keeper *k);
/* With the last reference what is not written yet is written at once. */
void hp_keeper_unref(struct hp_keeper *k);
const char *hp_keeper_path(const struct hp_keeper *k);
/* An edit, see hp_lines_edit, without its newline.  0; -ENOSPC: too much could not be written. */
int hp_keeper_edit(struct hp_keeper *k, char how, const char *text);
/* Calls fn with edits that are not on disk yet, older ones first. */
void hp_keeper_pending(const struct hp_keeper *k, void (*fn)(void *ctx, const char *edits),
		       void *ctx);
/* Why the last write failed, 0: it did not. */
int hp_keeper_error(const struct hp_keeper *k);

#endif
