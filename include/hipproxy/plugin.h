/* SPDX-License-Identifier: MIT
 *
 * The plugin interface.
 *
 * A plugin is a shared object that exports one symbol, `const struct hp_plugin
 * hipproxy_plugin`: tables of what it offers.  A plugin includes this header only; it includes
 * all others.
 *
 *	hook      transforms or judges a packet
 *	service   answers a question of the core, now or later   (service.h)
 *	event     is told that something has happened
 *	command   answers hipproxyctl                            (command.h)
 *	metric    gives a number when asked                      (command.h)
 *
 * A plugin may make timers and watch descriptors (later.h) and keep records (record.h).
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
#include <hipproxy/alg.h>
#include <hipproxy/assoc.h>
#include <hipproxy/checksum.h>
#include <hipproxy/command.h>
#include <hipproxy/conf.h>
#include <hipproxy/count.h>
#include <hipproxy/flow.h>
#include <hipproxy/hosting.h>
#include <hipproxy/later.h>
#include <hipproxy/log.h>
#include <hipproxy/message.h>
#include <hipproxy/outer.h>
#include <hipproxy/packet.h>
#include <hipproxy/record.h>
#include <hipproxy/service.h>
#include <hipproxy/tokens.h>
#include <hipproxy/wire.h>

/* Changes whenever a struct or a meaning in these headers does. */
#define HP_PLUGIN_ABI 5

/* ---- stages, in the order in which a packet meets them */

enum hp_stage {
	/* outbound: legacy -> HIP */
	HP_STAGE_OUT_CLASSIFY, /* captured, no flow yet */
	HP_STAGE_OUT_FLOW,     /* flow known, association up */
	HP_STAGE_OUT_L7,       /* legacy form, payload may be changed */
	HP_STAGE_OUT_XLAT,     /* legacy -> HIT headers; core.xlat46 and core.xlat66 are here */
	HP_STAGE_OUT_OUTER,    /* runs of ESP, and HIP messages, before they leave */
	/* inbound: HIP -> legacy */
	HP_STAGE_IN_OUTER,     /* runs from the net, before ESP is opened; HIP messages too */
	HP_STAGE_IN_FLOW,      /* HIT-addressed plaintext, flow known */
	HP_STAGE_IN_XLAT,      /* HIT -> legacy headers */
	HP_STAGE_IN_L7,        /* legacy form, payload may be changed */
	HP_STAGE_IN_EMIT,      /* last look */
	/* HIP control packets: data begins with the HIP header, read only */
	HP_STAGE_CTL_RX,       /* parsed, not authenticated: may only drop */
	HP_STAGE_CTL_AUTH,     /* authenticated: may only drop */
	HP_STAGE_CTL_BUILD,    /* header only: hp_message_add adds parameters */
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
	/* In OUT_OUTER and IN_OUTER instead of fn: once for a run (hipproxy/outer.h).  HP_DROP by way
	 * of hp_outer_drop; HP_PASS is a drop. */
	enum hp_verdict (*run)(struct hp_instance *self, struct hp_outer_run *r);
	/* OUT_OUTER: by how many octets run makes each ESP packet longer, at most. */
	uint16_t grows;
};

/* Counts reason (index into plugin->drops) and returns HP_DROP. */
enum hp_verdict hp_packet_drop(struct hp_instance *self, struct hp_packet *p, unsigned reason);

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
	const struct hp_resolver_service *resolvers;
	const struct hp_locator_service *locators;
	const struct hp_backend_service *backends;
	const struct hp_event_sub *events;
	const struct hp_plugin_command *commands;
	const struct hp_metric *metrics;
	const struct hp_alg *algs;        /* gateways, see hipproxy/alg.h */
	const struct hp_counter *counters;
	const struct hp_counter *drops;   /* reasons for hp_packet_drop */
	const uint16_t *params;           /* numbers below 32768 for hp_message_add; 0 ends */
	const struct hp_transport *transport; /* hipproxy/outer.h: it chooses paths */

	size_t flow_area_bytes;        /* its area in each flow: hp_flow_area(flow, self->plugin) */

	/* Do the settings make sense beyond what schema says?  Asked of every configuration before
	 * start and before reload, and by hipproxyd -t.  It changes nothing, here or outside, and
	 * self->state is NULL unless the plugin runs.  0, or -errno after hp_settings_complain.
	 * Optional. */
	int (*check)(struct hp_instance *self, const void *settings);
	/* The settings have passed check and are in self->settings; self->state is NULL.  0, or
	 * -errno (logged by the plugin) and nothing is kept.  Optional. */
	int (*start)(struct hp_instance *self);
	/* Other settings.  0, or -errno and the old ones stay in force.  When another plugin
	 * refuses the same reload, called once more with the old settings.  self->settings is
	 * still the old one during the call.  NULL: the plugin reads self->settings whenever it
	 * needs them. */
	int (*reload)(struct hp_instance *self, const void *settings);
	/* Frees what start made.  Open tickets and rows have been ended before; timers, watches and
	 * the like that are left the core frees afterwards.  Optional. */
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
