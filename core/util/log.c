/* SPDX-License-Identifier: MIT
 *
 * The logger: the program's one global.  Threads may log at the same time; settings are
 * changed by the loop's thread.
 */
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "util/addr.h"
#include "util/clock.h"
#include "util/journal.h"

static const char *const level_names[HP_LOG_LEVELS] = {
	[HP_LOG_ERROR] = "error", [HP_LOG_WARNING] = "warning", [HP_LOG_NOTICE] = "notice",
	[HP_LOG_INFO] = "info",   [HP_LOG_DEBUG] = "debug",
};

static const char *const subsys_names[HP_LOG_SUBSYSTEMS] = {
	[HP_LOG_CORE] = "core", [HP_LOG_HIP] = "hip",       [HP_LOG_ESP] = "esp",
	[HP_LOG_FLOW] = "flow", [HP_LOG_PIPE] = "pipe",     [HP_LOG_IO] = "io",
	[HP_LOG_CONF] = "conf", [HP_LOG_PLUGIN] = "plugin", [HP_LOG_CTL] = "ctl",
};

#define TEXT_MAX 1024
#define MORE_MAX 128 /* what is said behind a text about lines that were not written */

static const int syslog_levels[HP_LOG_LEVELS] = {
	LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG,
};

static struct {
	_Atomic int level[HP_LOG_SUBSYSTEMS];
	enum hp_log_target wanted;
	_Atomic int target;     /* what that means: never HP_LOG_AUTO */
	_Atomic bool prefix;    /* standard error is the journal */
	_Atomic bool background; /* standard error is given up */
	_Atomic int journal;    /* its socket; -1 until needed, then never closed */
	_Atomic uint64_t lost;  /* entries the journal had no room for, not yet told */
	const char *journal_path;
	const char *name;
	void (*error)(void *ctx, const char *text);
	void *error_ctx;
} logger = {
	.level = { HP_LOG_INFO, HP_LOG_INFO, HP_LOG_INFO, HP_LOG_INFO, HP_LOG_INFO,
		   HP_LOG_INFO, HP_LOG_INFO, HP_LOG_INFO, HP_LOG_INFO },
	.target = HP_LOG_STDERR,
	.journal = -1,
	.journal_path = HP_JOURNAL_SOCKET,
	.name = "hipproxy",
};

bool hp_log_on(enum hp_log_subsys subsys, enum hp_log_level level)
{
	return subsys < HP_LOG_SUBSYSTEMS && level < HP_LOG_LEVELS &&
	       (int)level <= logger.level[subsys];
}

/* ---- where lines go */

static void to_stderr(enum hp_log_subsys subsys, enum hp_log_level level, const char *text)
{
	if (logger.prefix)
		fprintf(stderr, "<%d>%s: %s\n", syslog_levels[level], subsys_names[subsys], text);
	else
		fprintf(stderr, "%s: %s: %s: %s\n", logger.name, subsys_names[subsys],
			level_names[level], text);
}

/* When the journal does not run. */
static void to_another(enum hp_log_subsys subsys, enum hp_log_level level, const char *text)
{
	if (logger.background)
		syslog(syslog_levels[level], "%s: %s", subsys_names[subsys], text);
	else
		to_stderr(subsys, level, text);
}

static void field_addr(struct hp_journal_entry *e, const char *name, const struct hp_addr *addr)
{
	char text[HP_ADDR_STRLEN];

	if (addr)
		hp_journal_field(e, name, hp_addr_format(addr, text));
}

static int to_journal(enum hp_log_subsys subsys, enum hp_log_level level,
		      const struct hp_log_about *about, const char *text)
{
	const char priority[] = { (char)('0' + syslog_levels[level]), 0 };
	char message[TEXT_MAX + MORE_MAX + 16];
	struct hp_journal_entry e;

	e.len = 0;
	snprintf(message, sizeof(message), "%s: %s", subsys_names[subsys], text);
	hp_journal_field(&e, "MESSAGE", message);
	hp_journal_field(&e, "PRIORITY", priority);
	hp_journal_field(&e, "SYSLOG_IDENTIFIER", logger.name);
	hp_journal_field(&e, "HIP_SUBSYSTEM", subsys_names[subsys]);
	if (about) {
		field_addr(&e, "HIP_PEER", about->peer);
		field_addr(&e, "HIP_PEER", about->peer_at);
		field_addr(&e, "HIP_CLIENT", about->client);
		hp_journal_field(&e, "HIP_REASON", about->reason);
	}
	return hp_journal_send(logger.journal, logger.journal_path, &e);
}

