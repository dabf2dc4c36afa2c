/* SPDX-License-Identifier: MIT
 *
 * Runs and the hooks of the stages OUT_OUTER and IN_OUTER; what a plugin that chooses paths asks
 * of the core.
 */
#include "plugin/internal.h"

#include <errno.h>

/* ---- runs */

/* Where a run is among the hooks. */
struct hp_outer_walk {
	const struct hp_step *steps;
	size_t n, next;
	const struct hp_outer_end *end;
};

static enum hp_verdict go_on(struct hp_outer_run *r)
{
	struct hp_outer_walk *w = r->walk;
	uint8_t family = hp_addr_is4(&r->path.dst) ? 4 : 6;

	while (w->next < w->n) {
		const struct hp_step *step = &w->steps[w->next++];
		uint32_t n = r->n;
		enum hp_verdict v;

		if (step->hook->match.family && step->hook->match.family != family)
			continue;
		v = step->hook->run(step->self, r);
		if (v == HP_DROP || v == HP_PASS)
			w->end->dropped(w->end->ctx, r, n, step, v);
		if (v != HP_NEXT)
			return v;
	}
	w->end->reached(w->end->ctx, r);
	return HP_TAKEN;
}

void hp_registry_outer(const struct hp_registry *reg, enum hp_stage stage, struct hp_outer_run *r,
		       const struct hp_outer_end *end)
{
	struct hp_outer_walk walk = { .steps = reg->stages[stage].steps,
				      .n = reg->stages[stage].n, .end = end };

	r->walk = &walk;
	go_on(r);
	r->walk = NULL;
}

void hp_outer_pass(struct hp_outer_run *r)
{
	size_t here = r->walk->next;

	if (r->n)
		go_on(r);
	r->walk->next = here;
}

enum hp_verdict hp_outer_drop(struct hp_instance *self, const struct hp_outer_run *r,
			      unsigned reason)
{
	hp_count_add(&self->drops, reason, r->n);
	self->last_drop = reason;
	return HP_DROP;
}

unsigned int hp_registry_outer_grows(const struct hp_registry *reg)
{
	const struct stage *s = &reg->stages[HP_STAGE_OUT_OUTER];
	unsigned int sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += s->steps[i].hook->grows;
	return sum;
}

/* ---- what a plugin asks of the core */

static const struct hp_registry_outer *outer_of(const struct hp_instance *self, void **ctx)
{
	const struct module *m = HP_CONTAINER(self, struct module, self);

	*ctx = m->reg->cfg.ctx;
	return m->reg->cfg.outer;
}

int hp_outer_port_open(struct hp_instance *self, uint16_t number, struct hp_outer_port **out)
{
	void *ctx;
	const struct hp_registry_outer *o = outer_of(self, &ctx);

	return o ? o->open(ctx, number, out) : -EOPNOTSUPP;
}

void hp_outer_port_close(struct hp_instance *self, struct hp_outer_port *port)
{
	void *ctx;
	const struct hp_registry_outer *o = outer_of(self, &ctx);

	if (o && port)
		o->close(ctx, port);
}

void hp_transport_changed(struct hp_instance *self)
{
	void *ctx;
	const struct hp_registry_outer *o = outer_of(self, &ctx);

	if (o)
		o->changed(ctx);
}

int hp_transport_each(struct hp_instance *self, int (*fn)(struct hp_assoc *a, void *arg), void *arg)
{
	void *ctx;
	const struct hp_registry_outer *o = outer_of(self, &ctx);

	return o ? o->each(ctx, fn, arg) : 0;
}

bool hp_registry_transport(const struct hp_registry *reg, struct hp_transport_ref *out)
{
	for (const struct module *m = reg->modules; m; m = m->next)
		if (m->self.plugin->transport) {
			out->table = m->self.plugin->transport;
			out->self = (struct hp_instance *)&m->self;
			return true;
		}
	*out = (struct hp_transport_ref){ NULL, NULL };
	return false;
}
