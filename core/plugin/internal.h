/* SPDX-License-Identifier: MIT
 *
 * What the registry's files share.
 */
#ifndef HP_PLUGIN_INTERNAL_H
#define HP_PLUGIN_INTERNAL_H

#include <stdbool.h>

#include "plugin/registry.h"
#include "util/list.h"

/* A service in its place. */
struct hp_service {
	struct module *module;
	const void *row; /* of the table of its kind */
	enum hp_service_kind kind;
	const char *name;
	struct hp_service_counts counts;
	struct hp_service *next; /* as registered */
};

/* A plugin, or one step of the core (plugin is then core_plugin). */
struct module {
	struct hp_instance self;
	struct hp_registry *reg;
	struct module *next;  /* as registered */
	void *dl;             /* dlopen's handle, NULL if built in */
	const void *pending;  /* settings being tried by a reload */
	size_t area_off;
	struct hp_list timers;  /* struct hp_plugin_timer.node */
	struct hp_list fds;     /* struct hp_plugin_fd.node */
	struct hp_list rows;    /* struct row_stream.node */
	struct hp_module_counts counts;
	uint32_t extra_bytes;   /* added to the message being built */
	bool core, started, placed;
	bool alive; /* from the call of start until its end has begun */
};

/* From here on parameters are for private use (RFC 7401, section 5.2). */
#define HP_PRIVATE_PARAM 32768u

struct stage {
	struct hp_step steps[HP_STAGE_HOOKS];
	size_t n;
};

struct hp_registry {
	struct hp_registry_config cfg; /* dir is ours */
	struct module *modules;        /* core steps and plugins as registered */
	struct module **order;         /* plugins in the order of their start */
	size_t n_plugins, area_bytes;
	struct hp_service *services;      /* as registered */
	struct hp_asking **open;       /* HP_TICKETS of them, made with the first one */
	uint64_t tickets;              /* given so far */
	size_t n_open;
	uint64_t late;                 /* answers that nobody waited for */
	uint64_t row_streams;          /* begun so far */
	struct hp_extra *building;     /* during CTL_BUILD, else NULL */
	struct module *builder;        /* whose hook is being called there */
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
/* The i-th of them; NULL past the last. */
const struct hp_plugin *hp_plugin_static_at(size_t i);
/* Are the tables sound?  0 or -EINVAL, reported. */
int hp_plugin_check(const struct hp_registry *reg, const struct hp_plugin *plugin);

/* later.c: may a plugin make timers and watches now?  What it has left is freed and logged. */
void hp_plugin_things_init(struct module *m);
void hp_plugin_things_free(struct module *m);

/* services.c */
int hp_services_add(struct hp_registry *reg, struct module *m);
void hp_services_free(struct hp_registry *reg);
/* ask.c: ends all open questions to the module's services. */
void hp_asking_end(struct module *m);

/* rows.c: ends all rows the module is sending. */
void hp_rows_end_all(struct module *m);

static inline struct module *hp_module_of(const struct hp_instance *self)
{
	return HP_CONTAINER((struct hp_instance *)self, struct module, self);
}

/* Sorts the steps by their before/after.  0, or -ELOOP and the ring in why. */
int hp_stage_sort(struct hp_step *steps, size_t n, char *why, size_t why_bytes);

#endif
