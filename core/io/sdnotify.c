/* SPDX-License-Identifier: MIT
 *
 * Messages to the service manager (see sdnotify.h).
 */
#include "io/sdnotify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX 1024

/* The value of a variable as a positive number; 0 if it is none. */
static uint64_t number(const char *text)
{
	unsigned long long v;
	char *end;

	if (!text || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	v = strtoull(text, &end, 10);
	return errno || *end ? 0 : v;
}

/* WATCHDOG_PID, if set, names the process that is watched: a parent's variables do not count. */
static uint64_t watchdog_us(void)
{
	const char *pid = getenv("WATCHDOG_PID");

	if (pid && number(pid) != (uint64_t)getpid())
		return 0;
	return number(getenv("WATCHDOG_USEC"));
}

static int address(const char *name, struct hp_sdnotify *n)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2)
		return -EINVAL;
	if (len >= sizeof(n->to.sun_path))
		return -ENAMETOOLONG;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, name, len + 1);
	if (name[0] == '@') /* an abstract name begins with a zero octet and ends without one */
		n->to.sun_path[0] = '\0';
	n->to_len = (unsigned int)(offsetof(struct sockaddr_un, sun_path) + len +
				   (name[0] == '/'));
	return 0;
}

static int open_socket(struct hp_sdnotify *n)
{
	const char *name = getenv("NOTIFY_SOCKET");
	int err;

	if (!name)
		return 0;
	err = address(name, n);
	if (err)
		return err;
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd >= 0)
		return 0;
	n->to_len = 0;
	return -errno;
}

int hp_sdnotify_init(struct hp_sdnotify *n)
{
	int err;

	*n = (struct hp_sdnotify){ .fd = -1 };
	err = open_socket(n);
	if (n->to_len)
		n->watchdog_us = watchdog_us();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return err;
}

void hp_sdnotify_fini(struct hp_sdnotify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	*n = (struct hp_sdnotify){ .fd = -1 };
}

int hp_sdnotify_send(const struct hp_sdnotify *n, const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list ap;
	int len;

	if (!n->to_len)
		return 0;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(text))
		return -EMSGSIZE;
	if (sendto(n->fd, text, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&n->to,
		   n->to_len) < 0)
		return -errno;
	return 0;
}
