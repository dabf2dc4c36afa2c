/* SPDX-License-Identifier: MIT
 *
 * server: legacy servers behind Host Identities of this machine.
 *
 * HIP clients reach a hosted identity; what they send goes to its legacy server, which sees each
 * client at an address of its own (pool.c) and can open connections back.  Rules say who may
 * (rules.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/plugin.h>

#include "pool.h"
#include "rules.h"
#include "settings.h"

/* ---- settings */

static const char *const names_access[] = { "allow", "deny", NULL };
static const char *const names_refuse[] = { "silent", "notify", NULL };
const char *const server_proto_names[] = { "any", "tcp", "udp", "icmp", "gre", "sctp", "udp-lite",
					   NULL };
const uint8_t server_protos[] = { 0, 6, 17, 58, 47, 132, 136 };

static const struct hp_conf_row port_rows[] = {
	{ "protocol", HP_CONF_ENUM, 0, HP_CONF_AT(struct port_row, proto), .def = "tcp",
	  .names = server_proto_names, .help = "transport protocol" },
	{ "port", HP_CONF_PORTS, 0, HP_CONF_AT(struct port_row, ports),
	  .help = "ports under which HIP clients know the service; if not given, all" },
	{ "to", HP_CONF_INT, 0, HP_CONF_AT(struct port_row, to), 0, 65535, "0",
	  .help = "the server's port for the first of them; 0: the same port" },
	HP_CONF_END
};

static const struct hp_conf_row hosted_rows[] = {
	{ "identity", HP_CONF_STRING, HP_CONF_REQUIRED,
	  HP_CONF_AT(struct hosted_row, identity), 1, 64, .help = "name of an identity of this machine" },
	{ "server", HP_CONF_ADDR, HP_CONF_REQUIRED, HP_CONF_AT(struct hosted_row, server),
	  .help = "address of the legacy server" },
	{ "ports", HP_CONF_GROUPS, 0, HP_CONF_AT(struct hosted_row, ports), 0, 1024,
	  .rows = port_rows, .item_bytes = sizeof(struct port_row),
	  .help = "ports of the server that can be reached; if not given, all" },
	{ "plain", HP_CONF_ENUM, 0, HP_CONF_AT(struct hosted_row, plain), .def = "deny",
	  .names = names_access,
	  .help = "connections that others begin with the server through this machine "
		  "without HIP" },
	HP_CONF_END
};

static const struct hp_conf_row client_rows[] = {
	{ "name", HP_CONF_STRING, HP_CONF_REQUIRED, HP_CONF_AT(struct client_row, name), 1, 64,
	  .help = "name for rules" },
	{ "hit", HP_CONF_HIT, HP_CONF_REQUIRED, HP_CONF_AT(struct client_row, hit),
	  .help = "HIT of the client" },
	HP_CONF_END
};

static const struct hp_conf_row rule_rows[] = {
	{ "client", HP_CONF_STRING, 0, HP_CONF_AT(struct rule_row, client), 0, 64, "",
	  .help = "HIT, or a name of a client; \"\": all clients" },
	{ "identity", HP_CONF_STRING, 0, HP_CONF_AT(struct rule_row, identity), 0, 64, "",
	  .help = "hosted identity; \"\": all" },
	{ "protocol", HP_CONF_ENUM, 0, HP_CONF_AT(struct rule_row, proto), .def = "any",
	  .names = server_proto_names, .help = "transport protocol" },
	{ "ports", HP_CONF_PORTS, 0, HP_CONF_AT(struct rule_row, ports),
	  .help = "ports under which HIP clients know the service; if not given, all" },
	{ "action", HP_CONF_ENUM, HP_CONF_REQUIRED, HP_CONF_AT(struct rule_row, action),
	  .names = names_access, .help = "\"allow\" or \"deny\"" },
	HP_CONF_END
};

