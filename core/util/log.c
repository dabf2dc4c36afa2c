/* SPDX-License-Identifier: MIT
 *
 * The logger: the program's one global.  Threads may log at the same time; settings are
 * changed by the loop's thread.
 */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "util/clock.h"

static const char *const level_names[HP_LOG_LEVELS] = {
	[HP_LOG_ERROR] = "error", [HP_LOG_WARNING] = "warning", [HP_LOG_NOTICE] = "notice",
	[HP_LOG_INFO] = "info",   [HP_LOG_DEBUG] = "debug",
};

static const char *const subsys_names[HP_LOG_SUBSYSTEMS] = {
	[HP_LOG_CORE] = "core", [HP_LOG_HIP] = "hip",       [HP_LOG_ESP] = "esp",
	[HP_LOG_FLOW] = "flow", [HP_LOG_PIPE] = "pipe",     [HP_LOG_IO] = "io",
	[HP_LOG_CONF] = "conf", [HP_LOG_PLUGIN] = "plugin", [HP_LOG_CTL] = "ctl",
};

static const int syslog_levels[HP_LOG_LEVELS] = {
	LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG,
};

static struct {
	_Atomic int level[HP_LOG_SUBSYSTEMS];
	enum hp_log_target target;
	const char *name;
} logger = {
	.level = { HP_LOG_INFO, HP_LOG_INFO, HP_LOG_INFO, HP_LOG_INFO, HP_LOG_INFO,
		   HP_LOG_INFO, HP_LOG_INFO, HP_LOG_INFO, HP_LOG_INFO },
	.target = HP_LOG_STDERR,
	.name = "hipproxy",
};

bool hp_log_on(enum hp_log_subsys subsys, enum hp_log_level level)
{
	return subsys < HP_LOG_SUBSYSTEMS && level < HP_LOG_LEVELS &&
	       (int)level <= logger.level[subsys];
}

static void write_line(enum hp_log_subsys subsys, enum hp_log_level level, const char *text)
{
	if (logger.target == HP_LOG_SYSLOG)
		syslog(syslog_levels[level], "%s: %s", subsys_names[subsys], text);
	else
		fprintf(stderr, "%s: %s: %s: %s\n", logger.name, subsys_names[subsys],
			level_names[level], text);
}

void hp_log(enum hp_log_subsys subsys, enum hp_log_level level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!hp_log_on(subsys, level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_line(subsys, level, text);
}

void hp_log_limited(struct hp_tokens *limit, enum hp_log_subsys subsys,
		    enum hp_log_level level, const char *fmt, ...)
{
	uint64_t held = limit->refused;
	char text[1024];
	size_t n;
	va_list ap;

	if (!hp_log_on(subsys, level) ||
	    !hp_tokens_take(limit, hp_clock_ms(&hp_clock_monotonic), 1))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	if (held)
		snprintf(text + n, sizeof(text) - n, " (%llu more not shown)",
			 (unsigned long long)held);
	write_line(subsys, level, text);
}

void hp_log_target(enum hp_log_target target, const char *name)
{
	logger.name = name;
	logger.target = target;
	if (target == HP_LOG_SYSLOG)
		openlog(name, LOG_PID, LOG_DAEMON);
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
