/* SPDX-License-Identifier: MIT
 *
 * The registry: order of hooks, who wants what, needs, life, services, events.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/registry.h"
#include "../harness.h"

static char said[4096];  /* complaints */
static char trail[1024]; /* what plugins did */
static uint64_t clock_ms;
static int refuse_start, refuse_value;

static void report(void *ctx, bool warning, const char *plugin, const char *key,
		   const char *text)
{
	size_t n = strlen(said);

	snprintf(said + n, sizeof(said) - n, "%splugin %s%s%s: %s\n", warning ? "warning: " : "",
		 plugin, *key ? "." : "", key, text);
}

static uint64_t now(void *ctx)
{
	return clock_ms;
}

static int value_old = 1, value_new = 2;

static int settings(void *ctx, const char *plugin, const struct hp_conf_row *rows, size_t bytes,
		    const void **out)
{
	*out = ctx;
	return *(int *)ctx < 0 ? -EINVAL : 0;
}

static const struct hp_registry_config cfg = {
	.now_ms = now, .report = report, .settings = settings, .ctx = &value_old
};

static struct hp_registry *make(void)
{
	struct hp_registry *reg = hp_registry_new(&cfg);

	said[0] = trail[0] = '\0';
	refuse_start = refuse_value = 0;
	CU_ASSERT_FATAL(reg != NULL);
	return reg;
}

static void went(const struct hp_instance *self, const char *what)
{
	strcat(trail, what);
	strcat(trail, self->plugin->name);
	strcat(trail, " ");
}

static enum hp_verdict next(struct hp_instance *self, struct hp_packet *p)
{
	went(self, "");
	return HP_NEXT;
}

static enum hp_verdict drop(struct hp_instance *self, struct hp_packet *p)
{
	return hp_packet_drop(self, p, 1);
}

static int start(struct hp_instance *self)
{
	CU_ASSERT(self->settings == &value_old && !self->state);
	if (refuse_start && self->plugin->name[0] == refuse_start)
		return -EIO;
	went(self, "+");
	self->state = self;
	return 0;
}

static int reload(struct hp_instance *self, const void *set)
{
	const int *value = set;

	CU_ASSERT(self->settings == &value_old);
	if (*value == 2 && refuse_value && self->plugin->name[0] == refuse_value)
		return -EINVAL;
	went(self, *value == 1 ? "1" : "2");
	return 0;
}

static void stop(struct hp_instance *self)
{
	went(self, "-");
}

static enum hp_verdict next_run(struct hp_instance *self, struct hp_outer_run *r)
{
	(void)self, (void)r;
	return HP_NEXT;
}