static const struct hp_conf_row schema[] = {
	{ "hosted", HP_CONF_GROUPS, HP_CONF_REQUIRED, HP_CONF_AT(struct settings, hosted), 1,
	  1024, .rows = hosted_rows, .item_bytes = sizeof(struct hosted_row),
	  .help = "identities, and the servers behind them" },
	{ "pool4", HP_CONF_PREFIX, 0, HP_CONF_AT(struct settings, pool4),
	  .help = "addresses by which servers know HIP clients" },
	{ "pool6", HP_CONF_PREFIX, 0, HP_CONF_AT(struct settings, pool6),
	  .help = "addresses by which servers know HIP clients" },
	{ "mapping", HP_CONF_STRING, HP_CONF_ABSOLUTE | HP_CONF_WRITTEN,
	  HP_CONF_AT(struct settings, mapping), 0, 4095, HP_STATE_DIR "/clients",
	  .help = "file of the addresses that were given to clients; \"\": none" },
	{ "answer_on", HP_CONF_STRING, 0, HP_CONF_AT(struct settings, answer_on), 0, 15, "",
	  .help = "interface on which ARP and ND for the pools are answered; \"\": none" },
	{ "masquerade", HP_CONF_BOOL, 0, HP_CONF_AT(struct settings, masquerade), .def = "false",
	  .help = "servers see the address of this machine instead of a pool's" },
	{ "clients", HP_CONF_GROUPS, 0, HP_CONF_AT(struct settings, clients), 0, 65536,
	  .rows = client_rows, .item_bytes = sizeof(struct client_row),
	  .help = "HIP clients that have a name" },
	{ "rules", HP_CONF_GROUPS, 0, HP_CONF_AT(struct settings, rules), 0, 4096,
	  .rows = rule_rows, .item_bytes = sizeof(struct rule_row),
	  .help = "rules about connections of HIP clients; the first that matches decides" },
	{ "default", HP_CONF_ENUM, 0, HP_CONF_AT(struct settings, access), .def = "allow",
	  .names = names_access, .help = "action if no rule matches" },
	{ "refuse", HP_CONF_ENUM, 0, HP_CONF_AT(struct settings, refuse), .def = "silent",
	  .names = names_refuse, .help = "how a client that no rule permits anything is refused" },
	HP_CONF_END
};

/* ---- counters */

enum { FLOWS, BACK, DENIED, NOT_HOSTED, REFUSED, CLIENTS };

static const struct hp_counter counters[] = {
	[FLOWS] = { "flows", "connections clients have begun" },
	[BACK] = { "back", "connections servers have begun" },
	[DENIED] = { "denied", "connections a rule did not permit" },
	[NOT_HOSTED] = { "not_hosted", "connections to a port that is not hosted" },
	[REFUSED] = { "refused", "associations no rule permits anything for" },
	[CLIENTS] = { "clients", "clients that were given an address" },
	{ NULL, NULL }
};

/* ---- state */

struct access {
	struct hp_addr *hits; /* of settings->hosted, in its order */
	struct rules rules;
};

struct state {
	struct pool *pool;
	struct access access;
};

/* ---- helpers: settings that have passed the check */

/* The hosted identity called name, zero for "". */
static struct hp_addr find_hosted(const struct settings *s, const struct hp_addr *hits,
				  const char *name)
{
	struct hp_addr any = { 0 };

	for (size_t i = 0; *name && i < s->hosted.n; i++)
		if (!strcmp(server_hosted_at(s, i)->identity, name))
			return hits[i];
	return any;
}

static struct hp_addr find_client(const struct settings *s, const char *name)
{
	const struct client_row *c = s->clients.at;
	struct hp_addr any = { 0 }, hit;

	if (*name && !hp_addr_parse(name, &hit) && hp_addr_is_hit(&hit))
		return hit;
	for (size_t i = 0; *name && i < s->clients.n; i++)
		if (!strcmp(c[i].name, name))
			return c[i].hit;
	return any;
}

