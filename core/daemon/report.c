/* SPDX-License-Identifier: MIT
 *
 * The control socket's lists: what runs, with whom, what was dropped and why.
 */
#include "config.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/rows.h"
#include "flow/expect.h"
#include "flow/follow.h"
#include "io/gatesock.h"
#include "io/guard.h"
#include "io/rules.h"
#include "wire/ip.h"

/* ---- status */

static json_int_t memory_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long all, resident = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%ld %ld", &all, &resident) != 2)
		resident = 0;
	fclose(f);
	return (json_int_t)resident * sysconf(_SC_PAGESIZE) / 1024;
}

static json_t *identities(const struct hp_daemon *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->own.n_keys; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "name", json_string(d->conf->identities.at[i].name));
		json_object_set_new(o, "hit", hp_row_addr(hp_key_hit(d->own.keys[i])));
		json_object_set_new(o, "algorithm", json_string(hp_key_name(d->own.keys[i])));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *plugins(const struct hp_daemon *d)
{
	json_t *list = json_array();
	struct hp_instance *self;

	for (size_t i = 0; (self = hp_registry_plugin(d->registry, i)); i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", self->plugin->name,
						      "version", self->plugin->version));
	return list;
}

static json_t *roles(const struct hp_daemon *d)
{
	json_t *list = json_array();

	if (d->conf->client.enabled)
		json_array_append_new(list, json_string("client"));
	if (d->conf->host.enabled)
		json_array_append_new(list, json_string("host"));
	return list;
}

static const char *action_name(int action)
{
	return action == HP_CONF_FAIL_OPEN ? "open" : "closed";
}

static const char *queueing(const struct hp_daemon *d)
{
	const uint64_t *n = d->gate.report;

	return n[HP_GATE_R_FLAGS] & HP_GATE_F_QUEUEING && n[HP_GATE_R_BACKEND] <= HP_RULES_NFT ?
		       hp_rules_backend_name((enum hp_rules_backend)n[HP_GATE_R_BACKEND]) : "none";
}

static json_t *capture(const struct hp_daemon *d)
{
	const struct hp_conf_client *c = &d->conf->client;

	return json_pack("{s:s, s:s, s:i, s:s, s:s}", "peers", "route", "backend", queueing(d),
			 "queue", (int)c->queue, "on_failure", action_name(c->on_failure),
			 "on_stop", action_name(c->on_stop));
}

/* Connections to protected destinations that began in the clear. */
static json_t *begun(struct hp_daemon *d)
{
	const struct hp_gate_msg *m = hp_daemon_gate_there(d) ? &d->gate.connections : NULL;
	json_t *list = json_array();

	for (size_t i = 1; m && i < m->n_numbers && 2 * i <= m->n_prefixes; i++) {
		uint64_t n = m->numbers[i];
		json_t *o = json_object();

		json_object_set_new(o, "proto", json_string(n >> 32 == HP_PROTO_TCP ? "tcp" : "udp"));
		json_object_set_new(o, "src", hp_row_addr(&m->prefixes[2 * i - 2].addr));
		json_object_set_new(o, "sport", json_integer((json_int_t)(n >> 16 & 0xffff)));
		json_object_set_new(o, "dst", hp_row_addr(&m->prefixes[2 * i - 1].addr));
		json_object_set_new(o, "dport", json_integer((json_int_t)(n & 0xffff)));
		json_array_append_new(list, o);
	}
	return json_pack("{s:I, s:o}", "total", (json_int_t)(m ? m->numbers[0] : 0), "list", list);
}

