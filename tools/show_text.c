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

void hp_show_policy(const struct hp_view *view, const json_t *reply)
{
	if (json_object_get(reply, "text"))
		hp_show_pipeline(view, reply);
	else
		hp_show_done(view, reply);
}
