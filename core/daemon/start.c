/* SPDX-License-Identifier: MIT
 *
 * From a loaded configuration to a running daemon, and back: the parts in their order.
 *
 * Rights are needed up to the part "rights", which drops them.  The gate keeps everything closed until
 * the part "capture" tells it that all is ready.  At the end the daemon enters its sandbox; the worker
 * threads are made after that, so that they are in it too.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <string.h>

#include "pipe/control.h"

/* Plugins are loaded before the start.  They outlive engine and pipeline, which tell them of flows
 * that go: so "plugins" only stops them, and "plugin start" only starts them. */
const struct hp_part *const hp_daemon_parts[] = {
	&hp_part_process,
	&hp_part_loop,
	&hp_part_quit,
	&hp_part_incidents,
	&hp_part_kept,
	&hp_part_keylog,
	&hp_part_gate,
	&hp_part_sockets,
	&hp_part_ports,
	&hp_part_workers,
	&hp_part_plugins,
	&hp_part_access,
	&hp_part_engine,
	&hp_part_pipeline,
	&hp_part_sweep,
	&hp_part_control,
	&hp_part_rights,
	&hp_part_plugin_start,
	&hp_part_restore,
	&hp_part_capture,
	&hp_part_sandbox,
	&hp_part_ready,
	NULL
};

int hp_daemon_fail(int err, const char *what)
{
	hp_log(HP_LOG_CORE, HP_LOG_ERROR, "%s: %s", what, strerror(-err));
	return err;
}

int hp_daemon_fail_io(int err, const struct hp_io_err *e)
{
	hp_log(HP_LOG_CORE, HP_LOG_ERROR, "%s", e->text[0] ? e->text : strerror(-err));
	return err;
}

/* Flows that end from now on stay in the state file: they go on after the next start. */
static void stop_parts(struct hp_daemon *d)
{
	d->quit.stopping = true;
	if (d->parts)
		hp_parts_stop(d->parts, d, &d->begun);
}

int hp_daemon_start_parts(struct hp_daemon *d, const struct hp_part *const *parts)
{
	int err;

	d->parts = parts;
	err = hp_parts_start(parts, d, &d->begun);
	if (err)
		stop_parts(d);
	return err;
}

int hp_daemon_start(struct hp_daemon *d)
{
	return hp_daemon_start_parts(d, hp_daemon_parts);
}

void hp_daemon_stop(struct hp_daemon *d)
{
	stop_parts(d);
	hp_daemon_unload(d);
	*d = (struct hp_daemon){ 0 };
}

/* ---- plugins */

static int start_plugins(struct hp_daemon *d)
{
	struct hp_transport_ref t;
	int err = hp_registry_start(d->registry);

	if (err)
		return err;
	if (d->hip && hp_registry_transport(d->registry, &t))
		hp_hip_set_transport(d->hip, t.table, t.self);
	if (hp_pipe_control_builds(d->registry))
		hp_hip_renew_r1s(d->hip);
	return err;
}

static void stop_plugins(struct hp_daemon *d)
{
	hp_registry_free(d->registry);
	d->registry = NULL;
}

const struct hp_part hp_part_plugins = { "plugins", .stop = stop_plugins };
const struct hp_part hp_part_plugin_start = { "plugin start", .start = start_plugins };

/* ---- ready */

static int say_ready(struct hp_daemon *d)
{
	char hit[HP_ADDR_STRLEN];

	for (size_t i = 0; i < d->own.n_keys; i++)
		hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "identity %s: %s (%s)",
		       d->conf->identities.at[i].name,
		       hp_addr_format(hp_key_hit(d->own.keys[i]), hit),
		       hp_key_name(d->own.keys[i]));
	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "ready:%s%s",
	       d->own.client_hit.b[0] ? " client proxy" : "", d->own.host_hit.b[0] ? " host" : "");
	hp_daemon_doctor_log(d);
	return 0;
}

const struct hp_part hp_part_ready = { "ready", .start = say_ready };