static struct rule read_rule(const struct settings *s, const struct hp_addr *hits,
			     const struct rule_row *row)
{
	return (struct rule){
		.client = find_client(s, row->client),
		.hosted = find_hosted(s, hits, row->identity),
		.proto = server_protos[row->proto],
		.port_min = row->ports.min,
		.port_max = row->ports.max,
		.allow = row->action == ALLOW,
	};
}

static void access_free(struct access *a)
{
	free(a->hits);
	free(a->rules.at);
}

static int access_read(struct hp_instance *self, const struct settings *s, struct access *a)
{
	const struct rule_row *rows = s->rules.at;
	int err;

	*a = (struct access){
		.hits = calloc(s->hosted.n, sizeof(*a->hits)),
		.rules = { .at = calloc(s->rules.n + 1, sizeof(struct rule)), .n = s->rules.n,
			   .otherwise = s->access == ALLOW },
	};
	err = a->hits && a->rules.at ? 0 : -ENOMEM;
	for (size_t i = 0; !err && i < s->hosted.n; i++)
		err = hp_identity_claim(self, server_hosted_at(s, i)->identity, &a->hits[i]);
	for (size_t i = 0; !err && i < s->hosted.n; i++)
		if (server_hosted_at(s, i)->plain == DENY)
			err = hp_server_guard(self, &server_hosted_at(s, i)->server);
	for (size_t i = 0; !err && i < s->rules.n; i++)
		a->rules.at[i] = read_rule(s, a->hits, &rows[i]);
	if (err)
		access_free(a);
	return err;
}

/* ---- helpers: questions */

static const struct hosted_row *find_row(const struct hp_instance *self,
					 const struct hp_addr *hit)
{
	const struct settings *s = self->settings;
	const struct state *st = self->state;

	for (size_t i = 0; i < s->hosted.n; i++)
		if (hp_addr_eq(&st->access.hits[i], hit))
			return server_hosted_at(s, i);
	return NULL;
}

/* The server's port, or -EACCES. */
static int map_port(const struct hosted_row *row, uint8_t proto, uint16_t port, uint16_t *out)
{
	const struct port_row *p = row->ports.at;

	*out = port;
	if (!row->ports.n)
		return 0;
	for (size_t i = 0; i < row->ports.n; i++) {
		uint8_t want = server_protos[p[i].proto];

		if ((want && want != proto) || port < p[i].ports.min || port > p[i].ports.max)
			continue;
		if (!server_has_ports(proto))
			return 0;
		if (p[i].to)
			*out = (uint16_t)(p[i].to + (port - p[i].ports.min));
		return 0;
	}
	return -EACCES;
}

static struct question question(const struct hp_backend_ask *ask)
{
	return (struct question){ .client = ask->peer_hit, .hosted = ask->local_hit,
				  .proto = ask->proto, .port = ask->local_port };
}

static void answer_for(struct hp_instance *self, const struct hp_addr *addr)
{
	const struct settings *s = self->settings;
	int err = *s->answer_on ? hp_pool_answer(self, s->answer_on, addr) : 0;

	if (err)
		hp_log(HP_LOG_PLUGIN, HP_LOG_ERROR, "server: answer_on %s: %s", s->answer_on,
		       strerror(-err));
}

static int far_address(struct hp_instance *self, const struct hp_addr *peer, bool v4,
		       struct hp_addr *out)
{
	struct state *st = self->state;
	char hit[HP_ADDR_STRLEN], addr[HP_ADDR_STRLEN];
	bool fresh;
	int err = pool_address(st->pool, peer, v4, out, &fresh);

	if (err || !fresh)
		return err;
	hp_count(&self->counters, CLIENTS);
	hp_log_about(HP_LOG_PLUGIN, HP_LOG_INFO, &(struct hp_log_about){ .peer = peer },
		     "server: client %s is %s to its servers", hp_addr_format(peer, hit),
		     hp_addr_format(out, addr));
	answer_for(self, out);
	return 0;
}

