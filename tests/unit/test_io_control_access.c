/* SPDX-License-Identifier: MIT
 *
 * The control socket: who may ask.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../harness.h"
#include "control.h"

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
	HP_TEST(members_of_the_group_may_ask_and_others_may_not),
	HP_TEST(without_a_group_only_root_may_ask),
	HP_TEST(a_group_must_exist),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("io_control_access", tests, argc, argv);
}
