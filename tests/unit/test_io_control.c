/* SPDX-License-Identifier: MIT
 *
 * The control socket: requests, streams, clients that misbehave.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/control.h"
#include "../harness.h"

struct fixture {
	struct hp_timers timers;
	struct hp_loop *loop;
	struct hp_control *ctl;
	char dir[32], path[64];
	struct hp_control_client *streamer;
	int gone, calls, told;
	uint64_t stall_ms;
	struct hp_control_client *fed;
	long feed_to, fed_rows; /* feed_to: 0, it waits */
};

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

static int open_at(struct fixture *f, const char *path, const char *group,
		   struct hp_control **out, struct hp_io_err *e)
{
	struct hp_control_cfg cfg = { .path = path, .group = group, .fn = handle, .ctx = f,
				      .event = told, .timers = &f->timers, .stall_ms = f->stall_ms };

	return hp_control_open(f->loop, &cfg, out, e);
}

static void setup_for(struct fixture *f, const char *group)
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

static void setup(struct fixture *f)
{
	setup_for(f, "");
}

static void teardown(struct fixture *f)
{
	char sub[64];

	hp_control_close(f->ctl);
	CU_ASSERT(access(f->path, F_OK) != 0);
	snprintf(sub, sizeof(sub), "%s/sub", f->dir);
	rmdir(sub);
	CU_ASSERT(!rmdir(f->dir));
	hp_loop_free(f->loop);
}

static void rounds(struct fixture *f, int n)
{
	while (n--)
		hp_loop_once(f->loop, 1);
}

static int client(struct fixture *f)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sun.sun_path, f->path);
	CU_ASSERT(!connect(fd, (struct sockaddr *)&sun, sizeof(sun)));
	rounds(f, 2);
	return fd;
}

/* Sends text and gives what came back. */
static const char *ask(struct fixture *f, int fd, const char *text)
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

static void requests_are_answered_in_order(void)
{
	struct fixture f;
	struct stat st;
	int fd;

	setup(&f);
	CU_ASSERT(!stat(f.path, &st) && (st.st_mode & 07777) == 0600);
	fd = client(&f);
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, "{\"cmd\":\"status\"}\n"),
			       "{\"ok\":true,\"answer\":42}\n");
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, "{\"cmd\":\"no\"}\n{\"cmd\":\"own\"}\n"),
			       "{\"ok\":false,\"error\":\"No such file or directory\"}\n"
			       "{\"ok\":false,\"error\":\"my own words\"}\n");
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, "{\"cmd\":"), "");
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, "\"status\"}\n"),
			       "{\"ok\":true,\"answer\":42}\n");
	close(fd);
	rounds(&f, 2);
	teardown(&f);
}

/* More than the buffer holds, and not one of them is lost. */
static void many_requests_at_once_are_all_answered(void)
{
	static const char line[] = "{\"cmd\":\"status\"}\n";
	size_t len = sizeof(line) - 1, n = 10000, sent = 0, got = 0;
	char *text = malloc(n * len), answer[4096];
	struct fixture f;
	int fd;

	for (size_t i = 0; i < n; i++)
		memcpy(text + i * len, line, len);
	setup(&f);
	fd = client(&f);
	for (int idle = 0; idle < 1000 && got < n * strlen("{\"ok\":true,\"answer\":42}\n"); idle++) {
		ssize_t k = send(fd, text + sent, n * len - sent, MSG_NOSIGNAL);

		sent += k > 0 ? (size_t)k : 0;
		rounds(&f, 1);
		k = recv(fd, answer, sizeof(answer), 0);
		got += k > 0 ? (size_t)k : 0;
		idle = k > 0 ? 0 : idle;
	}
	CU_ASSERT_EQUAL(sent, n * len);
	CU_ASSERT_EQUAL((size_t)f.calls, n);
	CU_ASSERT_EQUAL(got, n * strlen("{\"ok\":true,\"answer\":42}\n"));
	close(fd);
	teardown(&f);
	free(text);
}

