/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl status.
 */
#include "tools/show.h"

#include <inttypes.h>

#include "tools/unit.h"

#define TRAFFIC_MAX 96

/* "12 packets, 3.4 kB" of PREFIX_packets and PREFIX_bytes. */
static const char *traffic(char buf[TRAFFIC_MAX], const json_t *o, const char *prefix)
{
	char packets[32], bytes[32], unit[HP_UNIT_MAX];

	snprintf(packets, sizeof(packets), "%s_packets", prefix);
	snprintf(bytes, sizeof(bytes), "%s_bytes", prefix);
	snprintf(buf, TRAFFIC_MAX, "%" PRIu64 " packets, %s", hp_json_number(o, packets),
		 hp_unit_bytes(unit, hp_json_number(o, bytes)));
	return buf;
}

static void show_names(FILE *out, const char *label, const json_t *list)
{
	const json_t *v;
	size_t i;

	fprintf(out, "%-14s", label);
	json_array_foreach((json_t *)list, i, v)
		fprintf(out, "%s%s", i ? ", " : "", json_string_value(v));
	fputs(json_array_size(list) ? "\n" : "none\n", out);
}

static void show_identities(FILE *out, const json_t *list)
{
	const json_t *v;
	size_t i;

	json_array_foreach((json_t *)list, i, v)
		fprintf(out, "%-14s%s  %s  %s\n", i ? "" : "identities",
			hp_json_text(v, "hit"), hp_json_text(v, "algorithm"),
			hp_json_text(v, "name"));
}

static void show_plugins(FILE *out, const json_t *list)
{
	const json_t *v;
	size_t i;

	fprintf(out, "%-14s", "plugins");
	json_array_foreach((json_t *)list, i, v)
		fprintf(out, "%s%s %s", i ? ", " : "", hp_json_text(v, "name"),
			hp_json_text(v, "version"));
	fputs(json_array_size(list) ? "\n" : "none\n", out);
}

/* `hipproxyctl doctor` says more, and how to cure it. */
static void show_findings(FILE *out, const json_t *list)
{
	const json_t *v;
	size_t i;

	json_array_foreach((json_t *)list, i, v)
		fprintf(out, "%-14s%s: %s: %s\n", i ? "" : "wrong now",
			hp_json_text(v, "severity"), hp_json_text(v, "id"),
			hp_json_text(v, "text"));
}

/* Those that are reached, or nearly. */
static void show_limits(FILE *out, const json_t *list)
{
	const char *label = "limits";
	const json_t *v;
	size_t i;

	json_array_foreach((json_t *)list, i, v) {
		bool reached = json_is_true(json_object_get(v, "reached"));
		uint64_t used = hp_json_number(v, "used"), most = hp_json_number(v, "most");

		if (!reached && used < most - most / 5)
			continue;
		fprintf(out, "%-14s%s (%s): %s, at most %" PRIu64 ", %" PRIu64
			" refused or given way since the start\n", label, hp_json_text(v, "help"),
			hp_json_text(v, "setting"), reached ? "reached" : "nearly reached", most,
			hp_json_number(v, "refused"));
		label = "";
	}
}

static void show_loop(FILE *out, const json_t *reply)
{
	const json_t *loop = json_object_get(reply, "loop");
	const json_t *control = json_object_get(reply, "control");

	if (loop)
		fprintf(out, "%-14s%" PRIu64 " us in the last minute, %" PRIu64 " us since the start\n",
			"longest round", hp_json_number(loop, "recent_worst_us"),
			hp_json_number(loop, "worst_us"));
	if (control)
		fprintf(out, "%-14s%" PRIu64 " clients, %" PRIu64 " refused, %" PRIu64
			" closed because they did not read\n", "control",
			hp_json_number(control, "clients"), hp_json_number(control, "refused"),
			hp_json_number(control, "stalled") + hp_json_number(control, "too_slow"));
	if (json_object_get(reply, "events"))
		fprintf(out, "%-14s%" PRIu64 " security events, see hipproxyctl events; %" PRIu64
			" HITs are revoked\n", "security", hp_json_number(reply, "events"),
			hp_json_number(reply, "revoked"));
}

