/* SPDX-License-Identifier: MIT
 *
 * What can be asked for over the control socket: one row a command.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct command {
	const char *name;
	int (*fn)(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		  json_t *reply);
	bool acts; /* what it did, or was to do, is a security event */
};

static int refuse(json_t *reply, int err, const char *why)
{
	json_object_set_new(reply, "error", json_string(why));
	return err;
}

static const char *arg(const json_t *request, const char *name)
{
	const char *s = json_string_value(json_object_get(request, name));

	return s ? s : "";
}

/* ---- lists */

static int status(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		  json_t *reply)
{
	(void)request, (void)reply;
	return hp_daemon_fresh(d, c, hp_report_status);
}

/* The command's name is the list's. */
static int list(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		json_t *reply)
{
	return hp_daemon_list(d, c, request, reply);
}

static int drops(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		 json_t *reply)
{
	(void)request, (void)reply;
	return hp_daemon_fresh(d, c, hp_report_drops);
}

static int doctor(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		  json_t *reply)
{
	(void)request, (void)reply;
	return hp_daemon_fresh(d, c, hp_report_doctor);
}

static int pipeline(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		    json_t *reply)
{
	(void)c, (void)request;
	return hp_report_pipeline(d, reply);
}

static int metrics(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		   json_t *reply)
{
	(void)c, (void)request;
	return hp_report_metrics(d, reply);
}

static int plugins(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		   json_t *reply)
{
	(void)c, (void)request;
	return hp_report_plugins(d, reply);
}

static int plugin_commands(struct hp_daemon *d, struct hp_control_client *c,
			   const json_t *request, json_t *reply)
{
	(void)c, (void)request;
	return hp_report_commands(d, reply);
}

/* ---- doing */

static int proxy(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		 json_t *reply)
{
	bool on = !strcmp(arg(request, "state"), "on");
	struct hp_io_err e = { "" };
	int err;

	(void)c;
	if (!on && strcmp(arg(request, "state"), "off"))
		return refuse(reply, -EINVAL, "state: expected \"on\" or \"off\"");
	if (!d->conf->client.enabled)
		return refuse(reply, -EOPNOTSUPP, "client.enabled is false in the configuration");
	err = hp_daemon_capture(d, on, &e);
	if (err)
		return refuse(reply, err, e.text);
	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "proxy %s", on ? "on" : "off");
	json_object_set_new(reply, "message",
			    json_string(on ? "proxy is on" : "proxy is off: all traffic passes"));
	return 0;
}

/* With what was noticed, a line each. */
static json_t *reloaded_message(const json_t *noticed)
{
	json_t *text = json_string("configuration reloaded");
	const json_t *line;
	size_t i;

	json_array_foreach((json_t *)noticed, i, line) {
		json_t *longer = json_sprintf("%s\n%s", json_string_value(text),
					      json_string_value(line));

		json_decref(text);
		text = longer;
	}
	return text;
}

static int reload(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		  json_t *reply)
{
	struct hp_io_err e = { "" };
	json_t *complaints;
	int err = hp_daemon_reload(d, &e, &complaints);

	(void)c, (void)request;
	if (err) {
		json_object_set_new(reply, "complaints", complaints);
		return refuse(reply, err, e.text);
	}
	json_object_set_new(reply, "message", reloaded_message(complaints));
	json_decref(complaints);
	return 0;
}

static int nat(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
	       json_t *reply)
{
	struct hp_transport_status status;
	struct hp_transport_ref t;
	char text[64];
	int err;

	(void)c;
	if (!hp_daemon_transport(d, &t, &status) || !t.table->mode)
		return refuse(reply, -EOPNOTSUPP, "the plugin natudp is not loaded");
	err = t.table->mode(t.self, arg(request, "mode"));
	if (err == -EINVAL)
		return refuse(reply, err, "mode: expected plain-udp, auto or off");
	if (err)
		return refuse(reply, err, "refused, see the log");
	hp_daemon_transport(d, &t, &status);
	snprintf(text, sizeof(text), "NAT traversal: %s", status.mode);
	json_object_set_new(reply, "message", json_string(text));
	return 0;
}

