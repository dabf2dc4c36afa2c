/* SPDX-License-Identifier: MIT
 *
 * tools: completion with a daemon of the test's own, and --watch of it.
 */
#include "../harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/complete.h"
#include "tools/view.h"
#include "tools/watch.h"

/* ---- a daemon that knows one answer to each question */

static const struct {
	const char *cmd, *reply;
} answers[] = {
	{ "associations", "{\"ok\": true, \"associations\": ["
			  "{\"peer_hit\": \"2001:22:1::1\"}, {\"peer_hit\": \"2001:22:2::2\"}]}\n" },
	{ "peers", "{\"ok\": true, \"peers\": [{\"address\": \"192.0.2.80\"}]}\n" },
	{ "status", "{\"ok\": true, \"identities\": [{\"name\": \"web\"}, {\"name\": \"\"}]}\n" },
	{ "flows", "{\"ok\": false, \"error\": \"no\"}\n" },
};

static char dir[] = "/tmp/hp-tools-XXXXXX", path[sizeof(dir) + 16];

static void serve(int fd)
{
	char buf[512];

	for (;;) {
		int c = accept(fd, NULL, NULL);
		ssize_t n = c < 0 ? 0 : recv(c, buf, sizeof(buf) - 1, 0);

		buf[n > 0 ? n : 0] = '\0';
		for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
			if (strstr(buf, answers[i].cmd) &&
			    send(c, answers[i].reply, strlen(answers[i].reply), MSG_NOSIGNAL) < 0)
				_exit(1);
		close(c);
	}
}

static pid_t daemon_start(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	strcpy(sun.sun_path, path);
	CU_ASSERT_FATAL(fd >= 0 && !bind(fd, (struct sockaddr *)&sun, sizeof(sun)) &&
			!listen(fd, 8));
	pid = fork();
	CU_ASSERT_FATAL(pid >= 0);
	if (!pid)
		serve(fd);
	close(fd);
	return pid;
}

static void daemon_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
}

/* ---- completion */

static bool completes(const char *line, const char *want)
{
	struct hp_ctl ctl = { .socket = path };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool same;

	hp_complete(out, &ctl, line);
	fclose(out);
	same = !strcmp(text, want);
	if (!same)
		printf("[%s]: expected [%s], got [%s]\n", line, want, text);
	free(text);
	return same;
}

static void a_daemon_is_asked_for_what_it_knows(void)
{
	pid_t pid = daemon_start();

	CU_ASSERT(completes("hipproxyctl close ", "2001:22:1::1\n2001:22:2::2\n"));
	CU_ASSERT(completes("hipproxyctl close 2001:22:2", "2001:22:2::2\n"));
	CU_ASSERT(completes("hipproxyctl close 2001:22:2::2 ", ""));
	CU_ASSERT(completes("hipproxyctl trace 1", "192.0.2.80\n"));
	CU_ASSERT(completes("hipproxyctl trace 2", "2001:22:1::1\n2001:22:2::2\n"));
	CU_ASSERT(completes("hipproxyctl policy test 2001:22:1::1 ", "web\n"));
	CU_ASSERT(completes("hipproxyctl -s /nowhere close ", ""));
	daemon_stop(pid);
	CU_ASSERT(completes("hipproxyctl close ", ""));
}

static void strange_lines_complete_to_nothing(void)
{
	char long_line[4096];

	CU_ASSERT(completes("", ""));
	CU_ASSERT(completes("hipproxyctl", ""));
	CU_ASSERT(completes("hipproxyctl close close close", ""));
	CU_ASSERT(completes("hipproxyctl proxy = ", ""));
	CU_ASSERT(completes("hipproxyctl  \t st", "status\n"));
	CU_ASSERT(completes("hipproxyctl flows --output=,pro", "--output=,proto\n"));
	CU_ASSERT(completes("hipproxyctl flows --output a,b,+i", ""));
	CU_ASSERT(completes("hipproxyctl status --output ", ""));
	/* More words than anybody types. */
	strcpy(long_line, "hipproxyctl hit");
	while (strlen(long_line) < sizeof(long_line) - 8)
		strcat(long_line, " x");
	CU_ASSERT(completes(long_line, ""));
}

/* ---- --watch, without a terminal */

static void watching_goes_on_until_a_signal(void)
{
	pid_t daemon = daemon_start(), pid;
	int fds[2], status, words;
	char buf[4096] = "", *name[] = { "peers" };
	size_t len = 0;

	CU_ASSERT_FATAL(!pipe(fds));
	pid = fork();
	CU_ASSERT_FATAL(pid >= 0);
	if (!pid) {
		struct hp_view view = { .out = fdopen(fds[1], "w"), .headings = true,
					.output = "address", .watch_s = 1 };
		json_t *request = json_pack("{s:s}", "cmd", "peers");

		_exit(hp_watch(&(struct hp_ctl){ .socket = path },
			       hp_command_find(1, name, &words), &view, request));
	}
	close(fds[1]);
	/* The second answer is there: it did not end after the first. */
	while (!strstr(buf, "192.0.2.80\n\nADDRESS\n192.0.2.80\n")) {
		ssize_t n = read(fds[0], buf + len, sizeof(buf) - 1 - len);

		CU_ASSERT_FATAL(n > 0);
		len += (size_t)n;
	}
	kill(pid, SIGINT);
	CU_ASSERT(waitpid(pid, &status, 0) == pid);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == HP_EXIT_OK);
	close(fds[0]);
	daemon_stop(daemon);
}

static void watching_ends_with_the_daemon(void)
{
	char *flows[] = { "flows" };
	struct hp_view view = { .out = stdout, .watch_s = 1 };
	json_t *request = json_pack("{s:s}", "cmd", "flows");
	int words, status, err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
	const struct hp_command *cmd = hp_command_find(1, flows, &words);
	struct hp_ctl ctl = { .socket = path };
	pid_t pid = daemon_start();

	CU_ASSERT_FATAL(null >= 0 && dup2(null, STDERR_FILENO) >= 0);
	close(null);
	status = hp_watch(&ctl, cmd, &view, request);
	CU_ASSERT(status == HP_EXIT_REFUSED);
	daemon_stop(pid);
	status = hp_watch(&ctl, cmd, &view, request);
	CU_ASSERT(status == HP_EXIT_UNREACHABLE);
	dup2(err, STDERR_FILENO);
	close(err);
	json_decref(request);
}

static const struct hp_test tests[] = {
	HP_TEST(a_daemon_is_asked_for_what_it_knows),
	HP_TEST(strange_lines_complete_to_nothing),
	HP_TEST(watching_goes_on_until_a_signal),
	HP_TEST(watching_ends_with_the_daemon),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int failed;

	if (!mkdtemp(dir))
		return 99;
	snprintf(path, sizeof(path), "%s/control", dir);
	failed = hp_test_main("tools_complete", tests, argc, argv);
	rmdir(dir);
	return failed;
}
