/* SPDX-License-Identifier: MIT
 *
 * What the daemon answered, for people.
 */
#include "tools/show.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/table.h"

#define COUNT_OF(a) ((int)(sizeof(a) / sizeof((a)[0])))

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s ? s : "-";
}

static uint64_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) ? (uint64_t)json_number_value(v) : 0;
}

/* "12 packets, 3.4 kB" of PREFIX_packets and PREFIX_bytes. */
static const char *traffic(char buf[HP_CELL_MAX], const json_t *o, const char *prefix)
{
	char packets[32], bytes[32], unit[HP_UNIT_MAX];

	snprintf(packets, sizeof(packets), "%s_packets", prefix);
	snprintf(bytes, sizeof(bytes), "%s_bytes", prefix);
	snprintf(buf, HP_CELL_MAX, "%" PRIu64 " packets, %s", number(o, packets),
		 hp_unit_bytes(unit, number(o, bytes)));
	return buf;
}

/* 192.0.2.1:80, [2001:db8::1]:80; no port, no brackets. */
static const char *endpoint(char buf[HP_CELL_MAX], const json_t *o, const char *addr_key,
			    const char *port_key)
{
	const char *addr = text(o, addr_key);
	uint64_t port = number(o, port_key);

	if (!port)
		snprintf(buf, HP_CELL_MAX, "%s", addr);
	else if (strchr(addr, ':'))
		snprintf(buf, HP_CELL_MAX, "[%s]:%" PRIu64, addr, port);
	else
		snprintf(buf, HP_CELL_MAX, "%s:%" PRIu64, addr, port);
	return buf;
}

static void show_names(const char *label, const json_t *list)
{
	const json_t *v;
	size_t i;

	printf("%-14s", label);
	json_array_foreach((json_t *)list, i, v)
		printf("%s%s", i ? ", " : "", json_string_value(v));
	puts(json_array_size(list) ? "" : "none");
}

static void show_identities(const json_t *list)
{
	const json_t *v;
	size_t i;

	json_array_foreach((json_t *)list, i, v)
		printf("%-14s%s  %s  %s\n", i ? "" : "identities", text(v, "hit"),
		       text(v, "algorithm"), text(v, "name"));
}

static void show_plugins(const json_t *list)
{
	const json_t *v;
	size_t i;

	printf("%-14s", "plugins");
	json_array_foreach((json_t *)list, i, v)
		printf("%s%s %s", i ? ", " : "", text(v, "name"), text(v, "version"));
	puts(json_array_size(list) ? "" : "none");
}

void hp_show_status(const json_t *reply)
{
	const json_t *capture = json_object_get(reply, "capture");
	const json_t *counts = json_object_get(reply, "counts");
	const json_t *totals = json_object_get(reply, "totals");
	const json_t *nat = json_object_get(reply, "nat");
	char cell[HP_CELL_MAX], unit[HP_UNIT_MAX];

	printf("%-14shipproxy %s, pid %" PRIu64 ", up %s\n", "daemon", text(reply, "version"),
	       number(reply, "pid"), hp_unit_time(unit, number(reply, "uptime_s")));
	show_names("roles", json_object_get(reply, "roles"));
	printf("%-14s%s\n", "proxy", text(reply, "proxy"));
	show_identities(json_object_get(reply, "identities"));
	if (json_is_object(capture))
		printf("%-14s%s, queue %" PRIu64 ", peers by %s, fails %s\n", "capture",
		       text(capture, "backend"), number(capture, "queue"),
		       text(capture, "peers"), text(capture, "on_failure"));
	if (number(nat, "port"))
		printf("%-14s%s, UDP port %" PRIu64 "\n", "NAT traversal", text(nat, "mode"),
		       number(nat, "port"));
	printf("%-14s%" PRIu64 " associations, %" PRIu64 " flows, %" PRIu64
	       " destinations known, %" PRIu64 " packets held\n", "now",
	       number(counts, "associations"), number(counts, "flows"),
	       number(counts, "peers"), number(counts, "held"));
	printf("%-14s%s\n", "protected out", traffic(cell, totals, "out"));
	printf("%-14s%s\n", "protected in", traffic(cell, totals, "in"));
	printf("%-14s%s\n", "memory", hp_unit_bytes(unit, 1024 * number(reply, "memory_kb")));
	show_plugins(json_object_get(reply, "plugins"));
}

static void show_association(const json_t *a)
{
	const json_t *path = json_object_get(a, "path");
	char src[HP_CELL_MAX], dst[HP_CELL_MAX], age[HP_UNIT_MAX], idle[HP_UNIT_MAX];

	printf("%s -> %s  %s\n", text(a, "local_hit"), text(a, "peer_hit"), text(a, "state"));
	printf("    path     %s -> %s", endpoint(src, path, "src", "sport"),
	       endpoint(dst, path, "dst", "dport"));
	if (number(a, "mtu"))
		printf(", MTU %" PRIu64, number(a, "mtu"));
	putchar('\n');
	if (json_object_get(a, "reason"))
		printf("    reason   %s: %s\n", text(a, "reason"), text(a, "reason_text"));
	if (json_object_get(a, "shown_hit"))
		printf("    it has   %s\n", text(a, "shown_hit"));
	if (number(a, "spi_out") || number(a, "spi_in"))
		printf("    ESP      %s, SPI out 0x%08" PRIx64 ", in 0x%08" PRIx64 "\n",
		       text(a, "suite"), number(a, "spi_out"), number(a, "spi_in"));
	printf("    traffic  out %s; in ", traffic(src, a, "out"));
	printf("%s\n", traffic(dst, a, "in"));
	printf("    age      %s, idle %s\n", hp_unit_time(age, number(a, "age_s")),
	       hp_unit_time(idle, number(a, "idle_s")));
}

