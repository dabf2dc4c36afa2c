/* SPDX-License-Identifier: MIT
 *
 * All strings in the groups of plugins, whatever they mean.
 */
#include "conf/tree.h"

#include <string.h>

#define DEPTH_MAX 16

static int each(const config_setting_t *s, int (*fn)(void *ctx, const char *text), void *ctx,
		unsigned int depth)
{
	int err = 0;

	if (config_setting_type(s) == CONFIG_TYPE_STRING && config_setting_get_string(s))
		return fn(ctx, config_setting_get_string(s));
	if (!config_setting_is_aggregate(s) || depth == DEPTH_MAX)
		return 0;
	for (int i = 0; !err && i < config_setting_length(s); i++)
		err = each(config_setting_get_elem(s, (unsigned int)i), fn, ctx, depth + 1);
	return err;
}

int hp_conf_plugin_strings(const struct hp_conf *conf, int (*fn)(void *ctx, const char *text),
			   void *ctx)
{
	struct hp_conf_view roots = hp_conf_roots(conf->tree), groups;
	int err = 0;

	groups = hp_conf_members(conf->tree, &roots, "plugins");
	for (size_t i = 0; !err && i < groups.n; i++)
		err = each(groups.at[i], fn, ctx, 0);
	return err;
}

static int same(void *ctx, const char *text)
{
	return !strcmp(*(const char **)ctx, text);
}

bool hp_conf_plugin_names(const struct hp_conf *conf, const char *text)
{
	return hp_conf_plugin_strings(conf, same, &text);
}