/* ---- access policy of services */

static int parse_proto(const char *name)
{
	if (!strcmp(name, "tcp"))
		return 6;
	if (!strcmp(name, "udp"))
		return 17;
	if (!strcmp(name, "gre"))
		return 47;
	if (!strcmp(name, "sctp"))
		return 132;
	if (!strcmp(name, "udp-lite"))
		return 136;
	return strcmp(name, "icmp") ? -1 : 58;
}

/* A HIT, or an identity's name. */
static int parse_identity(const struct hp_daemon *d, const char *name, struct hp_addr *hit)
{
	const struct hp_conf_identity *id;

	if (!hp_addr_parse(name, hit) && hp_addr_is_hit(hit))
		return 0;
	id = *name ? hp_conf_identity_find(d->conf, name) : NULL;
	if (!id)
		return -EINVAL;
	*hit = *hp_key_hit(d->own.keys[id - d->conf->identities.at]);
	return 0;
}

static int policy_test(struct hp_daemon *d, const json_t *request, json_t *reply)
{
	json_int_t port = json_integer_value(json_object_get(request, "port"));
	int proto = parse_proto(arg(request, "protocol")), err;
	struct hp_backend_ask ask = { .local_port = (uint16_t)port, .proto = (uint8_t)proto };
	char text[256] = "";

	if (hp_addr_parse(arg(request, "client"), &ask.peer_hit) ||
	    !hp_addr_is_hit(&ask.peer_hit))
		return refuse(reply, -EINVAL, "client: expected a HIT");
	if (parse_identity(d, arg(request, "identity"), &ask.local_hit))
		return refuse(reply, -EINVAL, "identity: expected a name in `identities`, or a HIT");
	if (proto < 0 || port < 0 || port > 65535)
		return refuse(reply, -EINVAL, "expected tcp, udp, icmp, gre, sctp or udp-lite, and a port");
	err = hp_daemon_backend_explain(d, &ask, text, sizeof(text));
	if (err == -ENOENT)
		return refuse(reply, err, "this identity is not hosted");
	json_object_set_new(reply, "allowed", json_boolean(!err));
	json_object_set_new(reply, "message", json_string(text));
	return 0;
}

static int policy(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		  json_t *reply)
{
	(void)c;
	if (!strcmp(arg(request, "action"), "test"))
		return policy_test(d, request, reply);
	return hp_report_policy(d, reply);
}

/* ---- ending associations: collected first, for closing may free them */

struct victims {
	struct hp_assoc **list;
	size_t n, max;
	const struct hp_addr *peer;
};

static int collect(struct hp_assoc *a, void *arg)
{
	struct victims *v = arg;

	if (v->n < v->max && hp_addr_eq(hp_assoc_peer_hit(a), v->peer))
		v->list[v->n++] = a;
	return 0;
}

/* How many; -ENOMEM. */
static long close_all(struct hp_daemon *d, const struct hp_addr *peer)
{
	struct victims v = { .max = hp_hip_count(d->hip), .peer = peer };

	v.list = calloc(v.max + 1, sizeof(struct hp_assoc *));
	if (!v.list)
		return -ENOMEM;
	hp_hip_each(d->hip, collect, &v);
	for (size_t i = 0; i < v.n; i++)
		hp_hip_close(v.list[i]);
	free(v.list);
	return (long)v.n;
}

static int close_peer(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		      json_t *reply)
{
	struct hp_addr hit;
	long n;

	(void)c;
	if (hp_addr_parse(arg(request, "hit"), &hit) || !hp_addr_is_hit(&hit))
		return refuse(reply, -EINVAL, "hit: expected a HIT, an address in 2001:20::/28");
	n = close_all(d, &hit);
	if (n < 0)
		return (int)n;
	if (!n)
		return refuse(reply, -ENOENT, "no association with this HIT");
	json_object_set_new(reply, "message", json_string("CLOSE sent"));
	return 0;
}

