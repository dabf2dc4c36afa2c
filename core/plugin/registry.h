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

#include "util/timer.h"

#define HP_STAGE_HOOKS 64

struct hp_registry;

/* One hook in its place. */
struct hp_step {
	const struct hp_hook *hook;
	struct hp_instance *self;
};

/* Where plugins' records are kept: see hipproxy/record.h. */
struct hp_record_store {
	int (*put)(void *ctx, const char *plugin, const struct hp_record *r);
	/* 0 and *r, valid until the next call; -ENOENT. */
	int (*get)(void *ctx, const char *plugin, const void *key, size_t key_bytes,
		   struct hp_record *r);
	int (*del)(void *ctx, const char *plugin, const void *key, size_t key_bytes);
	int (*each)(void *ctx, const char *plugin,
		    int (*fn)(void *arg, const struct hp_record *r), void *arg);
	size_t (*count)(void *ctx, const char *plugin);
};

/* Functions of hipproxy/outer.h; ctx is the registry's. */
struct hp_registry_outer {
	int (*open)(void *ctx, uint16_t number, struct hp_outer_port **out);
	void (*close)(void *ctx, struct hp_outer_port *port);
	void (*changed)(void *ctx);
	int (*each)(void *ctx, int (*fn)(struct hp_assoc *a, void *arg), void *arg);
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
	/* What a plugin asks for by hipproxy/outer.h; NULL: nothing of the kind here. */
	const struct hp_registry_outer *outer;
	/* As in hipproxy/hosting.h; NULL: nothing of the kind here. */
	int (*lookup)(void *ctx, const char *name, struct hp_addr *hit);
	int (*claim)(void *ctx, const char *name, struct hp_addr *hit);
	int (*attract)(void *ctx, const struct hp_prefix *pool);
	int (*masquerade)(void *ctx, const struct hp_prefix *pool);
	int (*answer)(void *ctx, const char *iface, const struct hp_addr *addr);
	int (*guard)(void *ctx, const struct hp_addr *server);
	int (*translate)(void *ctx, struct hp_packet *p); /* hp_packet_translate */
	size_t (*room)(void *ctx, const struct hp_packet *p); /* hp_packet_room */
	/* Timers of plugins and time limits of services; NULL: none of either. */
	struct hp_timers *timers;
	/* Watches fd for w and gives *handle; 0 or -errno.  The watcher calls hp_plugin_fd_event.  NULL:
	 * plugins can't watch descriptors. */
	int (*fd_add)(void *ctx, int fd, unsigned int events, struct hp_plugin_fd *w,
		      void **handle);
	int (*fd_mod)(void *ctx, void *handle, unsigned int events);
	void (*fd_del)(void *ctx, void *handle);
	/* Records (hipproxy/record.h) of plugin, arguments checked already.  NULL: none are kept. */
	const struct hp_record_store *records;
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
/* Tells fn of each plugin that is built in or in the registry's directory, in the order of their names; a
 * plugin is valid during the call only.  None is loaded.  Those that can't be loaded are reported: then
 * the first one's error as above, else 0. */
int hp_registry_found(struct hp_registry *reg, void (*fn)(void *ctx, const struct hp_plugin *plugin),
		      void *ctx);
/* For tests and for plugins found in another way: as load, for a table already in memory. */
int hp_registry_add(struct hp_registry *reg, const struct hp_plugin *plugin);
/* Asks every plugin whether its settings make sense.  0, or the first plugin's answer that is not;
 * reported. */
int hp_registry_check(struct hp_registry *reg);
/* Checks the plugins unless that has been done, and starts each after those it needs.  0, or as
 * hp_registry_load, or what a plugin's start gave, in which case those already started have been
 * stopped. */
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

/* ---- runs */

/* Where runs go behind the hooks of their stage, and what becomes of those that do not. */
struct hp_outer_end {
	void *ctx;
	void (*reached)(void *ctx, struct hp_outer_run *r);
	/* step's hook answered v (HP_DROP or HP_PASS) for n packets. */
	void (*dropped)(void *ctx, const struct hp_outer_run *r, uint32_t n,
			const struct hp_step *step, enum hp_verdict v);
};
/* The run meets the hooks of OUT_OUTER or IN_OUTER: one call of each. */
void hp_registry_outer(const struct hp_registry *reg, enum hp_stage stage, struct hp_outer_run *r,
		       const struct hp_outer_end *end);
/* Octets by which the hooks of OUT_OUTER make an ESP packet longer. */
unsigned int hp_registry_outer_grows(const struct hp_registry *reg);

/* The plugin that chooses paths. */
struct hp_transport_ref {
	const struct hp_transport *table; /* NULL: there is none */
	struct hp_instance *self;
};
bool hp_registry_transport(const struct hp_registry *reg, struct hp_transport_ref *out);

/* ---- services */

enum hp_service_kind {
	HP_SERVICE_RESOLVER,
	HP_SERVICE_LOCATOR,
	HP_SERVICE_BACKEND,
	HP_SERVICE_KINDS
};
const char *hp_service_kind_name(enum hp_service_kind kind); /* "resolver" */

/* What became of the questions a service was asked. */
struct hp_service_counts {
	uint64_t asked, answered, unknown, failed, timed_out;
	uint32_t open;
};

struct hp_service;

/* The i-th service of a kind in the order of registration, or the one called name.  NULL: there
 * is none. */
struct hp_service *hp_service_at(const struct hp_registry *reg, enum hp_service_kind kind,
				 size_t i);
struct hp_service *hp_service_find(const struct hp_registry *reg, enum hp_service_kind kind,
				const char *name);
/* All, in the order of registration: the first after s (NULL: of all).  NULL: that was the last. */
struct hp_service *hp_service_next(const struct hp_registry *reg, const struct hp_service *s);
enum hp_service_kind hp_service_kind(const struct hp_service *s);
const char *hp_service_name(const struct hp_service *s);
const struct hp_service_counts *hp_service_counts(const struct hp_service *s);
struct hp_instance *hp_service_self(const struct hp_service *s);
/* The row of a backend. */
const struct hp_backend_service *hp_service_backend(const struct hp_service *s);

/* A question to a service: the asker's, zeroed before first use. */
struct hp_asking {
	/* err 0: *result (a struct of the service's kind) is valid for this call; else as the
	 * service's ask, or -ETIMEDOUT, -ECANCELED (the plugin is being stopped), -EBADMSG.  The
	 * question is closed already: it may be asked again. */
	void (*done)(struct hp_asking *q, int err, const void *result);
	uint64_t id;             /* 0: nothing is open */
	struct hp_service *service; /* the one asked last */
	struct hp_timer timer;
	void *early;             /* an answer given inside ask goes here */
	int early_err;
	bool inside, has_early;
};

/* Asks s.  ask: struct hp_resolve_ask, hp_locate_ask or hp_backend_ask; out: the matching result.
 * 0; -EINPROGRESS: q->done follows, unless cancelled; -EAGAIN too many questions are open;
 * otherwise what the service says, -EBADMSG for an answer that makes no sense. */
int hp_service_ask(struct hp_service *s, struct hp_asking *q, const void *ask, void *out);
/* Tells the service; harmless when nothing is open. */
void hp_service_cancel(struct hp_asking *q);
size_t hp_registry_open_tickets(const struct hp_registry *reg);
uint64_t hp_registry_late_answers(const struct hp_registry *reg);

/* What a plugin instance uses now, and what it has left behind (freed by the core). */
struct hp_module_counts {
	uint32_t timers, fds, rows;
	uint64_t timers_fired, fd_events, refused; /* refused: a limit was reached */
	uint64_t left_timers, left_fds;
	uint64_t commands;                         /* run */
	uint64_t late;                             /* answers that nobody waited for */
};
const struct hp_module_counts *hp_registry_counts(const struct hp_instance *self);
/* How many records the plugin has. */
size_t hp_registry_records(const struct hp_instance *self);
bool hp_registry_is_started(const struct hp_instance *self);

/* A watched descriptor has events (HP_FD_...). */
void hp_plugin_fd_event(struct hp_plugin_fd *w, unsigned int events);

/* ---- control messages being built */

struct hp_extra_param {
	uint16_t type, len;
	uint16_t at; /* of the contents in data */
};

/* Parameters that plugins add to a message, in ascending order. */
struct hp_extra {
	struct hp_extra_param param[HP_MESSAGE_PARAMS];
	size_t n, used;
	size_t room; /* octets that all of them may need in the message */
	uint8_t data[2048];
};

/* Calls the hooks of CTL_BUILD in wanted for p, whose data is the header of the message to be;
 * out->room is set. */
void hp_registry_build(struct hp_registry *reg, uint64_t wanted, struct hp_packet *p,
		       struct hp_extra *out);

/* ---- the rest */

/* Tells everyone who subscribed. */
void hp_registry_event(const struct hp_registry *reg, const struct hp_event_info *info);

/* Plugins in starting order; core's own instances are not among them.  NULL past the last. */
struct hp_instance *hp_registry_plugin(const struct hp_registry *reg, size_t i);

/* Where plugin's area begins among a flow's areas; SIZE_MAX if it has none. */
size_t hp_registry_area_offset(const struct hp_registry *reg, const struct hp_plugin *plugin);
/* Octets of plugin areas a flow needs. */
size_t hp_registry_area_bytes(const struct hp_registry *reg);

/* hipproxyd --show-pipeline: stages and their hooks in order. */
void hp_registry_show(const struct hp_registry *reg, FILE *out);
/* "out.classify" ... */
const char *hp_stage_name(enum hp_stage stage);

#endif
