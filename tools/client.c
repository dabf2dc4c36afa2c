/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl's end of the control socket.
 */
#include "tools/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int hp_client_open(struct hp_client *c, const char *socket_path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int err;

	*c = (struct hp_client){ .fd = -1 };
	if (strlen(socket_path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, socket_path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	if (!connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)))
		return 0;
	err = -errno;
	hp_client_close(c);
	return err;
}

void hp_client_close(struct hp_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->buf);
	*c = (struct hp_client){ .fd = -1 };
}

void hp_client_timeout(struct hp_client *c, int seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static int send_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int hp_client_send(struct hp_client *c, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t len;
	int err;

	if (!text)
		return -ENOMEM;
	len = strlen(text);
	text[len] = '\n'; /* in place of the ending zero */
	err = send_all(c->fd, text, len + 1);
	free(text);
	return err;
}

static int grow(struct hp_client *c)
{
	size_t cap = c->cap ? 2 * c->cap : 16384;
	char *buf;

	if (c->cap - c->len >= 4096)
		return 0;
	if (cap > HP_CLIENT_REPLY_MAX)
		return -EMSGSIZE;
	buf = realloc(c->buf, cap);
	if (!buf)
		return -ENOMEM;
	c->buf = buf;
	c->cap = cap;
	return 0;
}

/* Reads until the buffer holds a newline; *end is its place. */
static int fill_line(struct hp_client *c, size_t *end)
{
	size_t seen = 0;

	for (;;) {
		const char *nl = c->len > seen ?
			memchr(c->buf + seen, '\n', c->len - seen) : NULL;
		ssize_t n;
		int err;

		if (nl) {
			*end = (size_t)(nl - c->buf);
			return 0;
		}
		seen = c->len;
		err = grow(c);
		if (err)
			return err;
		n = recv(c->fd, c->buf + c->len, c->cap - c->len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		c->len += (size_t)n;
	}
}

int hp_client_recv(struct hp_client *c, json_t **reply)
{
	size_t end = 0;
	int err = fill_line(c, &end);

	if (err)
		return err;
	*reply = json_loadb(c->buf, end, 0, NULL);
	c->len -= end + 1;
	memmove(c->buf, c->buf + end + 1, c->len);
	if (json_is_object(*reply))
		return 0;
	json_decref(*reply);
	*reply = NULL;
	return -EBADMSG;
}
