/* SPDX-License-Identifier: MIT
 *
 * ftp: application level gateway for FTP (RFC 959, RFC 2428, after RFC 6384).
 *
 * The names of data connections in the control connection become those that are right on the
 * other side, and the data connection is announced to the core.  In front of legacy clients:
 * PORT -> EPRT, PASV -> EPSV and its answer back; in front of a legacy server EPRT -> PORT, EPSV
 * -> PASV.  IPv6 on the legacy side only changes addresses.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <hipproxy/l7.h>
#include <hipproxy/plugin.h>

#include "line.h"

#define TCP 6
#define PENDING_MAX 32u /* commands not yet answered */
#define WELL_KNOWN  1024u

/* ---- settings */

enum { AUTH_PASS, AUTH_REFUSE };

struct settings {
	struct hp_conf_ints ports;
	uint32_t timeout_s;
	int auth;
	bool low_ports;
};

static const char *const auth_names[] = { "pass", "refuse", NULL };

static const struct hp_conf_row schema[] = {
	{ "ports", HP_CONF_INTS, 0, HP_CONF_AT(struct settings, ports), 1, 65535, .def = "21",
	  .help = "ports of control connections" },
	/* RFC 6384, section 12: at least 30 seconds. */
	{ "timeout_s", HP_CONF_INT, 0, HP_CONF_AT(struct settings, timeout_s), 30, 3600,
	  .def = "60", .help = "how long an announced data connection is waited for" },
	{ "auth", HP_CONF_ENUM, 0, HP_CONF_AT(struct settings, auth), .def = "pass",
	  .names = auth_names,
	  .help = "let AUTH (TLS) reach the server, or refuse it so that clients stay readable" },
	{ "low_ports", HP_CONF_BOOL, 0, HP_CONF_AT(struct settings, low_ports), .def = "false",
	  .help = "whether data connections may go to ports below 1024" },
	HP_CONF_END
};

/* ---- counters */

enum { SESSIONS, COMMANDS, REPLIES, ANSWERED, FOREIGN, REFUSED, LOW_PORT, AUTH, NOT_FTP, LOST };

static const struct hp_counter counters[] = {
	[SESSIONS] = { "sessions", "control connections followed" },
	[COMMANDS] = { "commands", "commands translated" },
	[REPLIES] = { "replies", "replies translated" },
	[ANSWERED] = { "answered", "commands answered in the server's place" },
	[FOREIGN] = { "foreign", "PORT or EPRT with an address not the client's: left alone" },
	[REFUSED] = { "refused", "data connections that could not be announced" },
	[LOW_PORT] = { "low-port", "data connections to a port below 1024: refused" },
	[AUTH] = { "auth", "control connections that became transparent" },
	[NOT_FTP] = { "not-ftp", "control connections that do not begin as FTP: left alone" },
	[LOST] = { "lost", "control connections given up, or no memory for them" },
	{ NULL, NULL }
};

/* ---- state: a session for each control connection, found by its flow's area */

enum kind {
	PLAIN,        /* the reply passes */
	EPSV,         /* EPSV passed: 229 names a port */
	PASV_AS_EPSV, /* 229 becomes 227 */
	EPSV_AS_PASV, /* 227 becomes 229 */
	SECURITY,     /* AUTH */
	INSTEAD,      /* the reply to a NOOP becomes text */
};

struct pending {
	enum kind kind;
	const char *text;
};

struct session {
	bool mid[2];          /* in a line that is let through, by direction */
	bool greeted;         /* 220 has come */
	bool begun;           /* a command of FTP has come */
	bool off;             /* ALGS DISABLE64 */
	bool joined;          /* the reply of several lines becomes one line */
	uint16_t multi;       /* code of a reply of several lines, 0: none */
	uint16_t port;        /* the port that a joined reply names; 0: not seen yet */
	unsigned int first, n;
	struct pending pending[PENDING_MAX];
};

struct area {
	struct session *session;
};

/* One line on its way. */
struct job {
	struct hp_instance *self;
	struct hp_flow *flow;
	const struct hp_flow_key *key;
	struct session *s;
	struct hp_l7_out *out;
	bool outbound;        /* the client is the legacy host */
	bool v4;              /* the legacy side is IPv4 */
};

/* ---- pending replies */

static void give_up(struct job *j)
{
	hp_l7_transparent(j->flow, HP_OUTBOUND, true);
	hp_l7_transparent(j->flow, HP_INBOUND, true);
}

