/* SPDX-License-Identifier: MIT
 *
 * See probe.h.
 */
#include "probe.h"

#include <errno.h>
#include <string.h>

struct probe probe;

void probe_reset(void)
{
	memset(&probe, 0, sizeof(probe));
}

static void append(char *list, size_t cap, char c)
{
	size_t n = strlen(list);

	if (n + 1 < cap)
		list[n] = c;
}

enum { REFUSED };

static const struct hp_counter drops[] = {
	[REFUSED] = { "refused", "a test wanted it" },
	{ NULL, NULL }
};

/* ---- resolvers */

static int none(struct hp_instance *self, const struct hp_resolve_ask *ask, struct hp_ticket t,
		struct hp_resolve_result *out)
{
	(void)self, (void)ask, (void)out, (void)t;
	append(probe.asked, sizeof(probe.asked), 'n');
	return -ENOENT;
}

static int sour(struct hp_instance *self, const struct hp_resolve_ask *ask, struct hp_ticket t,
		struct hp_resolve_result *out)
{
	(void)self, (void)ask, (void)out, (void)t;
	append(probe.asked, sizeof(probe.asked), 's');
	return -EIO;
}

static int quick(struct hp_instance *self, const struct hp_resolve_ask *ask, struct hp_ticket t,
		struct hp_resolve_result *out)
{
	(void)self, (void)ask, (void)t;
	append(probe.asked, sizeof(probe.asked), 'q');
	*out = probe.answer;
	return 0;
}

static int slow(struct hp_instance *self, const struct hp_resolve_ask *ask, struct hp_ticket t,
		struct hp_resolve_result *out)
{
	(void)ask, (void)out;
	append(probe.asked, sizeof(probe.asked), 'l');
	probe.self = self;
	probe.tickets[probe.n_tickets++ % 16] = t;
	return -EINPROGRESS;
}

static void cancel(struct hp_instance *self, struct hp_ticket t)
{
	(void)self;
	for (unsigned i = 0; i < 16; i++)
		if (probe.tickets[i].id == t.id)
			probe.tickets[i].id = 0;
	probe.cancelled++;
}

static const struct hp_resolver_service resolvers[] = {
	{ .name = "none", .timeout_ms = HP_SERVICE_TIMEOUT_MAX_MS, .ask = none },
	{ .name = "sour", .timeout_ms = HP_SERVICE_TIMEOUT_MAX_MS, .ask = sour },
	{ .name = "quick", .timeout_ms = HP_SERVICE_TIMEOUT_MAX_MS, .ask = quick },
	{ .name = "slow", .timeout_ms = HP_SERVICE_TIMEOUT_MAX_MS, .ask = slow, .cancel = cancel },
	{ .name = NULL }
};

/* ---- hooks */

/* Is it this hook's turn to do something? */
static bool is_due(char c)
{
	append(probe.met, sizeof(probe.met), c);
	if (probe.at != c || (++probe.times % (probe.every ? probe.every : 1)))
		return false;
	if (probe.act)
		probe.act();
	return true;
}

static enum hp_verdict meet(struct hp_instance *self, struct hp_packet *p, char c)
{
	if (!is_due(c))
		return HP_NEXT;
	return probe.say == HP_DROP ? hp_packet_drop(self, p, REFUSED) : probe.say;
}

static void want(bool holds)
{
	probe.bad += !holds;
}

static bool legacy_form(const struct hp_packet *p)
{
	return !hp_addr_is_hit(&p->src) && !hp_addr_is_hit(&p->dst);
}

static bool hit_form(const struct hp_packet *p)
{
	return hp_addr_is_hit(&p->src) && hp_addr_is_hit(&p->dst);
}

static enum hp_verdict classify(struct hp_instance *self, struct hp_packet *p)
{
	want(!p->flow && legacy_form(p));
	return meet(self, p, 'c');
}

static enum hp_verdict out_flow(struct hp_instance *self, struct hp_packet *p)
{
	unsigned *area = hp_flow_area(p->flow, self->plugin);

	want(p->assoc && legacy_form(p));
	probe.most = ++*area > probe.most ? *area : probe.most;
	if (probe.set_flag)
		hp_flow_flag_set(p->flow, PROBE_FLAG);
	return meet(self, p, 'f');
}

static enum hp_verdict out_l7(struct hp_instance *self, struct hp_packet *p)
{
	want(p->flow && legacy_form(p));
	return meet(self, p, 'l');
}

