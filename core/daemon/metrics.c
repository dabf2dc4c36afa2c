/* SPDX-License-Identifier: MIT
 *
 * The control socket's metrics: the counters and gauges of the core and of plugins, with labels.
 *
 *	{"metrics": [ {"name": "hipproxy_flows", "type": "gauge", "help": "...",
 *	               "values": [ {"labels": {"state": "..."}, "value": 1}, ... ]}, ... ]}
 *
 * Names are those of Prometheus: hipproxy_WHAT, counters end in _total; a plugin's begin with
 * hipproxy_PLUGIN_.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "flow/expect.h"
#include "flow/flowdb.h"
#include "flow/peerdb.h"
#include "plugin/answer.h"
#include "plugin/command.h"
#include "xlat/reassembly.h"

#define NAME_MAX_BYTES 160

/* ---- writing */

/* The list of values of a new metric.  help may be a plugin's, in any octets. */
static json_t *metric(json_t *all, const char *name, bool counter, const char *help)
{
	json_t *values = json_array();

	json_array_append_new(all, json_pack("{s:s, s:s, s:o, s:o}", "name", name, "type",
					     counter ? "counter" : "gauge", "help",
					     hp_answer_json_text(help), "values", values));
	return values;
}

/* Whole numbers are shown as such. */
static json_t *number(double v)
{
	bool whole = fabs(v) < 9e15 && v == (double)(json_int_t)v;

	return whole ? json_integer((json_int_t)v) : json_real(v);
}

/* label NULL: none. */
static void value(json_t *values, const char *label, const char *text, uint64_t v)
{
	json_t *labels = json_object();

	if (label)
		json_object_set_new(labels, label, hp_answer_json_text(text));
	json_array_append_new(values, json_pack("{s:o, s:I}", "labels", labels, "value",
						(json_int_t)v));
}

static void one(json_t *all, const char *name, bool counter, const char *help, uint64_t v)
{
	value(metric(all, name, counter, help), NULL, NULL, v);
}

/* Rows first to end of c, each with its name as the label. */
static void table(json_t *all, const char *name, const char *help, const char *label,
		  const struct hp_counters *c, size_t first, size_t end)
{
	json_t *values = metric(all, name, true, help);

	for (size_t i = first; i < end; i++)
		value(values, label, c->table[i].name, c->values[i]);
}

/* ---- the core's */

static void add_flows(const struct hp_daemon *d, json_t *all)
{
	struct hp_flowdb *db = hp_pipe_flowdb(d->pipe);
	const struct hp_expect_db *expected = hp_flowdb_expect(db);
	json_t *v;

	one(all, "hipproxy_flows", false, "Connections now.", hp_flowdb_count(db));
	v = metric(all, "hipproxy_flows_total", true, "What became of connections.");
	for (int i = 0; i < HP_FLOWC_MAX; i++)
		value(v, "event", hp_flow_counter_name((enum hp_flow_counter)i),
		      hp_flowdb_counters(db)[i]);
	one(all, "hipproxy_expectations", false, "Connections that are expected now.",
	    hp_expect_count(expected));
	v = metric(all, "hipproxy_expectations_total", true,
		   "What became of expected connections.");
	for (int i = 0; i < HP_EXPECTC_MAX; i++)
		value(v, "event", hp_expect_counter_name((enum hp_expect_counter)i),
		      hp_expect_counters(expected)[i]);
}

static void add_peers(const struct hp_daemon *d, json_t *all)
{
	struct hp_peerdb *db = hp_pipe_peerdb(d->pipe);
	json_t *v;

	one(all, "hipproxy_destinations", false, "Destinations of which something is known.",
	    hp_peerdb_count(db));
	v = metric(all, "hipproxy_destinations_total", true, "What became of destinations.");
	for (int i = 0; i < HP_PEERC_MAX; i++)
		value(v, "event", hp_peer_counter_name((enum hp_peer_counter)i),
		      hp_peerdb_counters(db)[i]);
}

static void add_reassembly(const struct hp_daemon *d, json_t *all)
{
	const struct hp_reassembly *r = hp_pipe_reassembly(d->pipe);
	json_t *v;

	one(all, "hipproxy_reassembly", false, "Datagrams of which fragments are missing now.",
	    hp_reassembly_count(r));
	v = metric(all, "hipproxy_reassembly_total", true, "What became of fragments.");
	for (int i = 0; i < HP_REASMC_MAX; i++)
		value(v, "event", hp_reassembly_counter_name((enum hp_reassembly_counter)i),
		      hp_reassembly_counters(r)[i]);
}

