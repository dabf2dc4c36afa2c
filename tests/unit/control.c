/* SPDX-License-Identifier: MIT
 *
 * A control socket for tests (see control.h).
 */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../harness.h"

static void streamer_gone(void *ctx)
{
	struct fixture *f = ctx;

	f->streamer = NULL;
	f->gone++;
}

/* ---- a feed: numbers up to feed_to */

#define ROWS_A_ROUND 50

static enum hp_feed feed_some(void *ctx, struct hp_control_client *c)
{
	struct fixture *f = ctx;
	json_t *row;

	for (int i = 0; i < ROWS_A_ROUND && f->fed_rows < f->feed_to && hp_control_room(c); i++) {
		row = json_pack("{s:I}", "n", (json_int_t)++f->fed_rows);
		CU_ASSERT(!hp_control_send(c, row));
		json_decref(row);
	}
	if (f->fed_rows < f->feed_to)
		return HP_FEED_MORE;
	return f->feed_to ? HP_FEED_END : HP_FEED_WAIT;
}

static void fed_gone(void *ctx)
{
	struct fixture *f = ctx;

	f->fed = NULL;
	f->gone++;
}

static void told(void *ctx, enum hp_control_event ev, const struct hp_control_who *who,
		 const char *why)
{
	struct fixture *f = ctx;

	CU_ASSERT(*why != '\0' && who->uid != (uid_t)-1);
	f->told += ev == HP_CONTROL_STALLED;
}

static int handle(void *ctx, struct hp_control_client *c, const json_t *request,
		  json_t *reply)
{
	struct fixture *f = ctx;
	const char *cmd = json_string_value(json_object_get(request, "cmd"));

	f->calls++;
	if (!strcmp(cmd, "status"))
		return json_object_set_new(reply, "answer", json_integer(42));
	if (!strcmp(cmd, "trace")) {
		f->streamer = c;
		hp_control_stream(c, streamer_gone, f);
		return 0;
	}
	if (!strcmp(cmd, "list")) {
		f->fed = c;
		hp_control_feed(c, &(struct hp_control_feed){ .fn = feed_some, .gone = fed_gone,
							      .ctx = f, .endless = !f->feed_to });
		return 0;
	}
	if (!strcmp(cmd, "own"))
		json_object_set_new(reply, "error", json_string("my own words"));
	return -ENOENT;
}

int open_at(struct fixture *f, const char *path, const char *group, struct hp_control **out,
	    struct hp_io_err *e)
{
	struct hp_control_cfg cfg = { .path = path, .group = group, .fn = handle, .ctx = f,
				      .event = told, .timers = &f->timers, .stall_ms = f->stall_ms };

	return hp_control_open(f->loop, &cfg, out, e);
}

void setup_for(struct fixture *f, const char *group)
{
	struct hp_io_err e;

	memset(f, 0, sizeof(*f));
	f->stall_ms = 200;
	snprintf(f->dir, sizeof(f->dir), "/tmp/hp-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sub/control", f->dir);
	hp_timers_init(&f->timers, hp_clock_ms(&hp_clock_monotonic));
	f->loop = hp_loop_new(&f->timers, &hp_clock_monotonic);
	CU_ASSERT_EQUAL_FATAL(open_at(f, f->path, group, &f->ctl, &e), 0);
}

void setup(struct fixture *f)
{
	setup_for(f, "");
}

void teardown(struct fixture *f)
{
	char sub[64];

	hp_control_close(f->ctl);
	CU_ASSERT(access(f->path, F_OK) != 0);
	snprintf(sub, sizeof(sub), "%s/sub", f->dir);
	rmdir(sub);
	CU_ASSERT(!rmdir(f->dir));
	hp_loop_free(f->loop);
}

void rounds(struct fixture *f, int n)
{
	while (n--)
		hp_loop_once(f->loop, 1);
}

int client(struct fixture *f)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sun.sun_path, f->path);
	CU_ASSERT(!connect(fd, (struct sockaddr *)&sun, sizeof(sun)));
	rounds(f, 2);
	return fd;
}

const char *ask(struct fixture *f, int fd, const char *text)
{
	static char answer[4096];
	ssize_t n;

	if (text[0])
		CU_ASSERT_EQUAL(send(fd, text, strlen(text), MSG_NOSIGNAL),
				(ssize_t)strlen(text));
	rounds(f, 3);
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	answer[n > 0 ? n : 0] = '\0';
	return n == 0 ? "closed" : answer;
}
