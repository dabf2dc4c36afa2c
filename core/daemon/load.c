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
	if (d->complaints)
		json_array_append_new(d->complaints, json_text(text));
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
	return d->tried ? d->tried : d->conf;
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
		.transport = hp_daemon_transport,
		.lookup = hp_daemon_lookup,
		.claim = hp_daemon_claim,
		.attract = hp_daemon_attract,
		.masquerade = hp_daemon_masquerade,
		.answer = hp_daemon_answer,
		.guard = hp_daemon_guard,
		.translate = hp_daemon_translate,
		.room = hp_daemon_room,
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

/* ---- keys */

/* After the start, the file may be out of reach of the rights the daemon has kept. */
static int keep_key(struct hp_daemon *d, size_t i)
{
	const char *path = d->conf->identities.at[i].key;
	const struct hp_daemon *old = d->running;

	for (size_t k = 0; old && k < old->n_keys; k++)
		if (!strcmp(old->conf->identities.at[k].key, path)) {
			d->keys[i] = hp_key_ref(old->keys[k]);
			return 0;
		}
	return -EACCES;
}

static int load_key(struct hp_daemon *d, size_t i, struct hp_conf_report *report)
{
	const char *path = d->conf->identities.at[i].key;
	int err = hp_key_load(path, &d->keys[i]);
	char key[48];

	if (err == -EACCES)
		err = keep_key(d, i);
	if (!err)
		return 0;
	snprintf(key, sizeof(key), "identities[%zu].key", i);
	hp_conf_complain_key(d->conf, report, key, "%s: %s", path, hp_key_load_error(err));
	return err;
}

/* All of them, so that all complaints are there; those that failed stay NULL. */
static int load_keys(struct hp_daemon *d, struct hp_conf_report *report)
{
	const struct hp_conf_identities *ids = &d->conf->identities;
	int err = 0, one;

	d->keys = calloc(ids->n, sizeof(struct hp_key *));
	if (!d->keys) {
		hp_conf_complain_key(d->conf, report, "identities", "out of memory");
		return -ENOMEM;
	}
	d->n_keys = ids->n;
	for (size_t i = 0; i < ids->n; i++) {
		one = load_key(d, i, report);
		err = err ? err : one;
	}
	return err;
}

/* The HIT of the identity called name, zero if there is none. */
static struct hp_addr hit_of(const struct hp_daemon *d, const char *name)
{
	const struct hp_conf_identity *id = hp_conf_identity_find(d->conf, name);
	struct hp_addr none = { 0 };

	return id ? *hp_key_hit(d->keys[id - d->conf->identities.at]) : none;
}

static void find_roles(struct hp_daemon *d)
{
	const struct hp_conf_strings *others = &d->conf->client.other_identities;

	if (d->conf->client.enabled)
		d->client_hit = hit_of(d, d->conf->client.identity);
	for (size_t i = 0; d->conf->client.enabled && i < others->n; i++)
		d->other_hits[d->n_other_hits++] = hit_of(d, others->at[i]);
	if (d->conf->host.enabled)
		d->host_hit = hit_of(d, d->conf->host.identity);
}

int hp_daemon_load(struct hp_daemon *d, const char *conf_path)
{
	struct hp_conf_report report = hp_daemon_report(d);
	int err, keys, plugins;

	d->conf_path = conf_path;
	d->clock = hp_clock_monotonic;
	err = hp_conf_load(conf_path, &d->conf, &report);
	if (err)
		return err;
	if (d->running)
		hp_sandbox_check(d, &report);
	keys = load_keys(d, &report);
	plugins = load_plugins(d, &report);
	if (!keys)
		find_roles(d);
	err = hp_daemon_check(d, !keys, !plugins, &report);
	if (keys)
		return keys;
	if (plugins)
		return plugins;
	return err ? err : report.n ? -EINVAL : 0;
}
