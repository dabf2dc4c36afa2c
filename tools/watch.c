/* SPDX-License-Identifier: MIT
 *
 * --watch: one request, repeated.
 */
#include "tools/watch.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/ask.h"

#define HOME     "\033[H"
#define LINE_END "\033[K\n"
#define REST     "\033[J"

static volatile sig_atomic_t stopped;

static void stop(int signo)
{
	(void)signo;
	stopped = 1;
}

/* The first Ctrl-C ends the round, a second one the program. */
static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = stop, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

/* Signals are unblocked during the pause only, so that none is missed before it. */
static void pause_s(unsigned int seconds)
{
	struct timespec t = { .tv_sec = seconds };
	sigset_t signals, before;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, &before);
	if (!stopped)
		ppoll(NULL, 0, &t, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* The last line has no newline, for that would scroll a terminal that is full. */
void hp_watch_paint(FILE *out, const char *text, size_t height)
{
	fputs(HOME, out);
	for (size_t line = 1; *text && line <= height; line++) {
		size_t len = strcspn(text, "\n");

		fprintf(out, "%.*s%s", (int)len, text, line < height ? LINE_END : "\033[K");
		text += len + (text[len] == '\n');
	}
	fputs(REST, out);
	fflush(out);
}

static char *render(const struct hp_ctl *ctl, const struct hp_command *cmd,
		    const struct hp_view *view, const json_t *reply)
{
	struct hp_view mine = *view;
	char *text = NULL;
	size_t len;

	mine.out = open_memstream(&text, &len);
	if (!mine.out)
		return NULL;
	if (ctl->json)
		json_dumpf(reply, mine.out, JSON_COMPACT);
	else
		cmd->show(&mine, reply);
	if (ctl->json)
		fputc('\n', mine.out);
	return fclose(mine.out) ? NULL : text;
}

/* JSON is for programs: a line each, and nothing in between. */
static void print(const struct hp_ctl *ctl, const struct hp_view *view, const char *text,
		  bool first)
{
	if (view->width && !ctl->json) {
		if (first)
			fputs(HOME "\033[2J", view->out);
		hp_watch_paint(view->out, text, view->height);
	} else {
		fprintf(view->out, "%s%s", first || ctl->json ? "" : "\n", text);
		fflush(view->out);
	}
}

int hp_watch(const struct hp_ctl *ctl, const struct hp_command *cmd,
	     const struct hp_view *view, const json_t *request)
{
	struct hp_view now = *view;

	catch_signals();
	for (bool first = true; !stopped; first = false) {
		json_t *reply;
		int status = hp_ask(ctl, request, false, &reply);
		char *text;

		if (!reply)
			return status;
		hp_view_measure(&now);
		text = render(ctl, cmd, &now, reply);
		json_decref(reply);
		if (!text)
			return HP_EXIT_REFUSED;
		print(ctl, &now, text, first);
		free(text);
		pause_s(view->watch_s);
	}
	if (view->width)
		fputc('\n', view->out);
	return HP_EXIT_OK;
}