static void add_traffic(const struct hp_daemon *d, json_t *all)
{
	const struct hp_pipe_totals *t = hp_pipe_totals(d->pipe);
	json_t *v = metric(all, "hipproxy_packets_total", true, "Inner packets carried by HIP.");

	value(v, "direction", "out", t->out_packets);
	value(v, "direction", "in", t->in_packets);
	v = metric(all, "hipproxy_bytes_total", true, "Their octets.");
	value(v, "direction", "out", t->out_bytes);
	value(v, "direction", "in", t->in_bytes);
	one(all, "hipproxy_passed_packets_total", true, "Packets handed back to the kernel.",
	    t->passed);
	v = metric(all, "hipproxy_dropped_packets_total", true, "Packets dropped, by reason.");
	for (int i = 0; i < HP_DROP_MAX; i++)
		value(v, "reason", hp_drop_name((enum hp_drop_reason)i), hp_pipe_drops(d->pipe)[i]);
}

static void add_core(const struct hp_daemon *d, json_t *all)
{
	const struct hp_counters *hip = hp_hip_counters(d->hip);

	one(all, "hipproxy_uptime_seconds", false, "Since the start.",
	    (hp_clock_ms(&d->clock) - d->process.started_ms) / 1000);
	one(all, "hipproxy_associations", false, "HIP associations now.", hp_hip_count(d->hip));
	table(all, "hipproxy_hip_total", "HIP control messages and what became of exchanges.",
	      "event", hip, 0, HP_HIPC_FIRST_DROP);
	table(all, "hipproxy_hip_dropped_total", "HIP control messages dropped, by reason.", "reason",
	      hip, HP_HIPC_FIRST_DROP, hip->n);
	add_traffic(d, all);
	add_flows(d, all);
	add_peers(d, all);
	add_reassembly(d, all);
	one(all, "hipproxy_loop_worst_microseconds", false,
	    "Longest time in the last minute that the loop stood still, microseconds.",
	    hp_loop_stalls(d->loop).recent_worst_us);
}

/* ---- plugins' */

struct reading {
	const struct hp_metric *m;
	json_t *values;
};

static void put(void *ctx, double v, const char *const *labels)
{
	const struct reading *r = ctx;
	json_t *o = json_object();

	for (size_t i = 0; r->m->labels && r->m->labels[i]; i++)
		json_object_set_new(o, r->m->labels[i], hp_answer_json_text(labels[i]));
	json_array_append_new(r->values, json_pack("{s:o, s:o}", "labels", o, "value", number(v)));
}

static void add_own(struct hp_instance *self, json_t *all)
{
	char name[NAME_MAX_BYTES];

	for (const struct hp_metric *m = self->plugin->metrics; m && m->name; m++) {
		bool counter = m->kind == HP_METRIC_COUNTER;
		struct reading r = { .m = m };

		snprintf(name, sizeof(name), "hipproxy_%s_%s%s", self->plugin->name, m->name,
			 counter ? "_total" : "");
		r.values = metric(all, name, counter, m->help);
		hp_registry_read_metric(self, m, put, &r);
	}
}

static void add_counters(struct hp_instance *self, json_t *all)
{
	const struct hp_counters *c = &self->counters;
	char name[NAME_MAX_BYTES];

	for (size_t i = 0; i < c->n; i++) {
		snprintf(name, sizeof(name), "hipproxy_%s_%s_total", self->plugin->name,
			 c->table[i].name);
		one(all, name, true, c->table[i].help ? c->table[i].help : "", c->values[i]);
	}
	if (!self->drops.n)
		return;
	snprintf(name, sizeof(name), "hipproxy_%s_dropped_packets_total", self->plugin->name);
	table(all, name, "Packets that the plugin dropped, by reason.", "reason", &self->drops, 0,
	      self->drops.n);
}

static void add_services(const struct hp_daemon *d, json_t *all)
{
	json_t *v = metric(all, "hipproxy_services_asked_total", true, "Questions to services.");
	const struct hp_service *s = NULL;

	while ((s = hp_service_next(d->registry, s)))
		value(v, "service", hp_service_name(s), hp_service_counts(s)->asked);
	one(all, "hipproxy_services_open", false, "Questions that wait for an answer.",
	    hp_registry_open_tickets(d->registry));
	one(all, "hipproxy_services_late_total", true, "Answers that nobody waited for any more.",
	    hp_registry_late_answers(d->registry));
}

int hp_report_metrics(struct hp_daemon *d, json_t *reply)
{
	json_t *all = json_array();
	struct hp_instance *self;

	add_core(d, all);
	add_services(d, all);
	for (size_t i = 0; (self = hp_registry_plugin(d->registry, i)); i++) {
		add_counters(self, all);
		add_own(self, all);
	}
	return json_object_set_new(reply, "metrics", all) ? -ENOMEM : 0;
}
