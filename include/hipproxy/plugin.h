/* SPDX-License-Identifier: MIT
 *
 * The plugin interface.
 *
 * A plugin is a shared object that exports one symbol, `const struct hp_plugin
 * hipproxy_plugin`: tables of what it offers.  There are three kinds of extension: a hook
 * transforms or judges a packet, a service answers a question, an event informs.
 *
 * Everything runs on the loop's thread and must not block.  Packets and flows are borrowed for
 * one call.  Tables are constant and live as long as the plugin is loaded; each ends with a
 * row whose name is NULL.  See hipproxy-plugins(7).
 */
#ifndef HIPPROXY_PLUGIN_H
#define HIPPROXY_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>
#include <hipproxy/assoc.h>
#include <hipproxy/conf.h>
#include <hipproxy/count.h>
#include <hipproxy/flow.h>
#include <hipproxy/packet.h>

/* Changes whenever a struct or a meaning in these headers does. */
#define HP_PLUGIN_ABI 4

/* ---- stages, in the order in which a packet meets them.  Those marked "not run" are kept for a later
 * version: a plugin with a hook there is refused. */

enum hp_stage {
	/* outbound: legacy -> HIP */
	HP_STAGE_OUT_CLASSIFY, /* captured, no flow yet */
	HP_STAGE_OUT_FLOW,     /* flow known, association up */
	HP_STAGE_OUT_L7,       /* legacy form, payload may be changed */
	HP_STAGE_OUT_XLAT,     /* legacy -> HIT headers; core.xlat46 and core.xlat66 are here */
	HP_STAGE_OUT_OUTER,    /* not run: after ESP, the outer packet */
	/* inbound: HIP -> legacy */
	HP_STAGE_IN_OUTER,     /* from the net, before ESP is opened */
	HP_STAGE_IN_FLOW,      /* HIT-addressed plaintext, flow known */
	HP_STAGE_IN_XLAT,      /* HIT -> legacy headers */
	HP_STAGE_IN_L7,        /* legacy form, payload may be changed */
	HP_STAGE_IN_EMIT,      /* last look */
	/* HIP control packets: data begins with the HIP header, read only */
	HP_STAGE_CTL_RX,       /* parsed, not authenticated: may only drop */
	HP_STAGE_CTL_AUTH,     /* not run: authenticated */
	HP_STAGE_CTL_BUILD,    /* not run: parameters may be appended, before MAC and signature */
	HP_STAGE_CTL_OUTER,    /* about to be sent */
	HP_STAGES
};

struct hp_plugin;

/* A running plugin. */
struct hp_instance {
	const struct hp_plugin *plugin;
	void *state;                 /* the plugin's own; set in start */
	const void *settings;        /* by schema; valid until reload returned 0 or stop */
	struct hp_counters counters; /* plugin->counters */
	struct hp_counters drops;    /* plugin->drops */
	unsigned last_drop;          /* index of the latest hp_packet_drop, for traces */
};

/* ---- hooks */

/* What the core tests before it calls a hook.  Zero means any.  A match that its stage can never
 * fulfil is refused. */
struct hp_match {
	uint8_t family;              /* 4 or 6: of the flow's legacy side, or of the packet */
	uint8_t proto;               /* IP protocol number */
	uint16_t port_min, port_max; /* the server's port: where the flow was opened to */
	uint32_t flow_flags;         /* all of these bits set (hp_flow_flag_set) */
};

struct hp_hook {
	const char *name;         /* "plugin.what", begins with the plugin's name */
	enum hp_stage stage;
	struct hp_match match;
	const char *const *after; /* names in the same stage, NULL ends; unknown ones are ignored */
	const char *const *before;
	/* See enum hp_verdict.  HP_DROP only by way of hp_packet_drop.  HP_PASS up to OUT_L7: in
	 * later stages it is a drop. */
	enum hp_verdict (*fn)(struct hp_instance *self, struct hp_packet *p);
	const char *help;         /* one sentence */
};

/* Counts reason (index into plugin->drops) and returns HP_DROP. */
enum hp_verdict hp_packet_drop(struct hp_instance *self, struct hp_packet *p, unsigned reason);

/* ---- services */

