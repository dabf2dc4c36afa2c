/* SPDX-License-Identifier: MIT
 *
 * hipproxyd --describe: all settings, the core's and those of each plugin that is found.
 */
#include "conf/describe.h"

#include <errno.h>

#include "daemon/daemon.h"

static void report(void *ctx, bool warning, const char *plugin, const char *key, const char *text)
{
	(void)ctx, (void)key;
	hp_log(HP_LOG_PLUGIN, warning ? HP_LOG_WARNING : HP_LOG_ERROR, "%s%s%s", plugin,
	       *plugin ? ": " : "", text);
}

static void describe_plugin(void *ctx, const struct hp_plugin *plugin)
{
	char prefix[64];

	snprintf(prefix, sizeof(prefix), "plugins.%.40s.", plugin->name);
	hp_conf_describe(ctx, prefix, plugin->schema);
}

int hp_daemon_describe(FILE *out, const char *plugin_dir)
{
	struct hp_registry_config cfg = { .dir = plugin_dir, .report = report };
	struct hp_registry *reg = hp_registry_new(&cfg);
	int err;

	if (!reg)
		return hp_daemon_fail(-ENOMEM, "plugins");
	hp_conf_describe_head(out);
	hp_conf_describe(out, "", hp_conf_schema());
	err = hp_registry_found(reg, describe_plugin, out);
	hp_registry_free(reg);
	return err;
}