/* The last report, if there is a gate that can be asked. */
static json_t *gate(struct hp_daemon *d, bool there)
{
	const uint64_t *n = d->gate.report;
	uint64_t flags = n[HP_GATE_R_FLAGS];
	char path[HP_GATE_PATH_MAX];
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "rules",
			      (json_int_t)n[HP_GATE_R_RULES], "routes",
			      (json_int_t)n[HP_GATE_R_ROUTES], "repairs",
			      (json_int_t)n[HP_GATE_R_REPAIRS], "learned",
			      (json_int_t)n[HP_GATE_R_LEARNED], "reconcile_us",
			      (json_int_t)n[HP_GATE_R_RECONCILE_US], "learn_us",
			      (json_int_t)n[HP_GATE_R_LEARN_US]);

	json_object_set_new(o, "begun_plain", begun(d));
	if (n[HP_GATE_R_REPAIRS])
		json_object_set_new(o, "repaired_s",
				    json_integer((json_int_t)n[HP_GATE_R_REPAIRED_S]));
	json_object_set_new(o, "state",
			    json_string(!there ? "gone" : !(flags & HP_GATE_F_CLIENTS) ? "open" :
					n[HP_GATE_R_ERRNO] ? strerror((int)n[HP_GATE_R_ERRNO]) :
					"kept"));
	json_object_set_new(o, "guard", json_string(!(flags & HP_GATE_F_GUARD) ? "none" :
						    flags & HP_GATE_F_OWNED ? "owned" : "shared"));
	if (!hp_gatesock_path(".sock", path))
		json_object_set_new(o, "socket", json_string(path));
	json_object_set_new(o, "pid", json_integer((json_int_t)n[HP_GATE_R_PID]));
	return o;
}

static json_t *loop_json(const struct hp_daemon *d)
{
	struct hp_loop_stalls s = hp_loop_stalls(d->loop);

	return json_pack("{s:I, s:I, s:I}", "rounds", (json_int_t)s.rounds, "worst_us",
			 (json_int_t)s.worst_us, "recent_worst_us", (json_int_t)s.recent_worst_us);
}

static json_t *control(const struct hp_daemon *d)
{
	const struct hp_control_counts *n = hp_control_counts(d->ctl.socket);

	return json_pack("{s:i, s:I, s:I, s:I, s:I}", "clients", (int)hp_control_clients(d->ctl.socket),
			 "accepted", (json_int_t)n->accepted, "refused", (json_int_t)n->refused,
			 "stalled", (json_int_t)n->stalled, "too_slow", (json_int_t)n->too_slow);
}

static int put_findings(struct hp_daemon *d, json_t *reply)
{
	struct hp_findings *found = calloc(1, sizeof(*found));

	if (!found)
		return -ENOMEM;
	hp_daemon_doctor(d, found);
	json_object_set_new(reply, "findings", hp_findings_json(found));
	free(found);
	return 0;
}

static json_t *pools(const struct hp_daemon *d)
{
	json_t *list = json_array();
	char text[HP_PREFIX_STRLEN];

	for (size_t i = 0; i < d->gate.pools.n; i++)
		json_array_append_new(list, json_string(hp_prefix_format(&d->gate.pools.at[i], text)));
	return list;
}

/* Configured peers that were met before, and where: their HITs may have changed since. */
static json_t *met(const struct hp_daemon *d)
{
	json_t *o = json_object();
	char hit[HP_ADDR_STRLEN];

	for (size_t i = 0; i < d->conf->peers.n; i++) {
		const struct hp_addr *peer = &d->conf->peers.at[i].hit, *at;

		at = hp_hip_met(d->hip, peer);
		if (at)
			json_object_set_new(o, hp_addr_format(peer, hit), hp_row_addr(at));
	}
	return o;
}

/* Besides status: what hipproxyctl needs to look for itself. */
int hp_report_doctor(struct hp_daemon *d, json_t *reply)
{
	char *path = realpath(d->opt.conf_path, NULL); /* for who is in another folder */
	struct hp_transport_status transport;
	struct hp_transport_ref t;
	struct stat st;

	if (stat("/proc/self/ns/net", &st)) {
		free(path);
		return -errno;
	}
	json_object_set_new(reply, "netns", json_integer((json_int_t)st.st_ino));
	json_object_set_new(reply, "config", json_string(path ? path : d->opt.conf_path));
	free(path);
	json_object_set_new(reply, "capturing", json_boolean(d->gate.clients));
	json_object_set_new(reply, "backend", json_string(queueing(d)));
	hp_daemon_transport(d, &t, &transport);
	json_object_set_new(reply, "nat", json_string(transport.mode));
	json_object_set_new(reply, "diverting", json_boolean(hp_daemon_routes_all(d)));
	json_object_set_new(reply, "pools", pools(d));
	json_object_set_new(reply, "met", met(d));
	return put_findings(d, reply);
}

