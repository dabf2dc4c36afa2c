/* SPDX-License-Identifier: MIT
 *
 * See own.h.
 */
#include "tools/own.h"

#include <stdlib.h>
#include <string.h>

#include "tools/ask.h"
#include "tools/commands.h"
#include "tools/show.h"

bool hp_own_is_name(const char *name)
{
	return strchr(name, '.') != NULL;
}

/* What a plugin says may come from strangers, and must not move the cursor. */
static void put_sentence(FILE *out, const char *s)
{
	for (; *s; s++) {
		bool control = (unsigned char)*s < ' ' && *s != '\n' && *s != '\t';

		fputc(control || *s == 0x7f ? '?' : *s, out);
	}
	fputc('\n', out);
}

void hp_own_show(const struct hp_view *view, const json_t *reply)
{
	json_t *rest = json_copy((json_t *)reply);
	const char *message = json_string_value(json_object_get(reply, "message"));

	if (message)
		put_sentence(view->out, message);
	json_object_del(rest, "message");
	json_object_del(rest, "ok");
	json_object_del(rest, "stream");
	if (json_object_size(rest)) {
		json_dumpf(rest, view->out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		fputc('\n', view->out);
	}
	json_decref(rest);
}

int hp_own_run(const struct hp_ctl *ctl, int argc, char **argv)
{
	json_t *words = json_array(), *request, *reply;
	struct hp_view view;
	int status;

	for (int i = 1; i < argc; i++)
		if (json_array_append_new(words, json_string(argv[i]))) {
			fprintf(stderr, "hipproxyctl: %s: argument %d is not UTF-8\n", argv[0], i);
			json_decref(words);
			return HP_EXIT_USAGE;
		}
	request = json_pack("{s:s, s:o}", "cmd", argv[0], "args", words);
	if (!request)
		return HP_EXIT_REFUSED;
	status = hp_ask(ctl, request, false, &reply);
	json_decref(request);
	if (status != HP_EXIT_OK)
		return status;
	hp_view_init(&view);
	if (ctl->json) {
		json_dumpf(reply, view.out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		fputc('\n', view.out);
	} else {
		hp_own_show(&view, reply);
	}
	json_decref(reply);
	return HP_EXIT_OK;
}

/* ---- help */

json_t *hp_own_commands(const struct hp_ctl *ctl)
{
	json_t *request = json_pack("{s:s}", "cmd", "commands"), *reply, *list;

	if (hp_ask(ctl, request, true, &reply)) {
		json_decref(request);
		return NULL;
	}
	json_decref(request);
	list = json_incref(json_object_get(reply, "commands"));
	json_decref(reply);
	return list;
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* A kind that completion knows, the words to choose from, or the argument's name in capitals. */
static void put_arg(const json_t *arg, char *out, size_t bytes)
{
	const json_t *names = json_object_get(arg, "names"), *word;
	const char *type = text(arg, "type");
	size_t at = 0, i;

	if (json_array_size(names)) {
		json_array_foreach((json_t *)names, i, word)
			at += at < bytes ? (size_t)snprintf(out + at, bytes - at, "%s%s", i ? "|" : "",
							    json_string_value(word)) : 0;
	} else if (strcmp(type, "text") && strcmp(type, "number")) {
		snprintf(out, bytes, "%s", type);
	} else {
		snprintf(out, bytes, "%s", text(arg, "name"));
		for (char *c = out; *c; c++)
			*c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
	}
}

void hp_own_args(const json_t *row, char *out, size_t bytes)
{
	const json_t *arg;
	char one[160];
	size_t at = 0, i;

	*out = '\0';
	json_array_foreach(json_object_get(row, "args"), i, arg) {
		bool must = json_is_true(json_object_get(arg, "required"));

		put_arg(arg, one, sizeof(one));
		at += at < bytes ? (size_t)snprintf(out + at, bytes - at, "%s%s%s%s", i ? " " : "",
						    must ? "" : "[", one, must ? "" : "]") : 0;
	}
}

static void help(const json_t *row, FILE *out)
{
	char args[512];
	const json_t *arg;
	size_t i;

	hp_own_args(row, args, sizeof(args));
	fprintf(out, "usage: hipproxyctl %s%s%s\n\n%s: %s (plugin %s).\n", text(row, "name"),
		*args ? " " : "", args, text(row, "name"), text(row, "help"), text(row, "plugin"));
	if (json_array_size(json_object_get(row, "args")))
		fputs("\narguments, in this order or as NAME=VALUE:\n", out);
	json_array_foreach(json_object_get(row, "args"), i, arg)
		fprintf(out, "  %-16s %s\n", text(arg, "name"), text(arg, "help"));
}

int hp_own_help(const struct hp_ctl *ctl, const char *name, FILE *out)
{
	json_t *list = hp_own_commands(ctl), *row;
	int status = HP_EXIT_USAGE;
	size_t i;

	json_array_foreach(list, i, row)
		if (!strcmp(text(row, "name"), name)) {
			help(row, out);
			status = HP_EXIT_OK;
		}
	if (!list)
		fprintf(stderr, "hipproxyctl: hipproxyd does not answer, and only it knows %s\n", name);
	else if (status != HP_EXIT_OK)
		fprintf(stderr, "hipproxyctl: no plugin that runs has the command %s\n", name);
	json_decref(list);
	return status;
}