/* Connections to peers that began in the clear and are so until they end. */
static void show_begun(FILE *out, const json_t *begun)
{
	const json_t *v;
	size_t i;

	if (!hp_json_number(begun, "total"))
		return;
	fprintf(out, "%-14s%" PRIu64 " connections that began so and go on until they end\n", "plain",
		hp_json_number(begun, "total"));
	json_array_foreach(json_object_get(begun, "list"), i, v)
		fprintf(out, "%-14s%s %s port %" PRIu64 " to %s port %" PRIu64 "\n", "",
			hp_json_text(v, "proto"), hp_json_text(v, "src"), hp_json_number(v, "sport"),
			hp_json_text(v, "dst"), hp_json_number(v, "dport"));
}

void hp_show_status(const struct hp_view *view, const json_t *reply)
{
	const json_t *capture = json_object_get(reply, "capture");
	const json_t *gate = json_object_get(reply, "gate");
	const json_t *counts = json_object_get(reply, "counts");
	const json_t *totals = json_object_get(reply, "totals");
	const json_t *nat = json_object_get(reply, "nat");
	const json_t *sandbox = json_object_get(reply, "sandbox");
	FILE *out = view->out;
	char cell[TRAFFIC_MAX], unit[HP_UNIT_MAX];

	fprintf(out, "%-14shipproxy %s, pid %" PRIu64 ", up %s\n", "daemon",
		hp_json_text(reply, "version"), hp_json_number(reply, "pid"),
		hp_unit_time(unit, hp_json_number(reply, "uptime_s")));
	show_names(out, "roles", json_object_get(reply, "roles"));
	fprintf(out, "%-14s%s\n", "proxy", hp_json_text(reply, "proxy"));
	show_identities(out, json_object_get(reply, "identities"));
	if (json_is_object(capture))
		fprintf(out, "%-14speers by %s, discovery by %s, fails %s, stops %s\n", "capture",
			hp_json_text(capture, "peers"), hp_json_text(capture, "backend"),
			hp_json_text(capture, "on_failure"), hp_json_text(capture, "on_stop"));
	if (json_is_object(gate))
		fprintf(out, "%-14s%s: %" PRIu64 " rules, %" PRIu64 " routes, guard %s, put back %"
			PRIu64 " times\n", "gate", hp_json_text(gate, "state"),
			hp_json_number(gate, "rules"), hp_json_number(gate, "routes"),
			hp_json_text(gate, "guard"), hp_json_number(gate, "repairs"));
	show_begun(out, json_object_get(gate, "begun_plain"));
	if (hp_json_number(nat, "port"))
		fprintf(out, "%-14s%s, UDP port %" PRIu64 "\n", "NAT traversal",
			hp_json_text(nat, "mode"), hp_json_number(nat, "port"));
	fprintf(out, "%-14s%" PRIu64 " associations, %" PRIu64 " flows, %" PRIu64
		" destinations known, %" PRIu64 " packets held\n", "now",
		hp_json_number(counts, "associations"), hp_json_number(counts, "flows"),
		hp_json_number(counts, "peers"), hp_json_number(counts, "held"));
	fprintf(out, "%-14s%s\n", "protected out", traffic(cell, totals, "out"));
	fprintf(out, "%-14s%s\n", "protected in", traffic(cell, totals, "in"));
	fprintf(out, "%-14s%s: %s\n", "sandbox", hp_json_text(sandbox, "state"),
		hp_json_text(sandbox, "text"));
	fprintf(out, "%-14s%s\n", "memory",
		hp_unit_bytes(unit, 1024 * hp_json_number(reply, "memory_kb")));
	show_loop(out, reply);
	show_plugins(out, json_object_get(reply, "plugins"));
	show_limits(out, json_object_get(reply, "limits"));
	show_findings(out, json_object_get(reply, "findings"));
}