int hp_report_status(struct hp_daemon *d, json_t *reply)
{
	const struct hp_pipe_totals *t = hp_pipe_totals(d->pipe);
	struct hp_peerdb *peers = hp_pipe_peerdb(d->pipe);
	uint64_t up_s = (hp_clock_ms(&d->clock) - d->process.started_ms) / 1000;
	json_t *totals = json_object();
	bool there = hp_daemon_gate_there(d);
	char sandbox[HP_SANDBOX_TEXT];
	const char *state = hp_sandbox_state(d, sandbox);
	struct hp_transport_status transport;
	struct hp_transport_ref ref;

	hp_row_traffic(totals, (uint64_t[2]){ t->out_packets, t->in_packets },
		    (uint64_t[2]){ t->out_bytes, t->in_bytes });
	hp_daemon_transport(d, &ref, &transport);
	json_object_set_new(totals, "passed", json_integer((json_int_t)t->passed));
	json_object_set_new(reply, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(reply, "uptime_s", json_integer((json_int_t)up_s));
	json_object_set_new(reply, "pid", json_integer(getpid()));
	json_object_set_new(reply, "proxy", json_string(d->gate.clients ? "on" : "off"));
	json_object_set_new(reply, "roles", roles(d));
	json_object_set_new(reply, "identities", identities(d));
	if (d->conf->client.enabled)
		json_object_set_new(reply, "capture", capture(d));
	json_object_set_new(reply, "gate", gate(d, there));
	json_object_set_new(
		reply, "counts",
		json_pack("{s:I, s:I, s:I, s:I, s:I}", "associations",
			  (json_int_t)hp_hip_count(d->hip), "flows",
			  (json_int_t)hp_flowdb_count(hp_pipe_flowdb(d->pipe)), "peers",
			  (json_int_t)hp_peerdb_count(peers), "held",
			  (json_int_t)hp_peerdb_hold_pool(peers)->packets, "timers",
			  (json_int_t)d->timers.count));
	json_object_set_new(reply, "totals", totals);
	json_object_set_new(reply, "nat",
			    json_pack("{s:s, s:i}", "mode", transport.mode, "port",
				      (int)transport.port));
	json_object_set_new(reply, "loop", loop_json(d));
	json_object_set_new(reply, "events",
			    json_integer((json_int_t)hp_incidents_told(d->incidents)));
	json_object_set_new(reply, "revoked",
			    json_integer((json_int_t)hp_revoked_count(d->kept.revoked)));
	json_object_set_new(reply, "control", control(d));
	json_object_set_new(reply, "sandbox", json_pack("{s:s, s:s}", "state", state,
							"text", sandbox));
	json_object_set_new(reply, "memory_kb", json_integer(memory_kb()));
	json_object_set_new(reply, "plugins", plugins(d));
	json_object_set_new(reply, "limits", hp_daemon_limits_json(d));
	return put_findings(d, reply);
}

/* ---- drops and counters */

static void add_count(json_t *list, const char *group_key, const char *group, const char *name,
		      const char *value_key, uint64_t value, const char *help)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s}", group_key, group, "name",
					      name, value_key, (json_int_t)value, "help",
					      help ? help : ""));
}

static void add_all(json_t *list, const char *group_key, const char *group,
		    const char *value_key, const struct hp_counters *c, size_t from, size_t to)
{
	for (size_t i = from; i < to && i < c->n; i++)
		add_count(list, group_key, group, c->table[i].name, value_key, c->values[i],
			  c->table[i].help);
}

static void pipe_drops(const struct hp_daemon *d, json_t *drops)
{
	const uint64_t *n = hp_pipe_drops(d->pipe);

	for (int i = 0; i < HP_DROP_MAX; i++)
		add_count(drops, "group", "packet", hp_drop_name((enum hp_drop_reason)i), "count",
			  n[i], hp_drop_help((enum hp_drop_reason)i));
}

struct io_count {
	const char *group, *name, *help;
	uint64_t n;
};

