/* SPDX-License-Identifier: MIT
 *
 * The process: where it logs, that it is the only one, its pid file, its rights.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/crash.h"
#include "daemon/files.h"
#include "io/priv.h"
#include "io/single.h"

/* ---- the log */

static void set_logging(const struct hp_daemon *d)
{
	const struct hp_conf_log *log = &d->conf->log;
	int level = d->opt.level;

	hp_log_target((enum hp_log_target)log->target, "hipproxyd");
	hp_log_level_all((enum hp_log_level)(level >= 0 ? level : log->level));
	for (int i = 0; i < HP_LOG_SUBSYSTEMS; i++)
		if (log->subsys[i] >= 0 && level < 0)
			hp_log_level_set((enum hp_log_subsys)i, (enum hp_log_level)log->subsys[i]);
}

/* The report lies beside the state file. */
static void report_crashes(const struct hp_daemon *d)
{
	char state[PATH_MAX], path[PATH_MAX + 8];

	snprintf(state, sizeof(state), "%s", d->conf->state);
	snprintf(path, sizeof(path), "%s/crash", dirname(state));
	hp_crash_report_to(*d->conf->state ? path : NULL);
}

static void warn_of_obsolete(const struct hp_conf_client *c)
{
	if (c->capture != HP_CONF_CAPTURE_AS_NEEDED)
		hp_log(HP_LOG_CONF, HP_LOG_NOTICE, "client.capture has no effect any more and may be "
		       "removed: routes lead packets to known peers here");
}

/* ---- the pid file */

static int write_pid(struct hp_daemon *d)
{
	const char *path = d->conf->pidfile;
	FILE *f;

	if (!*path)
		return 0;
	hp_file_folder(path);
	errno = 0;
	f = fopen(path, "we");
	if (!f)
		return hp_daemon_fail(-errno, path);
	d->process.pid_written = true;
	fprintf(f, "%ld\n", (long)getpid());
	/* A full disk is no reason to leave clients without protection. */
	if (fclose(f) && errno != ENOSPC)
		return hp_daemon_fail(-errno, path);
	if (errno == ENOSPC)
		hp_daemon_fail(-ENOSPC, path);
	return 0;
}

/* ---- rights */

bool hp_daemon_needs_queue(const struct hp_daemon *d)
{
	return d->conf->client.enabled && hp_conf_discovers(d->conf);
}

static int be_the_only_one(struct hp_daemon *d, struct hp_io_err *e)
{
	int fd = hp_single_take("hipproxyd", e);

	if (fd < 0)
		return fd;
	d->process.single = fd;
	return 0;
}

static int drop_rights(struct hp_daemon *d)
{
	struct hp_io_err e = { "" };
	int err = hp_priv_drop(hp_daemon_needs_queue(d), &e);

	return err ? hp_daemon_fail_io(err, &e) : 0;
}

const struct hp_part hp_part_rights = { "rights", .start = drop_rights };

/* ---- the part */

static int start(struct hp_daemon *d)
{
	struct hp_io_err e = { "" };
	int err;

	d->process.started_ms = hp_clock_ms(&d->clock);
	set_logging(d);
	report_crashes(d);
	warn_of_obsolete(&d->conf->client);
	err = hp_priv_check(hp_daemon_needs_queue(d), &e);
	if (!err)
		err = be_the_only_one(d, &e);
	return err ? hp_daemon_fail_io(err, &e) : write_pid(d);
}

static void stop(struct hp_daemon *d)
{
	if (d->process.pid_written)
		unlink(d->conf->pidfile);
	if (d->process.single)
		close(d->process.single);
}

static void reload(struct hp_daemon *d, struct hp_prepared *p)
{
	(void)p;
	set_logging(d);
}

const struct hp_part hp_part_process = { "process", start, stop, reload };
