/* SPDX-License-Identifier: MIT
 *
 * The control socket's answers about what is configured to happen: the steps of a packet, and
 * the access rules of services.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>

/* ---- the pipeline */

static json_t *hook_json(const struct hp_step *step)
{
	const struct hp_hook *h = step->hook;
	const struct hp_match *m = &h->match;

	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:I, s:s}", "name", h->name, "plugin",
			 step->self->plugin->name, "family", m->family, "protocol", m->proto,
			 "port_min", m->port_min, "port_max", m->port_max, "flags",
			 (json_int_t)m->flow_flags, "help", h->help ? h->help : "");
}

static json_t *stages_json(const struct hp_registry *reg)
{
	json_t *list = json_array();

	for (int s = 0; s < HP_STAGES; s++) {
		json_t *hooks = json_array();
		const struct hp_step *steps;
		size_t n;

		steps = hp_registry_hooks(reg, s, &n);
		for (size_t i = 0; i < n; i++)
			json_array_append_new(hooks, hook_json(&steps[i]));
		json_array_append_new(list, json_pack("{s:s, s:O}", "stage", hp_stage_name(s),
						      "hooks", hooks));
		json_decref(hooks);
	}
	return list;
}

static json_t *plugin_json(const struct hp_registry *reg, const struct hp_instance *self)
{
	const struct hp_plugin *p = self->plugin;
	const struct hp_service *s = NULL;
	json_t *services = json_array(), *events = json_array();

	while ((s = hp_service_next(reg, s)))
		if (hp_service_self(s) == self)
			json_array_append_new(services,
					      json_pack("{s:s, s:s}", "name", hp_service_name(s),
							"kind", hp_service_kind_name(hp_service_kind(s))));
	for (const struct hp_event_sub *e = p->events; e && e->name; e++)
		json_array_append_new(events, json_string(e->name));
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", p->name, "version", p->version,
			 "summary", p->summary, "services", services, "events", events);
}

/* The same as hipproxyd --show-pipeline prints it. */
static int put_text(const struct hp_registry *reg, json_t *reply)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return -ENOMEM;
	hp_registry_show(reg, f);
	if (fclose(f))
		return -ENOMEM;
	json_object_set_new(reply, "text", json_string(text));
	free(text);
	return 0;
}

int hp_report_pipeline(struct hp_daemon *d, json_t *reply)
{
	json_t *plugins = json_array();
	struct hp_instance *self;

	for (size_t i = 0; (self = hp_registry_plugin(d->registry, i)); i++)
		json_array_append_new(plugins, plugin_json(d->registry, self));
	json_object_set_new(reply, "stages", stages_json(d->registry));
	json_object_set_new(reply, "plugins", plugins);
	return put_text(d->registry, reply);
}

/* ---- access rules */

static json_t *rule_json(const char *service, size_t i, const struct hp_access_rule *r)
{
	return json_pack("{s:s, s:i, s:b, s:s, s:s, s:s, s:s, s:i, s:i, s:I}", "service", service,
			 "number", (int)i + 1, "default", r->is_default, "action", r->action,
			 "client", r->client, "identity", r->identity, "protocol", r->protocol,
			 "port_min", r->port_min, "port_max", r->port_max, "hits",
			 (json_int_t)r->hits);
}

int hp_report_policy(struct hp_daemon *d, json_t *reply)
{
	struct hp_access_rule rule;
	const struct hp_service *s;
	json_t *rules = json_array();

	for (size_t k = 0; (s = hp_service_at(d->registry, HP_SERVICE_BACKEND, k)); k++) {
		const struct hp_backend_service *b = hp_service_backend(s);

		for (size_t i = 0; b->rule && !b->rule(hp_service_self(s), i, &rule); i++)
			json_array_append_new(rules, rule_json(b->name, i, &rule));
	}
	return json_object_set_new(reply, "rules", rules) ? -ENOMEM : 0;
}