static void io_drops(const struct hp_daemon *d, json_t *drops)
{
	struct hp_nfq_counts q = { 0 };
	const struct hp_raw_counts *r = hp_raw_counts(d->net.raw);
	const struct hp_tun_counts *t = hp_tun_counts(d->net.tun);
	struct hp_encap_counts u = hp_daemon_ports_counts(d);

	if (d->net.nfq)
		q = hp_nfq_counts(d->net.nfq);
	const struct io_count list[] = {
		{ "queue", "no-buffer", "captured, but every packet buffer is in use", q.no_buffer },
		{ "queue", "malformed", "captured without a usable payload", q.malformed },
		{ "queue", "cut", "captured, longer than a packet buffer", q.cut },
		{ "queue", "errors", "verdicts the kernel refused, receive errors", q.errors },
		{ "raw", "malformed", "received, shorter than its headers say", r->malformed },
		{ "raw", "full", "not sent: the device's queue was full", r->full },
		{ "raw", "errors", "not sent: the kernel refused", r->errors },
		{ "icmp", "path-mtu", "\"too big\" about no ESP packet that was sent lately",
		  hp_pipe_totals(d->pipe)->pmtu_ignored },
		{ "udp", "malformed", "received, cut or without an address", u.malformed },
		{ "udp", "full", "not sent: the device's queue was full", u.full },
		{ "udp", "errors", "not sent: the kernel refused", u.errors },
		{ "tun", "no-buffer", "read, but every packet buffer is in use", t->no_buffer },
		{ "tun", "malformed", "read with an unusable header", t->malformed },
		{ "tun", "errors", "writes the kernel refused", t->errors },
		{ "tun", "late", "had waited for a daemon for more than two seconds", t->late },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		add_count(drops, "group", list[i].group, list[i].name, "count", list[i].n,
			  list[i].help);
}

/* Packets that the kernel dropped because of the guard. */
static void guard_drops(struct hp_daemon *d, json_t *drops)
{
	const uint64_t *n = d->gate.report + HP_GATE_R_GUARD;

	if (!hp_daemon_gate_there(d))
		return;
	for (int i = 0; i < HP_GUARD_COUNTS; i++)
		add_count(drops, "group", "guard", hp_guard_counter_name((enum hp_guard_counter)i),
			  "count", n[i], hp_guard_counter_help((enum hp_guard_counter)i));
}

/* Connections that plugins announced, and flows that they follow. */
static void add_announced(struct hp_daemon *d, json_t *counters)
{
	struct hp_flowdb *flows = hp_pipe_flowdb(d->pipe);
	const struct hp_expect_db *db = hp_flowdb_expect(flows);
	const uint64_t *n = hp_expect_counters(db);
	char name[40];

	for (int i = 0; i < HP_EXPECTC_MAX; i++) {
		snprintf(name, sizeof(name), "expectations_%s",
			 hp_expect_counter_name((enum hp_expect_counter)i));
		add_count(counters, "plugin", "core", name, "value", n[i],
			  hp_expect_counter_help((enum hp_expect_counter)i));
	}
	add_count(counters, "plugin", "core", "expectations", "value", hp_expect_count(db),
		  "Announced ports that are expected now.");
	add_count(counters, "plugin", "core", "followed_flows", "value", hp_flowdb_followed(flows),
		  "Flows that a gateway follows now.");
}

int hp_report_drops(struct hp_daemon *d, json_t *reply)
{
	json_t *drops = json_array(), *counters = json_array();
	const struct hp_counters *hip = hp_hip_counters(d->hip);
	struct hp_instance *self;

	pipe_drops(d, drops);
	add_all(drops, "group", "hip", "count", hip, HP_HIPC_FIRST_DROP, hip->n);
	io_drops(d, drops);
	guard_drops(d, drops);
	add_all(counters, "plugin", "core", "value", hip, 0, HP_HIPC_FIRST_DROP);
	add_count(counters, "plugin", "core", "path_mtu_lowered", "value",
		  hp_pipe_totals(d->pipe)->narrowed, "Paths found to be narrower than their first link.");
	add_announced(d, counters);
	for (int k = 0; k < HP_INCIDENT_KINDS; k++)
		add_count(counters, "plugin", "events", hp_incident_name((enum hp_incident_kind)k),
			  "value", hp_incidents_count(d->incidents, (enum hp_incident_kind)k),
			  hp_incident_help((enum hp_incident_kind)k));
	for (size_t i = 0; (self = hp_registry_plugin(d->registry, i)); i++) {
		/* Those of its UDP ports are beside them. */
		add_all(drops, "group", self->plugin->transport ? "udp" : self->plugin->name,
			"count", &self->drops, 0, self->drops.n);
		add_all(counters, "plugin", self->plugin->name, "value", &self->counters, 0,
			self->counters.n);
	}
	json_object_set_new(reply, "drops", drops);
	return json_object_set_new(reply, "counters", counters) ? -ENOMEM : 0;
}