/* ---- service */

static int backend(struct hp_instance *self, const struct hp_backend_ask *ask,
		   struct hp_ticket ticket, struct hp_backend_result *out)
{
	const struct hosted_row *row = find_row(self, &ask->local_hit);
	struct question q = question(ask);
	struct state *st = self->state;
	int err;

	(void)ticket; /* all answers are given at once */
	if (!row)
		return -ENOENT;
	out->addr = row->server;
	err = map_port(row, ask->proto, ask->local_port, &out->port);
	if (err) {
		hp_count(&self->counters, NOT_HOSTED);
		return err;
	}
	if (!rules_decide(&st->access.rules, &q)) {
		hp_count(&self->counters, DENIED);
		return -EACCES;
	}
	err = far_address(self, &ask->peer_hit, hp_addr_is4(&row->server), &out->far);
	if (!err)
		hp_count(&self->counters, FLOWS);
	return err;
}

static int accept_peer(struct hp_instance *self, const struct hp_addr *local_hit,
		       const struct hp_addr *peer_hit)
{
	const struct settings *s = self->settings;
	struct state *st = self->state;

	if (!find_row(self, local_hit))
		return -ENOENT;
	if (rules_any(&st->access.rules, peer_hit, local_hit))
		return 0;
	hp_count(&self->counters, REFUSED);
	return s->refuse == NOTIFY ? -EPERM : -EACCES;
}

static int client(struct hp_instance *self, const struct hp_addr *legacy,
		  const struct hp_addr *far, struct hp_backend_ask *ask)
{
	const struct settings *s = self->settings;
	const struct state *st = self->state;
	const struct hp_addr *hit = pool_hit(st->pool, far);

	for (size_t i = 0; hit && i < s->hosted.n; i++)
		if (hp_addr_eq(&server_hosted_at(s, i)->server, legacy)) {
			ask->local_hit = st->access.hits[i];
			ask->peer_hit = *hit;
			hp_count(&self->counters, BACK);
			return 0;
		}
	return -ENOENT;
}

static int explain(struct hp_instance *self, const struct hp_backend_ask *ask, char *text,
		   size_t bytes)
{
	const struct hosted_row *row = find_row(self, &ask->local_hit);
	const struct state *st = self->state;
	struct question q = question(ask);
	char server[HP_ADDR_STRLEN];
	uint16_t port;
	bool allow;
	size_t i;

	if (!row)
		return -ENOENT;
	if (map_port(row, ask->proto, ask->local_port, &port)) {
		snprintf(text, bytes, "denied: %s does not host this port", row->identity);
		return -EACCES;
	}
	i = rules_find(&st->access.rules, &q);
	allow = i < st->access.rules.n ? st->access.rules.at[i].allow :
					 st->access.rules.otherwise;
	hp_addr_format(&row->server, server);
	if (i < st->access.rules.n)
		snprintf(text, bytes, "%s by rule %zu; server %s, port %u",
			 allow ? "allowed" : "denied", i + 1, server, port);
	else
		snprintf(text, bytes, "%s by default; server %s, port %u",
			 allow ? "allowed" : "denied", server, port);
	return allow ? 0 : -EACCES;
}

static int rule(struct hp_instance *self, size_t i, struct hp_access_rule *out)
{
	const struct settings *s = self->settings;
	const struct state *st = self->state;
	const struct rule_row *row = (const struct rule_row *)s->rules.at + i;

	if (i > s->rules.n)
		return -ENOENT;
	if (i == s->rules.n) {
		*out = (struct hp_access_rule){
			.action = names_access[s->access], .client = "", .identity = "",
			.protocol = "any", .port_max = 65535,
			.hits = st->access.rules.otherwise_hits, .is_default = true,
		};
		return 0;
	}
	*out = (struct hp_access_rule){
		.action = names_access[row->action], .client = row->client,
		.identity = row->identity, .protocol = server_proto_names[row->proto],
		.port_min = row->ports.min, .port_max = row->ports.max,
		.hits = st->access.rules.at[i].hits,
	};
	return 0;
}