void hp_show_associations(const json_t *reply)
{
	const json_t *list = json_object_get(reply, "associations");
	const json_t *v;
	size_t i;

	if (!json_array_size(list))
		puts("no associations");
	json_array_foreach((json_t *)list, i, v)
		show_association(v);
}

static void flow_row(struct hp_table *t, const json_t *f)
{
	char cell[HP_CELL_MAX], unit[HP_UNIT_MAX];

	hp_table_cell(t, "%s", text(f, "proto"));
	hp_table_cell(t, "%s", endpoint(cell, f, "legacy", "legacy_port"));
	hp_table_cell(t, "%s", endpoint(cell, f, "far", "far_port"));
	hp_table_cell(t, "%s", endpoint(cell, f, "peer_hit", "peer_port"));
	hp_table_cell(t, "%" PRIu64, number(f, "local_port"));
	hp_table_cell(t, "%s", text(f, "state"));
	hp_table_cell(t, "%s", hp_unit_time(unit, number(f, "idle_s")));
	hp_table_cell(t, "%s", hp_unit_time(unit, number(f, "expires_s")));
	hp_table_cell(t, "%s", traffic(cell, f, "out"));
	hp_table_cell(t, "%s", traffic(cell, f, "in"));
}

void hp_show_flows(const json_t *reply)
{
	static const char *const headings[] = {
		"PROTO", "LEGACY HOST", "TALKS TO", "HIP PEER", "AS PORT", "STATE", "IDLE",
		"EXPIRES", "OUT", "IN"
	};
	const json_t *list = json_object_get(reply, "flows");
	struct hp_table t;
	const json_t *v;
	size_t i;

	if (!json_array_size(list)) {
		puts("no flows");
		return;
	}
	hp_table_init(&t, COUNT_OF(headings), 1u << 4 | 1u << 6 | 1u << 7, headings);
	json_array_foreach((json_t *)list, i, v)
		flow_row(&t, v);
	hp_table_print(&t, stdout);
}

void hp_show_peers(const json_t *reply)
{
	static const char *const headings[] = {
		"ADDRESS", "STATE", "HIT", "FROM", "EXPIRES", "HELD", "REASON"
	};
	const json_t *list = json_object_get(reply, "peers");
	char unit[HP_UNIT_MAX];
	struct hp_table t;
	const json_t *v;
	size_t i;

	if (!json_array_size(list)) {
		puts("no destinations known");
		return;
	}
	hp_table_init(&t, COUNT_OF(headings), 1u << 4 | 1u << 5, headings);
	json_array_foreach((json_t *)list, i, v) {
		hp_table_cell(&t, "%s", text(v, "address"));
		hp_table_cell(&t, "%s", text(v, "state"));
		hp_table_cell(&t, "%s", text(v, "hit"));
		hp_table_cell(&t, "%s", text(v, "source"));
		hp_table_cell(&t, "%s", json_is_number(json_object_get(v, "expires_s")) ?
			      hp_unit_time(unit, number(v, "expires_s")) : "-");
		hp_table_cell(&t, "%" PRIu64, number(v, "held"));
		hp_table_cell(&t, "%s", text(v, "reason"));
	}
	hp_table_print(&t, stdout);
}

/* Rows that counted nothing are left out: there are many reasons. */
static size_t counter_rows(struct hp_table *t, const json_t *list, const char *group_key,
			   const char *value_key)
{
	const json_t *v;
	size_t i, rows = 0;

	json_array_foreach((json_t *)list, i, v) {
		if (!number(v, value_key))
			continue;
		hp_table_cell(t, "%" PRIu64, number(v, value_key));
		hp_table_cell(t, "%s", text(v, group_key));
		hp_table_cell(t, "%s", text(v, "name"));
		hp_table_cell(t, "%s", text(v, "help"));
		rows++;
	}
	return rows;
}

void hp_show_drops(const json_t *reply)
{
	static const char *const drops[] = { "COUNT", "WHERE", "REASON", "MEANING" };
	static const char *const counters[] = { "COUNT", "PLUGIN", "COUNTER", "MEANING" };
	struct hp_table t;

	hp_table_init(&t, COUNT_OF(drops), 1, drops);
	if (!counter_rows(&t, json_object_get(reply, "drops"), "group", "count"))
		puts("no packet was dropped");
	if (t.n > 4)
		hp_table_print(&t, stdout);
	free(t.cells);
	hp_table_init(&t, COUNT_OF(counters), 1, counters);
	if (counter_rows(&t, json_object_get(reply, "counters"), "plugin", "value")) {
		putchar('\n');
		hp_table_print(&t, stdout);
	}
	free(t.cells);
}

void hp_show_pipeline(const json_t *reply)
{
	const char *s = text(reply, "text");
	size_t len = strlen(s);

	printf("%s%s", s, len && s[len - 1] == '\n' ? "" : "\n");
}

void hp_show_trace(const json_t *line)
{
	uint64_t us = number(line, "t_us");
	const char *reason = text(line, "reason");

	printf("%6" PRIu64 ".%06" PRIu64 "  %-9s %-20s %-6s %s", us / 1000000, us % 1000000,
	       text(line, "stage"), text(line, "hook"), text(line, "verdict"),
	       text(line, "packet"));
	if (strcmp(reason, "-"))
		printf("  (%s)", reason);
	putchar('\n');
	fflush(stdout);
}

void hp_show_done(const json_t *reply)
{
	const char *s = json_string_value(json_object_get(reply, "message"));

	if (s)
		puts(s);
}

void hp_show_policy(const json_t *reply)
{
	if (json_object_get(reply, "text"))
		hp_show_pipeline(reply);
	else
		hp_show_done(reply);
}
