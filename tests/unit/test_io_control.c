/* SPDX-License-Identifier: MIT
 *
 * The control socket: requests, streams, clients that misbehave.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../harness.h"
#include "control.h"

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
	HP_TEST(a_stale_socket_is_replaced_and_a_live_one_is_not),
	HP_TEST_END};

int main(int argc, char **argv)
{
	return hp_test_main("io_control", tests, argc, argv);
}
