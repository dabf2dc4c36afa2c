/* SPDX-License-Identifier: MIT
 *
 * Logging: one line a call, to standard error, syslog or the journal, filtered by subsystem
 * and level.
 *
 * The logger is the program's only global.  Whoever logs on account of a packet uses
 * hp_log_limited.  Keys and payload never appear in a log.
 */
#ifndef HIPPROXY_LOG_H
#define HIPPROXY_LOG_H

#include <stdbool.h>

#include <hipproxy/addr.h>
#include <hipproxy/tokens.h>

enum hp_log_level {
	HP_LOG_ERROR,
	HP_LOG_WARNING,
	HP_LOG_NOTICE,
	HP_LOG_INFO,
	HP_LOG_DEBUG,
	HP_LOG_LEVELS
};

enum hp_log_subsys {
	HP_LOG_CORE,
	HP_LOG_HIP,
	HP_LOG_ESP,
	HP_LOG_FLOW,
	HP_LOG_PIPE,
	HP_LOG_IO,
	HP_LOG_CONF,
	HP_LOG_PLUGIN,
	HP_LOG_CTL,
	HP_LOG_SUBSYSTEMS
};

enum hp_log_target {
	HP_LOG_STDERR,  /* each line begins with <N>, its priority, if that is the journal */
	HP_LOG_SYSLOG,
	HP_LOG_JOURNAL, /* its own socket, with fields; standard error while it does not run */
	HP_LOG_AUTO,    /* the journal if standard error is connected to it, else the latter */
};

/* Who and what a line is about: fields of the journal's entry, by which it can be searched.
 * The text says it too, for the other targets have nothing else.  Everything is optional. */
struct hp_log_about {
	struct hp_tokens *limit;       /* as hp_log_limited */
	const struct hp_addr *peer;    /* HIP_PEER: the HIP peer's HIT */
	const struct hp_addr *peer_at; /* HIP_PEER, once more: its address */
	const struct hp_addr *client;  /* HIP_CLIENT: the legacy host's address */
	const char *reason;            /* HIP_REASON: short, of few different ones */
};

void hp_log(enum hp_log_subsys subsys, enum hp_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* As hp_log, if limit has a token; the next line let through says how many were not. */
void hp_log_limited(struct hp_tokens *limit, enum hp_log_subsys subsys,
		    enum hp_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void hp_log_about(enum hp_log_subsys subsys, enum hp_log_level level,
		  const struct hp_log_about *about, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Would a line be written?  For callers that must prepare arguments. */
bool hp_log_on(enum hp_log_subsys subsys, enum hp_log_level level);

/* name stands before each line (standard error) or is the identifier; kept by reference.
 * Start-up state: standard error, "hipproxy", info. */
void hp_log_target(enum hp_log_target target, const char *name);
void hp_log_level_all(enum hp_log_level level);
void hp_log_level_set(enum hp_log_subsys subsys, enum hp_log_level level);

/* Names as in the configuration; -EINVAL when unknown. */
int hp_log_level_parse(const char *name);
int hp_log_subsys_parse(const char *name);
const char *hp_log_level_name(enum hp_log_level level);
const char *hp_log_subsys_name(enum hp_log_subsys subsys);

#endif
