/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl events, top and revoke.
 */
#include "tools/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/unit.h"

/* ---- events */

static void print_who(FILE *out, const json_t *line, const char *what, const char *key)
{
	if (json_object_get(line, key))
		fprintf(out, "  %s %s", what, hp_json_text(line, key));
}

/* One line an event: when, what, who, why. */
void hp_show_event(const struct hp_view *view, const json_t *line)
{
	FILE *out = view->out;
	const json_t *uid = json_object_get(line, "uid"), *port = json_object_get(line, "port");

	if (json_object_get(line, "lost")) {
		fprintf(out, "%" PRIu64 " events were lost\n", hp_json_number(line, "lost"));
		return;
	}
	fprintf(out, "%s  %-18s", hp_json_text(line, "time"), hp_json_text(line, "event"));
	print_who(out, line, "peer", "peer");
	print_who(out, line, "client", "client");
	print_who(out, line, "at", "address");
	print_who(out, line, "", "proto");
	if (port)
		fprintf(out, " port %" PRIu64, hp_json_number(line, "port"));
	if (uid)
		fprintf(out, "  uid %" PRIu64 " pid %" PRIu64, hp_json_number(line, "uid"),
			hp_json_number(line, "pid"));
	fprintf(out, "  %s", hp_json_text(line, "why"));
	if (json_object_get(line, "suppressed"))
		fprintf(out, " (%" PRIu64 " more were not told)", hp_json_number(line, "suppressed"));
	fputc('\n', out);
	fflush(out);
}

/* ---- top */

static void rate_cell(struct hp_cell *c, const json_t *row, const char *key)
{
	char unit[HP_UNIT_MAX];

	c->number = (double)hp_json_number(row, key);
	snprintf(c->text, sizeof(c->text), "%s/s", hp_unit_bytes(unit, hp_json_number(row, key)));
}

#define RATES                                                                          \
	{ "out", "OUT", "octets a second from the legacy host", HP_COL_RIGHT, rate_cell, "out_rate" }, \
	{ "in", "IN", "octets a second to it", HP_COL_RIGHT, rate_cell, "in_rate" }

static const struct hp_column flow_columns[] = {
	RATES,
	{ "proto", "PROTO", "protocol", 0, hp_cell_text, "proto" },
	{ "legacy", "LEGACY HOST", "its address and port", HP_COL_TRUNC, hp_cell_endpoint, "legacy" },
	{ "far", "TALKS TO", "the address it talks to, and port", HP_COL_TRUNC, hp_cell_endpoint,
	  "far" },
	{ "peer", "HIP PEER", "the peer's HIT", HP_COL_LESS, hp_cell_text, "peer_hit" },
};

static const struct hp_column client_columns[] = {
	RATES,
	{ "client", "CLIENT", "the legacy host", 0, hp_cell_text, "client" },
	{ "flows", "FLOWS", "its connections", HP_COL_RIGHT, hp_cell_number, "flows" },
};

static const struct hp_column assoc_columns[] = {
	RATES,
	{ "peer", "PEER", "the peer's HIT", 0, hp_cell_text, "peer_hit" },
	{ "local", "LOCAL", "our HIT", HP_COL_LESS, hp_cell_text, "local_hit" },
};

#define LIST(c) { .member = "rows", .empty = "no traffic", .columns = c, \
		  .n = sizeof(c) / sizeof(c[0]) }

static const struct hp_list *list_by(const char *by)
{
	static const struct hp_list flows = LIST(flow_columns), clients = LIST(client_columns),
				    assocs = LIST(assoc_columns);

	return !strcmp(by, "clients") ? &clients : !strcmp(by, "associations") ? &assocs : &flows;
}

void hp_show_top(const struct hp_view *view, const json_t *line)
{
	const json_t *totals = json_object_get(line, "totals");
	char out[HP_UNIT_MAX], in[HP_UNIT_MAX];

	if (view->width)
		fputs("\033[H\033[2J", view->out);
	fprintf(view->out, "%" PRIu64 " flows, %" PRIu64 " associations, %s/s out, %s/s in, longest "
		"round %" PRIu64 " us\n", hp_json_number(totals, "flows"),
		hp_json_number(totals, "associations"),
		hp_unit_bytes(out, hp_json_number(totals, "out_rate")),
		hp_unit_bytes(in, hp_json_number(totals, "in_rate")),
		hp_json_number(totals, "loop_worst_us"));
	hp_list_show(list_by(hp_json_text(line, "by")), view, line);
	if (!view->width)
		fputc('\n', view->out);
	fflush(view->out);
}

/* ---- revoke */

void hp_show_revoked(const struct hp_view *view, const json_t *reply)
{
	const json_t *hit;
	size_t i;

	if (!json_object_get(reply, "revoked")) {
		hp_show_done(view, reply);
		return;
	}
	json_array_foreach(json_object_get(reply, "revoked"), i, hit)
		fprintf(view->out, "%s\n", json_string_value(hit));
}