static void await(struct job *j, enum kind kind, const char *text)
{
	struct session *s = j->s;

	if (s->n == PENDING_MAX) {
		hp_count(&j->self->counters, LOST);
		give_up(j);
		return;
	}
	s->pending[(s->first + s->n++) % PENDING_MAX] = (struct pending){ kind, text };
}

static struct pending pop(struct session *s)
{
	struct pending p = { PLAIN, NULL };

	if (!s->n)
		return p;
	p = s->pending[s->first];
	s->first = (s->first + 1) % PENDING_MAX;
	s->n--;
	return p;
}

static bool is_passive(enum kind k)
{
	return k == EPSV || k == PASV_AS_EPSV || k == EPSV_AS_PASV;
}

/* ABOR may get two replies or one: a reply that only one command has finds its command. */
static struct pending pop_for(struct session *s, uint16_t code)
{
	bool passive = code == 227 || code == 229;
	unsigned int skip = 0;

	while (passive && skip < s->n &&
	       !is_passive(s->pending[(s->first + skip) % PENDING_MAX].kind))
		skip++;
	if (passive && skip < s->n) {
		s->first = (s->first + skip) % PENDING_MAX;
		s->n -= skip;
	}
	return pop(s);
}

/* ---- what a line becomes */

static void replace(struct job *j, size_t lead, size_t len)
{
	if (!len)
		return;
	j->out->replace = true;
	j->out->len = lead + len;
}

static uint8_t *room(struct job *j, size_t lead, size_t *cap)
{
	*cap = sizeof(j->out->data) - lead;
	return j->out->data + lead;
}

static void say(struct job *j, size_t lead, const char *text)
{
	size_t cap;
	uint8_t *at = room(j, lead, &cap);

	replace(j, lead, ftp_text_build(at, cap, text));
}

/* RFC 6384, section 12: the server gets a NOOP, and the client this instead of the answer. */
static void answer(struct job *j, const struct ftp_command *c, const char *text)
{
	hp_count(&j->self->counters, ANSWERED);
	say(j, c->lead, "NOOP");
	await(j, INSTEAD, text);
}

static void translated(struct job *j)
{
	hp_count(&j->self->counters, COMMANDS);
}

static uint32_t timeout_ms(const struct job *j)
{
	const struct settings *set = j->self->settings;

	return set->timeout_s * 1000;
}

/* Marks that the data connection takes over. */
static uint32_t flags(const struct job *j)
{
	return hp_flow_flags(j->flow) & ~HP_FLOW_FOLLOWED;
}

static const char cannot[] = "425 Can't open data connection";

/* A hole to a service of the machine is no data connection (RFC 2577, section 3). */
static bool low_port(struct job *j, uint16_t port)
{
	const struct settings *set = j->self->settings;

	if (port >= WELL_KNOWN || set->low_ports)
		return false;
	hp_count(&j->self->counters, LOW_PORT);
	return true;
}

/* ---- commands of a legacy client */

static void active_client(struct job *j, const struct ftp_command *c, uint16_t port)
{
	uint16_t local = 0;
	size_t cap;
	uint8_t *at = room(j, c->lead, &cap);

	if (low_port(j, port) ||
	    hp_expect_peer(j->flow, port, &local, flags(j), timeout_ms(j))) {
		hp_count(&j->self->counters, REFUSED);
		answer(j, c, cannot);
		return;
	}
	replace(j, c->lead, ftp_eprt_build(at, cap, &j->key->local_hit, local));
	translated(j);
	await(j, PLAIN, NULL);
}

/* RFC 6384, section 7: a client may only name its own address; else the command passes. */
static void foreign(struct job *j)
{
	hp_count(&j->self->counters, FOREIGN);
	await(j, PLAIN, NULL);
}

static void named(struct job *j, const struct ftp_command *c, int err,
		  const struct hp_addr *addr, uint16_t port)
{
	if (err || !hp_addr_eq(addr, &j->key->legacy))
		foreign(j);
	else
		active_client(j, c, port);
}

static void client_epsv(struct job *j, const struct ftp_command *c)
{
	if (!strcasecmp(c->arg, "ALL")) {
		await(j, PLAIN, NULL);
		return;
	}
	/* The client's family is not the server's. */
	if (j->v4 && !strcmp(c->arg, "1")) {
		say(j, c->lead, "EPSV 2");
		translated(j);
	}
	await(j, EPSV, NULL);
}

