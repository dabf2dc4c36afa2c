/* SPDX-License-Identifier: MIT
 *
 * Commands: of a legacy client to a HIP server, and of a HIP client to a legacy server.
 */
#include "session.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* ---- commands of a legacy client */

static void active_client(struct job *j, const struct ftp_command *c, uint16_t port)
{
	uint16_t local = 0;
	size_t cap;
	uint8_t *at = ftp_job_room(j, c->lead, &cap);

	if (ftp_job_announce(j, HP_EXPECT_PEER, port, &local)) {
		ftp_job_answer(j, c, ftp_cannot);
		return;
	}
	ftp_job_replace(j, c->lead, ftp_eprt_build(at, cap, &j->c->key->local_hit, local));
	ftp_job_translated(j);
	ftp_job_await(j, PLAIN, NULL);
}

/* RFC 6384, section 7: a client may only name its own address; else the command passes. */
static void foreign(struct job *j)
{
	hp_count(&j->c->self->counters, FOREIGN);
	ftp_job_await(j, PLAIN, NULL);
}

static void named(struct job *j, const struct ftp_command *c, int err,
		  const struct hp_addr *addr, uint16_t port)
{
	if (err || !hp_addr_eq(addr, &j->c->key->legacy))
		foreign(j);
	else
		active_client(j, c, port);
}

static void client_epsv(struct job *j, const struct ftp_command *c)
{
	if (!strcasecmp(c->arg, "ALL")) {
		ftp_job_await(j, PLAIN, NULL);
		return;
	}
	/* The client's family is not the server's. */
	if (j->c->is4 && !strcmp(c->arg, "1")) {
		ftp_job_say(j, c->lead, "EPSV 2");
		ftp_job_translated(j);
	}
	ftp_job_await(j, EPSV, NULL);
}

void ftp_from_client(struct job *j, const struct ftp_command *c)
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
		if (!j->c->is4) {
			ftp_job_await(j, PLAIN, NULL);
			break;
		}
		ftp_job_say(j, c->lead, "EPSV");
		ftp_job_translated(j);
		ftp_job_await(j, PASV_AS_EPSV, NULL);
		break;
	case FTP_EPSV:
		client_epsv(j, c);
		break;
	default:
		ftp_job_await(j, PLAIN, NULL);
	}
}

/* ---- commands of a HIP client to a legacy server */

static void peer_eprt(struct job *j, const struct ftp_command *c)
{
	struct hp_addr addr;
	unsigned int family;
	uint16_t port;
	size_t cap;
	uint8_t *at = ftp_job_room(j, c->lead, &cap);

	if (ftp_eprt_parse(c->arg, &family, &addr, &port) ||
	    !hp_addr_eq(&addr, &j->c->key->peer_hit)) {
		foreign(j);
		return;
	}
	if (ftp_job_announce(j, HP_EXPECT_LEGACY, port, &port)) {
		ftp_job_answer(j, c, ftp_cannot);
		return;
	}
	ftp_job_replace(j, c->lead,
		j->c->is4 ? ftp_port_build(at, cap, &j->c->key->far, port) :
			ftp_eprt_build(at, cap, &j->c->key->far, port));
	ftp_job_translated(j);
	ftp_job_await(j, PLAIN, NULL);
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
	if (!j->c->is4 || j->s->off) {
		ftp_job_await(j, EPSV, NULL);
	} else if (!*c->arg || !strcmp(c->arg, "2")) {
		ftp_job_say(j, c->lead, "PASV");
		ftp_job_translated(j);
		ftp_job_await(j, EPSV_AS_PASV, NULL);
	} else if (!strcasecmp(c->arg, "ALL")) {
		ftp_job_answer(j, c, "504 Command not implemented for that parameter");
	} else if (is_number(c->arg)) {
		ftp_job_answer(j, c, "522 Network protocol not supported, use (2)");
	} else {
		ftp_job_await(j, PLAIN, NULL);
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
		ftp_job_answer(j, c, "504 Command not implemented for that parameter");
		return;
	}
	ftp_job_answer(j, c, j->s->off ? "216 NONE" : "216 EPSVEPRT");
}

void ftp_from_peer(struct job *j, const struct ftp_command *c)
{
	switch (c->verb) {
	case FTP_EPRT:
		if (j->c->is4 && j->s->off)
			ftp_job_await(j, PLAIN, NULL);
		else
			peer_eprt(j, c);
		break;
	case FTP_EPSV:
		peer_epsv(j, c);
		break;
	case FTP_ALGS:
		if (j->c->is4)
			peer_algs(j, c);
		else
			ftp_job_await(j, PLAIN, NULL);
		break;
	default:
		ftp_job_await(j, PLAIN, NULL);
	}
}
