/* SPDX-License-Identifier: MIT
 *
 * Reporting a crash (see crash.h).
 *
 * All of it happens in a signal handler, so there is no allocation and no formatting by stdio.  The
 * first call of backtrace loads a library, which is done beforehand.
 */
#include "config.h"
#include "daemon/crash.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_EXECINFO_H
#include <execinfo.h>
#endif

#define FRAMES_MAX 64
#define STACK_BYTES 65536 /* of the handler: the usual one may be what has overflowed */

static const struct {
	int signo;
	const char *name;
} signals[] = {
	{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" },   { SIGILL, "SIGILL" },
	{ SIGFPE, "SIGFPE" },   { SIGABRT, "SIGABRT" }, { SIGSYS, "SIGSYS" },
};

#define N_SIGNALS (sizeof(signals) / sizeof(*signals))

/* A signal handler has no argument of ours. */
static char report_path[PATH_MAX];

static void put(int fd, const char *text)
{
	(void)!write(fd, text, strlen(text));
}

static void put_number(int fd, uintmax_t n, unsigned base)
{
	char text[24];
	size_t at = sizeof(text);

	text[--at] = '\0';
	do
		text[--at] = "0123456789abcdef"[n % base];
	while (n /= base);
	put(fd, base == 16 ? "0x" : "");
	put(fd, text + at);
}

#ifdef HAVE_EXECINFO_H
static void put_frames(int fd)
{
	void *frames[FRAMES_MAX];

	backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), fd);
}

static void load_library(void)
{
	void *frame;

	backtrace(&frame, 1);
}
#else
static void put_frames(int fd)
{
	put(fd, "no list of functions in this build\n");
}

static void load_library(void)
{
}
#endif

static void report(int fd, int signo, const siginfo_t *info)
{
	put(fd, "hipproxyd " PACKAGE_VERSION " crashed: ");
	for (size_t i = 0; i < N_SIGNALS; i++)
		put(fd, signals[i].signo == signo ? signals[i].name : "");
	if (signo == SIGSEGV || signo == SIGBUS) {
		put(fd, ", address ");
		put_number(fd, (uintptr_t)info->si_addr, 16);
	}
	put(fd, ", process ");
	put_number(fd, (uintmax_t)getpid(), 10);
	put(fd, ", time ");
	put_number(fd, (uintmax_t)time(NULL), 10);
	put(fd, "\n");
	put_frames(fd);
}

/* Raised again, it takes effect when this returns: the process ends by the same signal. */
static void on_crash(int signo, siginfo_t *info, void *context)
{
	int fd = report_path[0] ? open(report_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
				       O_NOFOLLOW, 0600) : -1;

	(void)context;
	report(STDERR_FILENO, signo, info);
	if (fd >= 0) {
		report(fd, signo, info);
		close(fd);
	}
	raise(signo);
}

void hp_crash_report_to(const char *file)
{
	struct sigaction sa = { .sa_sigaction = on_crash,
				.sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND) };
	stack_t stack = { .ss_size = STACK_BYTES };

	if (HP_SANITIZED)
		return;
	snprintf(report_path, sizeof(report_path), "%s", file ? file : "");
	load_library();
	stack.ss_sp = malloc(STACK_BYTES); /* kept until the end */
	if (stack.ss_sp)
		sigaltstack(&stack, NULL);
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(signals[i].signo, &sa, NULL);
}
