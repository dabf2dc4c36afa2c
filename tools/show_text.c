/* SPDX-License-Identifier: MIT
 *
 * Answers that are text already, and lines of a trace.
 */
#include "tools/show.h"

#include <inttypes.h>
#include <string.h>

void hp_show_pipeline(const struct hp_view *view, const json_t *reply)
{
	const char *s = hp_json_text(reply, "text");
	size_t len = strlen(s);

	fprintf(view->out, "%s%s", s, len && s[len - 1] == '\n' ? "" : "\n");
}

void hp_show_trace(const struct hp_view *view, const json_t *line)
{
	uint64_t us = hp_json_number(line, "t_us");
	const char *reason = hp_json_text(line, "reason");

	fprintf(view->out, "%6" PRIu64 ".%06" PRIu64 "  %-9s %-20s %-6s %s", us / 1000000,
		us % 1000000, hp_json_text(line, "stage"), hp_json_text(line, "hook"),
		hp_json_text(line, "verdict"), hp_json_text(line, "packet"));
	if (strcmp(reason, "-"))
		fprintf(view->out, "  (%s)", reason);
	fputc('\n', view->out);
	fflush(view->out);
}

void hp_show_done(const struct hp_view *view, const json_t *reply)
{
	const char *s = json_string_value(json_object_get(reply, "message"));

	if (s)
		fprintf(view->out, "%s\n", s);
}

static const char *or_any(const json_t *row, const char *key)
{
	const char *s = hp_json_text(row, key);

	return *s ? s : "any";
}

static void show_rule(FILE *out, const json_t *row)
{
	uint64_t hits = hp_json_number(row, "hits");

	if (json_is_true(json_object_get(row, "default")))
		fprintf(out, "      %-5s  by default", hp_json_text(row, "action"));
	else
		fprintf(out, "%4" PRIu64 "  %-5s  client %s, identity %s, protocol %s, ports %" PRIu64
			"-%" PRIu64, hp_json_number(row, "number"), hp_json_text(row, "action"),
			or_any(row, "client"), or_any(row, "identity"), or_any(row, "protocol"),
			hp_json_number(row, "port_min"), hp_json_number(row, "port_max"));
	fprintf(out, "  %" PRIu64 " hits\n", hits);
}

void hp_show_policy(const struct hp_view *view, const json_t *reply)
{
	const json_t *rules = json_object_get(reply, "rules"), *row;
	size_t i;

	json_array_foreach((json_t *)rules, i, row)
		show_rule(view->out, row);
	if (rules && !json_array_size(rules))
		fputs("no plugin has access rules\n", view->out);
	hp_show_done(view, reply);
}