static void bad_requests_get_an_error(void)
{
	struct fixture f;
	int fd;

	setup(&f);
	fd = client(&f);
	CU_ASSERT(strstr(ask(&f, fd, "nonsense\n"), "\"ok\":false") != NULL);
	CU_ASSERT(strstr(ask(&f, fd, "[1]\n"), "no object") != NULL);
	CU_ASSERT(strstr(ask(&f, fd, "{\"cmd\":7}\n"), "no object") != NULL);
	CU_ASSERT_EQUAL(f.calls, 0);
	close(fd);
	teardown(&f);
}

static void a_request_without_end_is_refused(void)
{
	char *text = malloc(HP_CONTROL_REQUEST_MAX + 1);
	struct fixture f;
	int fd;

	setup(&f);
	fd = client(&f);
	memset(text, ' ', HP_CONTROL_REQUEST_MAX);
	text[HP_CONTROL_REQUEST_MAX] = '\0';
	CU_ASSERT(strstr(ask(&f, fd, text), "longer than 64 KB") != NULL);
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, ""), "closed");
	close(fd);
	teardown(&f);
	free(text);
}

static void a_client_that_only_finished_asking_gets_its_answer(void)
{
	struct fixture f;
	int fd;

	setup(&f);
	fd = client(&f);
	CU_ASSERT(send(fd, "{\"cmd\":\"status\"}\n", 17, 0) == 17);
	shutdown(fd, SHUT_WR);
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, ""), "{\"ok\":true,\"answer\":42}\n");
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, ""), "closed");
	close(fd);
	teardown(&f);
}

static void a_stream_goes_on_until_the_client_leaves(void)
{
	json_t *line = json_pack("{s:i}", "n", 1);
	struct fixture f;
	int fd;

	setup(&f);
	fd = client(&f);
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, "{\"cmd\":\"trace\"}\n"), "{\"ok\":true}\n");
	CU_ASSERT(!hp_control_send(f.streamer, line));
	CU_ASSERT(!hp_control_send(f.streamer, line));
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, ""), "{\"n\":1}\n{\"n\":1}\n");
	close(fd);
	rounds(&f, 3);
	CU_ASSERT_EQUAL(f.gone, 1);
	teardown(&f);
	json_decref(line);
}

static void a_client_that_does_not_read_is_dropped(void)
{
	char *text = malloc(1 << 20);
	struct fixture f;
	json_t *line;
	int fd, i;

	memset(text, 'x', (1 << 20) - 1);
	text[(1 << 20) - 1] = '\0';
	line = json_pack("{s:s}", "t", text);
	setup(&f);
	fd = client(&f);
	ask(&f, fd, "{\"cmd\":\"trace\"}\n");
	for (i = 0; i < 100 && f.streamer && !hp_control_send(f.streamer, line); i++)
		;
	CU_ASSERT_EQUAL(i, 0); /* one such line is more than may wait */
	CU_ASSERT_EQUAL(hp_control_counts(f.ctl)->too_slow, 1);
	CU_ASSERT_EQUAL(f.gone, 0);
	rounds(&f, 1);
	CU_ASSERT_EQUAL(f.gone, 1);
	close(fd);
	teardown(&f);
	json_decref(line);
	free(text);
}

/* ---- feeds */

/* Reads numbered lines from fd until there are n, or nothing more comes.  How many were right. */
static long read_numbers(struct fixture *f, int fd, long n)
{
	static char buf[1 << 16];
	size_t have = 0;
	long right = 0;

	for (int idle = 0; right < n && idle < 1000; idle++) {
		ssize_t got = recv(fd, buf + have, sizeof(buf) - have, 0);
		char want[32], *nl, *from = buf;

		rounds(f, 1);
		if (got <= 0)
			continue;
		idle = 0;
		have += (size_t)got;
		while ((nl = memchr(from, '\n', have - (size_t)(from - buf)))) {
			snprintf(want, sizeof(want), "{\"n\":%ld}", right + 1);
			right += (size_t)(nl - from) == strlen(want) &&
				 !memcmp(from, want, strlen(want));
			from = nl + 1;
		}
		have -= (size_t)(from - buf);
		memmove(buf, from, have);
	}
	return right;
}

