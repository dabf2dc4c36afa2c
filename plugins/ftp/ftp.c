/* SPDX-License-Identifier: MIT
 *
 * ftp: application level gateway for FTP (RFC 959, RFC 2428, after RFC 6384).
 *
 * The names of data connections in the control connection become those that are right on the
 * other side, and the data connection is announced to the core.  In front of legacy clients:
 * PORT -> EPRT, PASV -> EPSV and its answer back; in front of a legacy server EPRT -> PORT, EPSV
 * -> PASV.  IPv6 on the legacy side only changes addresses.
 */
#include <string.h>

#include <hipproxy/plugin.h>

#include "session.h"

#define TCP 6

/* ---- settings */

static const char *const auth_names[] = { "pass", "refuse", NULL };

static const struct hp_conf_row schema[] = {
	{ "ports", HP_CONF_INTS, 0, HP_CONF_AT(struct settings, ports), 1, 65535, .def = "21",
	  .help = "ports of control connections" },
	/* RFC 6384, section 12: at least 30 seconds. */
	{ "timeout_s", HP_CONF_INT, 0, HP_CONF_AT(struct settings, timeout_s), 30, 3600,
	  .def = "60", .help = "how long an announced data connection is expected" },
	{ "auth", HP_CONF_ENUM, 0, HP_CONF_AT(struct settings, auth), .def = "pass",
	  .names = auth_names,
	  .help = "let AUTH (TLS) reach the server, or refuse it so that clients stay readable" },
	{ "low_ports", HP_CONF_BOOL, 0, HP_CONF_AT(struct settings, low_ports), .def = "false",
	  .help = "permit data connections to ports below 1024" },
	HP_CONF_END
};

/* ---- counters */

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
	[LOST] = { "lost", "control connections given up" },
	{ NULL, NULL }
};

/* ---- following */

static void command(struct job *j, const uint8_t *line, size_t len)
{
	const struct settings *set = j->c->self->settings;
	struct ftp_command c;

	ftp_command_parse(line, len, &c);
	memcpy(j->out->data, line, c.lead);
	if (c.verb == FTP_AUTH && set->auth == AUTH_REFUSE) {
		ftp_job_answer(j, &c, "502 Command not implemented");
	} else if (c.verb == FTP_AUTH) {
		/* RFC 6384, section 5: transparent at once; the reply says for how long. */
		ftp_job_await(j, SECURITY, NULL);
		hp_alg_transparent(j->c->flow, j->c->outbound ? HP_OUTBOUND : HP_INBOUND, true);
	} else if (j->c->outbound) {
		ftp_from_client(j, &c);
	} else {
		ftp_from_peer(j, &c);
	}
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
	hp_count(&j->c->self->counters, NOT_FTP);
	ftp_job_give_up(j);
	return len;
}

static size_t stream(struct hp_alg_call *c, const uint8_t *data, size_t len, struct hp_alg_out *out)
{
	struct job j = { .c = c, .s = c->session, .out = out };
	size_t n = ftp_line_len(data, len), other;
	bool is_command = c->from_client, go = true;

	if (is_command && !j.s->begun) {
		other = first_word(&j, data, len, &go);
		if (!go)
			return other;
	}
	if (!n) {
		n = line_or_less(j.s, c->dir, is_command, data, len);
		out->replace = n && !is_command && j.s->joined;
		return n;
	}
	if (j.s->mid[c->dir]) {
		j.s->mid[c->dir] = false;
		out->replace = !is_command && j.s->joined;
		if (is_command) /* a command all the same */
			ftp_job_await(&j, PLAIN, NULL);
	} else if (is_command) {
		command(&j, data, n);
	} else {
		ftp_reply_line(&j, data, n);
	}
	return n;
}

static int followed(struct hp_alg_call *c)
{
	hp_count(&c->self->counters, SESSIONS);
	return 0;
}

static const struct hp_alg algs[] = {
	{ .name = "ftp.control", .proto = TCP, .ports_offset = HP_ALG_PORTS(struct settings, ports),
	  .session_bytes = sizeof(struct session), .open = followed, .stream = stream,
	  .help = "control connections" },
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
	.counters = counters,
	.algs = algs,
};
