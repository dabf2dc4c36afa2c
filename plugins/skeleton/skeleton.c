/* SPDX-License-Identifier: MIT
 *
 * skeleton: a plugin to copy.  It has one of each thing that a plugin can have, and changes no
 * packet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/plugin.h>

/* ---- settings: read and checked by the core before the plugin sees them.  self->settings is this
 * struct; a reload replaces it. */

struct settings {
	uint32_t every_s;
};

static const struct hp_conf_row schema[] = {
	{ "every_s", HP_CONF_INT, 0, HP_CONF_AT(struct settings, every_s), 1, 3600, .def = "10",
	  .help = "how often the timer runs, seconds" },
	HP_CONF_END
};

/* ---- counters: hp_count(&self->counters, PACKETS).  They appear in hipproxyctl drops, plugins and
 * metrics. */

enum { PACKETS, TICKS };

static const struct hp_counter counters[] = {
	[PACKETS] = { "packets", "outbound packets seen" },
	[TICKS] = { "ticks", "how often the timer has run" },
	{ NULL, NULL }
};

/* ---- state: made by start, freed by stop.  A flow's part is zeroed memory in the flow itself, see
 * flow_area_bytes below. */

struct state {
	struct hp_plugin_timer *timer;
	struct hp_ticket asked; /* by the locator, not answered yet; id 0: none */
	uint64_t last_ms;       /* when the timer ran */
	uint64_t total;         /* ticks, restarts included */
};

struct area {
	uint64_t packets;
};

/* ---- records: small values that survive a restart, by key.  The version tells how a value is to
 * be read. */

static const char ticks_key[] = "ticks";

static void remember(struct hp_instance *self)
{
	const struct state *st = self->state;
	uint8_t value[8];

	hp_put64(value, st->total);
	/* Without a state file (-EOPNOTSUPP) or on a full disk it is only not remembered. */
	hp_record_put(self, ticks_key, strlen(ticks_key), 1, value, sizeof(value));
}

static uint64_t recall(struct hp_instance *self)
{
	uint8_t value[8], version;
	int n = hp_record_get(self, ticks_key, strlen(ticks_key), &version, value,
			      sizeof(value));

	return n == sizeof(value) && version == 1 ? hp_get64(value) : 0;
}

/* ---- timer: runs on the loop, once for each set.  What needs to wait for the network is a
 * descriptor: hp_plugin_fd_watch. */

static void tick(struct hp_instance *self, void *ctx)
{
	const struct settings *set = self->settings;
	struct state *st = ctx;

	hp_count(&self->counters, TICKS);
	st->last_ms = hp_instance_now(self);
	st->total++;
	remember(self);
	if (st->asked.id)
		hp_locate_done(self, st->asked, -ENOENT, NULL);
	st->asked.id = 0;
	hp_plugin_timer_set(st->timer, 1000ull * set->every_s);
}

/* ---- hook: sees packets of its stage and may change or drop them.  The core tests the match, and a
 * flow that does not match costs nothing. */

static enum hp_verdict look(struct hp_instance *self, struct hp_packet *p)
{
	struct area *area = hp_flow_area(p->flow, self->plugin);

	area->packets++;
	hp_count(&self->counters, PACKETS);
	return HP_NEXT;
}

static const struct hp_hook hooks[] = {
	{ .name = "skeleton.look", .stage = HP_STAGE_OUT_FLOW, .fn = look,
	  .help = "counts packets" },
	{ .name = NULL }
};

/* ---- event: is told that something has happened.  The association and the flow are borrowed for
 * the call. */

static void up(struct hp_instance *self, const struct hp_event_info *info)
{
	char hit[HP_ADDR_STRLEN];

	(void)self;
	hp_log(HP_LOG_PLUGIN, HP_LOG_DEBUG, "skeleton: association with %s",
	       hp_addr_format(hp_assoc_peer_hit(info->assoc), hit));
}

static const struct hp_event_sub events[] = {
	{ "skeleton.up", HP_EVENT_ASSOC_UP, up },
	{ NULL, 0, NULL }
};

/* ---- service: answers a question of the core, here "where is this HIT?", at once or later by its
 * ticket.  client.locators = [ "skeleton" ] has it asked. */

static int locate(struct hp_instance *self, const struct hp_locate_ask *ask,
		  struct hp_ticket ticket, struct hp_locate_result *out)
{
	struct state *st = self->state;

	(void)ask, (void)out;
	if (st->asked.id)
		return -ENOENT;
	st->asked = ticket;
	return -EINPROGRESS;
}

static void forget(struct hp_instance *self, struct hp_ticket ticket)
{
	struct state *st = self->state;

	if (st->asked.id == ticket.id)
		st->asked.id = 0;
}

static const struct hp_locator_service locators[] = {
	{ .name = "skeleton", .help = "knows nobody", .ask = locate, .cancel = forget },
	{ .name = NULL }
};

/* ---- command: hipproxyctl skeleton.show [COUNT].  The core checks the arguments by the table; the
 * answer is JSON. */

static int show(struct hp_instance *self, const struct hp_arg_value *args, struct hp_answer *out)
{
	const struct state *st = self->state;
	int64_t n = args[0].given ? args[0].number : 1;

	hp_answer_int(out, "ticks_with_restarts", (int64_t)st->total);
	hp_answer_array(out, "numbers");
	for (int64_t i = 0; i < n; i++)
		hp_answer_int(out, NULL, i);
	hp_answer_end(out);
	hp_answer_message(out, "the timer has run %u times", (unsigned)st->total);
	return 0;
}

static const struct hp_arg show_args[] = {
	{ .name = "count", .type = HP_ARG_INT, .min = 0, .max = 1000, .help = "so many numbers" },
	{ .name = NULL }
};

static const struct hp_plugin_command commands[] = {
	{ .name = "skeleton.show", .help = "what the skeleton has done", .args = show_args,
	  .fn = show },
	{ .name = NULL }
};

/* ---- metric: a number that is given when somebody asks.  Counters are metrics by themselves, this
 * is for all else. */

static void read_last(struct hp_instance *self, const struct hp_metric *m,
		      struct hp_metric_out *out)
{
	const struct state *st = self->state;

	(void)m;
	hp_metric_put(out, (double)st->last_ms / 1000, NULL);
}

static const struct hp_metric metrics[] = {
	{ .name = "last_tick_seconds", .kind = HP_METRIC_GAUGE,
	  .help = "When the timer ran last, on the daemon's clock.", .read = read_last },
	{ .name = NULL }
};

/* ---- life */

static void stop(struct hp_instance *self)
{
	struct state *st = self->state;

	hp_plugin_timer_free(st->timer);
	free(st);
}

static int start(struct hp_instance *self)
{
	const struct settings *set = self->settings;
	struct state *st = calloc(1, sizeof(*st));

	if (!st)
		return -ENOMEM;
	st->timer = hp_plugin_timer_new(self, tick, st);
	if (!st->timer) {
		free(st);
		return -errno;
	}
	self->state = st;
	st->total = recall(self);
	hp_plugin_timer_set(st->timer, 1000ull * set->every_s);
	return 0;
}

HP_PLUGIN(skeleton) = {
	HP_PLUGIN_HEAD,
	.name = "skeleton",
	.version = "1",
	.summary = "a plugin to copy",
	.schema = schema,
	.settings_bytes = sizeof(struct settings),
	.hooks = hooks,
	.events = events,
	.locators = locators,
	.commands = commands,
	.metrics = metrics,
	.counters = counters,
	.flow_area_bytes = sizeof(struct area),
	.start = start,
	.stop = stop,
};