static size_t one_path(struct hp_instance *self, const struct hp_path *wanted,
		       struct hp_path out[HP_OUTER_PATHS])
{
	(void)self;
	out[0] = *wanted;
	return 1;
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define PLUGIN(ident, ...) { HP_PLUGIN_HEAD, .name = ident, .version = "1", .summary = "s", \
	.start = start, .reload = reload, .stop = stop, __VA_ARGS__ }

static const struct hp_hook hooks_b[] = {
	{ .name = "b.x", .stage = HP_STAGE_OUT_FLOW, .fn = next, .after = NAMES("nobody.x") },
	{ .name = NULL }
};
static const struct hp_hook hooks_a[] = {
	{ .name = "a.x", .stage = HP_STAGE_OUT_FLOW, .fn = next, .before = NAMES("b.x", "core.y"),
	  .after = NAMES("core.x") },
	{ .name = NULL }
};
static const struct hp_plugin plugin_a = PLUGIN("a", .hooks = hooks_a, .flow_area_bytes = 5);
static const struct hp_plugin plugin_b = PLUGIN("b", .hooks = hooks_b, .flow_area_bytes = 32);

static const struct hp_hook hook_z = { .name = "core.z", .stage = HP_STAGE_OUT_FLOW,
				     .before = NAMES("core.x") };
static const struct hp_hook hooks_r[] = {
	{ .name = "r.0", .stage = HP_STAGE_IN_L7, .fn = next },
	{ .name = "r.1", .stage = HP_STAGE_IN_L7, .fn = next, .after = NAMES("r.3") },
	{ .name = "r.2", .stage = HP_STAGE_IN_L7, .fn = next, .after = NAMES("r.1") },
	{ .name = "r.3", .stage = HP_STAGE_IN_L7, .fn = next, .after = NAMES("r.2") },
	{ .name = "r.4", .stage = HP_STAGE_IN_L7, .fn = next, .after = NAMES("r.3") },
	{ .name = NULL }
};
static const struct hp_plugin plugin_r = PLUGIN("r", .hooks = hooks_r);
static const struct hp_hook hooks_s[] = {
	{ .name = "s.0", .stage = HP_STAGE_IN_L7, .fn = next, .before = NAMES("s.0") },
	{ .name = NULL }
};
static const struct hp_plugin plugin_s = PLUGIN("s", .hooks = hooks_s);

static void core_hook(struct hp_registry *reg, const struct hp_hook *h)
{
	CU_ASSERT(hp_registry_core_hook(reg, h, NULL) == 0);
}

static void hooks_are_ordered_by_name_and_stay_as_registered_otherwise(void)
{
	static const struct hp_hook x = { .name = "core.x", .stage = HP_STAGE_OUT_FLOW };
	static const struct hp_hook y = { .name = "core.y", .stage = HP_STAGE_OUT_FLOW };
	static const char *const want[] = { "core.z", "core.x", "a.x", "core.y", "b.x" };
	struct hp_registry *reg = make();
	const struct hp_step *steps;
	size_t n;

	core_hook(reg, &x);
	core_hook(reg, &y);
	core_hook(reg, &hook_z);
	CU_ASSERT(hp_registry_core_hook(reg, &x, NULL) == -EEXIST);
	CU_ASSERT(hp_registry_add(reg, &plugin_b) == 0 && hp_registry_add(reg, &plugin_a) == 0);
	CU_ASSERT(hp_registry_add(reg, &plugin_a) == -EEXIST);
	CU_ASSERT(hp_registry_start(reg) == 0);
	steps = hp_registry_hooks(reg, HP_STAGE_OUT_FLOW, &n);
	CU_ASSERT_FATAL(n == 5);
	for (size_t i = 0; i < n; i++)
		CU_ASSERT_STRING_EQUAL(steps[i].hook->name, want[i]);
	CU_ASSERT(hp_registry_area_bytes(reg) == 48);
	CU_ASSERT(hp_registry_area_offset(reg, &plugin_b) == 0);
	CU_ASSERT(hp_registry_area_offset(reg, &plugin_a) == 32);
	CU_ASSERT(hp_registry_area_offset(reg, NULL) == SIZE_MAX);
	hp_registry_free(reg);
	CU_ASSERT_STRING_EQUAL(trail, "+b +a -a -b ");
}

static void a_ring_of_hooks_refuses_to_start_and_is_named(void)
{
	struct hp_registry *reg = make();

	CU_ASSERT(hp_registry_add(reg, &plugin_r) == 0 && hp_registry_start(reg) == -ELOOP);
	CU_ASSERT(strstr(said, "plugin r: stage in.l7 has a ring of hooks: "
			 "r.1 after r.3 after r.2 after r.1\n") != NULL);
	hp_registry_free(reg);
	CU_ASSERT_STRING_EQUAL(trail, "");
	reg = make();
	CU_ASSERT(hp_registry_add(reg, &plugin_s) == 0 && hp_registry_start(reg) == -ELOOP);
	CU_ASSERT(strstr(said, "s.0 after s.0") != NULL);
	hp_registry_free(reg);
}

/* A hook that nothing would ever call is refused, with the reason. */
static void a_hook_that_can_never_run_is_refused(void)
{
	static const struct {
		struct hp_hook h;
		const char *why;
	} rows[] = {
		{ { .name = "p.x", .stage = HP_STAGE_OUT_OUTER, .fn = next },
		  "plugin p: hook p.x: its stage has runs: its function belongs into run, not fn\n" },
		{ { .name = "p.x", .stage = HP_STAGE_OUT_L7, .run = next_run },
		  "plugin p: hook p.x: its stage has packets: its function belongs into fn, not run\n" },
		{ { .name = "p.x", .stage = HP_STAGE_IN_OUTER },
		  "plugin p: hook p.x: has no function\n" },
		{ { .name = "p.x", .stage = HP_STAGE_IN_OUTER, .run = next_run, .grows = 4 },
		  "plugin p: hook p.x: only hooks of out.outer make packets longer\n" },
		{ { .name = "p.x", .stage = HP_STAGE_OUT_OUTER, .run = next_run, .grows = 65 },
		  "plugin p: hook p.x: makes packets longer by more than 64 octets\n" },
		{ { .name = "p.x", .stage = HP_STAGE_IN_OUTER, .match = { .proto = 50 }, .run = next_run },
		  "plugin p: hook p.x: never matches: its stage has runs, without protocol and port\n" },
		{ { .name = "p.x", .stage = HP_STAGE_CTL_AUTH, .match = { .proto = 17 }, .fn = next },
		  "plugin p: hook p.x: never matches: its stage has HIP messages only\n" },
		{ { .name = "p.x", .stage = HP_STAGES, .fn = next },
		  "plugin p: hook p.x: there is no such stage\n" },
		{ { .name = "p.x", .stage = HP_STAGE_OUT_CLASSIFY, .match = { .flow_flags = 1 }, .fn = next },
		  "plugin p: hook p.x: never matches: there are no flows in its stage, so no marks\n" },
		{ { .name = "p.x", .stage = HP_STAGE_IN_OUTER, .match = { .flow_flags = 1 }, .run = next_run },
		  "plugin p: hook p.x: never matches: there are no flows in its stage, so no marks\n" },
		{ { .name = "p.x", .stage = HP_STAGE_CTL_RX, .match = { .proto = 6 }, .fn = next },
		  "plugin p: hook p.x: never matches: its stage has HIP messages only\n" },
		{ { .name = "p.x", .stage = HP_STAGE_CTL_OUTER, .match = { .port_min = 80, .port_max = 80 },
		    .fn = next },
		  "plugin p: hook p.x: never matches: its stage has HIP messages only\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct hp_hook hooks[] = { rows[i].h, { .name = NULL } };
		struct hp_plugin p = PLUGIN("p", .hooks = hooks);
		struct hp_registry *reg = make();

		CU_ASSERT_EQUAL(hp_registry_add(reg, &p), -EINVAL);
		CU_ASSERT_STRING_EQUAL(said, rows[i].why);
		hp_registry_free(reg);
	}
}

/* And the other way round: in every other stage it is accepted, and shown. */
static void every_stage_that_is_shown_takes_a_hook(void)
{
	unsigned int n = 0;

	for (int s = 0; s < HP_STAGES; s++) {
		bool runs = s == HP_STAGE_OUT_OUTER || s == HP_STAGE_IN_OUTER;
		struct hp_hook hooks[] = { { .name = "p.x", .stage = s, .fn = runs ? NULL : next,
					     .run = runs ? next_run : NULL }, { .name = NULL } };
		struct hp_plugin p = PLUGIN("p", .hooks = hooks);
		struct hp_registry *reg = make();
		char *text = NULL, line[32];
		size_t len;
		FILE *f = open_memstream(&text, &len);

		hp_registry_show(reg, f);
		fclose(f);
		snprintf(line, sizeof(line), "%s\n", hp_stage_name(s));
		CU_ASSERT_EQUAL(strstr(text, line) != NULL, true);
		CU_ASSERT_EQUAL(hp_registry_add(reg, &p), 0);
		n++;
		free(text);
		hp_registry_free(reg);
	}
	CU_ASSERT_EQUAL(n, HP_STAGES);
}

/* Paths are chosen by one. */
static void a_second_plugin_that_chooses_paths_is_refused(void)
{
	static const struct hp_transport t = { .paths = one_path }, none = { .area_bytes = 1 };
	static const struct hp_plugin p = PLUGIN("p", .transport = &t);
	static const struct hp_plugin q = PLUGIN("q", .transport = &t);
	static const struct hp_plugin r = PLUGIN("r", .transport = &none);
	struct hp_transport_ref ref;
	struct hp_registry *reg = make();

	CU_ASSERT_FALSE(hp_registry_transport(reg, &ref));
	CU_ASSERT_EQUAL(hp_registry_add(reg, &r), -EINVAL);
	CU_ASSERT_STRING_EQUAL(said, "plugin r: transport r: has no function paths\n");
	said[0] = '\0';
	CU_ASSERT_EQUAL(hp_registry_add(reg, &p), 0);
	CU_ASSERT_TRUE(hp_registry_transport(reg, &ref));
	CU_ASSERT(ref.table == &t && ref.self->plugin == &p);
	CU_ASSERT_EQUAL(hp_registry_add(reg, &q), -EINVAL);
	CU_ASSERT_STRING_EQUAL(said, "plugin q: transport q: another plugin chooses paths already\n");
	hp_registry_free(reg);
}

static void a_stage_takes_64_hooks(void)
{
	static char names[65][8];
	static struct hp_hook h[65];
	struct hp_registry *reg = make();

	for (int i = 0; i < 65; i++) {
		snprintf(names[i], sizeof(names[i]), "core.%d", i);
		h[i] = (struct hp_hook){ .name = names[i], .stage = HP_STAGE_CTL_RX };
		CU_ASSERT(hp_registry_core_hook(reg, &h[i], NULL) == (i < 64 ? 0 : -E2BIG));
	}
	CU_ASSERT(hp_registry_start(reg) == 0);
	CU_ASSERT(hp_registry_resolve(reg, HP_STAGE_CTL_RX, &(struct hp_match_in){ 0 }) ==
		  UINT64_MAX);
	hp_registry_free(reg);
}

static void a_flow_is_shown_to_those_who_want_it(void)
{
	static const struct hp_hook m[] = {
		{ .name = "m.all", .stage = HP_STAGE_OUT_L7, .fn = next },
		{ .name = "m.v6", .stage = HP_STAGE_OUT_L7, .fn = next, .match = { .family = 6 } },
		{ .name = "m.udp", .stage = HP_STAGE_OUT_L7, .fn = next, .match = { .proto = 17 } },
		{ .name = "m.ports", .stage = HP_STAGE_OUT_L7, .fn = next,
		  .match = { .port_min = 20, .port_max = 21 } },
		{ .name = "m.flag", .stage = HP_STAGE_OUT_L7, .fn = next,
		  .match = { .flow_flags = 5 } },
		{ .name = NULL }
	};
	static const struct hp_plugin p = PLUGIN("m", .hooks = m);
	struct hp_match_in in = { 4, 6, 21, 4 };
	struct hp_registry *reg = make();
	struct hp_wanted wanted;

	CU_ASSERT(hp_registry_add(reg, &p) == 0 && hp_registry_start(reg) == 0);
	CU_ASSERT(hp_registry_resolve(reg, HP_STAGE_OUT_L7, &in) == 0x9);
	CU_ASSERT(hp_registry_resolve(reg, HP_STAGE_IN_L7, &in) == 0);
	in = (struct hp_match_in){ 6, 17, 22, 7 };
	hp_registry_resolve_all(reg, &in, &wanted);
	CU_ASSERT(wanted.stage[HP_STAGE_OUT_L7] == 0x17 && !wanted.stage[HP_STAGE_IN_XLAT]);
	in.port = 20;
	CU_ASSERT(hp_registry_resolve(reg, HP_STAGE_OUT_L7, &in) == 0x1f);
	in.port = 19;
	CU_ASSERT(hp_registry_resolve(reg, HP_STAGE_OUT_L7, &in) == 0x17);
	hp_registry_free(reg);
}

static const struct hp_counter drops[] = { { "one", "" }, { "two", "" }, { NULL, NULL } };

static void a_drop_is_counted_and_ends_the_walk(void)
{
	static const struct hp_hook h[] = {
		{ .name = "d.1", .stage = HP_STAGE_IN_EMIT, .fn = next },
		{ .name = "d.2", .stage = HP_STAGE_IN_EMIT, .fn = drop },
		{ .name = "d.3", .stage = HP_STAGE_IN_EMIT, .fn = next },
		{ .name = NULL }
	};
	static const struct hp_hook mark = { .name = "core.mark", .stage = HP_STAGE_IN_EMIT };
	static const struct hp_plugin p = PLUGIN("d", .hooks = h, .drops = drops);
	struct hp_registry *reg = make();
	const struct hp_step *last;
	struct hp_instance *self;
	struct hp_packet packet = { 0 };

	core_hook(reg, &mark);
	CU_ASSERT(hp_registry_add(reg, &p) == 0 && hp_registry_start(reg) == 0);
	self = hp_registry_plugin(reg, 0);
	CU_ASSERT_FATAL(self && !hp_registry_plugin(reg, 1));
	trail[0] = '\0';
	CU_ASSERT(hp_registry_run(reg, HP_STAGE_IN_EMIT, 0xf, &packet, &last) == HP_DROP);
	CU_ASSERT(last && !strcmp(last->hook->name, "d.2") && last->self == self);
	CU_ASSERT_STRING_EQUAL(trail, "d ");
	CU_ASSERT(self->drops.n == 2 && hp_count_get(&self->drops, 1) == 1 &&
		  !hp_count_get(&self->drops, 0) && self->last_drop == 1);
	CU_ASSERT(hp_registry_run(reg, HP_STAGE_IN_EMIT, 0xb, &packet, &last) == HP_NEXT && !last);
	CU_ASSERT(hp_registry_run(reg, HP_STAGE_IN_EMIT, 0, &packet, NULL) == HP_NEXT);
	hp_registry_free(reg);
}

static void what_a_plugin_needs_is_started_before_it(void)
{
	static const struct hp_need needs_a[] = { { "b", HP_NEED_REQUIRE }, { "z", HP_NEED_WANT },
						  { "y", HP_NEED_CONFLICT }, { NULL, 0 } };
	static const struct hp_plugin p = PLUGIN("p", .needs = needs_a);
	struct hp_registry *reg = make();

	CU_ASSERT(hp_registry_add(reg, &p) == 0 && hp_registry_add(reg, &plugin_b) == 0);
	CU_ASSERT(hp_registry_start(reg) == 0);
	CU_ASSERT_STRING_EQUAL(trail, "+b +p ");
	hp_registry_free(reg);
	CU_ASSERT_STRING_EQUAL(trail, "+b +p -p -b ");

	reg = make();
	CU_ASSERT(hp_registry_add(reg, &p) == 0 && hp_registry_start(reg) == -ESRCH);
	CU_ASSERT_STRING_EQUAL(said, "plugin p: needs plugin b, which is not loaded\n");
	hp_registry_free(reg);
}

static void conflicts_and_rings_of_needs_are_refused(void)
{
	static const struct hp_need not_b[] = { { "b", HP_NEED_CONFLICT }, { NULL, 0 } };
	static const struct hp_need want_y[] = { { "y", HP_NEED_WANT }, { NULL, 0 } };
	static const struct hp_need want_x[] = { { "x", HP_NEED_REQUIRE }, { NULL, 0 } };
	static const struct hp_plugin c = PLUGIN("c", .needs = not_b);
	static const struct hp_plugin x = PLUGIN("x", .needs = want_y);
	static const struct hp_plugin y = PLUGIN("y", .needs = want_x);
	struct hp_registry *reg = make();

	CU_ASSERT(hp_registry_add(reg, &c) == 0 && hp_registry_add(reg, &plugin_b) == 0);
	CU_ASSERT(hp_registry_start(reg) == -ESRCH);
	CU_ASSERT_STRING_EQUAL(said, "plugin c: can't be loaded together with plugin b\n");
	hp_registry_free(reg);
	reg = make();
	CU_ASSERT(hp_registry_add(reg, &x) == 0 && hp_registry_add(reg, &y) == 0);
	CU_ASSERT(hp_registry_start(reg) == -ELOOP);
	CU_ASSERT(strstr(said, "plugin x: is part of a ring of plugins") != NULL);
	hp_registry_free(reg);
}

static void a_failed_start_stops_those_before(void)
{
	struct hp_registry *reg = make();

	refuse_start = 'b';
	CU_ASSERT(hp_registry_add(reg, &plugin_a) == 0 && hp_registry_add(reg, &plugin_b) == 0);
	CU_ASSERT(hp_registry_start(reg) == -EIO);
	CU_ASSERT_STRING_EQUAL(trail, "+a -a ");
	CU_ASSERT(strstr(said, "plugin b: doesn't start: ") != NULL);
	hp_registry_free(reg);
	CU_ASSERT_STRING_EQUAL(trail, "+a -a ");
}

static void a_reload_is_all_or_nothing(void)
{
	static const char *const names[] = { "b", "a" }, *const others[] = { "a", "c" };
	struct hp_registry_config new = cfg, bad = cfg;
	struct hp_registry *reg = make();
	int negative = -1;

	new.ctx = &value_new;
	bad.ctx = &negative;
	CU_ASSERT(hp_registry_add(reg, &plugin_a) == 0 && hp_registry_add(reg, &plugin_b) == 0);
	CU_ASSERT(hp_registry_start(reg) == 0);
	trail[0] = '\0';
	refuse_value = 'b';
	CU_ASSERT(hp_registry_reload(reg, &new, names, 2) == -EINVAL);
	CU_ASSERT_STRING_EQUAL(trail, "2a 1a ");
	CU_ASSERT(hp_registry_plugin(reg, 0)->settings == &value_old);
	CU_ASSERT(strstr(said, "plugin b: refuses its new settings: ") != NULL);
	CU_ASSERT(hp_registry_reload(reg, &new, others, 2) == -EBUSY);
	CU_ASSERT(hp_registry_reload(reg, &new, names, 1) == -EBUSY);
	CU_ASSERT(hp_registry_reload(reg, &bad, names, 2) == -EINVAL);
	refuse_value = 0;
	trail[0] = '\0';
	CU_ASSERT(hp_registry_reload(reg, &new, names, 2) == 0);
	CU_ASSERT_STRING_EQUAL(trail, "2a 2b ");
	CU_ASSERT(hp_registry_plugin(reg, 0)->settings == &value_new);
	hp_registry_free(reg);
}

static struct hp_ticket asked_with;

static int resolve(struct hp_instance *self, const struct hp_resolve_ask *ask,
		   struct hp_ticket ticket, struct hp_resolve_result *out)
{
	clock_ms = hp_instance_now(self) + 1;
	asked_with = ticket;
	return -EINPROGRESS;
}

static int backend(struct hp_instance *self, const struct hp_backend_ask *ask,
		   struct hp_ticket ticket, struct hp_backend_result *out)
{
	return -ENOENT;
}

static void event(struct hp_instance *self, const struct hp_event_info *info)
{
	went(self, "!");
}

static int answered;

static void done(struct hp_asking *q, int err, const void *result)
{
	answered = err;
}

static const struct hp_resolver_service resolvers[] = {
	{ .name = "ask", .ask = resolve },
	{ .name = NULL }
};
static const struct hp_backend_service backends[] = {
	{ .name = "ask", .ask = backend },
	{ .name = NULL }
};
static const struct hp_event_sub events[] = {
	{ "e.up", HP_EVENT_ASSOC_UP, event }, { "e.gone", HP_EVENT_FLOW_GONE, event },
	{ "e.gone2", HP_EVENT_FLOW_GONE, event }, { NULL, 0, NULL }
};

static int refuse_check; /* settings of this value */

static int check(struct hp_instance *self, const void *set)
{
	const int *value = set;

	if (*value == 1)
		hp_settings_warn(self, "", "value is %d", *value);
	if (*value != refuse_check)
		return 0;
	return hp_settings_complain(self, "list[0].value", "expected another value than %d", *value);
}

static void settings_are_checked_before_they_are_used(void)
{
	static const struct hp_plugin c = PLUGIN("c", .check = check);
	static const struct hp_plugin k = PLUGIN("k", .check = check);
	struct hp_registry_config new = cfg;
	struct hp_registry *reg = make();

	new.ctx = &value_new;
	CU_ASSERT(!hp_registry_add(reg, &c) && !hp_registry_add(reg, &k));
	refuse_check = 1;
	CU_ASSERT_EQUAL(hp_registry_check(reg), -EINVAL);
	CU_ASSERT_EQUAL(hp_registry_start(reg), -EINVAL);
	CU_ASSERT_STRING_EQUAL(trail, "");
	CU_ASSERT(strstr(said, "warning: plugin c: value is 1\n") != NULL);
	CU_ASSERT(strstr(said, "\nplugin c.list[0].value: expected another value than 1\n") != NULL);
	CU_ASSERT(strstr(said, "\nplugin k.list[0].value: expected another value than 1\n") != NULL);
	refuse_check = 2;
	said[0] = '\0';
	CU_ASSERT(!hp_registry_check(reg));
	CU_ASSERT_STRING_EQUAL(said, "warning: plugin c: value is 1\nwarning: plugin k: value is 1\n");
	said[0] = '\0';
	CU_ASSERT(!hp_registry_start(reg));
	CU_ASSERT_STRING_EQUAL(said, ""); /* once is enough */
	CU_ASSERT_STRING_EQUAL(trail, "+c +k ");
	CU_ASSERT_EQUAL(hp_registry_reload(reg, &new, NAMES("c", "k"), 2), -EINVAL);
	CU_ASSERT_STRING_EQUAL(trail, "+c +k ");
	CU_ASSERT(strstr(said, "plugin c.list[0].value: expected another value than 2\n") != NULL);
	hp_registry_free(reg);
}

static void services_and_events_reach_their_plugin(void)
{
	static const struct hp_plugin p = PLUGIN("e", .resolvers = resolvers, .backends = backends,
						 .events = events);
	static const struct hp_plugin q = PLUGIN("f", .backends = backends);
	struct hp_asking asking = { .done = done };
	struct hp_resolve_ask ask = { 0 };
	struct hp_resolve_result out;
	struct hp_registry *reg = make();
	struct hp_event_info info = { .event = HP_EVENT_FLOW_GONE };
	struct hp_service *s;

	CU_ASSERT(hp_registry_add(reg, &p) == 0 && hp_registry_add(reg, &q) == -EEXIST);
	CU_ASSERT(strstr(said, "plugin f: backend ask: another has this name") != NULL);
	CU_ASSERT(hp_registry_start(reg) == 0);
	CU_ASSERT_PTR_NULL(hp_service_find(reg, HP_SERVICE_RESOLVER, "other"));
	s = hp_service_find(reg, HP_SERVICE_BACKEND, "ask");
	CU_ASSERT_FATAL(s && hp_service_backend(s)->ask == backend);
	s = hp_service_find(reg, HP_SERVICE_RESOLVER, "ask");
	CU_ASSERT_FATAL(s != NULL);
	clock_ms = 41;
	CU_ASSERT(hp_service_ask(s, &asking, &ask, &out) == -EINPROGRESS);
	CU_ASSERT(hp_resolve_done(hp_service_self(s), asked_with, -ENOENT, NULL) == 0);
	CU_ASSERT(answered == -ENOENT && clock_ms == 42);
	trail[0] = '\0';
	hp_registry_event(reg, &info);
	info.event = HP_EVENT_FLOW_NEW;
	hp_registry_event(reg, &info);
	CU_ASSERT_STRING_EQUAL(trail, "!e !e ");
	hp_registry_free(reg);
}

struct small {
	uint8_t a;
};

static void unsound_tables_are_refused(void)
{
	static const struct hp_hook stage[] = { { .name = "x.y", .stage = HP_STAGES, .fn = next },
						{ .name = NULL } };
	static const struct hp_hook name[] = { { .name = "core.y", .fn = next }, { .name = NULL } };
	static const struct hp_hook none[] = { { .name = "x.y" }, { .name = NULL } };
	static const struct hp_hook twice[] = { { .name = "x.y", .fn = next },
						{ .name = "x.y", .fn = next }, { .name = NULL } };
	static const struct hp_locator_service serve[] = { { .name = "s" }, { .name = NULL } };
	static const struct hp_event_sub ev[] = { { "x.e", HP_EVENT_FLOW_NEW, NULL }, { 0 } };
	static const struct hp_conf_row far[] = { { .name = "k", .type = HP_CONF_INT, .offset = 1,
						    .field_bytes = 1 }, HP_CONF_END };
	static const struct hp_plugin bad[] = {
		PLUGIN("x", .hooks = stage), PLUGIN("x", .hooks = name),
		PLUGIN("x", .hooks = none), PLUGIN("x", .locators = serve),
		PLUGIN("x", .events = ev), PLUGIN("x", .flow_area_bytes = 4097),
		PLUGIN("x", .schema = far, .settings_bytes = sizeof(struct small)),
		{ HP_PLUGIN_HEAD, .name = "x" },
	};
	static const struct hp_plugin dup = PLUGIN("x", .hooks = twice);
	struct hp_registry *reg;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		reg = make();
		CU_ASSERT(hp_registry_add(reg, &bad[i]) == -EINVAL);
		CU_ASSERT(!strncmp(said, "plugin x: ", 10));
		hp_registry_free(reg);
	}
	reg = make();
	CU_ASSERT(hp_registry_add(reg, &dup) == -EEXIST);
	hp_registry_free(reg);
}

static size_t stream(struct hp_alg_call *c, const uint8_t *data, size_t len, struct hp_alg_out *out)
{
	return len;
}

static enum hp_verdict datagram(struct hp_alg_call *c, const uint8_t *data, size_t len,
				struct hp_alg_out *out)
{
	return HP_NEXT;
}

struct ported {
	struct hp_conf_ints ports, more;
};

static const struct hp_conf_row ported_schema[] = {
	{ "ports", HP_CONF_INTS, 0, HP_CONF_AT(struct ported, ports), 1, 65535 },
	{ "more", HP_CONF_INTS, 0, HP_CONF_AT(struct ported, more) },
	HP_CONF_END
};

static void unsound_gateways_are_refused(void)
{
	static const struct {
		struct hp_alg alg;
		const char *why; /* NULL: sound */
	} rows[] = {
		{ { .name = "a.x", .proto = 6, .stream = stream, .hold_bytes = 65536 }, NULL },
		{ { .name = "a.x", .proto = 17, .datagram = datagram }, NULL },
		{ { .name = "b.x", .proto = 17, .datagram = datagram }, "must be PLUGIN.WHAT" },
		{ { .name = "a.x", .proto = 1, .datagram = datagram }, "proto must be" },
		{ { .name = "a.x", .proto = 17, .stream = stream }, "for UDP" },
		{ { .name = "a.x", .proto = 6, .datagram = datagram }, "for TCP" },
		{ { .name = "a.x", .proto = 6, .stream = stream, .ports_offset = 1 }, "no HP_CONF_INTS row" },
		{ { .name = "a.x", .proto = 6, .stream = stream,
		    .ports_offset = HP_ALG_PORTS(struct ported, more) }, "range 1 to 65535" },
		{ { .name = "a.x", .proto = 6, .stream = stream, .hold_bytes = 65537 }, "hold_bytes" },
		{ { .name = "a.x", .proto = 17, .datagram = datagram, .hold_bytes = 1 }, "never held" },
		{ { .name = "a.x", .proto = 17, .datagram = datagram, .expect_per_flow = 257 },
		  "expect_per_flow" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct hp_alg algs[2] = { rows[i].alg, { .name = NULL } };
		struct hp_plugin plugin = { HP_PLUGIN_HEAD, .name = "a", .version = "1",
					    .summary = "s", .schema = ported_schema,
					    .settings_bytes = sizeof(struct ported), .algs = algs };
		struct hp_registry *reg = make();

		CU_ASSERT_EQUAL(hp_registry_add(reg, &plugin), rows[i].why ? -EINVAL : 0);
		CU_ASSERT_TRUE(!rows[i].why || strstr(said, rows[i].why));
		hp_registry_free(reg);
	}
}

static void another_abi_is_refused_whatever_follows(void)
{
	struct hp_plugin old = plugin_a;
	struct hp_registry *reg = make();

	old.abi++;
	CU_ASSERT(hp_registry_add(reg, &old) == -ENOEXEC);
	old = plugin_a;
	old.size_bytes--;
	CU_ASSERT(hp_registry_add(reg, &old) == -ENOEXEC);
	hp_registry_free(reg);
}

static void the_pipeline_can_be_shown(void)
{
	static const struct hp_hook x = { .name = "core.x", .stage = HP_STAGE_OUT_FLOW,
		.help = "does x", .match = { 4, 6, 80, 90, 3 } };
	static const struct hp_plugin p = PLUGIN("e", .resolvers = resolvers, .backends = backends,
						 .events = events);
	struct hp_registry *reg = make();
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	core_hook(reg, &x);
	CU_ASSERT(hp_registry_add(reg, &p) == 0 && hp_registry_load(reg, NULL, 0) == 0);
	hp_registry_show(reg, out);
	fclose(out);
	CU_ASSERT(strstr(text, "out.flow\n\tcore.x") != NULL);
	CU_ASSERT(strstr(text, " IPv4 tcp ports 80-90 flags 0x3 does x\n") != NULL);
	CU_ASSERT(strstr(text, "\te 1: s\n\t\tservice ask (resolver)\n") != NULL);
	free(text);
	hp_registry_free(reg);
}

static const struct hp_test tests[] = {
	HP_TEST(hooks_are_ordered_by_name_and_stay_as_registered_otherwise),
	HP_TEST(a_ring_of_hooks_refuses_to_start_and_is_named),
	HP_TEST(a_hook_that_can_never_run_is_refused),
	HP_TEST(every_stage_that_is_shown_takes_a_hook),
	HP_TEST(a_second_plugin_that_chooses_paths_is_refused),
	HP_TEST(a_stage_takes_64_hooks),
	HP_TEST(a_flow_is_shown_to_those_who_want_it),
	HP_TEST(a_drop_is_counted_and_ends_the_walk),
	HP_TEST(what_a_plugin_needs_is_started_before_it),
	HP_TEST(conflicts_and_rings_of_needs_are_refused),
	HP_TEST(a_failed_start_stops_those_before),
	HP_TEST(a_reload_is_all_or_nothing),
	HP_TEST(settings_are_checked_before_they_are_used),
	HP_TEST(services_and_events_reach_their_plugin),
	HP_TEST(unsound_tables_are_refused),
	HP_TEST(unsound_gateways_are_refused),
	HP_TEST(another_abi_is_refused_whatever_follows),
	HP_TEST(the_pipeline_can_be_shown),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("plugin", tests, argc, argv);
}
