/* SPDX-License-Identifier: MIT
 *
 * The system's journal by its native protocol.
 */
#include "util/journal.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void append(struct hp_journal_entry *e, const void *bytes, size_t len)
{
	memcpy(e->bytes + e->len, bytes, len);
	e->len += len;
}

/* NAME=value\n, or NAME\n, the length in 64 bits little-endian, value\n. */
void hp_journal_field(struct hp_journal_entry *e, const char *name, const char *value)
{
	size_t name_len = strlen(name), len = value ? strlen(value) : 0;
	uint64_t len_le = htole64(len);
	bool binary = value && strchr(value, '\n');

	if (!value || name_len + 2 + sizeof(len_le) + len > sizeof(e->bytes) - e->len)
		return;
	append(e, name, name_len);
	append(e, binary ? "\n" : "=", 1);
	if (binary)
		append(e, &len_le, sizeof(len_le));
	append(e, value, len);
	append(e, "\n", 1);
}

bool hp_journal_names(const char *value, const struct stat *st)
{
	uint64_t dev, inode;
	int end = 0;

	return value && sscanf(value, "%" SCNu64 ":%" SCNu64 "%n", &dev, &inode, &end) == 2 &&
	       !value[end] && dev == st->st_dev && inode == st->st_ino;
}

bool hp_journal_has_stderr(void)
{
	struct stat st;

	return !fstat(STDERR_FILENO, &st) && hp_journal_names(getenv("JOURNAL_STREAM"), &st);
}

int hp_journal_open(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* By its path each time: a connection would end when the journal is restarted. */
int hp_journal_send(int fd, const char *path, const struct hp_journal_entry *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	if (sendto(fd, e->bytes, e->len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to,
		   sizeof(to)) < 0)
		return -errno;
	return 0;
}
