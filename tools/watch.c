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

/* The text of one answer, the caller's; NULL: *status says why there is none. */
static char *render(const struct hp_ctl *ctl, const struct hp_command *cmd,
		    const struct hp_view *view, const json_t *request, int *status)
{
	struct hp_view mine = *view;
	char *text = NULL;
	size_t len;

	*status = HP_EXIT_REFUSED;
	mine.out = open_memstream(&text, &len);
	if (!mine.out)
		return NULL;
	*status = hp_ask_view(ctl, cmd, &mine, request, true);
	if (!fclose(mine.out) && *status == HP_EXIT_OK)
		return text;
	free(text);
	return NULL;
}

/* Rows that would not be on the screen are not asked for. */
static void limit_rows(const struct hp_view *view, const struct hp_command *cmd, json_t *request)
{
	if (!cmd->list || !view->height || view->sort || view->reverse)
		return;
	if (!view->limit || view->limit > view->height)
		json_object_set_new(request, "n", json_integer((json_int_t)view->height));
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
	json_t *mine = json_copy((json_t *)request);
	struct hp_view now = *view;
	int status = HP_EXIT_OK;

	catch_signals();
	for (bool first = true; mine && !stopped; first = false) {
		char *text;

		hp_view_measure(&now);
		if (!ctl->json)
			limit_rows(&now, cmd, mine);
		text = render(ctl, cmd, &now, mine, &status);
		if (!text)
			break;
		print(ctl, &now, text, first);
		free(text);
		pause_s(view->watch_s);
	}
	json_decref(mine);
	if (view->width && status == HP_EXIT_OK)
		fputc('\n', view->out);
	return stopped ? HP_EXIT_OK : status;
}
