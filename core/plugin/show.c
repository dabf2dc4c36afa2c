/* SPDX-License-Identifier: MIT
 *
 * hipproxyd --show-pipeline: who sees a packet, in which order.
 */
#include "plugin/internal.h"

#include <inttypes.h>

static void show_match(const struct hp_match *m, FILE *out)
{
	if (m->family)
		fprintf(out, " IPv%u", m->family);
	if (m->proto == 6 || m->proto == 17)
		fprintf(out, " %s", m->proto == 6 ? "tcp" : "udp");
	else if (m->proto)
		fprintf(out, " protocol %u", m->proto);
	if (m->port_max && m->port_min == m->port_max)
		fprintf(out, " port %u", m->port_min);
	else if (m->port_max)
		fprintf(out, " ports %u-%u", m->port_min, m->port_max);
	if (m->flow_flags)
		fprintf(out, " flags %#" PRIx32, m->flow_flags);
}

static void show_step(const struct hp_step *step, FILE *out)
{
	fprintf(out, "\t%-24s", step->hook->name);
	show_match(&step->hook->match, out);
	if (step->hook->help)
		fprintf(out, " %s", step->hook->help);
	fputc('\n', out);
}

static void show_plugin(const struct hp_registry *reg, const struct hp_plugin *p, FILE *out)
{
	fprintf(out, "\t%s %s: %s\n", p->name, p->version, p->summary);
	for (const struct hp_service *s = reg->services; s; s = s->next)
		if (s->module->self.plugin == p)
			fprintf(out, "\t\tservice %s (%s)\n", s->name,
				hp_service_kind_name(s->kind));
	for (const struct hp_alg *a = p->algs; a && a->name; a++)
		fprintf(out, "\t\tgateway %s (%s) %s\n", a->name, a->proto == 6 ? "tcp" : "udp",
			a->help ? a->help : "");
	for (const struct hp_event_sub *e = p->events; e && e->name; e++)
		fprintf(out, "\t\tevent %s\n", e->name);
	for (const struct hp_plugin_command *c = p->commands; c && c->name; c++)
		fprintf(out, "\t\tcommand %s\n", c->name);
}

void hp_registry_show(const struct hp_registry *reg, FILE *out)
{
	const struct hp_instance *self;

	for (int s = 0; s < HP_STAGES; s++) {
		fprintf(out, "%s\n", hp_stage_name(s));
		for (size_t i = 0; i < reg->stages[s].n; i++)
			show_step(&reg->stages[s].steps[i], out);
	}
	fprintf(out, "plugins\n");
	for (size_t i = 0; (self = hp_registry_plugin(reg, i)); i++)
		show_plugin(reg, self->plugin, out);
}