static void from_client(struct job *j, const struct ftp_command *c)
{
	struct hp_addr addr = { { 0 } };
	uint16_t port = 0;
	unsigned int family;
	int err;

	switch (c->verb) {
	case FTP_PORT:
		err = ftp_port_parse(c->arg, &addr, &port);
		named(j, c, err, &addr, port);
		break;
	case FTP_EPRT:
		err = ftp_eprt_parse(c->arg, &family, &addr, &port);
		named(j, c, err, &addr, port);
		break;
	case FTP_PASV:
		if (!j->v4) {
			await(j, PLAIN, NULL);
			break;
		}
		say(j, c->lead, "EPSV");
		translated(j);
		await(j, PASV_AS_EPSV, NULL);
		break;
	case FTP_EPSV:
		client_epsv(j, c);
		break;
	default:
		await(j, PLAIN, NULL);
	}
}

/* ---- commands of a HIP client to a legacy server */

static void peer_eprt(struct job *j, const struct ftp_command *c)
{
	struct hp_addr addr;
	unsigned int family;
	uint16_t port;
	size_t cap;
	uint8_t *at = room(j, c->lead, &cap);

	if (ftp_eprt_parse(c->arg, &family, &addr, &port) ||
	    !hp_addr_eq(&addr, &j->key->peer_hit)) {
		foreign(j);
		return;
	}
	if (low_port(j, port) || hp_expect_legacy(j->flow, port, flags(j), timeout_ms(j))) {
		hp_count(&j->self->counters, REFUSED);
		answer(j, c, cannot);
		return;
	}
	replace(j, c->lead,
		j->v4 ? ftp_port_build(at, cap, &j->key->far, port) :
			ftp_eprt_build(at, cap, &j->key->far, port));
	translated(j);
	await(j, PLAIN, NULL);
}

static bool is_number(const char *s)
{
	const char *p = s;

	while (isdigit((unsigned char)*p))
		p++;
	return *s && !*p;
}

/* RFC 6384, section 6. */
static void peer_epsv(struct job *j, const struct ftp_command *c)
{
	if (!j->v4 || j->s->off) {
		await(j, EPSV, NULL);
	} else if (!*c->arg || !strcmp(c->arg, "2")) {
		say(j, c->lead, "PASV");
		translated(j);
		await(j, EPSV_AS_PASV, NULL);
	} else if (!strcasecmp(c->arg, "ALL")) {
		answer(j, c, "504 Command not implemented for that parameter");
	} else if (is_number(c->arg)) {
		answer(j, c, "522 Network protocol not supported, use (2)");
	} else {
		await(j, PLAIN, NULL);
	}
}

/* RFC 6384, section 11. */
static void peer_algs(struct job *j, const struct ftp_command *c)
{
	if (!strcasecmp(c->arg, "ENABLE64"))
		j->s->off = false;
	else if (!strcasecmp(c->arg, "DISABLE64"))
		j->s->off = true;
	else if (strcasecmp(c->arg, "STATUS64")) {
		answer(j, c, "504 Command not implemented for that parameter");
		return;
	}
	answer(j, c, j->s->off ? "216 NONE" : "216 EPSVEPRT");
}

static void from_peer(struct job *j, const struct ftp_command *c)
{
	switch (c->verb) {
	case FTP_EPRT:
		if (j->v4 && j->s->off)
			await(j, PLAIN, NULL);
		else
			peer_eprt(j, c);
		break;
	case FTP_EPSV:
		peer_epsv(j, c);
		break;
	case FTP_ALGS:
		if (j->v4)
			peer_algs(j, c);
		else
			await(j, PLAIN, NULL);
		break;
	default:
		await(j, PLAIN, NULL);
	}
}

/* ---- replies */

/* The data connection of a passive transfer will come from the client. */
static int announce(struct job *j, uint16_t port)
{
	int err = low_port(j, port) ? -EPERM : j->outbound ? hp_expect_legacy(j->flow, port, flags(j), timeout_ms(j)) :
				hp_expect_peer(j->flow, port, &port, flags(j), timeout_ms(j));

	if (err)
		hp_count(&j->self->counters, REFUSED);
	return err;
}

/* The port that a line of a reply with this code names; 0: none.  RFC 6384, section 6: the
 * address in a 227 is not believed. */
static uint16_t port_in(uint16_t code, const char *text)
{
	struct hp_addr ignored;
	uint16_t port = 0;
	int err = code == 227 ? ftp_227_parse(text, &ignored, &port) : ftp_229_parse(text, &port);

	return err ? 0 : port;
}

