/* SPDX-License-Identifier: MIT
 *
 * Are a plugin's tables sound?  A mistake is told at the start, not by a crash later.
 */
#include "plugin/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define AREA_MAX 4096 /* octets in each flow */
#define HIP      139  /* IP protocol */

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

static bool is_control(enum hp_stage stage)
{
	return stage == HP_STAGE_CTL_RX || stage == HP_STAGE_CTL_OUTER;
}

/* What can never be true is a mistake, not a hook that waits. */
static void check_match(struct checker *c, const struct hp_hook *h)
{
	const struct hp_match *m = &h->match;
	bool has_flow = h->stage != HP_STAGE_OUT_CLASSIFY && h->stage != HP_STAGE_IN_OUTER &&
			!is_control(h->stage);

	if (m->family && m->family != 4 && m->family != 6)
		refuse(c, "hook", h->name, "family must be 0, 4 or 6");
	if (m->port_min > m->port_max)
		refuse(c, "hook", h->name, "port_min is above port_max");
	if (m->flow_flags && !has_flow)
		refuse(c, "hook", h->name, "never matches: there are no flows in its stage, so no marks");
	if (is_control(h->stage) && (m->port_max || (m->proto && m->proto != HIP)))
		refuse(c, "hook", h->name, "never matches: its stage has HIP messages only");
}

/* Asked in vain, a plugin would load and do nothing. */
static void check_stage(struct checker *c, const struct hp_hook *h)
{
	char why[80];

	if ((unsigned)h->stage >= HP_STAGES) {
		refuse(c, "hook", h->name, "there is no such stage");
	} else if (!hp_stage_runs(h->stage)) {
		snprintf(why, sizeof(why), "nothing runs the stage %s yet", hp_stage_name(h->stage));
		refuse(c, "hook", h->name, why);
	} else {
		check_match(c, h);
	}
}

static void check_hooks(struct checker *c)
{
	for (const struct hp_hook *h = c->plugin->hooks; h && h->name; h++) {
		if (!has_prefix(c, h->name))
			refuse(c, "hook", h->name, "its name must be PLUGIN.WHAT");
		check_stage(c, h);
		if (!h->fn)
			refuse(c, "hook", h->name, "has no function");
	}
}

static void check_services(struct checker *c)
{
	for (const struct hp_service *s = c->plugin->services; s && s->name; s++) {
		if ((unsigned)s->kind >= HP_SERVICE_KINDS)
			refuse(c, "service", s->name, "there is no such kind");
		else if (s->kind == HP_SERVICE_RESOLVER ? !s->resolve : !s->backend)
			refuse(c, "service", s->name, "has no function");
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
	return c.err;
}
