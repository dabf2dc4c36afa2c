/* SPDX-License-Identifier: MIT
 *
 * The control socket and plugins: their commands, and what each of them is and has.
 *
 * A command's request is {"cmd": "plugin.what", "args": ["word", ...]}.  Rows that follow its answer
 * come as those of the daemon's own lists do (lists.c).
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/command.h"

#define STEP_US   250 /* longest work in one round of the loop */
#define STEP_ROWS 16
#define WORDS_MAX 64

/* ---- rows */

struct stream {
	struct hp_daemon *d;
	struct hp_rows_ref rows;
	char key[HP_ROWS_KEY_MAX + 1];
	uint64_t total;
};

/* Some rows into list: room octets, and what the last of them has beyond that. */
static enum hp_row some(struct stream *s, json_t *list, size_t room)
{
	size_t sum = 0, octets = 0;

	for (int i = 0; i < STEP_ROWS && sum < room; i++, sum += octets) {
		json_t *row = json_object();
		enum hp_row more = row ? hp_rows_next(s->d->registry, s->rows, row, &octets) :
					 HP_ROW_END;

		if (more != HP_ROW_MORE) {
			json_decref(row);
			return more;
		}
		json_array_append_new(list, row);
		s->total++;
	}
	return HP_ROW_MORE;
}

static int send_rows(struct stream *s, struct hp_control_client *c, json_t *list)
{
	json_t *o = json_pack("{s:o}", s->key, list);
	int err = o ? hp_control_send(c, o) : -ENOMEM;

	json_decref(o);
	return err;
}

static enum hp_feed finish(struct stream *s, struct hp_control_client *c)
{
	json_t *o = json_pack("{s:b, s:I}", "end", 1, "total", (json_int_t)s->total);

	if (o)
		hp_control_send(c, o);
	json_decref(o);
	return HP_FEED_END;
}

static enum hp_feed step(void *ctx, struct hp_control_client *c)
{
	struct stream *s = ctx;
	uint64_t end_us = hp_clock_us(&s->d->clock) + STEP_US;
	enum hp_row more;

	do {
		json_t *list = json_array();

		if (!list)
			return HP_FEED_END;
		more = some(s, list, hp_control_room(c));
		if (!json_array_size(list))
			json_decref(list);
		else if (send_rows(s, c, list))
			return HP_FEED_END;
	} while (more == HP_ROW_MORE && hp_control_room(c) && hp_clock_us(&s->d->clock) < end_us);
	return more == HP_ROW_MORE ? HP_FEED_MORE :
	       more == HP_ROW_WAIT ? HP_FEED_WAIT : finish(s, c);
}

static void gone(void *ctx)
{
	struct stream *s = ctx;

	hp_rows_end(s->d->registry, s->rows);
	free(s);
}

static void wake(void *ctx)
{
	hp_control_wake(ctx);
}

static int begin_rows(struct hp_daemon *d, struct hp_control_client *c, struct hp_rows_ref rows,
		      const char *key, json_t *reply)
{
	struct hp_control_feed feed = { .fn = step, .gone = gone };
	struct stream *s = calloc(1, sizeof(*s));

	if (!s) {
		hp_rows_end(d->registry, rows);
		return -ENOMEM;
	}
	*s = (struct stream){ .d = d, .rows = rows };
	strcpy(s->key, key);
	feed.ctx = s;
	json_object_set_new(reply, "stream", json_string(s->key));
	hp_control_feed(c, &feed);
	hp_rows_on_wake(d->registry, rows, wake, c);
	return 0;
}

/* ---- running */

static int refuse(json_t *reply, int err, const char *why)
{
	json_object_set_new(reply, "error", json_string(why));
	return err;
}

/* The request's words; their number, or -EINVAL. */
static int read_words(const json_t *request, const char *words[WORDS_MAX])
{
	const json_t *args = json_object_get(request, "args"), *word;
	size_t i;

	if (args && (!json_is_array(args) || json_array_size(args) > WORDS_MAX))
		return -EINVAL;
	json_array_foreach((json_t *)args, i, word) {
		words[i] = json_string_value(word);
		if (!words[i])
			return -EINVAL;
	}
	return (int)json_array_size(args);
}

int hp_daemon_plugin_command(struct hp_daemon *d, struct hp_control_client *c,
			     const json_t *request, json_t *reply)
{
	const char *name = json_string_value(json_object_get(request, "cmd"));
	const char *words[WORDS_MAX];
	char key[HP_ROWS_KEY_MAX + 1];
	const struct hp_plugin_command *cmd;
	struct hp_instance *self;
	struct hp_rows_ref rows;
	int n, err;

	cmd = name ? hp_registry_command(d->registry, name, &self) : NULL;
	if (!cmd)
		return refuse(reply, -EOPNOTSUPP, "no such command");
	n = read_words(request, words);
	if (n < 0)
		return refuse(reply, -EINVAL, "args: expected at most 64 words");
	err = hp_registry_run_command(self, cmd, words, (size_t)n, reply, &rows, key);
	if (!err && rows.id)
		err = begin_rows(d, c, rows, key, reply);
	if (cmd->acts)
		hp_daemon_commanded(d, c, request, err);
	return err;
}

/* ---- lists */

