/* SPDX-License-Identifier: MIT
 *
 * What the packet path asks the registry, and what plugins call.
 */
#include "plugin/internal.h"

#include <errno.h>
#include <string.h>

#define ROOM_DEFAULT 1280 /* RFC 8200, section 5 */

const char *hp_stage_name(enum hp_stage stage)
{
	static const char *const names[HP_STAGES] = {
		[HP_STAGE_OUT_CLASSIFY] = "out.classify", [HP_STAGE_OUT_FLOW] = "out.flow",
		[HP_STAGE_OUT_L7] = "out.l7",             [HP_STAGE_OUT_XLAT] = "out.xlat",
		[HP_STAGE_OUT_OUTER] = "out.outer",       [HP_STAGE_IN_OUTER] = "in.outer",
		[HP_STAGE_IN_FLOW] = "in.flow",           [HP_STAGE_IN_XLAT] = "in.xlat",
		[HP_STAGE_IN_L7] = "in.l7",               [HP_STAGE_IN_EMIT] = "in.emit",
		[HP_STAGE_CTL_RX] = "ctl.rx",             [HP_STAGE_CTL_AUTH] = "ctl.auth",
		[HP_STAGE_CTL_BUILD] = "ctl.build",       [HP_STAGE_CTL_OUTER] = "ctl.outer",
	};

	return (unsigned)stage < HP_STAGES ? names[stage] : "?";
}

/* ---- hooks */

const struct hp_step *hp_registry_hooks(const struct hp_registry *reg, enum hp_stage stage,
					size_t *n)
{
	*n = reg->stages[stage].n;
	return reg->stages[stage].steps;
}

static bool is_wanted(const struct hp_match *m, const struct hp_match_in *in)
{
	return (!m->family || m->family == in->family) &&
	       (!m->proto || m->proto == in->proto) &&
	       (!m->port_max || (in->port >= m->port_min && in->port <= m->port_max)) &&
	       (in->flow_flags & m->flow_flags) == m->flow_flags;
}

uint64_t hp_registry_resolve(const struct hp_registry *reg, enum hp_stage stage,
			     const struct hp_match_in *in)
{
	const struct stage *s = &reg->stages[stage];
	uint64_t wanted = 0;

	for (size_t i = 0; i < s->n; i++)
		if (is_wanted(&s->steps[i].hook->match, in))
			wanted |= (uint64_t)1 << i;
	return wanted;
}

void hp_registry_resolve_all(const struct hp_registry *reg, const struct hp_match_in *in,
			     struct hp_wanted *out)
{
	for (int s = 0; s < HP_STAGES; s++)
		out->stage[s] = hp_registry_resolve(reg, s, in);
}

enum hp_verdict hp_registry_run(const struct hp_registry *reg, enum hp_stage stage,
				uint64_t wanted, struct hp_packet *p,
				const struct hp_step **last)
{
	const struct hp_step *steps = reg->stages[stage].steps;
	enum hp_verdict verdict = HP_NEXT;

	if (last)
		*last = NULL;
	for (; wanted && verdict == HP_NEXT; wanted &= wanted - 1) {
		const struct hp_step *step = &steps[__builtin_ctzll(wanted)];

		if (!step->hook->fn)
			continue;
		verdict = step->hook->fn(step->self, p);
		if (last && verdict != HP_NEXT)
			*last = step;
	}
	return verdict;
}

enum hp_verdict hp_packet_drop(struct hp_instance *self, struct hp_packet *p, unsigned reason)
{
	(void)p;
	hp_count(&self->drops, reason);
	self->last_drop = reason;
	return HP_DROP;
}

/* ---- events */

void hp_registry_event(const struct hp_registry *reg, const struct hp_event_info *info)
{
	for (size_t i = 0; reg->settled && i < reg->n_plugins; i++) {
		struct module *m = reg->order[i];

		for (const struct hp_event_sub *e = m->self.plugin->events; e && e->name; e++)
			if (m->started && e->event == info->event)
				e->fn(&m->self, info);
	}
}

/* ---- plugins */

struct hp_instance *hp_registry_plugin(const struct hp_registry *reg, size_t i)
{
	return reg->settled && i < reg->n_plugins ? &reg->order[i]->self : NULL;
}

size_t hp_registry_area_offset(const struct hp_registry *reg, const struct hp_plugin *plugin)
{
	for (size_t i = 0; plugin && reg->settled && i < reg->n_plugins; i++)
		if (reg->order[i]->self.plugin == plugin && plugin->flow_area_bytes)
			return reg->order[i]->area_off;
	return SIZE_MAX;
}

size_t hp_registry_area_bytes(const struct hp_registry *reg)
{
	return reg->area_bytes;
}

const struct hp_module_counts *hp_registry_counts(const struct hp_instance *self)
{
	return &hp_module_of(self)->counts;
}

bool hp_registry_is_started(const struct hp_instance *self)
{
	return hp_module_of(self)->started;
}

uint64_t hp_instance_now(const struct hp_instance *self)
{
	const struct module *m = hp_module_of(self);

	return m->reg->cfg.now_ms ? m->reg->cfg.now_ms(m->reg->cfg.ctx) : 0;
}

int hp_identity_claim(struct hp_instance *self, const char *name, struct hp_addr *hit)
{
	const struct module *m = hp_module_of(self);

	return m->reg->cfg.claim ? m->reg->cfg.claim(m->reg->cfg.ctx, name, hit) : -EOPNOTSUPP;
}

int hp_identity_lookup(struct hp_instance *self, const char *name, struct hp_addr *hit)
{
	const struct module *m = hp_module_of(self);

	return m->reg->cfg.lookup ? m->reg->cfg.lookup(m->reg->cfg.ctx, name, hit) : -EOPNOTSUPP;
}

int hp_pool_attract(struct hp_instance *self, const struct hp_prefix *pool)
{
	const struct module *m = hp_module_of(self);

	return m->reg->cfg.attract ? m->reg->cfg.attract(m->reg->cfg.ctx, pool) : -EOPNOTSUPP;
}

int hp_pool_answer(struct hp_instance *self, const char *iface, const struct hp_addr *addr)
{
	const struct module *m = hp_module_of(self);

	return m->reg->cfg.answer ? m->reg->cfg.answer(m->reg->cfg.ctx, iface, addr) :
				    -EOPNOTSUPP;
}

int hp_packet_translate(struct hp_instance *self, struct hp_packet *p)
{
	const struct module *m = hp_module_of(self);

	return m->reg->cfg.translate ? m->reg->cfg.translate(m->reg->cfg.ctx, p) : -EOPNOTSUPP;
}

size_t hp_packet_room(struct hp_instance *self, const struct hp_packet *p)
{
	const struct module *m = hp_module_of(self);

	return m->reg->cfg.room ? m->reg->cfg.room(m->reg->cfg.ctx, p) : ROOM_DEFAULT;
}

int hp_pool_masquerade(struct hp_instance *self, const struct hp_prefix *pool)
{
	const struct module *m = hp_module_of(self);

	return m->reg->cfg.masquerade ? m->reg->cfg.masquerade(m->reg->cfg.ctx, pool) :
					-EOPNOTSUPP;
}

int hp_server_guard(struct hp_instance *self, const struct hp_addr *server)
{
	const struct module *m = hp_module_of(self);

	return m->reg->cfg.guard ? m->reg->cfg.guard(m->reg->cfg.ctx, server) : -EOPNOTSUPP;
}