static int flush(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		 json_t *reply)
{
	return hp_daemon_flush_tables(d, c, request, reply);
}

/* ---- tracing */

static void trace_gone(void *ctx)
{
	struct hp_daemon *d = ctx;

	hp_pipe_trace(d->pipe, NULL, NULL, NULL);
	d->ctl.tracer = NULL;
}

static void trace_line(void *ctx, const struct hp_trace_line *line)
{
	struct hp_daemon *d = ctx;
	json_t *o = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "t_us", (json_int_t)line->t_us,
			      "stage", line->stage, "hook", *line->hook ? line->hook : "-",
			      "verdict", line->verdict, "reason",
			      *line->reason ? line->reason : "-", "packet", line->packet);

	if (!o || hp_control_send(d->ctl.tracer, o))
		hp_pipe_trace(d->pipe, NULL, NULL, NULL);
	json_decref(o);
}

static int trace(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		 json_t *reply)
{
	struct hp_addr addr;

	if (hp_addr_parse(arg(request, "address"), &addr))
		return refuse(reply, -EINVAL, "address: expected an IPv4 or IPv6 address or a HIT");
	if (d->ctl.tracer)
		return refuse(reply, -EBUSY, "somebody else is tracing");
	d->ctl.tracer = c;
	hp_pipe_trace(d->pipe, &addr, trace_line, d);
	hp_control_stream(c, trace_gone, d);
	return 0;
}

static int top(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
	       json_t *reply)
{
	return hp_daemon_top(d, c, request, reply);
}

/* ---- security */

static int events(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		  json_t *reply)
{
	return hp_incidents_stream(d->incidents, c, request, reply);
}

static int revoke(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		  json_t *reply)
{
	(void)c;
	return hp_daemon_revoke(d, request, reply);
}

static int revoked(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		   json_t *reply)
{
	(void)c, (void)request;
	return hp_daemon_revocations(d, reply);
}

static const struct command commands[] = {
	{ "status", status, false },
	{ "associations", list, false },
	{ "flows", list, false },
	{ "peers", list, false },
	{ "drops", drops, false },
	{ "doctor", doctor, false },
	{ "pipeline", pipeline, false },
	{ "metrics", metrics, false },
	{ "plugins", plugins, false },
	{ "commands", plugin_commands, false },
	{ "proxy", proxy, true },
	{ "policy", policy, false },
	{ "reload", reload, true },
	{ "nat", nat, true },
	{ "close", close_peer, true },
	{ "flush", flush, true },
	{ "trace", trace, true },
	{ "top", top, false },
	{ "events", events, false },
	{ "revoke", revoke, true },
	{ "revoked", revoked, false },
};

static int run(const struct command *cmd, struct hp_daemon *d, struct hp_control_client *c,
	       const json_t *request, json_t *reply)
{
	int err = cmd->fn(d, c, request, reply);

	if (cmd->acts)
		hp_daemon_commanded(d, c, request, err);
	return err;
}

int hp_daemon_command(void *ctx, struct hp_control_client *c, const json_t *request, json_t *reply)
{
	const char *name = arg(request, "cmd");

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, name))
			return run(&commands[i], ctx, c, request, reply);
	return hp_daemon_plugin_command(ctx, c, request, reply);
}

/* ---- the part */

static int start(struct hp_daemon *d)
{
	struct hp_control_cfg cfg = { .path = d->conf->control.socket,
				      .group = d->conf->control.group,
				      .fn = hp_daemon_command, .ctx = d, .timers = &d->timers,
				      .event = hp_daemon_control_event };
	struct hp_io_err e = { "" };
	int err = hp_control_open(d->loop, &cfg, &d->ctl.socket, &e);

	return err ? hp_daemon_fail_io(err, &e) : 0;
}

static void stop(struct hp_daemon *d)
{
	if (d->ctl.socket)
		hp_control_close(d->ctl.socket);
	d->ctl.socket = NULL;
}

const struct hp_part hp_part_control = { "control socket", start, stop, NULL };
