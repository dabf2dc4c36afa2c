/* SPDX-License-Identifier: MIT
 *
 * Messages to the service manager, against a socket of the test's own.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/sdnotify.h"
#include "../harness.h"

/* A socket that listens as a service manager does; "@name" is an abstract one. */
static int manager(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

	memcpy(sun.sun_path, name, strlen(name));
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	CU_ASSERT_FATAL(fd >= 0 && !bind(fd, (struct sockaddr *)&sun, len));
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

/* The next message; "" if there is none. */
static const char *received(int fd)
{
	static char text[2048];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void variables(const char *watchdog, const char *pid)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (watchdog)
		setenv("WATCHDOG_USEC", watchdog, 1);
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
}

static bool variables_are_gone(void)
{
	return !getenv("NOTIFY_SOCKET") && !getenv("WATCHDOG_USEC") && !getenv("WATCHDOG_PID");
}

static void without_a_manager_nothing_is_sent(void)
{
	struct hp_sdnotify n;

	variables("1000000", NULL);
	CU_ASSERT(!hp_sdnotify_init(&n));
	CU_ASSERT_EQUAL(n.fd, -1);
	CU_ASSERT_EQUAL(n.watchdog_us, 0);
	CU_ASSERT(!hp_sdnotify_send(&n, "READY=1"));
	CU_ASSERT(variables_are_gone());
	hp_sdnotify_fini(&n);
}

static void a_message_arrives_at(const char *name)
{
	struct hp_sdnotify n;
	int fd;

	variables(NULL, NULL);
	fd = manager(name);
	CU_ASSERT(!hp_sdnotify_init(&n));
	CU_ASSERT(variables_are_gone());
	CU_ASSERT(!hp_sdnotify_send(&n, "READY=1\nSTATUS=%s; %d flows", "host", 12));
	CU_ASSERT_STRING_EQUAL(received(fd), "READY=1\nSTATUS=host; 12 flows");
	CU_ASSERT_STRING_EQUAL(received(fd), "");
	hp_sdnotify_fini(&n);
	CU_ASSERT_EQUAL(n.fd, -1);
	close(fd);
}

static void a_message_arrives_at_a_path(void)
{
	char dir[] = "/tmp/hp-test-XXXXXX", path[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/notify", dir);
	a_message_arrives_at(path);
	unlink(path);
	CU_ASSERT(!rmdir(dir));
}

static void a_message_arrives_at_an_abstract_name(void)
{
	char name[64];

	snprintf(name, sizeof(name), "@hipproxy-test/%ld", (long)getpid());
	a_message_arrives_at(name);
}

static void the_longest_path_is_used_and_a_longer_one_is_refused(void)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct hp_sdnotify n;

	variables(NULL, NULL);
	memset(name, 'x', sizeof(name));
	name[0] = '@';
	name[sizeof(name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	CU_ASSERT_EQUAL(hp_sdnotify_init(&n), -ENAMETOOLONG);
	CU_ASSERT(variables_are_gone());
	CU_ASSERT(!hp_sdnotify_send(&n, "READY=1"));
	hp_sdnotify_fini(&n);
	name[sizeof(name) - 2] = '\0';
	a_message_arrives_at(name);
}

static void a_name_that_is_no_address_is_refused(void)
{
	static const char *const bad[] = { "", "/", "@", "run/notify", "vsock:2:1234" };
	struct hp_sdnotify n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		setenv("NOTIFY_SOCKET", bad[i], 1);
		CU_ASSERT_EQUAL(hp_sdnotify_init(&n), -EINVAL);
		CU_ASSERT_EQUAL(n.fd, -1);
		CU_ASSERT(variables_are_gone());
		CU_ASSERT(!hp_sdnotify_send(&n, "READY=1"));
		hp_sdnotify_fini(&n);
	}
}

static void a_text_too_long_is_refused_whole(void)
{
	struct hp_sdnotify n;
	char name[64];
	int fd;

	variables(NULL, NULL);
	snprintf(name, sizeof(name), "@hipproxy-test/%ld", (long)getpid());
	fd = manager(name);
	CU_ASSERT(!hp_sdnotify_init(&n));
	CU_ASSERT_EQUAL(hp_sdnotify_send(&n, "STATUS=%02000d", 1), -EMSGSIZE);
	CU_ASSERT_STRING_EQUAL(received(fd), "");
	close(fd);
	CU_ASSERT_EQUAL(hp_sdnotify_send(&n, "READY=1"), -ECONNREFUSED);
	hp_sdnotify_fini(&n);
}

/* What hp_sdnotify_init makes of the watchdog's variables. */
static uint64_t watchdog(const char *usec, const char *pid)
{
	struct hp_sdnotify n;
	char name[64];
	uint64_t us;
	int fd;

	variables(usec, pid);
	snprintf(name, sizeof(name), "@hipproxy-test/%ld", (long)getpid());
	fd = manager(name);
	CU_ASSERT(!hp_sdnotify_init(&n));
	us = n.watchdog_us;
	hp_sdnotify_fini(&n);
	close(fd);
	return us;
}

static void the_watchdog_counts_for_this_process_only(void)
{
	char mine[24], other[24];

	snprintf(mine, sizeof(mine), "%ld", (long)getpid());
	snprintf(other, sizeof(other), "%ld", (long)getppid());
	CU_ASSERT_EQUAL(watchdog("30000000", mine), 30000000);
	CU_ASSERT_EQUAL(watchdog("30000000", NULL), 30000000);
	CU_ASSERT_EQUAL(watchdog("30000000", other), 0);
	CU_ASSERT_EQUAL(watchdog("30000000", "me"), 0);
	CU_ASSERT_EQUAL(watchdog(NULL, mine), 0);
}

static void a_watchdog_time_that_is_no_number_is_ignored(void)
{
	static const char *const bad[] = { "", "0", "-1", " 5", "5s", "soon", "0x10",
					   "99999999999999999999999" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT_EQUAL(watchdog(bad[i], NULL), 0);
}

static const struct hp_test tests[] = {
	HP_TEST(without_a_manager_nothing_is_sent),
	HP_TEST(a_message_arrives_at_a_path),
	HP_TEST(a_message_arrives_at_an_abstract_name),
	HP_TEST(the_longest_path_is_used_and_a_longer_one_is_refused),
	HP_TEST(a_name_that_is_no_address_is_refused),
	HP_TEST(a_text_too_long_is_refused_whole),
	HP_TEST(the_watchdog_counts_for_this_process_only),
	HP_TEST(a_watchdog_time_that_is_no_number_is_ignored),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("io_sdnotify", tests, argc, argv);
}