static void a_feed_is_made_as_it_is_read(void)
{
	static const char line[] = "{\"cmd\":\"list\"}\n{\"cmd\":\"status\"}\n";
	struct fixture f;
	long made;
	int fd;

	setup(&f);
	f.feed_to = 300000;
	fd = client(&f);
	CU_ASSERT(send(fd, line, strlen(line), 0) == (ssize_t)strlen(line));
	rounds(&f, 400);
	made = f.fed_rows;
	/* The socket is full, and nothing is made in stock. */
	CU_ASSERT(made > 0 && made < 100000);
	rounds(&f, 50);
	CU_ASSERT_EQUAL(f.fed_rows, made);
	CU_ASSERT_EQUAL(f.calls, 1); /* the next request waits */
	CU_ASSERT(!strncmp(ask(&f, fd, ""), "{\"ok\":true}\n", 12));
	close(fd);
	rounds(&f, 3);
	CU_ASSERT_EQUAL(f.gone, 1);
	teardown(&f);
}

static void a_feed_is_whole_and_the_next_request_follows(void)
{
	char ok[13] = "";
	struct fixture f;
	int fd;

	setup(&f);
	f.feed_to = 100000;
	fd = client(&f);
	CU_ASSERT(send(fd, "{\"cmd\":\"list\"}\n", 15, 0) == 15);
	rounds(&f, 1);
	CU_ASSERT(recv(fd, ok, 12, 0) == 12 && !strcmp(ok, "{\"ok\":true}\n"));
	CU_ASSERT_EQUAL(read_numbers(&f, fd, 100000), 100000);
	rounds(&f, 2);
	CU_ASSERT_EQUAL(f.gone, 1);
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, "{\"cmd\":\"status\"}\n"),
			       "{\"ok\":true,\"answer\":42}\n");
	close(fd);
	teardown(&f);
}

static void a_feed_that_waits_is_woken(void)
{
	struct fixture f;
	int fd;

	setup(&f);
	fd = client(&f);
	ask(&f, fd, "{\"cmd\":\"list\"}\n");
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, ""), "");
	f.feed_to = 2;
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, ""), "");
	hp_control_wake(f.fed);
	CU_ASSERT_STRING_EQUAL(ask(&f, fd, ""), "{\"n\":1}\n{\"n\":2}\n");
	CU_ASSERT_EQUAL(f.gone, 1);
	close(fd);
	teardown(&f);
}

static bool over(struct fixture *f)
{
	return !hp_control_clients(f->ctl);
}

static void a_client_that_does_not_read_its_list_is_closed(void)
{
	struct fixture f;
	int fd, idle;

	setup(&f);
	f.feed_to = 10000000;
	fd = client(&f);
	idle = client(&f);
	CU_ASSERT(send(fd, "{\"cmd\":\"list\"}\n", 15, 0) == 15);
	for (int i = 0; i < 20000 && !over(&f); i++)
		rounds(&f, 1);
	CU_ASSERT(over(&f));
	CU_ASSERT_EQUAL(f.gone, 1);
	CU_ASSERT_EQUAL(f.told, 2); /* and who asks for nothing */
	CU_ASSERT_EQUAL(hp_control_counts(f.ctl)->stalled, 2);
	close(fd);
	close(idle);
	teardown(&f);
}

