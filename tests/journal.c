/* SPDX-License-Identifier: MIT
 *
 * A journal of the test's own.
 */
#include "journal.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/log.h"

static char dir[] = "/tmp/hp-journal-XXXXXX", path[sizeof(dir) + 16];
static int fd = -1;

static void remove_dir(void)
{
	rmdir(dir);
}

const char *hp_test_journal_path(void)
{
	if (*path)
		return path;
	CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
	atexit(remove_dir);
	snprintf(path, sizeof(path), "%s/socket", dir);
	return path;
}

void hp_test_journal_start(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	strcpy(sun.sun_path, hp_test_journal_path());
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	CU_ASSERT_FATAL(fd >= 0 && !bind(fd, (struct sockaddr *)&sun, sizeof(sun)));
	hp_log_journal_path(path);
}

void hp_test_journal_stop(void)
{
	close(fd);
	unlink(path);
}

bool hp_test_journal_read(char *buf, size_t size, size_t *len)
{
	ssize_t n = recv(fd, buf, size - 1, 0);

	*len = n > 0 ? (size_t)n : 0;
	buf[*len] = '\0';
	return n > 0;
}