static enum hp_verdict out_l7_flagged(struct hp_instance *self, struct hp_packet *p)
{
	want(hp_flow_flags(p->flow) & PROBE_FLAG);
	return meet(self, p, '+');
}

static enum hp_verdict out_xlat(struct hp_instance *self, struct hp_packet *p)
{
	want(p->flow && hit_form(p));
	return meet(self, p, 'x');
}

static enum hp_verdict meet_run(struct hp_instance *self, struct hp_outer_run *r, char c)
{
	if (!is_due(c))
		return HP_NEXT;
	return probe.say == HP_DROP ? hp_outer_drop(self, r, REFUSED) : probe.say;
}

static enum hp_verdict in_outer(struct hp_instance *self, struct hp_outer_run *r)
{
	want(r->kind == HP_OUTER_ESP && r->n && !r->assoc);
	return meet_run(self, r, 'O');
}

static enum hp_verdict out_outer(struct hp_instance *self, struct hp_outer_run *r)
{
	want(r->kind == HP_OUTER_ESP && r->n && r->assoc);
	return meet_run(self, r, 'o');
}

static enum hp_verdict in_flow(struct hp_instance *self, struct hp_packet *p)
{
	want(p->flow && p->assoc && hit_form(p));
	return meet(self, p, 'F');
}

static enum hp_verdict in_xlat(struct hp_instance *self, struct hp_packet *p)
{
	want(p->flow && legacy_form(p));
	return meet(self, p, 'X');
}

static enum hp_verdict in_l7(struct hp_instance *self, struct hp_packet *p)
{
	want(p->flow && legacy_form(p));
	return meet(self, p, 'L');
}

static enum hp_verdict in_emit(struct hp_instance *self, struct hp_packet *p)
{
	want(p->flow && legacy_form(p));
	return meet(self, p, 'E');
}

static const char *const behind_core_out[] = { "core.xlat46", "core.xlat66", NULL };
static const char *const behind_core_in[] = { "core.xlat64", "core.xlat66", NULL };

static const struct hp_hook hooks[] = {
	{ .name = "probe.classify", .stage = HP_STAGE_OUT_CLASSIFY, .fn = classify },
	{ .name = "probe.flow", .stage = HP_STAGE_OUT_FLOW, .fn = out_flow },
	{ .name = "probe.flagged", .stage = HP_STAGE_OUT_L7, .fn = out_l7_flagged,
	  .match = { .flow_flags = PROBE_FLAG } },
	{ .name = "probe.l7", .stage = HP_STAGE_OUT_L7, .fn = out_l7,
	  .match = { .proto = 6, .port_min = 80, .port_max = 80 } },
	{ .name = "probe.xlat", .stage = HP_STAGE_OUT_XLAT, .fn = out_xlat,
	  .after = behind_core_out },
	{ .name = "probe.outer", .stage = HP_STAGE_IN_OUTER, .run = in_outer },
	{ .name = "probe.out_outer", .stage = HP_STAGE_OUT_OUTER, .run = out_outer },
	{ .name = "probe.in_flow", .stage = HP_STAGE_IN_FLOW, .fn = in_flow },
	{ .name = "probe.in_xlat", .stage = HP_STAGE_IN_XLAT, .fn = in_xlat,
	  .after = behind_core_in },
	{ .name = "probe.in_l7", .stage = HP_STAGE_IN_L7, .fn = in_l7,
	  .match = { .proto = 6, .port_min = 80, .port_max = 80 } },
	{ .name = "probe.emit", .stage = HP_STAGE_IN_EMIT, .fn = in_emit },
	{ .name = NULL }
};

/* ---- events */

static void event(struct hp_instance *self, const struct hp_event_info *info)
{
	(void)self;
	probe.events[info->event]++;
}

static const struct hp_event_sub events[] = {
	{ "probe.up", HP_EVENT_ASSOC_UP, event },
	{ "probe.down", HP_EVENT_ASSOC_DOWN, event },
	{ "probe.new", HP_EVENT_FLOW_NEW, event },
	{ "probe.gone", HP_EVENT_FLOW_GONE, event },
	{ NULL, 0, NULL }
};

const struct hp_plugin probe_plugin = {
	HP_PLUGIN_HEAD,
	.name = "probe",
	.version = "1",
	.summary = "looks and answers as tests say",
	.hooks = hooks,
	.resolvers = resolvers,
	.events = events,
	.drops = drops,
	.flow_area_bytes = sizeof(unsigned),
};
