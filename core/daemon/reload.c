/* SPDX-License-Identifier: MIT
 *
 * A new configuration for a running daemon: all of it or nothing.
 *
 * Whatever can fail is done first, without touching what runs; plugins, which may refuse, come
 * last of that, for their new settings live in the new configuration.  From then on nothing can
 * fail any more.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/policy.h"

/* What a reload has made before anything changes. */
struct prepared {
	struct hp_conf *conf;
	struct hp_hip_config hip;
	struct hp_policy *policy;
	struct hp_pins *pins; /* read anew: they may have been edited; NULL: not wanted */
};

static void undo(struct prepared *p)
{
	hp_pins_close(p->pins);
	hp_policy_free(p->policy);
	hp_conf_free(p->conf);
}

static int read_pins(const struct hp_conf_hip *hip, struct hp_pins **out)
{
	if (hip->opportunistic_initiator != HP_CONF_OPP_PINNED &&
	    hip->opportunistic_responder != HP_CONF_OPP_PINNED)
		return 0;
	return hp_pins_open(hip->pins, out);
}

/* Plugins name the servers to guard anew; if one refuses, those of before are guarded. */
static int reload_plugins(struct hp_daemon *d, struct hp_conf *conf)
{
	struct hp_registry_config cfg = hp_daemon_registry_config(d);
	struct hp_gate_prefixes before = d->gate.hosted;
	int err;

	d->gate.hosted = (struct hp_gate_prefixes){ 0 };
	d->tried = conf;
	err = hp_registry_reload(d->registry, &cfg, conf->plugins.at, conf->plugins.n);
	d->tried = NULL;
	if (err) {
		free(d->gate.hosted.at);
		d->gate.hosted = before;
	} else {
		free(before.at);
	}
	return err;
}

static int prepare(struct hp_daemon *d, struct prepared *p)
{
	struct hp_conf_report report = { .line = hp_daemon_complain };
	int err = hp_conf_load(d->conf_path, &p->conf, &report);

	if (!err && hp_conf_diff(d->conf, p->conf, &report))
		err = -EBUSY;
	if (!err)
		err = hp_daemon_check_hip(p->conf, &p->hip);
	if (!err)
		err = hp_daemon_check_resolvers(d->registry, p->conf);
	if (!err)
		err = read_pins(&p->conf->hip, &p->pins);
	if (!err && !(p->policy = hp_pipe_policy_new(p->conf)))
		err = -ENOMEM;
	return err ? err : reload_plugins(d, p->conf);
}

/* Peers, clients and rules may have come and gone. */
static void gate_again(struct hp_daemon *d)
{
	struct hp_io_err e = { "" };

	if (d->capturing ? hp_daemon_capture(d, true, &e) : hp_daemon_gate(d, false, &e))
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
}

static void apply(struct hp_daemon *d, struct prepared *p)
{
	hp_pipe_reconfigure(d->pipe, p->conf, p->policy);
	hp_hip_reconfigure(d->hip, &p->hip);
	hp_daemon_remember(d, p->conf);
	hp_daemon_set_logging(d, &p->conf->log);
	hp_loop_busy_poll(d->loop, p->conf->performance.busy_poll_us);
	hp_pins_close(d->pins);
	d->pins = p->pins;
	hp_conf_free(d->conf);
	d->conf = p->conf;
	gate_again(d);
}

int hp_daemon_reload(struct hp_daemon *d, struct hp_io_err *e)
{
	struct prepared p = { 0 };
	int err = prepare(d, &p);

	if (!err) {
		apply(d, &p);
		hp_log(HP_LOG_CONF, HP_LOG_NOTICE, "%s: reloaded", d->conf_path);
		return 0;
	}
	undo(&p);
	hp_log(HP_LOG_CONF, HP_LOG_ERROR, "%s: not reloaded, the old configuration stays (%s)",
	       d->conf_path, strerror(-err));
	return hp_io_fail(e, err, "not reloaded, the old configuration stays (%s); see the log",
			  err == -EBUSY ? "a key that needs a restart has changed" :
					  "the new one has errors");
}
