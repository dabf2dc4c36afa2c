/* SPDX-License-Identifier: MIT
 *
 * The files that the daemon keeps: pinned HITs, revoked HITs, and the state of flows and peers.  One
 * thread writes them, because it may have to wait for a disk.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WRITES_MAX 16 /* files that wait for the disk */

static void state_told(void *ctx, int err)
{
	struct hp_daemon *d = ctx;

	hp_daemon_file_told(d, d->conf->state, err);
}

static void state_unused(struct hp_daemon *d, const char *path, const char *why)
{
	struct hp_incident i = HP_INCIDENT(HP_INCIDENT_FILE);

	hp_log(HP_LOG_CORE, HP_LOG_WARNING, "%s: %s: flows will not outlive a restart", path, why);
	snprintf(i.why, sizeof(i.why), "%.96s can't be used: %s", path, why);
	hp_incident_add(d->incidents, &i);
}

/* The daemon works without it. */
static void open_state(struct hp_daemon *d)
{
	const char *path = d->conf->state;
	int err = *path ? hp_state_open(path, &d->kept.state) : 0;

	d->kept.state_err = err;
	if (err)
		state_unused(d, path, err == -EBUSY ? "another daemon has it" : strerror(-err));
	hp_state_watch(d->kept.state, state_told, d);
}

bool hp_daemon_keeps_pins(const struct hp_conf *conf)
{
	return conf->hip.opportunistic_initiator == HP_CONF_OPP_PINNED ||
	       conf->hip.opportunistic_responder == HP_CONF_OPP_PINNED;
}

static int start(struct hp_daemon *d)
{
	const struct hp_conf_hip *hip = &d->conf->hip;
	struct hp_kept *k = &d->kept;
	struct hp_io_err e = { "" };
	int err = 0;

	k->writers = hp_jobs_new(d->loop, 1, WRITES_MAX);
	if (!k->writers)
		return hp_daemon_fail(-errno, "writer thread");
	k->disk = (struct hp_disk){ .jobs = k->writers, .timers = &d->timers, .clock = &d->clock,
				    .told = hp_daemon_file_told, .ctx = d };
	if (hp_daemon_keeps_pins(d->conf))
		err = hp_pins_open(hip->pins, &k->disk, NULL, &k->pins, &e);
	if (!err)
		err = hp_revoked_open(hip->revoked, &k->disk, NULL, &k->revoked, &e);
	if (err)
		return hp_daemon_fail_io(err, &e);
	open_state(d);
	return 0;
}

/* Without the thread, what is not written yet is written at once. */
static void stop(struct hp_daemon *d)
{
	struct hp_kept *k = &d->kept;

	if (k->writers)
		hp_jobs_free(k->writers);
	k->disk.jobs = NULL;
	hp_pins_close(k->pins);
	hp_revoked_close(k->revoked);
	hp_state_close(k->state);
	*k = (struct hp_kept){ 0 };
}

static void reload(struct hp_daemon *d, struct hp_prepared *p)
{
	hp_pins_close(d->kept.pins);
	d->kept.pins = p->pins;
	hp_revoked_close(d->kept.revoked);
	d->kept.revoked = p->revoked;
}

const struct hp_part hp_part_kept = { "kept files", start, stop, reload };
