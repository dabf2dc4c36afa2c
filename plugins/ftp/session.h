/* SPDX-License-Identifier: MIT
 *
 * A control connection's session, and what the plugin's files share.
 */
#ifndef FTP_SESSION_H
#define FTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/plugin.h>

#include "line.h"

#define PENDING_MAX 32u /* commands not yet answered */

enum { AUTH_PASS, AUTH_REFUSE };

struct settings {
	struct hp_conf_ints ports;
	uint32_t timeout_s;
	int auth;
	bool low_ports;
};

enum ftp_counter { SESSIONS, COMMANDS, REPLIES, ANSWERED, FOREIGN, REFUSED, LOW_PORT, AUTH, NOT_FTP, LOST };

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

/* One line on its way. */
struct job {
	struct hp_alg_call *c;
	struct session *s;
	struct hp_alg_out *out;
};

/* ---- session.c */

/* Nothing of the connection is looked at any more. */
void ftp_job_give_up(struct job *j);
/* A reply will come, and what shall be done with it. */
void ftp_job_await(struct job *j, enum kind kind, const char *text);
/* The command that a reply with this code is for, taken out; PLAIN if none waits. */
struct pending ftp_pop_for(struct session *s, uint16_t code);
bool ftp_is_passive(enum kind k);
/* Where the line's replacement begins behind lead octets, and how much room there is. */
uint8_t *ftp_job_room(struct job *j, size_t lead, size_t *cap);
/* len octets stand there; 0: the line stays. */
void ftp_job_replace(struct job *j, size_t lead, size_t len);
void ftp_job_say(struct job *j, size_t lead, const char *text);
/* The server gets a NOOP, and the client this text instead of the answer. */
void ftp_job_answer(struct job *j, const struct ftp_command *c, const char *text);
void ftp_job_translated(struct job *j);
/* Announces a data connection to port on the legacy side.  *hip_port: on the HIT side, 0: chosen; filled
 * in.  0, or -errno, counted. */
int ftp_job_announce(struct job *j, enum hp_expect_kind kind, uint16_t port, uint16_t *hip_port);
extern const char ftp_cannot[];

/* ---- commands.c */

void ftp_from_client(struct job *j, const struct ftp_command *c);
void ftp_from_peer(struct job *j, const struct ftp_command *c);

/* ---- replies.c */

/* A whole line of the server. */
void ftp_reply_line(struct job *j, const uint8_t *line, size_t len);

#endif
