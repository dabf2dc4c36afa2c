/* SPDX-License-Identifier: MIT
 *
 * The plugins that were built in: HP_STATIC_PLUGINS is made by configure.
 */
#include "config.h"
#include "plugin/internal.h"

#include <string.h>

#define HP_STATIC_PLUGIN(ident) extern const struct hp_plugin hipproxy_plugin_##ident;
HP_STATIC_PLUGINS
#undef HP_STATIC_PLUGIN

#define HP_STATIC_PLUGIN(ident) &hipproxy_plugin_##ident,
static const struct hp_plugin *const statics[] = { HP_STATIC_PLUGINS NULL };

const struct hp_plugin *hp_plugin_static(const char *name)
{
	for (size_t i = 0; statics[i]; i++)
		if (!strcmp(statics[i]->name, name))
			return statics[i];
	return NULL;
}

const struct hp_plugin *hp_plugin_static_at(size_t i)
{
	return statics[i];
}