/* Says with the next entry that others were lost. */
static void journal_line(enum hp_log_subsys subsys, enum hp_log_level level,
			 const struct hp_log_about *about, char *text, size_t size)
{
	uint64_t lost = atomic_exchange(&logger.lost, 0);
	size_t n = strlen(text);
	int err;

	if (lost)
		snprintf(text + n, size - n,
			 " (%" PRIu64 " earlier lines lost, the journal was full)", lost);
	err = to_journal(subsys, level, about, text);
	if (err == -EAGAIN || err == -ENOBUFS)
		logger.lost += lost + 1;
	else if (err)
		to_another(subsys, level, text);
}

static void write_line(enum hp_log_subsys subsys, enum hp_log_level level,
		       const struct hp_log_about *about, char *text, size_t size)
{
	if (level == HP_LOG_ERROR && logger.error)
		logger.error(logger.error_ctx, text);
	switch ((enum hp_log_target)logger.target) {
	case HP_LOG_SYSLOG:
		syslog(syslog_levels[level], "%s: %s", subsys_names[subsys], text);
		break;
	case HP_LOG_JOURNAL:
		journal_line(subsys, level, about, text, size);
		break;
	default:
		to_stderr(subsys, level, text);
	}
}

/* ---- lines */

__attribute__((format(printf, 4, 0)))
static void log_line(enum hp_log_subsys subsys, enum hp_log_level level,
		     const struct hp_log_about *about, const char *fmt, va_list ap)
{
	struct hp_tokens *limit = about ? about->limit : NULL;
	uint64_t held = limit ? limit->refused : 0;
	char text[TEXT_MAX + MORE_MAX];
	size_t n;

	if (!hp_log_on(subsys, level) ||
	    (limit && !hp_tokens_take(limit, hp_clock_ms(&hp_clock_monotonic), 1)))
		return;
	vsnprintf(text, TEXT_MAX, fmt, ap);
	n = strlen(text);
	if (held)
		snprintf(text + n, sizeof(text) - n, " (%" PRIu64 " more not shown)", held);
	write_line(subsys, level, about, text, sizeof(text));
}

void hp_log(enum hp_log_subsys subsys, enum hp_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(subsys, level, NULL, fmt, ap);
	va_end(ap);
}

void hp_log_limited(struct hp_tokens *limit, enum hp_log_subsys subsys,
		    enum hp_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(subsys, level, &(struct hp_log_about){ .limit = limit }, fmt, ap);
	va_end(ap);
}

void hp_log_about(enum hp_log_subsys subsys, enum hp_log_level level,
		  const struct hp_log_about *about, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(subsys, level, about, fmt, ap);
	va_end(ap);
}

/* ---- settings */

/* Standard error serves where the journal's socket can't even be made. */
static enum hp_log_target available(enum hp_log_target target)
{
	if (target == HP_LOG_AUTO)
		target = logger.prefix ? HP_LOG_JOURNAL : HP_LOG_STDERR;
	if (target == HP_LOG_JOURNAL && logger.journal < 0)
		logger.journal = hp_journal_open();
	if (target == HP_LOG_JOURNAL && logger.journal < 0)
		target = HP_LOG_STDERR;
	return target == HP_LOG_STDERR && logger.background ? HP_LOG_SYSLOG : target;
}

void hp_log_target(enum hp_log_target target, const char *name)
{
	logger.name = name;
	logger.wanted = target;
	logger.prefix = !logger.background && hp_journal_has_stderr();
	openlog(name, LOG_PID, LOG_DAEMON);
	logger.target = (int)available(target);
}

void hp_log_background(void)
{
	logger.background = true;
	hp_log_target(logger.wanted, logger.name);
}

void hp_log_journal_path(const char *path)
{
	logger.journal_path = path;
}

void hp_log_watch_errors(void (*fn)(void *ctx, const char *text), void *ctx)
{
	logger.error_ctx = ctx;
	logger.error = fn;
}

void hp_log_level_all(enum hp_log_level level)
{
	for (int i = 0; i < HP_LOG_SUBSYSTEMS; i++)
		logger.level[i] = (int)level;
}

void hp_log_level_set(enum hp_log_subsys subsys, enum hp_log_level level)
{
	if (subsys < HP_LOG_SUBSYSTEMS)
		logger.level[subsys] = (int)level;
}

static int name_index(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return i;
	return -EINVAL;
}

int hp_log_level_parse(const char *name)
{
	return name_index(level_names, HP_LOG_LEVELS, name);
}

int hp_log_subsys_parse(const char *name)
{
	return name_index(subsys_names, HP_LOG_SUBSYSTEMS, name);
}

const char *hp_log_level_name(enum hp_log_level level)
{
	return level < HP_LOG_LEVELS ? level_names[level] : "?";
}

const char *hp_log_subsys_name(enum hp_log_subsys subsys)
{
	return subsys < HP_LOG_SUBSYSTEMS ? subsys_names[subsys] : "?";
}