static json_t *arg_json(const struct hp_arg *a)
{
	static const char *const types[HP_ARG_TYPES] = {
		[HP_ARG_TEXT] = "text", [HP_ARG_INT] = "number", [HP_ARG_BOOL] = "yes|no",
		[HP_ARG_ENUM] = "word", [HP_ARG_ADDR] = "ADDRESS", [HP_ARG_HIT] = "HIT",
		[HP_ARG_PREFIX] = "PREFIX",
	};
	json_t *o = json_pack("{s:s, s:s, s:b, s:s}", "name", a->name, "type", types[a->type],
			      "required", a->required, "help", a->help ? a->help : "");
	json_t *names = json_array();

	for (size_t i = 0; a->type == HP_ARG_ENUM && a->names[i]; i++)
		json_array_append_new(names, json_string(a->names[i]));
	json_object_set_new(o, "names", names);
	return o;
}

static json_t *command_json(const struct hp_plugin *p, const struct hp_plugin_command *c)
{
	json_t *args = json_array();

	for (const struct hp_arg *a = c->args; a && a->name; a++)
		json_array_append_new(args, arg_json(a));
	return json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", c->name, "plugin", p->name, "help",
			 c->help, "acts", c->acts, "args", args);
}

int hp_report_commands(struct hp_daemon *d, json_t *reply)
{
	json_t *list = json_array();
	struct hp_instance *self;

	for (size_t i = 0; (self = hp_registry_plugin(d->registry, i)); i++)
		for (const struct hp_plugin_command *c = self->plugin->commands; c && c->name; c++)
			json_array_append_new(list, command_json(self->plugin, c));
	return json_object_set_new(reply, "commands", list) ? -ENOMEM : 0;
}

static json_t *hooks_json(const struct hp_registry *reg, const struct hp_instance *self)
{
	json_t *list = json_array();
	size_t n;

	for (int stage = 0; stage < HP_STAGES; stage++) {
		const struct hp_step *steps = hp_registry_hooks(reg, (enum hp_stage)stage, &n);

		for (size_t i = 0; i < n; i++)
			if (steps[i].self == self)
				json_array_append_new(list, json_pack("{s:s, s:s}", "name",
						      steps[i].hook->name, "stage",
						      hp_stage_name((enum hp_stage)stage)));
	}
	return list;
}

static json_t *services_json(const struct hp_registry *reg, const struct hp_instance *self)
{
	json_t *list = json_array();
	const struct hp_service *s = NULL;

	while ((s = hp_service_next(reg, s))) {
		const struct hp_service_counts *k = hp_service_counts(s);

		if (hp_service_self(s) == self)
			json_array_append_new(list, json_pack(
				"{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:i}", "name",
				hp_service_name(s), "kind", hp_service_kind_name(hp_service_kind(s)),
				"asked", (json_int_t)k->asked, "answered", (json_int_t)k->answered,
				"unknown", (json_int_t)k->unknown, "failed", (json_int_t)k->failed,
				"timed_out", (json_int_t)k->timed_out, "open", (int)k->open));
	}
	return list;
}

static json_t *counters_json(const struct hp_counters *c)
{
	json_t *o = json_object();

	for (size_t i = 0; i < c->n; i++)
		json_object_set_new(o, c->table[i].name, json_integer((json_int_t)c->values[i]));
	return o;
}

static json_t *commands_json(const struct hp_plugin *p)
{
	json_t *list = json_array();

	for (const struct hp_plugin_command *c = p->commands; c && c->name; c++)
		json_array_append_new(list, json_string(c->name));
	return list;
}

static json_t *gateways_json(const struct hp_plugin *p)
{
	json_t *list = json_array();

	for (const struct hp_alg *a = p->algs; a && a->name; a++)
		json_array_append_new(list, json_string(a->name));
	return list;
}

static json_t *uses_json(const struct hp_instance *self)
{
	const struct hp_module_counts *k = hp_registry_counts(self);

	return json_pack("{s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I}", "timers",
			 (int)k->timers, "descriptors", (int)k->fds, "rows", (int)k->rows, "records",
			 (int)hp_registry_records(self), "timers_fired",
			 (json_int_t)k->timers_fired, "descriptor_events",
			 (json_int_t)k->fd_events, "commands_run", (json_int_t)k->commands,
			 "refused", (json_int_t)k->refused, "late_answers", (json_int_t)k->late);
}

static json_t *plugin_json(const struct hp_registry *reg, const struct hp_instance *self)
{
	const struct hp_plugin *p = self->plugin;
	json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:s, s:i}", "name", p->name, "version",
			      p->version, "summary", p->summary, "abi", (int)p->abi, "state",
			      hp_registry_is_started(self) ? "running" : "stopped",
			      "flow_area_bytes", (int)p->flow_area_bytes);

	json_object_set_new(o, "hooks", hooks_json(reg, self));
	json_object_set_new(o, "services", services_json(reg, self));
	json_object_set_new(o, "commands", commands_json(p));
	json_object_set_new(o, "gateways", gateways_json(p));
	json_object_set_new(o, "counters", counters_json(&self->counters));
	json_object_set_new(o, "drops", counters_json(&self->drops));
	json_object_set_new(o, "uses", uses_json(self));
	return o;
}

int hp_report_plugins(struct hp_daemon *d, json_t *reply)
{
	json_t *list = json_array();
	struct hp_instance *self;

	for (size_t i = 0; (self = hp_registry_plugin(d->registry, i)); i++)
		json_array_append_new(list, plugin_json(d->registry, self));
	return json_object_set_new(reply, "plugins", list) ? -ENOMEM : 0;
}