/* joined: what came of the reply before has been taken out, so a line must be put in. */
static void passive(struct job *j, enum kind kind, uint16_t code, uint16_t port, bool joined)
{
	size_t cap;
	uint8_t *at = room(j, 0, &cap);
	uint16_t to = kind == PASV_AS_EPSV ? 227 : kind == EPSV_AS_PASV ? 229 : code;

	if (!port || announce(j, port))
		say(j, 0, cannot);
	else if (to == 227 && (joined || code == 229))
		replace(j, 0, ftp_227_build(at, cap, &j->key->far, port));
	else if (to == 229 && (joined || code == 227))
		replace(j, 0, ftp_229_build(at, cap, port));
	if (j->out->replace)
		hp_count(&j->self->counters, REPLIES);
}

static void security(struct job *j, const struct ftp_reply *r)
{
	if (r->code < 400) {
		hp_count(&j->self->counters, AUTH);
		give_up(j);
		return;
	}
	hp_l7_transparent(j->flow, j->outbound ? HP_OUTBOUND : HP_INBOUND, false);
}

/* The command that a reply with this code is for; NULL: none waits. */
static const struct pending *next_for(const struct session *s, uint16_t code)
{
	const struct pending *p;

	for (unsigned int k = 0; k < s->n; k++) {
		p = &s->pending[(s->first + k) % PENDING_MAX];
		if ((code != 227 && code != 229) || is_passive(p->kind))
			return p;
	}
	return s->n ? &s->pending[s->first] : NULL;
}

/* A reply of several lines has one code from the first line to the last (RFC 959, section 4.2).
 * Where that code, or the text, will be another one, the lines are joined: they are taken out,
 * and one line stands in the place of the last.  Any of them may name the port. */
static bool is_joined(const struct session *s, uint16_t code)
{
	const struct pending *p = next_for(s, code);

	return p && (p->kind == INSTEAD || (is_passive(p->kind) && (code == 227 || code == 229)));
}

static void final_reply(struct job *j, const struct ftp_reply *r)
{
	struct session *s = j->s;
	bool joined = s->joined;
	uint16_t port;
	struct pending p;

	s->joined = false;
	if (r->code < 200)
		return;
	if (!s->greeted && r->code == 220) {
		s->greeted = true;
		return;
	}
	p = pop_for(s, r->code);
	if (p.kind == SECURITY) {
		security(j, r);
	} else if (p.kind == INSTEAD) {
		say(j, 0, p.text);
	} else if (is_passive(p.kind) && (r->code == 227 || r->code == 229)) {
		port = port_in(r->code, r->text);
		passive(j, p.kind, r->code, port ? port : joined ? s->port : 0, joined);
	}
}

/* A line of a reply of several, the last one apart. */
static void line_between(struct job *j, const uint8_t *line, size_t len, const struct ftp_reply *r)
{
	struct session *s = j->s;
	char text[FTP_LINE_MAX];

	if (!s->multi) {
		s->multi = r->code;
		s->joined = is_joined(s, r->code);
		s->port = 0;
	}
	j->out->replace = s->joined;
	if (!s->joined || s->port)
		return;
	/* The code may or may not stand before the text. */
	ftp_text_copy(line, len, text);
	s->port = port_in(s->multi, r->code == s->multi ? r->text : text);
}

static void reply(struct job *j, const uint8_t *line, size_t len)
{
	struct session *s = j->s;
	struct ftp_reply r;
	bool has_code = ftp_reply_parse(line, len, &r);

	/* RFC 959, section 4.2: ends with a line of the same code and a space. */
	if (s->multi ? !has_code || r.more || r.code != s->multi : has_code && r.more) {
		line_between(j, line, len, &r);
		return;
	}
	s->multi = 0;
	if (has_code)
		final_reply(j, &r);
}

/* ---- following */

static void command(struct job *j, const uint8_t *line, size_t len)
{
	const struct settings *set = j->self->settings;
	struct ftp_command c;

	ftp_command_parse(line, len, &c);
	memcpy(j->out->data, line, c.lead);
	if (c.verb == FTP_AUTH && set->auth == AUTH_REFUSE) {
		answer(j, &c, "502 Command not implemented");
	} else if (c.verb == FTP_AUTH) {
		/* RFC 6384, section 5: transparent at once; the reply says for how long. */
		await(j, SECURITY, NULL);
		hp_l7_transparent(j->flow, j->outbound ? HP_OUTBOUND : HP_INBOUND, true);
	} else if (j->outbound) {
		from_client(j, &c);
	} else {
		from_peer(j, &c);
	}
}

