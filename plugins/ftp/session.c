/* SPDX-License-Identifier: MIT
 *
 * A session's pending replies, and what a line becomes: see session.h.
 */
#include "session.h"

#include <errno.h>

#define WELL_KNOWN 1024u

/* ---- pending replies */

void ftp_job_give_up(struct job *j)
{
	hp_alg_transparent(j->c->flow, HP_OUTBOUND, true);
	hp_alg_transparent(j->c->flow, HP_INBOUND, true);
}

void ftp_job_await(struct job *j, enum kind kind, const char *text)
{
	struct session *s = j->s;

	if (s->n == PENDING_MAX) {
		hp_count(&j->c->self->counters, LOST);
		ftp_job_give_up(j);
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

bool ftp_is_passive(enum kind k)
{
	return k == EPSV || k == PASV_AS_EPSV || k == EPSV_AS_PASV;
}

/* ABOR may get two replies or one: a reply that only one command has finds its command. */
struct pending ftp_pop_for(struct session *s, uint16_t code)
{
	bool passive = code == 227 || code == 229;
	unsigned int skip = 0;

	while (passive && skip < s->n &&
	       !ftp_is_passive(s->pending[(s->first + skip) % PENDING_MAX].kind))
		skip++;
	if (passive && skip < s->n) {
		s->first = (s->first + skip) % PENDING_MAX;
		s->n -= skip;
	}
	return pop(s);
}

/* ---- what a line becomes */

void ftp_job_replace(struct job *j, size_t lead, size_t len)
{
	if (!len)
		return;
	j->out->replace = true;
	j->out->len = lead + len;
}

uint8_t *ftp_job_room(struct job *j, size_t lead, size_t *cap)
{
	*cap = j->out->cap - lead;
	return j->out->data + lead;
}

void ftp_job_say(struct job *j, size_t lead, const char *text)
{
	size_t cap;
	uint8_t *at = ftp_job_room(j, lead, &cap);

	ftp_job_replace(j, lead, ftp_text_build(at, cap, text));
}

/* RFC 6384, section 12: the server gets a NOOP, and the client this instead of the answer. */
void ftp_job_answer(struct job *j, const struct ftp_command *c, const char *text)
{
	hp_count(&j->c->self->counters, ANSWERED);
	ftp_job_say(j, c->lead, "NOOP");
	ftp_job_await(j, INSTEAD, text);
}

void ftp_job_translated(struct job *j)
{
	hp_count(&j->c->self->counters, COMMANDS);
}

const char ftp_cannot[] = "425 Can't open data connection";

/* A hole to a service of the machine is no data connection (RFC 2577, section 3). */
static bool is_low(const struct job *j, uint16_t port)
{
	const struct settings *set = j->c->self->settings;

	if (port >= WELL_KNOWN || set->low_ports)
		return false;
	hp_count(&j->c->self->counters, LOW_PORT);
	return true;
}

int ftp_job_announce(struct job *j, enum hp_expect_kind kind, uint16_t port, uint16_t *hip_port)
{
	const struct settings *set = j->c->self->settings;
	struct hp_expectation e = {
		.kind = kind, .port = port, .hip_port = *hip_port,
		.flow_flags = hp_flow_flags(j->c->flow), .timeout_ms = set->timeout_s * 1000,
	};
	int err = is_low(j, port) ? -EPERM : hp_expect(j->c->self, j->c->flow, &e);

	if (err)
		hp_count(&j->c->self->counters, REFUSED);
	*hip_port = e.hip_port;
	return err;
}
