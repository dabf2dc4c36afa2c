/* SPDX-License-Identifier: MIT
 *
 * What the service manager is told: ready, reloading, stopping, why a start failed, and a line about
 * what runs (systemd.service(5), Type=notify).
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/sdnotify.h"
#include "util/log.h"

#define STATUS_MS 10000 /* between two looks at what runs */

struct hp_supervisor {
	struct hp_sdnotify notify;
	struct hp_timer timer;
	struct hp_daemon *daemon;
	uint64_t every_ms;
	bool owes_ready;    /* READY=1 did not get through */
	bool refused;       /* the last reload was */
	char status[160];   /* the last one told */
	char failure[400];  /* the first error line of the start */
};

/* A message has lines, so the text may have none. */
static void on_error(void *ctx, const char *text)
{
	struct hp_supervisor *s = ctx;

	if (s->failure[0])
		return;
	snprintf(s->failure, sizeof(s->failure), "%s", text);
	for (char *p = s->failure; *p; p++)
		if (*p == '\n')
			*p = ' ';
}

struct hp_supervisor *hp_supervisor_new(void)
{
	struct hp_supervisor *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return NULL;
	err = hp_sdnotify_init(&s->notify);
	if (err)
		hp_log(HP_LOG_CORE, HP_LOG_WARNING,
		       "NOTIFY_SOCKET: %s: the service manager is not told anything",
		       strerror(-err));
	hp_log_watch_errors(on_error, s);
	return s;
}

void hp_supervisor_free(struct hp_supervisor *s)
{
	if (!s)
		return;
	hp_log_watch_errors(NULL, NULL);
	hp_sdnotify_fini(&s->notify);
	free(s);
}

/* ---- what runs */

/* "client proxy, host" and so on; "no role" if nothing is on. */
static void put_roles(const struct hp_daemon *d, char *text, size_t cap)
{
	const char *const roles[] = {
		d->conf->client.enabled ? "client proxy" : NULL,
		d->conf->host.enabled ? "host" : NULL,
		hp_service_at(d->registry, HP_SERVICE_BACKEND, 0) ? "server proxy" : NULL,
	};
	size_t at = 0;

	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		if (roles[i] && at < cap)
			at += (size_t)snprintf(text + at, cap - at, "%s%s", at ? ", " : "",
					       roles[i]);
	if (!at)
		snprintf(text, cap, "no role");
}

static void put_status(const struct hp_supervisor *s, char *text, size_t cap)
{
	const struct hp_daemon *d = s->daemon;
	size_t assocs = hp_hip_count(d->hip), flows = hp_flowdb_count(hp_pipe_flowdb(d->pipe));
	char roles[64];

	put_roles(d, roles, sizeof(roles));
	snprintf(text, cap, "%s%s; %zu association%s, %zu flow%s%s", roles,
		 d->conf->client.enabled && !d->gate.clients ? " (off)" : "", assocs,
		 assocs == 1 ? "" : "s", flows, flows == 1 ? "" : "s",
		 s->refused ? "; the last reload was refused, see the log" : "");
}

static void tell_ready(struct hp_supervisor *s)
{
	put_status(s, s->status, sizeof(s->status));
	s->owes_ready = hp_sdnotify_send(&s->notify, "READY=1\nSTATUS=%s", s->status);
}

static void tell_status(struct hp_supervisor *s)
{
	char now[sizeof(s->status)];

	put_status(s, now, sizeof(now));
	if (!strcmp(now, s->status))
		return;
	if (!hp_sdnotify_send(&s->notify, "STATUS=%s", now))
		memcpy(s->status, now, sizeof(now));
}

static void tick(struct hp_timer *t)
{
	struct hp_supervisor *s = HP_CONTAINER(t, struct hp_supervisor, timer);
	struct hp_daemon *d = s->daemon;

	if (s->notify.watchdog_us)
		hp_sdnotify_send(&s->notify, "WATCHDOG=1");
	if (s->owes_ready)
		tell_ready(s);
	else if (!d->quit.stopping)
		tell_status(s);
	hp_timer_set(&d->timers, t, hp_clock_ms(&d->clock) + s->every_ms);
}

/* ---- events */

/* Half of the watchdog's time, as sd_watchdog_enabled(3) advises. */
static uint64_t interval_ms(const struct hp_sdnotify *n)
{
	uint64_t half_ms = n->watchdog_us / 2000;

	if (!n->watchdog_us || half_ms > STATUS_MS)
		return STATUS_MS;
	return half_ms ? half_ms : 1;
}

void hp_supervisor_ready(struct hp_daemon *d)
{
	struct hp_supervisor *s = d->supervisor;

	if (!s)
		return;
	hp_log_watch_errors(NULL, NULL);
	s->failure[0] = '\0';
	if (!s->notify.to_len)
		return;
	s->daemon = d;
	tell_ready(s);
	if (s->owes_ready)
		hp_log(HP_LOG_CORE, HP_LOG_WARNING,
		       "the service manager does not take messages; trying again");
	s->every_ms = interval_ms(&s->notify);
	hp_timer_init(&s->timer, tick);
	hp_timer_set(&d->timers, &s->timer, hp_clock_ms(&d->clock) + s->every_ms);
}

void hp_supervisor_failed(struct hp_supervisor *s, int err)
{
	if (s)
		hp_sdnotify_send(&s->notify, "STATUS=failed: %s\nERRNO=%d",
			       s->failure[0] ? s->failure : strerror(-err), -err);
}

/* MONOTONIC_USEC lets a manager with Type=notify-reload tell this reload from an earlier one. */
void hp_supervisor_reloading(struct hp_daemon *d)
{
	if (d->supervisor && d->supervisor->daemon)
		hp_sdnotify_send(&d->supervisor->notify,
			       "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=reading the configuration",
			       (unsigned long long)hp_clock_us(&d->clock));
}

void hp_supervisor_reloaded(struct hp_daemon *d, int err)
{
	if (!d->supervisor || !d->supervisor->daemon)
		return;
	d->supervisor->refused = err;
	tell_ready(d->supervisor);
}

void hp_supervisor_stopping(struct hp_daemon *d)
{
	if (d->supervisor)
		hp_sdnotify_send(&d->supervisor->notify, "STOPPING=1\nSTATUS=closing associations");
}