static struct session *session_of(struct hp_instance *self, struct hp_flow *f)
{
	struct area *area = hp_flow_area(f, self->plugin);

	return area ? area->session : NULL;
}

static size_t line_or_less(struct session *s, enum hp_direction dir, bool is_command,
			   const uint8_t *data, size_t len)
{
	/* Of a joined reply the text between may name the port. */
	bool open = is_command ? ftp_command_open(data, len) :
		    s->joined  ? len <= FTP_LINE_MAX :
				 ftp_reply_open(data, len);

	if (!s->mid[dir] && open)
		return 0;
	s->mid[dir] = true;
	return len;
}

/* Another protocol may be talked on the port, by a browser that a page has sent there for one:
 * nothing in it opens a data connection.  Octets to let through, 0 when the first word is not
 * whole yet; *go: it is FTP. */
static size_t first_word(struct job *j, const uint8_t *data, size_t len, bool *go)
{
	enum ftp_first first = ftp_first_word(data, len);

	*go = j->s->begun = first == FTP_FIRST_KNOWN;
	if (first != FTP_FIRST_OTHER)
		return 0;
	hp_count(&j->self->counters, NOT_FTP);
	give_up(j);
	return len;
}

static size_t follow(struct hp_instance *self, struct hp_packet *p, const uint8_t *data,
		     size_t len, struct hp_l7_out *out)
{
	struct job j = {
		.self = self, .flow = p->flow, .key = hp_flow_key(p->flow), .out = out,
		.s = session_of(self, p->flow), .outbound = hp_flow_is_outbound(p->flow),
	};
	bool is_command = (p->dir == HP_OUTBOUND) == j.outbound;
	size_t n = ftp_line_len(data, len), other;
	bool go = true;

	if (!j.s)
		return len;
	if (is_command && !j.s->begun) {
		other = first_word(&j, data, len, &go);
		if (!go)
			return other;
	}
	j.v4 = hp_addr_is4(&j.key->legacy);
	if (!n) {
		n = line_or_less(j.s, p->dir, is_command, data, len);
		out->replace = n && !is_command && j.s->joined;
		return n;
	}
	if (j.s->mid[p->dir]) {
		j.s->mid[p->dir] = false;
		out->replace = !is_command && j.s->joined;
		if (is_command) /* a command all the same */
			await(&j, PLAIN, NULL);
	} else if (is_command) {
		command(&j, data, n);
	} else {
		reply(&j, data, n);
	}
	return n;
}

/* ---- events */

static bool is_control(const struct settings *set, const struct hp_flow *f)
{
	const struct hp_flow_key *key = hp_flow_key(f);
	uint16_t port = hp_flow_is_outbound(f) ? key->far_port : key->local_port;

	for (size_t i = 0; key->proto == TCP && i < set->ports.n; i++)
		if (set->ports.at[i] == port)
			return true;
	return false;
}

static void flow_new(struct hp_instance *self, const struct hp_event_info *info)
{
	struct area *area = hp_flow_area(info->flow, self->plugin);

	if (!area || !is_control(self->settings, info->flow))
		return;
	area->session = calloc(1, sizeof(*area->session));
	if (area->session && !hp_l7_follow(info->flow, self, follow)) {
		hp_count(&self->counters, SESSIONS);
		return;
	}
	free(area->session);
	area->session = NULL;
	hp_count(&self->counters, LOST);
}

static void flow_gone(struct hp_instance *self, const struct hp_event_info *info)
{
	struct area *area = hp_flow_area(info->flow, self->plugin);

	if (area)
		free(area->session);
}

static const struct hp_event_sub events[] = {
	{ "ftp.new", HP_EVENT_FLOW_NEW, flow_new },
	{ "ftp.gone", HP_EVENT_FLOW_GONE, flow_gone },
	{ .name = NULL }
};

/* ---- the plugin */

HP_PLUGIN(ftp) = {
	HP_PLUGIN_HEAD,
	.name = "ftp",
	.version = "1",
	.summary = "FTP through HIP: active and passive transfers, IPv4 and IPv6",
	.schema = schema,
	.settings_bytes = sizeof(struct settings),
	.events = events,
	.counters = counters,
	.flow_area_bytes = sizeof(struct area),
};