#define HP_RESOLVE_ADDRS 8

struct hp_resolve_result {
	struct hp_addr hit;
	struct hp_addr locators[HP_RESOLVE_ADDRS];
	size_t n;         /* of locators; 0: ask at the address itself */
	uint32_t ttl_s;   /* how long this may be remembered; 0: the configured lifetime */
};

/* A question that is answered later.  The asker makes it and keeps it until done or cancel. */
struct hp_resolve_ticket {
	/* err 0: result is valid for this call; -ENOENT: no HIT; another -errno: failed. */
	void (*done)(struct hp_resolve_ticket *t, int err, const struct hp_resolve_result *result);
	void *plugin_data; /* the answering plugin's */
};

/* The plugin answers a ticket, once. */
void hp_resolve_done(struct hp_resolve_ticket *t, int err,
		     const struct hp_resolve_result *result);

/* A conversation that a HIP peer begins. */
struct hp_backend_ask {
	struct hp_addr local_hit, peer_hit;
	uint16_t local_port; /* host order; 0 if the protocol has none */
	uint8_t proto;
};

struct hp_backend {
	struct hp_addr addr; /* legacy server */
	uint16_t port;       /* of it */
	struct hp_addr far;  /* by which it knows the peer; of the same family */
};

/* A rule that says who may reach what, for reports.  Strings are the service's. */
struct hp_access_rule {
	const char *action;             /* "allow", "deny" */
	const char *client, *identity;  /* "": any */
	const char *protocol;           /* "any", "tcp" ... */
	uint16_t port_min, port_max;    /* 0, 65535: any */
	uint64_t hits;                  /* conversations that it has decided */
	bool is_default;                /* when no rule matches */
};

enum hp_service_kind {
	HP_SERVICE_RESOLVER, /* who answers at this address? */
	HP_SERVICE_BACKEND,  /* which legacy server is behind this HIT? */
	HP_SERVICE_KINDS
};

struct hp_service {
	const char *name; /* as in the configuration's `resolvers`, unique per kind */
	enum hp_service_kind kind;
	/* RESOLVER.  0: *out filled; -ENOENT: not known here, ask the next; -EINPROGRESS:
	 * hp_resolve_done(ticket) follows unless cancelled; another -errno: failed. */
	int (*resolve)(struct hp_instance *self, const struct hp_addr *dst,
		       struct hp_resolve_result *out, struct hp_resolve_ticket *ticket);
	/* The ticket is forgotten: done must not be called any more.  A resolver that answers
	 * -EINPROGRESS has it. */
	void (*cancel)(struct hp_instance *self, struct hp_resolve_ticket *ticket);
	/* BACKEND.  -ENOENT: local_hit is not of this service, ask the next.
	 * backend: 0, *out filled; -EACCES not permitted; -ENOBUFS no address for the peer. */
	int (*backend)(struct hp_instance *self, const struct hp_backend_ask *ask,
		       struct hp_backend *out);
	/* May the peer have an association?  0; -EACCES: silence; -EPERM: NOTIFY
	 * BLOCKED_BY_POLICY.  Asked at I1, where peer_hit is only claimed, and at I2. */
	int (*accept)(struct hp_instance *self, const struct hp_addr *local_hit,
		      const struct hp_addr *peer_hit);
	/* legacy talks to far: which HITs is that between?  0, *ask filled in but for port and
	 * protocol. */
	int (*client)(struct hp_instance *self, const struct hp_addr *legacy,
		      const struct hp_addr *far, struct hp_backend_ask *ask);
	/* What backend would say and by which rule, as a sentence.  Nothing is counted.
	 * Optional. */
	int (*explain)(struct hp_instance *self, const struct hp_backend_ask *ask, char *text,
		       size_t bytes);
	/* Rule i of its access rules, from 0 on; the default is the last.  0, or -ENOENT past it.
	 * Optional. */
	int (*rule)(struct hp_instance *self, size_t i, struct hp_access_rule *out);
};

/* ---- events */

enum hp_event {
	HP_EVENT_ASSOC_UP,
	HP_EVENT_ASSOC_DOWN,
	HP_EVENT_FLOW_NEW,
	HP_EVENT_FLOW_GONE,
	HP_EVENT_LOCATOR_CHANGED, /* the association's path is the new one already */
	HP_EVENTS
};

