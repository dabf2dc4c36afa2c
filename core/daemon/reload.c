/* SPDX-License-Identifier: MIT
 *
 * A new configuration for a running daemon: all of it or nothing.
 */
#include "daemon/daemon.h"

#include <errno.h>

static int reload(struct hp_daemon *d, struct hp_conf *conf, struct hp_hip_config *hip)
{
	struct hp_registry_config cfg = hp_daemon_registry_config(d);
	int err;

	err = hp_daemon_check_hip(conf, hip);
	if (!err)
		err = hp_daemon_check_resolvers(d->registry, conf);
	if (!err)
		err = hp_registry_reload(d->registry, &cfg, conf->plugins.at, conf->plugins.n);
	return err;
}

static int apply(struct hp_daemon *d, struct hp_conf *conf, const struct hp_hip_config *hip)
{
	int err = hp_pipe_reconfigure(d->pipe, conf);

	if (err)
		return err;
	hp_hip_reconfigure(d->hip, hip);
	hp_hip_forget_peers(d->hip);
	hp_daemon_known_peers(d->hip, conf);
	hp_daemon_set_logging(d, &conf->log);
	return 0;
}

/* Pins may be wanted now, or have been edited. */
static int reopen_pins(struct hp_daemon *d, const struct hp_conf *conf)
{
	struct hp_pins *pins = NULL;
	int err = 0;

	if (conf->hip.opportunistic_initiator == HP_CONF_OPP_PINNED ||
	    conf->hip.opportunistic_responder == HP_CONF_OPP_PINNED)
		err = hp_pins_open(conf->hip.pins, &pins);
	if (err)
		return err;
	hp_pins_close(d->pins);
	d->pins = pins;
	return 0;
}

int hp_daemon_reload(struct hp_daemon *d, struct hp_io_err *e)
{
	struct hp_conf_report report = { .line = hp_daemon_complain };
	struct hp_hip_config hip;
	struct hp_conf *conf;
	int err = hp_conf_load(d->conf_path, &conf, &report);

	if (err)
		goto refused;
	d->tried = conf;
	err = hp_conf_diff(d->conf, conf, &report) ? -EBUSY : reload(d, conf, &hip);
	if (!err)
		err = reopen_pins(d, conf);
	if (!err)
		err = apply(d, conf, &hip);
	d->tried = NULL;
	if (err) {
		hp_conf_free(conf);
		goto refused;
	}
	hp_conf_free(d->conf);
	d->conf = conf;
	hp_log(HP_LOG_CONF, HP_LOG_NOTICE, "%s: reloaded", d->conf_path);
	return 0;
refused:
	hp_log(HP_LOG_CONF, HP_LOG_ERROR, "%s: not reloaded, the old configuration stays",
	       d->conf_path);
	return hp_io_fail(e, err, "not reloaded, the old configuration stays (%s); see the log",
			  err == -EBUSY ? "a key that needs a restart has changed" :
					  "the new one has errors");
}