static void a_stream_with_nothing_to_say_is_not_closed(void)
{
	struct fixture f;
	uint64_t end;
	int fd;

	setup(&f);
	f.stall_ms = 20;
	hp_control_close(f.ctl);
	CU_ASSERT_FATAL(!open_at(&f, f.path, "", &f.ctl, &(struct hp_io_err){ "" }));
	fd = client(&f);
	ask(&f, fd, "{\"cmd\":\"list\"}\n");
	end = hp_clock_ms(&hp_clock_monotonic) + 200;
	while (hp_clock_ms(&hp_clock_monotonic) < end)
		rounds(&f, 1);
	CU_ASSERT_EQUAL(hp_control_clients(f.ctl), 1);
	CU_ASSERT_EQUAL(f.told, 0);
	close(fd);
	rounds(&f, 3);
	CU_ASSERT_EQUAL(f.gone, 1);
	teardown(&f);
}

static void the_seventeenth_client_is_turned_away(void)
{
	int fd[HP_CONTROL_CLIENTS], more, i;
	struct fixture f;

	setup(&f);
	for (i = 0; i < HP_CONTROL_CLIENTS; i++)
		fd[i] = client(&f);
	more = client(&f);
	CU_ASSERT(strstr(ask(&f, more, ""), "too many clients") != NULL);
	close(more);
	close(fd[0]);
	rounds(&f, 3);
	more = client(&f);
	CU_ASSERT_STRING_EQUAL(ask(&f, more, "{\"cmd\":\"status\"}\n"),
			       "{\"ok\":true,\"answer\":42}\n");
	close(more);
	for (i = 1; i < HP_CONTROL_CLIENTS; i++)
		close(fd[i]);
	teardown(&f);
}

static void a_stale_socket_is_replaced_and_a_live_one_is_not(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct hp_control *second = NULL;
	struct fixture f;
	struct hp_io_err e;
	char file[64];
	int fd;

	setup(&f);
	CU_ASSERT_EQUAL(open_at(&f, f.path, "", &second, &e),
			-EADDRINUSE);
	CU_ASSERT(strstr(e.text, "another hipproxyd is listening there") != NULL);
	snprintf(file, sizeof(file), "%s/stale", f.dir);
	strcpy(sun.sun_path, file);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CU_ASSERT(!bind(fd, (struct sockaddr *)&sun, sizeof(sun)));
	close(fd);
	CU_ASSERT(!open_at(&f, file, "", &second, &e));
	hp_control_close(second);
	fclose(fopen(file, "w"));
	CU_ASSERT_EQUAL(open_at(&f, file, "", &second, &e), -EEXIST);
	unlink(file);
	teardown(&f);
}

/* ---- who may ask */

#define MEMBER 3 /* group sys, of every Debian */
#define STRANGER 65534

/* What somebody with these groups is answered; "" if he can't connect. */
static void ask_as(struct fixture *f, gid_t gid, gid_t more, char text[256])
{
	static const char request[] = "{\"cmd\":\"status\"}\n";
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int pipes[2], fd;
	ssize_t n;
	pid_t pid;

	strcpy(sun.sun_path, f->path);
	CU_ASSERT_FATAL(!pipe(pipes));
	pid = fork();
	if (!pid) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (setgroups(1, &more) || setgid(gid) || setuid(STRANGER) ||
		    connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
			_exit(1);
		(void)!send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
		n = recv(fd, text, 255, 0);
		_exit(write(pipes[1], text, n > 0 ? (size_t)n : 0) < 0);
	}
	close(pipes[1]);
	for (int i = 0; i < 400 && !waitpid(pid, NULL, WNOHANG); i++)
		rounds(f, 1);
	n = read(pipes[0], text, 255);
	text[n > 0 ? n : 0] = '\0';
	close(pipes[0]);
}

