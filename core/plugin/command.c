/* SPDX-License-Identifier: MIT
 *
 * Commands of plugins: words are matched to the table's arguments, checked, and the command is
 * run.
 *
 * Arguments are given in the order of the table, or as NAME=VALUE.
 */
#include "plugin/answer.h"
#include "plugin/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct hp_plugin_command *hp_registry_command(const struct hp_registry *reg,
						    const char *name, struct hp_instance **self)
{
	for (size_t i = 0; reg->settled && i < reg->n_plugins; i++) {
		struct module *m = reg->order[i];
		const struct hp_plugin_command *c = m->self.plugin->commands;

		for (; m->started && c && c->name; c++)
			if (!strcmp(c->name, name)) {
				*self = &m->self;
				return c;
			}
	}
	return NULL;
}

/* ---- one value */

static const char *read_text(const struct hp_arg *arg, const char *s, char *why, size_t bytes)
{
	size_t n = strlen(s);
	int64_t max = arg->min || arg->max ? arg->max : HP_COMMAND_TEXT_MAX;

	if ((int64_t)n >= arg->min && (int64_t)n <= max && n <= HP_COMMAND_TEXT_MAX)
		return NULL;
	snprintf(why, bytes, "%" PRId64 " to %" PRId64 " octets", arg->min, max);
	return why;
}

static const char *read_int(const struct hp_arg *arg, const char *s, int64_t *out, char *why,
			    size_t bytes)
{
	bool any = !arg->min && !arg->max;
	char *end;

	errno = 0;
	*out = strtoll(s, &end, 10);
	if (*s && !*end && !errno && strspn(s, "-0123456789") == strlen(s) &&
	    (any || (*out >= arg->min && *out <= arg->max)))
		return NULL;
	if (any)
		return "a whole number";
	snprintf(why, bytes, "a number from %" PRId64 " to %" PRId64, arg->min, arg->max);
	return why;
}

static const char *read_bool(const char *s, int64_t *out)
{
	static const char *const words[] = { "no", "yes", "off", "on", "false", "true" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], s)) {
			*out = (int64_t)(i & 1);
			return NULL;
		}
	return "yes or no";
}

static const char *read_enum(const struct hp_arg *arg, const char *s, int64_t *out, char *why,
			     size_t bytes)
{
	size_t at = 0;

	for (size_t i = 0; arg->names[i]; i++)
		if (!strcmp(arg->names[i], s)) {
			*out = (int64_t)i;
			return NULL;
		}
	for (size_t i = 0; arg->names[i] && at < bytes; i++)
		at += (size_t)snprintf(why + at, bytes - at, "%s%s", i ? ", " : "",
				       arg->names[i]);
	return why;
}

static const char *read_addr(const char *s, bool hit, struct hp_addr *out)
{
	if (!hp_addr_parse(s, out) && hp_addr_is_hit(out) == hit)
		return NULL;
	return hit ? "a HIT" : "an IPv4 or IPv6 address";
}

/* NULL, or what was expected. */
static const char *read_value(const struct hp_arg *arg, const char *s, struct hp_arg_value *v,
			      char *why, size_t bytes)
{
	v->given = true;
	v->text = s;
	switch (arg->type) {
	case HP_ARG_TEXT:
		return read_text(arg, s, why, bytes);
	case HP_ARG_INT:
		return read_int(arg, s, &v->number, why, bytes);
	case HP_ARG_BOOL:
		return read_bool(s, &v->number);
	case HP_ARG_ENUM:
		return read_enum(arg, s, &v->number, why, bytes);
	case HP_ARG_ADDR:
	case HP_ARG_HIT:
		return read_addr(s, arg->type == HP_ARG_HIT, &v->addr);
	default:
		return hp_prefix_parse(s, &v->prefix) ? "an address or a prefix" : NULL;
	}
}

/* ---- all values */

struct reading {
	const struct hp_plugin_command *cmd;
	struct hp_answer *a;
	struct hp_arg_value values[HP_COMMAND_ARGS];
	size_t n; /* rows of the table */
};

static int refuse(struct reading *r, const char *what, const char *why)
{
	return hp_answer_error(r->a, -EINVAL, "%s: %.64s: %s", r->cmd->name, what, why);
}

/* The row that word names by NAME=, or r->n. */
static size_t named(const struct reading *r, const char *word)
{
	size_t len = strcspn(word, "="), i = 0;

	while (word[len] && i < r->n && (strlen(r->cmd->args[i].name) != len ||
					 strncmp(r->cmd->args[i].name, word, len)))
		i++;
	return word[len] ? i : r->n;
}

static size_t next_free(const struct reading *r)
{
	size_t i = 0;

	while (i < r->n && r->values[i].given)
		i++;
	return i;
}

static int take(struct reading *r, const char *word)
{
	char room[200], expected[240];
	const char *why, *value = word;
	size_t i = named(r, word);

	if (i < r->n) {
		value = word + strlen(r->cmd->args[i].name) + 1;
		if (r->values[i].given)
			return refuse(r, r->cmd->args[i].name, "is given twice");
	} else {
		i = next_free(r);
		if (i == r->n)
			return refuse(r, word, "one argument too many");
	}
	why = read_value(&r->cmd->args[i], value, &r->values[i], room, sizeof(room));
	if (!why)
		return 0;
	snprintf(expected, sizeof(expected), "expected %s", why);
	return refuse(r, r->cmd->args[i].name, expected);
}

static int take_all(struct reading *r, const char *const *words, size_t n)
{
	while (r->cmd->args && r->cmd->args[r->n].name)
		r->n++;
	for (size_t i = 0; i < n; i++) {
		int err = take(r, words[i]);

		if (err)
			return err;
	}
	for (size_t i = 0; i < r->n; i++)
		if (r->cmd->args[i].required && !r->values[i].given)
			return refuse(r, r->cmd->args[i].name, "is missing");
	return 0;
}

/* ---- running */

static void clear(json_t *reply, bool keep_error)
{
	json_t *error = keep_error ? json_incref(json_object_get(reply, "error")) : NULL;

	json_object_clear(reply);
	if (error)
		json_object_set_new(reply, "error", error);
}

static void tell(struct hp_answer *a, int err)
{
	if (a->told)
		return;
	if (err == -EMSGSIZE)
		hp_answer_error(a, err, "the plugin's answer is too long");
	else
		hp_answer_error(a, err, "%s", strerror(-err));
}

int hp_registry_run_command(struct hp_instance *self, const struct hp_plugin_command *cmd,
			    const char *const *words, size_t n, json_t *reply,
			    struct hp_rows_ref *rows, char key[HP_ROWS_KEY_MAX + 1])
{
	struct hp_answer a;
	struct reading r = { .cmd = cmd, .a = &a };
	int err, wrote;

	rows->id = 0;
	hp_answer_init(&a, hp_module_of(self), reply, HP_ANSWER_MAX);
	err = take_all(&r, words, n);
	if (!err) {
		a.m->counts.commands++;
		err = cmd->fn(self, r.values, &a);
		err = err > 0 ? -EINVAL : err;
	}
	wrote = hp_answer_finish(&a);
	err = err ? err : wrote;
	if (err) {
		hp_rows_forget(&a);
		clear(reply, a.told);
		tell(&a, err);
		return err;
	}
	*rows = a.rows;
	strcpy(key, a.rows_key);
	return 0;
}
