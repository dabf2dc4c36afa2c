/* SPDX-License-Identifier: MIT
 *
 * The event loop with its timers, and the signals that end the daemon or reload it.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static void on_quit(void *ctx, int signo)
{
	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "%s: ending", strsignal(signo));
	hp_daemon_quit(ctx);
}

static void on_reload(void *ctx, int signo)
{
	json_t *complaints;
	struct hp_io_err err;

	(void)signo;
	hp_daemon_reload(ctx, &err, &complaints);
	json_decref(complaints);
}

static int start(struct hp_daemon *d)
{
	int err;

	hp_timers_init(&d->timers, hp_clock_ms(&d->clock));
	d->loop = hp_loop_new(&d->timers, &d->clock);
	if (!d->loop)
		return hp_daemon_fail(-errno, "event loop");
	hp_loop_busy_poll(d->loop, d->conf->performance.busy_poll_us);
	err = hp_loop_signal(d->loop, SIGTERM, on_quit, d);
	if (!err)
		err = hp_loop_signal(d->loop, SIGINT, on_quit, d);
	if (!err)
		err = hp_loop_signal(d->loop, SIGHUP, on_reload, d);
	if (err)
		return hp_daemon_fail(err, "signals");
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static void stop(struct hp_daemon *d)
{
	if (d->loop)
		hp_loop_free(d->loop);
	d->loop = NULL;
}

static void reload(struct hp_daemon *d, struct hp_prepared *p)
{
	(void)p;
	hp_loop_busy_poll(d->loop, d->conf->performance.busy_poll_us);
}

const struct hp_part hp_part_loop = { "event loop", start, stop, reload };
