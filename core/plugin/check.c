/* SPDX-License-Identifier: MIT
 *
 * Are a plugin's tables sound?  A mistake is told at the start, not by a crash later.
 */
#include "plugin/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define AREA_MAX 4096 /* octets in each flow */
#define SERVICE_NAME_MAX 32
#define ARG_NAME_MAX     32
#define METRIC_NAME_MAX  64
#define HIP      139  /* IP protocol */
#define GROWS_MAX 64  /* octets by which a hook makes ESP packets longer */

struct checker {
	const struct hp_registry *reg;
	const struct hp_plugin *plugin;
	int err;
};

static void refuse(struct checker *c, const char *what, const char *name, const char *why)
{
	hp_plugin_complain(c->reg, c->plugin->name, "%s %s: %s", what, name, why);
	c->err = -EINVAL;
}

static bool has_prefix(const struct checker *c, const char *name)
{
	size_t n = strlen(c->plugin->name);

	return !strncmp(name, c->plugin->name, n) && name[n] == '.' && name[n + 1];
}

/* 1 to max of a-z, 0-9, _ and more. */
static bool is_word(const char *s, size_t max, const char *more)
{
	char letters[48] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	size_t n = strlen(s);

	strcat(letters, more);
	return n && n <= max && strspn(s, letters) == n;
}

static bool is_outer(enum hp_stage stage)
{
	return stage == HP_STAGE_OUT_OUTER || stage == HP_STAGE_IN_OUTER;
}

static bool is_control(enum hp_stage stage)
{
	return stage >= HP_STAGE_CTL_RX && stage <= HP_STAGE_CTL_OUTER;
}

/* What can never be true is a mistake, not a hook that waits. */
static void check_match(struct checker *c, const struct hp_hook *h)
{
	const struct hp_match *m = &h->match;
	bool has_flow = h->stage != HP_STAGE_OUT_CLASSIFY && !is_outer(h->stage) &&
			!is_control(h->stage);

	if (m->family && m->family != 4 && m->family != 6)
		refuse(c, "hook", h->name, "family must be 0, 4 or 6");
	if (m->port_min > m->port_max)
		refuse(c, "hook", h->name, "port_min is above port_max");
	if (m->flow_flags && !has_flow)
		refuse(c, "hook", h->name, "never matches: there are no flows in its stage, so no marks");
	if (is_control(h->stage) && (m->port_max || (m->proto && m->proto != HIP)))
		refuse(c, "hook", h->name, "never matches: its stage has HIP messages only");
	if (is_outer(h->stage) && (m->proto || m->port_max))
		refuse(c, "hook", h->name, "never matches: its stage has runs, without protocol and port");
}

static void check_function(struct checker *c, const struct hp_hook *h)
{
	if (is_outer(h->stage) && h->fn)
		refuse(c, "hook", h->name, "its stage has runs: its function belongs into run, not fn");
	else if (!is_outer(h->stage) && h->run)
		refuse(c, "hook", h->name, "its stage has packets: its function belongs into fn, not run");
	else if (!h->fn && !h->run)
		refuse(c, "hook", h->name, "has no function");
	if (h->grows && h->stage != HP_STAGE_OUT_OUTER)
		refuse(c, "hook", h->name, "only hooks of out.outer make packets longer");
	if (h->grows > GROWS_MAX)
		refuse(c, "hook", h->name, "makes packets longer by more than 64 octets");
}

static void check_transport(struct checker *c)
{
	const struct hp_transport *t = c->plugin->transport;
	struct hp_transport_ref other;

	if (!t)
		return;
	if (!t->paths)
		refuse(c, "transport", c->plugin->name, "has no function paths");
	if (t->area_bytes > AREA_MAX)
		refuse(c, "transport", c->plugin->name, "wants more than 4096 octets in each association");
	if (hp_registry_transport(c->reg, &other))
		refuse(c, "transport", c->plugin->name, "another plugin chooses paths already");
}

/* Asked in vain, a plugin would load and do nothing. */
static void check_stage(struct checker *c, const struct hp_hook *h)
{
	if ((unsigned)h->stage >= HP_STAGES)
		refuse(c, "hook", h->name, "there is no such stage");
	else
		check_match(c, h);
}

static void check_hooks(struct checker *c)
{
	for (const struct hp_hook *h = c->plugin->hooks; h && h->name; h++) {
		if (!has_prefix(c, h->name))
			refuse(c, "hook", h->name, "its name must be PLUGIN.WHAT");
		check_stage(c, h);
		check_function(c, h);
	}
}

static void check_service(struct checker *c, enum hp_service_kind kind, const char *name,
			  bool has_ask, uint32_t timeout_ms)
{
	const char *what = hp_service_kind_name(kind);

	if (!is_word(name, SERVICE_NAME_MAX, "-"))
		refuse(c, what, name, "its name must be 1 to 32 of a-z, 0-9, _ and -");
	if (!has_ask)
		refuse(c, what, name, "has no function ask");
	if (timeout_ms > HP_SERVICE_TIMEOUT_MAX_MS)
		refuse(c, what, name, "timeout_ms is above 60000");
}

static void check_services(struct checker *c)
{
	const struct hp_plugin *p = c->plugin;

	for (const struct hp_resolver_service *s = p->resolvers; s && s->name; s++)
		check_service(c, HP_SERVICE_RESOLVER, s->name, s->ask, s->timeout_ms);
	for (const struct hp_locator_service *s = p->locators; s && s->name; s++)
		check_service(c, HP_SERVICE_LOCATOR, s->name, s->ask, s->timeout_ms);
	for (const struct hp_backend_service *s = p->backends; s && s->name; s++)
		check_service(c, HP_SERVICE_BACKEND, s->name, s->ask, s->timeout_ms);
}

