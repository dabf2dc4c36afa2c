/* SPDX-License-Identifier: MIT
 *
 * What the registry's files share.
 */
#ifndef HP_PLUGIN_INTERNAL_H
#define HP_PLUGIN_INTERNAL_H

#include <stdbool.h>

#include "plugin/registry.h"
#include "util/list.h"

/* A plugin, or one step of the core (plugin is then core_plugin). */
struct module {
	struct hp_instance self;
	struct hp_registry *reg;
	struct module *next;  /* as registered */
	void *dl;             /* dlopen's handle, NULL if built in */
	const void *pending;  /* settings being tried by a reload */
	size_t area_off;
	bool core, started, placed;
};

struct stage {
	struct hp_step steps[HP_STAGE_HOOKS];
	size_t n;
};

/* Of a packet's room, for plugins: in front the core needs an IPv6 header and ESP's. */
#define HP_ROOM_HEAD (HP_PACKET_HEADROOM - 64u)
#define HP_ROOM_TAIL ((unsigned int)HP_PACKET_TAILROOM)

struct hp_registry {
	struct hp_registry_config cfg; /* dir is ours */
	struct module *modules;        /* core steps and plugins as registered */
	struct module **order;         /* plugins in the order of their start */
	size_t n_plugins, area_bytes, head_room, tail_room;
	struct stage stages[HP_STAGES];
	bool settled;                  /* order and stages are up to date */
	bool checked;                  /* and the plugins have nothing against their settings */
};

/* Reports "plugins.NAME: text". */
void hp_plugin_complain(const struct hp_registry *reg, const char *plugin, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Finds the plugin called name, built in or in the registry's directory; *dl is what to
 * dlclose, NULL if built in.  0 or as hp_registry_load; reported. */
int hp_plugin_open(const struct hp_registry *reg, const char *name,
		   const struct hp_plugin **plugin, void **dl);
/* A table already in memory, or NULL. */
const struct hp_plugin *hp_plugin_static(const char *name);
/* Are the tables sound?  0 or -EINVAL, reported. */
int hp_plugin_check(const struct hp_registry *reg, const struct hp_plugin *plugin);

/* Sorts the steps by their before/after.  0, or -ELOOP and the ring in why. */
int hp_stage_sort(struct hp_step *steps, size_t n, char *why, size_t why_bytes);

#endif
