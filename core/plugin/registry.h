/* SPDX-License-Identifier: MIT
 *
 * The registry: which plugins run, and which hooks see a packet in which order.
 *
 * Life: new, core_hook (the core's own steps), load (plugins), start, then lookups on the
 * packet path, reload any number of times, free.  Hooks of a stage are sorted by their
 * before/after names; where those say nothing, the order is that of registration (core first,
 * then plugins as configured).  At most 64 hooks a stage, so that a flow's choice is a bitmap.
 */
#ifndef HP_PLUGIN_REGISTRY_H
#define HP_PLUGIN_REGISTRY_H

#include <stdbool.h>
#include <stdio.h>

#include <hipproxy/plugin.h>
#include <hipproxy/hosting.h>
#include <hipproxy/transport.h>

#define HP_STAGE_HOOKS 64

struct hp_registry;

/* One hook in its place. */
struct hp_step {
	const struct hp_hook *hook;
	struct hp_instance *self;
};

struct hp_registry_config {
	const char *dir;                /* where NAME.so are; copied */
	uint64_t (*now_ms)(void *ctx);
	/* A complaint, or a warning.  plugin "": about the list of plugins; key: the setting in
	 * the plugin's group, "": none. */
	void (*report)(void *ctx, bool warning, const char *plugin, const char *key,
		       const char *text);
	/* Reads plugin's settings by its rows.  0 and *out (bytes octets, owned by the
	 * configuration), or -errno after having reported.  See hp_conf_plugin. */
	int (*settings)(void *ctx, const char *plugin, const struct hp_conf_row *rows,
			size_t bytes, const void **out);
	/* What hp_transport_set of a plugin asks for; NULL: nothing of the kind here. */
	int (*transport)(void *ctx, const struct hp_transport *t);
	/* As in hipproxy/hosting.h; NULL: nothing of the kind here. */
	int (*lookup)(void *ctx, const char *name, struct hp_addr *hit);
	int (*claim)(void *ctx, const char *name, struct hp_addr *hit);
	int (*attract)(void *ctx, const struct hp_prefix *pool);
	int (*masquerade)(void *ctx, const struct hp_prefix *pool);
	int (*answer)(void *ctx, const char *iface, const struct hp_addr *addr);
	int (*guard)(void *ctx, const struct hp_addr *server);
	int (*translate)(void *ctx, struct hp_packet *p); /* hp_packet_translate */
	size_t (*room)(void *ctx, const struct hp_packet *p); /* hp_packet_room */
	void *ctx;                      /* of these functions */
};

/* NULL: out of memory. */
struct hp_registry *hp_registry_new(const struct hp_registry_config *cfg);
/* Stops all plugins, in the reverse order of their start, and unloads them. */
void hp_registry_free(struct hp_registry *reg);

/* A step of the core, by the same rules as a plugin's hook (before start).  *hook is borrowed
 * until hp_registry_free.  self->state is what fn finds.  fn may be NULL: the step only marks
 * a place which the pipeline fills itself.
 * 0, -EEXIST (name taken), -E2BIG (stage is full), -EINVAL (stage), -ENOMEM. */
int hp_registry_core_hook(struct hp_registry *reg, const struct hp_hook *hook, void *state);

/* Loads the n plugins named, built in ones or DIR/NAME.so; checks file, ABI, tables, settings
 * and needs, and orders the hooks.  Every complaint is reported; after one the registry is good
 * for hp_registry_free only.  0; -ENOENT no such file; -EPERM writable by others; -ENOEXEC no
 * plugin or another ABI; -EINVAL bad tables or settings; -EEXIST a name is taken; -ESRCH a need
 * is not met; -ELOOP: the ring has been reported; -E2BIG; -ENOMEM. */
int hp_registry_load(struct hp_registry *reg, const char *const *names, size_t n);
/* For tests and for plugins found in another way: as load, for a table already in memory. */
int hp_registry_add(struct hp_registry *reg, const struct hp_plugin *plugin);
/* Asks every plugin whether its settings make sense.  0, or the first plugin's answer that is not;
 * reported. */
int hp_registry_check(struct hp_registry *reg);
/* Checks the plugins unless that has been done, and starts them, after those they need.  0, or as hp_registry_load, or what a plugin's
 * start gave, in which case those already started have been stopped. */
int hp_registry_start(struct hp_registry *reg);

/* New settings for all plugins: reads and checks all of them, then calls reload on each; when one
 * refuses, those before it get their old settings back.  names is the new configuration's
 * list of plugins: a different set is refused with -EBUSY (needs a restart).  Until commit
 * both old and new configuration must stay in memory; after 0 the old one may go. */
int hp_registry_reload(struct hp_registry *reg, const struct hp_registry_config *cfg,
		       const char *const *names, size_t n);

/* ---- packet path */

/* The stage's hooks in order, valid after load. */
const struct hp_step *hp_registry_hooks(const struct hp_registry *reg, enum hp_stage stage,
					size_t *n);

/* What a match is tested against. */
struct hp_match_in {
	uint8_t family;  /* 4 or 6 */
	uint8_t proto;
	uint16_t port;   /* server's port, host order; 0: none */
	uint32_t flow_flags;
};

/* Which hooks of the stage want this: bit i is hook i of hp_registry_hooks.  To be done once
 * a flow, again when its flags change. */
uint64_t hp_registry_resolve(const struct hp_registry *reg, enum hp_stage stage,
			     const struct hp_match_in *in);

/* A flow's choice in every stage. */
struct hp_wanted {
	uint64_t stage[HP_STAGES];
};
void hp_registry_resolve_all(const struct hp_registry *reg, const struct hp_match_in *in,
			     struct hp_wanted *out);

/* Calls the hooks in wanted (those with a function) until one answers other than HP_NEXT.
 * *last: the hook that did, or NULL; last itself may be NULL. */
enum hp_verdict hp_registry_run(const struct hp_registry *reg, enum hp_stage stage,
				uint64_t wanted, struct hp_packet *p,
				const struct hp_step **last);

/* ---- the rest */

struct hp_service_ref {
	const struct hp_service *service;
	struct hp_instance *self;
};

/* 0 or -ENOENT. */
int hp_registry_service(const struct hp_registry *reg, enum hp_service_kind kind,
			const char *name, struct hp_service_ref *out);
/* The i-th service of a kind in the order of registration: 0, or -ENOENT past the last. */
int hp_registry_service_at(const struct hp_registry *reg, enum hp_service_kind kind, size_t i,
			   struct hp_service_ref *out);
/* Tells everyone who subscribed. */
void hp_registry_event(const struct hp_registry *reg, const struct hp_event_info *info);

/* Plugins in starting order; core's own instances are not among them.  NULL past the last. */
struct hp_instance *hp_registry_plugin(const struct hp_registry *reg, size_t i);

/* Where plugin's area begins among a flow's areas; SIZE_MAX if it has none. */
size_t hp_registry_area_offset(const struct hp_registry *reg, const struct hp_plugin *plugin);
/* Octets of plugin areas a flow needs, and the room all plugins together may push. */
size_t hp_registry_area_bytes(const struct hp_registry *reg);
size_t hp_registry_head_room(const struct hp_registry *reg);
size_t hp_registry_tail_room(const struct hp_registry *reg);

/* hipproxyd --show-pipeline: stages and their hooks in order. */
void hp_registry_show(const struct hp_registry *reg, FILE *out);
/* "out.classify" ... */
const char *hp_stage_name(enum hp_stage stage);
/* Does anything call the hooks of this stage? */
bool hp_stage_runs(enum hp_stage stage);

#endif