/* ---- commands and metrics */

static const char *arg_fault(const struct hp_arg *a)
{
	if (!is_word(a->name, ARG_NAME_MAX, ""))
		return "an argument's name must be 1 to 32 of a-z, 0-9 and _";
	if ((unsigned)a->type >= HP_ARG_TYPES)
		return "an argument has a type that does not exist";
	if (a->type == HP_ARG_ENUM && (!a->names || !a->names[0]))
		return "an argument has no names";
	return a->min > a->max ? "an argument has min above max" : NULL;
}

static void check_args(struct checker *c, const struct hp_plugin_command *cmd)
{
	const struct hp_arg *args = cmd->args;
	bool optional = false;

	for (size_t i = 0; args && args[i].name; i++) {
		const char *fault = arg_fault(&args[i]);

		if (!fault && i >= HP_COMMAND_ARGS)
			fault = "has more than 8 arguments";
		if (!fault && args[i].required && optional)
			fault = "a required argument follows an optional one";
		for (size_t k = 0; !fault && k < i; k++)
			if (!strcmp(args[k].name, args[i].name))
				fault = "two arguments have one name";
		if (fault) {
			refuse(c, "command", cmd->name, fault);
			return;
		}
		optional = optional || !args[i].required;
	}
}

static void check_commands(struct checker *c)
{
	const struct hp_plugin_command *all = c->plugin->commands;

	for (const struct hp_plugin_command *cmd = all; cmd && cmd->name; cmd++) {
		if (!has_prefix(c, cmd->name) ||
		    !is_word(strchr(cmd->name, '.') + 1, ARG_NAME_MAX, "-"))
			refuse(c, "command", cmd->name, "its name must be PLUGIN.WHAT");
		if (!cmd->fn || !cmd->help)
			refuse(c, "command", cmd->name, "has no function or no help");
		for (const struct hp_plugin_command *o = all; o < cmd; o++)
			if (!strcmp(o->name, cmd->name))
				refuse(c, "command", cmd->name, "is there twice");
		check_args(c, cmd);
	}
}

/* Names become parts of Prometheus' names. */
static const char *metric_fault(const struct hp_metric *m)
{
	size_t n = 0;

	if (!is_word(m->name, METRIC_NAME_MAX, ""))
		return "its name must be 1 to 64 of a-z, 0-9 and _";
	if ((unsigned)m->kind >= HP_METRIC_KINDS)
		return "there is no such kind";
	if (!m->read || !m->help)
		return "has no function or no help";
	for (; m->labels && m->labels[n]; n++)
		if (n >= HP_METRIC_LABELS || !is_word(m->labels[n], ARG_NAME_MAX, ""))
			return "labels: at most 4, each of a-z, 0-9 and _";
	return NULL;
}

static void check_metrics(struct checker *c)
{
	const struct hp_metric *all = c->plugin->metrics;

	for (const struct hp_metric *m = all; m && m->name; m++) {
		const char *fault = metric_fault(m);

		for (const struct hp_metric *o = all; !fault && o < m; o++)
			if (!strcmp(o->name, m->name))
				fault = "is there twice";
		for (const struct hp_counter *k = c->plugin->counters; !fault && k && k->name; k++)
			if (!strcmp(k->name, m->name))
				fault = "a counter has this name";
		if (fault)
			refuse(c, "metric", m->name, fault);
	}
}

/* The numbers of MAC, signature and what follows them are the core's. */
static void check_params(struct checker *c)
{
	char number[8];

	for (const uint16_t *p = c->plugin->params; p && *p; p++)
		if (*p >= HP_PRIVATE_PARAM) {
			snprintf(number, sizeof(number), "%u", *p);
			refuse(c, "parameter", number, "must be below 32768");
		}
}

static void check_events(struct checker *c)
{
	for (const struct hp_event_sub *e = c->plugin->events; e && e->name; e++) {
		if ((unsigned)e->event >= HP_EVENTS)
			refuse(c, "event", e->name, "there is no such event");
		if (!e->fn)
			refuse(c, "event", e->name, "has no function");
	}
}

static void check_rows(struct checker *c, const struct hp_conf_row *rows, size_t bytes,
		       unsigned depth)
{
	for (const struct hp_conf_row *r = rows; r && r->name; r++) {
		bool group = r->type == HP_CONF_GROUP || r->type == HP_CONF_GROUPS;

		if ((unsigned)r->type >= HP_CONF_TYPES)
			refuse(c, "setting", r->name, "there is no such type");
		if (r->field_bytes > bytes || r->offset > bytes - r->field_bytes)
			refuse(c, "setting", r->name, "lies outside its struct");
		if ((r->type == HP_CONF_ENUM || r->type == HP_CONF_NAMES) && !r->names)
			refuse(c, "setting", r->name, "has no names");
		if (group && (!r->rows || depth > 4))
			refuse(c, "setting", r->name, "has no rows");
		else if (group)
			check_rows(c, r->rows, r->type == HP_CONF_GROUP ? r->field_bytes :
				   r->item_bytes, depth + 1);
	}
}

int hp_plugin_check(const struct hp_registry *reg, const struct hp_plugin *plugin)
{
	struct checker c = { reg, plugin, 0 };

	if (!plugin->version || !plugin->summary)
		refuse(&c, "plugin", plugin->name, "has no version or no summary");
	if (plugin->flow_area_bytes > AREA_MAX)
		refuse(&c, "plugin", plugin->name, "wants more than 4096 octets in each flow");
	check_rows(&c, plugin->schema, plugin->settings_bytes, 0);
	check_hooks(&c);
	check_services(&c);
	check_events(&c);
	check_commands(&c);
	check_metrics(&c);
	check_params(&c);
	check_transport(&c);
	return c.err;
}