struct hp_event_info {
	enum hp_event event;
	struct hp_assoc *assoc; /* NULL if none */
	struct hp_flow *flow;   /* FLOW events only */
};

struct hp_event_sub {
	const char *name; /* "plugin.what" */
	enum hp_event event;
	void (*fn)(struct hp_instance *self, const struct hp_event_info *info);
};

/* ---- the plugin */

enum hp_need_kind {
	HP_NEED_REQUIRE,  /* must be loaded too; it is started before */
	HP_NEED_WANT,     /* started before, if loaded */
	HP_NEED_CONFLICT, /* must not be loaded */
};

struct hp_need {
	const char *name; /* a plugin's name */
	enum hp_need_kind kind;
};

struct hp_plugin {
	/* Read first; nothing else is looked at unless both fit. */
	uint32_t abi;        /* HP_PLUGIN_ABI */
	uint32_t size_bytes; /* sizeof(struct hp_plugin) */

	const char *name;    /* as in the configuration's `plugins` and in the file's name */
	const char *version;
	const char *summary; /* one sentence */

	/* Any of these tables may be NULL. */
	const struct hp_conf_row *schema; /* of the group plugins.NAME */
	size_t settings_bytes;            /* the struct that schema describes */
	const struct hp_need *needs;
	const struct hp_hook *hooks;
	const struct hp_service *services;
	const struct hp_event_sub *events;
	const struct hp_counter *counters;
	const struct hp_counter *drops;   /* reasons for hp_packet_drop */

	/* Octets its hooks may push in front and behind.  All plugins together: 192 and 128. */
	uint16_t head_room, tail_room;
	size_t flow_area_bytes;        /* its area in each flow: hp_flow_area(flow, self->plugin) */

	/* Do the settings make sense beyond what schema says?  Asked of every configuration before
	 * start and before reload, and by hipproxyd -t.  It changes nothing, here or outside, and
	 * self->state is NULL unless the plugin runs.  0, or -errno after hp_settings_complain.
	 * Optional. */
	int (*check)(struct hp_instance *self, const void *settings);
	/* start: settings have passed check, self->settings is there, self->state is NULL.  0, or -errno (logged by the
	 * plugin) and nothing is kept.  Optional. */
	int (*start)(struct hp_instance *self);
	/* Other settings.  0, or -errno and the old ones stay in force.  When another plugin
	 * refuses the same reload, called once more with the old settings.  self->settings is
	 * still the old one during the call.  NULL: the plugin reads self->settings whenever it
	 * needs them. */
	int (*reload)(struct hp_instance *self, const void *settings);
	/* Frees what start made.  Optional. */
	void (*stop)(struct hp_instance *self);
};

/* From check: reports "file:line: plugins.NAME.key: text".  key is the setting's name in the
 * plugin's group ("hosted[1].server"), "" for the group.  -EINVAL. */
int hp_settings_complain(struct hp_instance *self, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* As hp_settings_complain, for what does not keep the plugin from starting. */
void hp_settings_warn(struct hp_instance *self, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Monotonic milliseconds, the same clock as the daemon's (replaceable in tests). */
uint64_t hp_instance_now(const struct hp_instance *self);

/* The declaration that ends a plugin's source file:
 *
 *	HP_PLUGIN(mark) = {
 *		HP_PLUGIN_HEAD,
 *		.name = "mark",
 *		...
 *	};
 *
 * A plugin that is built into the daemon is compiled with HP_PLUGIN_STATIC defined and then
 * has a name of its own. */
#ifdef HP_PLUGIN_STATIC
#define HP_PLUGIN(ident) \
	extern const struct hp_plugin hipproxy_plugin_##ident; \
	const struct hp_plugin hipproxy_plugin_##ident
#else
#define HP_PLUGIN(ident) \
	extern const struct hp_plugin hipproxy_plugin; \
	__attribute__((visibility("default"))) const struct hp_plugin hipproxy_plugin
#endif
#define HP_PLUGIN_HEAD .abi = HP_PLUGIN_ABI, .size_bytes = sizeof(struct hp_plugin)

#endif