static void members_of_the_group_may_ask_and_others_may_not(void)
{
	char text[256], dir[64];
	struct fixture f;
	struct stat st;

	if (geteuid())
		return;
	setup_for(&f, "sys");
	chmod(f.dir, 0755);
	CU_ASSERT(!stat(f.path, &st) && (st.st_mode & 0777) == 0660 && st.st_gid == MEMBER);
	snprintf(dir, sizeof(dir), "%s/sub", f.dir);
	CU_ASSERT(!stat(dir, &st) && (st.st_mode & 0777) == 0750 && st.st_gid == MEMBER);
	ask_as(&f, MEMBER, STRANGER, text);
	CU_ASSERT(strstr(text, "42") != NULL);
	ask_as(&f, STRANGER, MEMBER, text);
	CU_ASSERT(strstr(text, "42") != NULL);
	ask_as(&f, STRANGER, STRANGER, text);
	CU_ASSERT_STRING_EQUAL(text, "");
	/* Somebody has opened the socket to all. */
	chmod(dir, 0755);
	chmod(f.path, 0666);
	ask_as(&f, STRANGER, STRANGER, text);
	CU_ASSERT_STRING_EQUAL(text, "{\"ok\":false,\"error\":\"permission denied: you must be "
				     "root or in the group sys\"}\n");
	ask_as(&f, STRANGER, MEMBER, text);
	CU_ASSERT(strstr(text, "42") != NULL);
	teardown(&f);
}

static void without_a_group_only_root_may_ask(void)
{
	char text[256], dir[64];
	struct fixture f;
	struct stat st;

	setup(&f);
	CU_ASSERT(!stat(f.path, &st) && (st.st_mode & 0777) == 0600);
	if (!geteuid()) {
		snprintf(dir, sizeof(dir), "%s/sub", f.dir);
		chmod(f.dir, 0755);
		chmod(dir, 0755);
		chmod(f.path, 0666);
		ask_as(&f, STRANGER, 0, text);
		CU_ASSERT_STRING_EQUAL(text, "{\"ok\":false,\"error\":\"permission denied: you "
					     "must be root\"}\n");
	}
	teardown(&f);
}

static void a_group_must_exist(void)
{
	struct hp_control *second = NULL;
	struct fixture f;
	struct hp_io_err e;
	char path[64];

	setup(&f);
	snprintf(path, sizeof(path), "%s/other", f.dir);
	CU_ASSERT_EQUAL(open_at(&f, path, "no-such-group", &second, &e), -ESRCH);
	CU_ASSERT(strstr(e.text, "there is no group no-such-group") != NULL);
	/* The service's own may be missing. */
	CU_ASSERT_EQUAL(open_at(&f, path, "hipproxy", &second, &e), 0);
	hp_control_close(second);
	teardown(&f);
}

static const struct hp_test tests[] = {
	HP_TEST(requests_are_answered_in_order),
	HP_TEST(many_requests_at_once_are_all_answered),
	HP_TEST(bad_requests_get_an_error),
	HP_TEST(a_request_without_end_is_refused),
	HP_TEST(a_client_that_only_finished_asking_gets_its_answer),
	HP_TEST(a_stream_goes_on_until_the_client_leaves),
	HP_TEST(a_client_that_does_not_read_is_dropped),
	HP_TEST(a_feed_is_made_as_it_is_read),
	HP_TEST(a_feed_is_whole_and_the_next_request_follows),
	HP_TEST(a_feed_that_waits_is_woken),
	HP_TEST(a_client_that_does_not_read_its_list_is_closed),
	HP_TEST(a_stream_with_nothing_to_say_is_not_closed),
	HP_TEST(the_seventeenth_client_is_turned_away),
	HP_TEST(members_of_the_group_may_ask_and_others_may_not),
	HP_TEST(without_a_group_only_root_may_ask),
	HP_TEST(a_group_must_exist),
	HP_TEST(a_stale_socket_is_replaced_and_a_live_one_is_not),
	HP_TEST_END};

int main(int argc, char **argv)
{
	return hp_test_main("io_control", tests, argc, argv);
}
