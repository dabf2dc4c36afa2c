/* SPDX-License-Identifier: MIT
 *
 * ftp: application level gateway for FTP (RFC 959, RFC 2428, after RFC 6384).
 *
 * The names of data connections in the control connection become those that are right on the
 * other side, and the data connection is announced to the core.  In front of legacy clients:
 * PORT -> EPRT, PASV -> EPSV and its answer back; in front of a legacy server EPRT -> PORT, EPSV
 * -> PASV.  IPv6 on the legacy side only changes addresses.
 */
#include <errno.h>
#include <stdlib.h>
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
	  .def = "60", .help = "how long an announced data connection is waited for" },
	{ "auth", HP_CONF_ENUM, 0, HP_CONF_AT(struct settings, auth), .def = "pass",
	  .names = auth_names,
	  .help = "let AUTH (TLS) reach the server, or refuse it so that clients stay readable" },
	{ "low_ports", HP_CONF_BOOL, 0, HP_CONF_AT(struct settings, low_ports), .def = "false",
	  .help = "whether data connections may go to ports below 1024" },
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
	[LOST] = { "lost", "control connections given up, or no memory for them" },
	{ NULL, NULL }
};

/* ---- following */

static void command(struct job *j, const uint8_t *line, size_t len)
{
	const struct settings *set = j->self->settings;
	struct ftp_command c;

	ftp_command_parse(line, len, &c);
	memcpy(j->out->data, line, c.lead);
	if (c.verb == FTP_AUTH && set->auth == AUTH_REFUSE) {
		ftp_job_answer(j, &c, "502 Command not implemented");
	} else if (c.verb == FTP_AUTH) {
		/* RFC 6384, section 5: transparent at once; the reply says for how long. */
		ftp_job_await(j, SECURITY, NULL);
		hp_l7_transparent(j->flow, j->outbound ? HP_OUTBOUND : HP_INBOUND, true);
	} else if (j->outbound) {
		ftp_from_client(j, &c);
	} else {
		ftp_from_peer(j, &c);
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
	ftp_job_give_up(j);
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
			ftp_job_await(&j, PLAIN, NULL);
	} else if (is_command) {
		command(&j, data, n);
	} else {
		ftp_reply_line(&j, data, n);
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
