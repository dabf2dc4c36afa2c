/* SPDX-License-Identifier: MIT
 *
 * Logging: see <hipproxy/log.h>; and what only the daemon and tests do with it.
 */
#ifndef HP_UTIL_LOG_H
#define HP_UTIL_LOG_H

#include <hipproxy/log.h>

/* Standard error is given up: where it was the target, now and later, syslog is. */
void hp_log_background(void);
/* For tests: where the journal's socket is; kept by reference. */
void hp_log_journal_path(const char *path);
/* fn is shown each error line, on the thread that logs it, before it is written; NULL: nobody is.
 * For the start, which tells the service manager why it failed.  Set before threads are made. */
void hp_log_watch_errors(void (*fn)(void *ctx, const char *text), void *ctx);

#endif