static const struct hp_backend_service backends[] = {
	{ .name = "server", .help = "hosted servers of the configuration", .ask = backend,
	  .accept = accept_peer, .client = client, .explain = explain, .rule = rule },
	{ .name = NULL }
};

/* ---- life */

static int attract(struct hp_instance *self, const struct hp_prefix *pool)
{
	char text[HP_PREFIX_STRLEN];
	const struct settings *s = self->settings;
	int err = pool->bits ? hp_pool_attract(self, pool) : 0;

	if (!err && pool->bits && s->masquerade)
		err = hp_pool_masquerade(self, pool);
	if (err)
		hp_log(HP_LOG_PLUGIN, HP_LOG_ERROR, "server: pool %s: %s",
		       hp_prefix_format(pool, text), strerror(-err));
	return err;
}

static int open_pool(const struct settings *s, struct pool **out)
{
	size_t line;
	int err = pool_open(&s->pool4, &s->pool6, s->mapping, out, &line);

	if (err == -EINVAL)
		hp_log(HP_LOG_PLUGIN, HP_LOG_ERROR,
		       "server: %s:%zu: expected HIT ADDRESS, each once", s->mapping, line);
	else if (err)
		hp_log(HP_LOG_PLUGIN, HP_LOG_ERROR, "server: %s: %s", s->mapping,
		       strerror(-err));
	return err;
}

static void stop(struct hp_instance *self)
{
	struct state *st = self->state;

	pool_close(st->pool);
	access_free(&st->access);
	free(st);
	self->state = NULL;
}

static int start(struct hp_instance *self)
{
	const struct settings *s = self->settings;
	struct state *st = calloc(1, sizeof(*st));
	const struct hp_addr *addr;
	int err = st ? access_read(self, s, &st->access) : -ENOMEM;

	if (err) {
		free(st);
		return err;
	}
	self->state = st;
	err = open_pool(s, &st->pool);
	if (!err)
		err = attract(self, &s->pool4);
	if (!err)
		err = attract(self, &s->pool6);
	if (err) {
		stop(self);
		return err;
	}
	for (size_t i = 0; (addr = pool_at(st->pool, i)); i++)
		answer_for(self, addr);
	return 0;
}

static bool same_prefix(const struct hp_prefix *a, const struct hp_prefix *b)
{
	return a->bits == b->bits && hp_addr_eq(&a->addr, &b->addr);
}

/* Rules, identities and servers change; addresses given out do not. */
static int reload(struct hp_instance *self, const void *settings)
{
	const struct settings *old = self->settings, *new = settings;
	struct state *st = self->state;
	struct access access;
	int err;

	if (!same_prefix(&old->pool4, &new->pool4) || !same_prefix(&old->pool6, &new->pool6) ||
	    strcmp(old->mapping, new->mapping) || old->masquerade != new->masquerade)
		return hp_settings_complain(self, "", "pool4, pool6, mapping or masquerade has "
					    "changed, which needs a restart");
	err = access_read(self, new, &access);
	if (err)
		return err;
	rules_inherit(&access.rules, &st->access.rules);
	access_free(&st->access);
	st->access = access;
	return 0;
}

HP_PLUGIN(server) = {
	HP_PLUGIN_HEAD,
	.name = "server",
	.version = "1",
	.summary = "legacy servers behind Host Identities of this machine",
	.schema = schema,
	.settings_bytes = sizeof(struct settings),
	.backends = backends,
	.counters = counters,
	.check = server_check,
	.start = start,
	.reload = reload,
	.stop = stop,
};
