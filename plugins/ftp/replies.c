/* SPDX-License-Identifier: MIT
 *
 * Replies of the server, in one line or several.
 */
#include "session.h"

#include <errno.h>
#include <string.h>

/* ---- replies */

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
	uint8_t *at = ftp_job_room(j, 0, &cap);
	uint16_t to = kind == PASV_AS_EPSV ? 227 : kind == EPSV_AS_PASV ? 229 : code;

	/* The data connection will come from the client. */
	if (!port || ftp_job_announce(j, j->c->outbound ? HP_EXPECT_LEGACY : HP_EXPECT_PEER, port, &port))
		ftp_job_say(j, 0, ftp_cannot);
	else if (to == 227 && (joined || code == 229))
		ftp_job_replace(j, 0, ftp_227_build(at, cap, &j->c->key->far, port));
	else if (to == 229 && (joined || code == 227))
		ftp_job_replace(j, 0, ftp_229_build(at, cap, port));
	if (j->out->replace)
		hp_count(&j->c->self->counters, REPLIES);
}

static void security(struct job *j, const struct ftp_reply *r)
{
	if (r->code < 400) {
		hp_count(&j->c->self->counters, AUTH);
		ftp_job_give_up(j);
		return;
	}
	hp_alg_transparent(j->c->flow, j->c->outbound ? HP_OUTBOUND : HP_INBOUND, false);
}

/* The command that a reply with this code is for; NULL: none waits. */
static const struct pending *next_for(const struct session *s, uint16_t code)
{
	const struct pending *p;

	for (unsigned int k = 0; k < s->n; k++) {
		p = &s->pending[(s->first + k) % PENDING_MAX];
		if ((code != 227 && code != 229) || ftp_is_passive(p->kind))
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

	return p && (p->kind == INSTEAD || (ftp_is_passive(p->kind) && (code == 227 || code == 229)));
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
	p = ftp_pop_for(s, r->code);
	if (p.kind == SECURITY) {
		security(j, r);
	} else if (p.kind == INSTEAD) {
		ftp_job_say(j, 0, p.text);
	} else if (ftp_is_passive(p.kind) && (r->code == 227 || r->code == 229)) {
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

void ftp_reply_line(struct job *j, const uint8_t *line, size_t len)
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
