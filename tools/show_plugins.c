/* SPDX-License-Identifier: MIT
 *
 * Plugins, and metrics in Prometheus' text form (text format, version 0.0.4).
 */
#include "tools/show.h"

#include <stdio.h>

#include "tools/view.h"

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static long long count(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

/* ---- plugins */

static void show_names(FILE *out, const char *what, const json_t *list, const char *key,
		       const char *more)
{
	const json_t *row;
	size_t i;

	json_array_foreach((json_t *)list, i, row) {
		if (json_is_string(row))
			fprintf(out, "\t%-9s %s\n", what, json_string_value(row));
		else
			fprintf(out, "\t%-9s %-24s %s\n", what, text(row, key), text(row, more));
	}
}

static void show_service(FILE *out, const json_t *s)
{
	fprintf(out, "\t%-9s %-24s asked %lld, answered %lld, unknown %lld, failed %lld, "
		"timed out %lld, open %lld\n", text(s, "kind"), text(s, "name"), count(s, "asked"),
		count(s, "answered"), count(s, "unknown"), count(s, "failed"),
		count(s, "timed_out"), count(s, "open"));
}

static void show_counters(FILE *out, const char *what, const json_t *counters)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)counters, name, v)
		fprintf(out, "\t%-9s %-24s %lld\n", what, name, (long long)json_integer_value(v));
}

static void show_plugin(FILE *out, const json_t *p)
{
	const json_t *uses = json_object_get(p, "uses"), *row;
	size_t i;

	fprintf(out, "%s %s (ABI %lld, %s): %s\n", text(p, "name"), text(p, "version"),
		count(p, "abi"), text(p, "state"), text(p, "summary"));
	show_names(out, "hook", json_object_get(p, "hooks"), "name", "stage");
	json_array_foreach(json_object_get(p, "services"), i, row)
		show_service(out, row);
	show_names(out, "gateway", json_object_get(p, "gateways"), "name", "name");
	show_names(out, "command", json_object_get(p, "commands"), "name", "name");
	show_counters(out, "counter", json_object_get(p, "counters"));
	show_counters(out, "drop", json_object_get(p, "drops"));
	fprintf(out, "\tuses      %lld timers, %lld descriptors, %lld records; limits refused "
		"%lld, late answers %lld\n", count(uses, "timers"), count(uses, "descriptors"),
		count(uses, "records"), count(uses, "refused"), count(uses, "late_answers"));
}

void hp_show_plugins(const struct hp_view *view, const json_t *reply)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(reply, "plugins"), i, row)
		show_plugin(view->out, row);
}

/* ---- metrics */

/* Backslashes, line feeds and (in labels) quotation marks are escaped. */
static void put_escaped(FILE *out, const char *s, bool label)
{
	for (; *s; s++) {
		if (*s == '\\' || (label && *s == '"'))
			fprintf(out, "\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", out);
		else
			fputc(*s, out);
	}
}

static void put_labels(FILE *out, const json_t *labels)
{
	const char *name, *before = "{";
	json_t *v;

	json_object_foreach((json_t *)labels, name, v) {
		fprintf(out, "%s%s=\"", before, name);
		put_escaped(out, json_string_value(v) ? json_string_value(v) : "", true);
		fputc('"', out);
		before = ",";
	}
	if (*before == ',')
		fputc('}', out);
}

static void show_metric(FILE *out, const json_t *m)
{
	const json_t *row;
	size_t i;

	fprintf(out, "# HELP %s ", text(m, "name"));
	put_escaped(out, text(m, "help"), false);
	fprintf(out, "\n# TYPE %s %s\n", text(m, "name"), text(m, "type"));
	json_array_foreach(json_object_get(m, "values"), i, row) {
		const json_t *v = json_object_get(row, "value");

		fputs(text(m, "name"), out);
		put_labels(out, json_object_get(row, "labels"));
		if (json_is_integer(v))
			fprintf(out, " %lld\n", (long long)json_integer_value(v));
		else
			fprintf(out, " %.17g\n", json_number_value(v));
	}
}

void hp_show_metrics(const struct hp_view *view, const json_t *reply)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(reply, "metrics"), i, row)
		show_metric(view->out, row);
}
