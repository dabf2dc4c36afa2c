/* SPDX-License-Identifier: MIT
 *
 * Settings as text (see describe.h).
 */
#include "conf/describe.h"

#include <inttypes.h>
#include <string.h>

#define NAME_MAX_LEN 128

/* ---- columns */

static const char *const types[HP_CONF_TYPES] = {
	[HP_CONF_BOOL] = "boolean",
	[HP_CONF_INT] = "integer",
	[HP_CONF_STRING] = "string",
	[HP_CONF_ADDR] = "address",
	[HP_CONF_HIT] = "HIT",
	[HP_CONF_PREFIX] = "prefix",
	[HP_CONF_PORTS] = "port or range of ports",
	[HP_CONF_STRINGS] = "list of strings",
	[HP_CONF_NAMES] = "list of ",
	[HP_CONF_INTS] = "list of integers",
	[HP_CONF_PROTOS] = "list of IP protocols",
	[HP_CONF_ADDRS] = "list of addresses",
	[HP_CONF_PREFIXES] = "list of prefixes",
	[HP_CONF_GROUP] = "group",
	[HP_CONF_GROUPS] = "list of groups",
	[HP_CONF_OPEN] = "group of groups",
};

/* "a", "b" or "c" */
static void put_names(FILE *out, const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		fprintf(out, "%s\"%s\"", !i ? "" : names[i + 1] ? ", " : " or ", names[i]);
}

static void put_type(FILE *out, const struct hp_conf_row *row)
{
	bool path = row->type == HP_CONF_STRING && row->flags & HP_CONF_ABSOLUTE;

	if (types[row->type])
		fputs(path ? "absolute path" : types[row->type], out);
	if (row->names)
		put_names(out, row->names);
}

static void put_range(FILE *out, const struct hp_conf_row *row)
{
	if (!row->min && !row->max)
		fputc('-', out);
	else if (row->max == INT64_MAX)
		fprintf(out, "%" PRId64 " or more", row->min);
	else if (!row->min && row->type != HP_CONF_INT)
		fprintf(out, "up to %" PRId64, row->max);
	else
		fprintf(out, "%" PRId64 " to %" PRId64, row->min, row->max);
}

static const char *unit_of(const struct hp_conf_row *row)
{
	static const struct {
		const char *end, *unit;
	} units[] = {
		{ "_per_s", "a second" }, { "_s", "seconds" }, { "_ms", "milliseconds" }, { "_us", "microseconds" },
		{ "_bytes", "octets" }, { "_packets", "packets" },
	};
	size_t len = strlen(row->name);

	for (size_t i = 0; !row->unit && i < sizeof(units) / sizeof(*units); i++) {
		size_t n = strlen(units[i].end);

		if (row->type == HP_CONF_INT && len > n && !strcmp(row->name + len - n, units[i].end))
			return units[i].unit;
	}
	return row->unit ? row->unit : "-";
}

/* [ "a", "b" ], out of "a, b" */
static void put_name_list(FILE *out, const char *text)
{
	fputs("[ ", out);
	while (*text) {
		size_t n = strcspn(text, ", "), gap = strspn(text + n, ", ");

		fprintf(out, "\"%.*s\"%s", (int)n, text, text[n + gap] ? ", " : " ]");
		text += n + gap;
	}
}

/* As the configuration has it. */
static void put_default(FILE *out, const struct hp_conf_row *row)
{
	bool quoted = row->type == HP_CONF_STRING || row->type == HP_CONF_ENUM;

	if (!row->def)
		fputc('-', out);
	else if (quoted)
		fprintf(out, "\"%s\"", row->def);
	else if (row->type == HP_CONF_NAMES)
		put_name_list(out, row->def);
	else
		fprintf(out, row->type == HP_CONF_INTS ? "[ %s ]" : "%s", row->def);
}

static const char *change_of(const struct hp_conf_row *row)
{
	bool required = row->flags & HP_CONF_REQUIRED, restart = row->flags & HP_CONF_RESTART;

	return required ? restart ? "required, restart" : "required" : restart ? "restart" : "-";
}

/* ---- lines */

void hp_conf_describe_head(FILE *out)
{
	fputs("# setting\ttype\trange\tunit\tdefault\tchange\thelp\n", out);
}

static void put_line(FILE *out, const char *name, const struct hp_conf_row *row)
{
	fprintf(out, "%s\t", name);
	put_type(out, row);
	fputc('\t', out);
	put_range(out, row);
	fprintf(out, "\t%s\t", unit_of(row));
	put_default(out, row);
	fprintf(out, "\t%s\t%s\n", change_of(row), row->help ? row->help : "-");
}

void hp_conf_describe(FILE *out, const char *prefix, const struct hp_conf_row *rows)
{
	char name[NAME_MAX_LEN];

	for (; rows && rows->name; rows++) {
		snprintf(name, sizeof(name), "%s%s", prefix, rows->name);
		put_line(out, name, rows);
		snprintf(name, sizeof(name), "%s%s%s.", prefix, rows->name,
			 rows->type == HP_CONF_GROUPS ? "[]" : "");
		hp_conf_describe(out, name, rows->rows);
	}
}
