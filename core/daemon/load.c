/* SPDX-License-Identifier: MIT
 *
 * A configuration with its keys and plugins, loaded and checked, before anything is started.
 *
 * hipproxyd -t ends here, a start goes on from here, and a reload does the same with a daemon of
 * its own (struct hp_daemon.running): so all three find the same mistakes and say the same.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- complaints */

/* What JSON can't hold is replaced: names of files may be any octets. */
static json_t *json_text(const char *text)
{
	json_t *s = json_string(text);
	char copy[1024];

	if (s)
		return s;
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *c = copy; *c; c++)
		if (*c & 0x80)
			*c = '?';
	return json_string(copy);
}

static void complain(void *ctx, const char *text)
{
	struct hp_daemon *d = ctx;

	hp_log(HP_LOG_CONF, HP_LOG_ERROR, "%s", text);
	if (d->reload.complaints)
		json_array_append_new(d->reload.complaints, json_text(text));
}

static void warn(void *ctx, const char *text)
{
	(void)ctx;
	hp_log(HP_LOG_CONF, HP_LOG_WARNING, "%s", text);
}

struct hp_conf_report hp_daemon_report(struct hp_daemon *d)
{
	return (struct hp_conf_report){ .line = complain, .ctx = d, .warn = warn };
}

/* ---- plugins */

static struct hp_conf *conf_of(const struct hp_daemon *d)
{
	return d->reload.tried ? d->reload.tried : d->conf;
}

static void report_plugin(void *ctx, bool warning, const char *plugin, const char *key,
			  const char *text)
{
	struct hp_daemon *d = ctx;
	struct hp_conf_report report = hp_daemon_report(d);
	char full[192];

	snprintf(full, sizeof(full), "plugins%s%.40s%s%s", *plugin ? "." : "", plugin,
		 *key ? "." : "", key);
	if (warning)
		hp_conf_warn_key(conf_of(d), &report, full, "%s", text);
	else
		hp_conf_complain_key(conf_of(d), &report, full, "%s", text);
}

static uint64_t plugin_now(void *ctx)
{
	const struct hp_daemon *d = ctx;

	return hp_clock_ms(&d->clock);
}

static int plugin_settings(void *ctx, const char *plugin, const struct hp_conf_row *rows,
			   size_t bytes, const void **out)
{
	struct hp_daemon *d = ctx;
	struct hp_conf_report report = hp_daemon_report(d);
	int err = hp_conf_plugin(conf_of(d), plugin, rows, bytes, out, &report);

	return err ? err : hp_sandbox_plugin(d, plugin, rows, *out, &report);
}

struct hp_registry_config hp_daemon_registry_config(struct hp_daemon *d)
{
	return (struct hp_registry_config){
		.dir = d->conf->plugin_dir,
		.now_ms = plugin_now,
		.report = report_plugin,
		.settings = plugin_settings,
		.outer = &hp_daemon_outer,
		.lookup = hp_daemon_lookup,
		.claim = hp_daemon_claim,
		.attract = hp_daemon_attract,
		.masquerade = hp_daemon_masquerade,
		.answer = hp_daemon_answer,
		.guard = hp_daemon_guard,
		.translate = hp_daemon_translate,
		.room = hp_daemon_room,
		.timers = &d->timers,
		.fd_add = hp_daemon_fd_add,
		.fd_mod = hp_daemon_fd_mod,
		.fd_del = hp_daemon_fd_del,
		.records = &hp_daemon_records,
		.ctx = d,
	};
}

static int load_plugins(struct hp_daemon *d, struct hp_conf_report *report)
{
	struct hp_registry_config cfg = hp_daemon_registry_config(d);

	d->registry = hp_registry_new(&cfg);
	if (!d->registry || hp_pipe_core_hooks(&d->pipe, d->registry)) {
		hp_conf_complain_key(d->conf, report, "plugins", "out of memory");
		return -ENOMEM;
	}
	return hp_registry_load(d->registry, d->conf->plugins.at, d->conf->plugins.n);
}

int hp_daemon_load(struct hp_daemon *d, const char *conf_path)
{
	struct hp_conf_report report = hp_daemon_report(d);
	int err, keys, plugins;

	d->opt.conf_path = conf_path;
	d->clock = hp_clock_monotonic;
	err = hp_conf_load(conf_path, &d->conf, &report);
	if (err)
		return err;
	if (d->reload.running)
		hp_sandbox_check(d, &report);
	keys = hp_identities_load(d, &report);
	plugins = load_plugins(d, &report);
	if (!keys)
		hp_identities_roles(d);
	err = hp_daemon_check(d, !keys, !plugins, &report);
	if (keys)
		return keys;
	if (plugins)
		return plugins;
	return err ? err : report.n ? -EINVAL : 0;
}

void hp_daemon_unload(struct hp_daemon *d)
{
	hp_registry_free(d->registry);
	hp_identities_free(&d->own);
	hp_sandbox_free(&d->sandbox);
	hp_conf_free(d->conf);
}
