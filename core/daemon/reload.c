/* SPDX-License-Identifier: MIT
 *
 * A new configuration for a running daemon: all of it or nothing.
 *
 * Whatever can fail is done first, without touching what runs.  The new configuration is loaded
 * and checked as a start would do it, by a daemon of its own that is never started.  The running
 * plugins, which may refuse, come last of that, for their new settings live in the new
 * configuration.  From then on nothing can fail any more.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/policy.h"
#include "io/priv.h"

static void undo(struct hp_prepared *p)
{
	hp_pins_close(p->pins);
	hp_revoked_close(p->revoked);
	free(p->removed);
	hp_policy_free(p->policy);
	hp_conf_free(p->conf);
}

static int read_files(struct hp_daemon *d, const struct hp_conf *conf, struct hp_prepared *p)
{
	struct hp_conf_report report = hp_daemon_report(d);
	struct hp_io_err e = { "" };
	int err = 0;

	if (hp_daemon_keeps_pins(conf))
		err = hp_pins_open(conf->hip.pins, &d->kept.disk, d->kept.pins, &p->pins, &e);
	if (err) {
		hp_conf_complain_key(conf, &report, "hip.pins", "%s", e.text);
		return err;
	}
	err = hp_revoked_open(conf->hip.revoked, &d->kept.disk, d->kept.revoked, &p->revoked, &e);
	if (err)
		hp_conf_complain_key(conf, &report, "hip.revoked", "%s", e.text);
	return err;
}

/* Plugins name the servers to guard anew; if one refuses, those of before are guarded. */
static int reload_plugins(struct hp_daemon *d, struct hp_conf *conf)
{
	struct hp_registry_config cfg = hp_daemon_registry_config(d);
	struct hp_gate_prefixes before = d->gate.hosted;
	int err;

	d->gate.hosted = (struct hp_gate_prefixes){ 0 };
	d->reload.tried = conf;
	err = hp_registry_reload(d->registry, &cfg, conf->plugins.at, conf->plugins.n);
	d->reload.tried = NULL;
	if (err) {
		free(d->gate.hosted.at);
		d->gate.hosted = before;
	} else {
		free(before.at);
	}
	return err;
}

/* The new file of an identity's key may hold another key. */
static void warn_of_keys(const struct hp_daemon *d, struct hp_daemon *trial,
			 struct hp_conf_report *report)
{
	char key[48];

	for (size_t i = 0; i < d->own.n_keys && i < trial->own.n_keys; i++)
		if (!hp_addr_eq(hp_key_hit(d->own.keys[i]), hp_key_hit(trial->own.keys[i]))) {
			snprintf(key, sizeof(key), "identities[%zu].key", i);
			hp_conf_warn_key(trial->conf, report, key,
					 "%s holds another key now; it is used from the next start on",
					 trial->conf->identities.at[i].key);
		}
}

/* Loads the new configuration as a start does.  0 and *out. */
static int load(struct hp_daemon *d, struct hp_conf **out)
{
	struct hp_daemon trial = { .opt.level = d->opt.level, .reload.running = d,
				   .reload.complaints = d->reload.complaints };
	struct hp_conf_report report = hp_daemon_report(d);
	int err = hp_daemon_load(&trial, d->opt.conf_path);

	if (trial.conf && hp_conf_diff(d->conf, trial.conf, &report))
		err = err ? err : -EBUSY;
	if (!err) {
		warn_of_keys(d, &trial, &report);
		*out = trial.conf;
		trial.conf = NULL;
	}
	hp_daemon_stop(&trial);
	return err;
}

/* The gate reads the files itself, and must find the same in them. */
static int gate_load(struct hp_daemon *d, const struct hp_conf *conf)
{
	struct hp_conf_report report = hp_daemon_report(d);
	struct hp_io_err e = { "" };
	int err = 0;

	if (d->gate.clients && hp_conf_discovers(conf) && !d->net.nfq && !hp_priv_has_admin())
		err = hp_io_fail(&e, -EPERM, "discovery needs CAP_NET_ADMIN, which the daemon has "
				 "given up: a restart is needed");
	if (!err)
		err = hp_daemon_gate_load(d, &e);
	if (err)
		hp_conf_complain_key(conf, &report, "client", "%s", e.text);
	return err;
}

static int prepare(struct hp_daemon *d, struct hp_prepared *p)
{
	const char *key, *why;
	int err = load(d, &p->conf);

	if (!err)
		err = hp_daemon_hip_config(p->conf, &p->hip, &key, &why);
	if (!err)
		err = read_files(d, p->conf, p);
	if (!err && !(p->policy = hp_pipe_policy_new(p->conf)))
		err = -ENOMEM;
	if (!err && !(p->removed = hp_sweep_removed(d->conf, p->conf, &p->n_removed)))
		err = -ENOMEM;
	if (!err)
		err = gate_load(d, p->conf);
	return err ? err : reload_plugins(d, p->conf);
}

static void apply(struct hp_daemon *d, struct hp_prepared *p)
{
	struct hp_conf *before = d->conf;

	d->conf = p->conf;
	hp_parts_reload(d->parts, d, p);
	hp_conf_free(before);
}

int hp_daemon_reload(struct hp_daemon *d, struct hp_io_err *e, json_t **complaints)
{
	struct hp_prepared p = { 0 };
	int err;

	hp_supervisor_reloading(d);
	d->reload.complaints = *complaints = json_array();
	err = prepare(d, &p);
	if (!err)
		apply(d, &p);
	d->reload.complaints = NULL;
	hp_daemon_reload_done(d, err);
	if (!err) {
		hp_supervisor_reloaded(d, 0);
		hp_log(HP_LOG_CONF, HP_LOG_NOTICE, "%s: reloaded", d->opt.conf_path);
		return 0;
	}
	undo(&p);
	hp_supervisor_reloaded(d, err);
	hp_log(HP_LOG_CONF, HP_LOG_ERROR, "%s: not reloaded, the old configuration stays (%s)",
	       d->opt.conf_path, strerror(-err));
	return hp_io_fail(e, err, "not reloaded, the old configuration stays: %s",
			  err == -EBUSY ? "a key that needs a restart has changed" :
			  err == -ENOMEM ? "out of memory" : "the new one has errors");
}
