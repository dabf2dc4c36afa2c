/* SPDX-License-Identifier: MIT
 *
 * Capturing clients' traffic: the gate is told when it protects and when it does not.
 */
#include "daemon/daemon.h"

/* all: with what plugins have asked for, and with what the gate has loaded. */
static int capture(struct hp_daemon *d, bool on, bool all, struct hp_io_err *err)
{
	int ret = on && hp_conf_discovers(d->conf) ? hp_daemon_open_queue(d, err) : 0;

	return ret ? ret : hp_daemon_gate(d, on, all, err);
}

int hp_daemon_capture(struct hp_daemon *d, bool on, struct hp_io_err *err)
{
	return capture(d, on, false, err);
}

static int start(struct hp_daemon *d)
{
	struct hp_io_err e = { "" };
	int err = capture(d, d->conf->client.enabled, true, &e);

	return err ? hp_daemon_fail_io(err, &e) : 0;
}

void hp_daemon_capture_end(struct hp_daemon *d)
{
	const struct hp_conf_client *c = &d->conf->client;

	if (d->gate.clients && c->on_stop == HP_CONF_FAIL_CLOSED &&
	    c->on_failure == HP_CONF_FAIL_CLOSED)
		hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "clients' protected traffic stays closed; "
		       "hipproxyd --cleanup opens it");
	hp_daemon_gate_bye(d);
}

/* Peers, clients and rules may have come and gone. */
static void reload(struct hp_daemon *d, struct hp_prepared *p)
{
	struct hp_io_err e = { "" };

	(void)p;
	if (capture(d, d->gate.clients, true, &e))
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
}

const struct hp_part hp_part_capture = { "capture", start, hp_daemon_capture_end, reload };
