/* SPDX-License-Identifier: MIT
 *
 * The control socket (see control.h): the listening side.  Clients: ctlclient.c.
 */
#include "io/control_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <hipproxy/log.h>

/* ---- the socket's file */

/* Clears path of a socket that nobody listens on any more. */
static int path_clear(const struct sockaddr_un *sun, struct hp_io_err *e)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(sun->sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return hp_io_fail(e, -EEXIST,
				  "control socket %s: there is a file that is no "
				  "socket",
				  sun->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return hp_io_fail(e, -errno, "control socket: %s", strerror(errno));
	if (!connect(fd, (const struct sockaddr *)sun, sizeof(*sun)))
		err = hp_io_fail(e, -EADDRINUSE,
				 "control socket %s: another hipproxyd is "
				 "listening there",
				 sun->sun_path);
	close(fd);
	if (!err && unlink(sun->sun_path))
		err = hp_io_fail(e, -errno, "control socket %s: %s", sun->sun_path,
				 strerror(errno));
	return err;
}

static void directory_make(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	/* Why it failed shows in bind's error. */
	(void)!mkdir(dir, 0755);
}

static int socket_listen(struct hp_control *ctl, struct hp_io_err *e)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	mode_t mask;
	int err;

	memcpy(sun.sun_path, ctl->path, strlen(ctl->path) + 1);
	directory_make(ctl->path);
	err = path_clear(&sun, e);
	if (err)
		return err;
	ctl->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	if (ctl->fd < 0 || bind(ctl->fd, (struct sockaddr *)&sun, sizeof(sun)))
		err = -errno;
	umask(mask);
	ctl->bound = !err;
	if (!err && listen(ctl->fd, HP_CONTROL_CLIENTS))
		err = -errno;
	if (err)
		return hp_io_fail(e, err, "control socket %s: %s", ctl->path,
				  strerror(-err));
	return 0;
}

/* ---- accepting */

static void turn_away(int fd)
{
	static const char line[] = "{\"ok\":false,\"error\":\"too many clients\"}\n";

	(void)!send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void listen_ready(void *ctx, uint32_t events)
{
	struct hp_control *ctl = ctx;
	int fd = accept4(ctl->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), i;

	if (fd < 0)
		return;
	for (i = 0; i < HP_CONTROL_CLIENTS; i++) {
		if (!ctl->clients[i])
			break;
	}
	if (i == HP_CONTROL_CLIENTS) {
		turn_away(fd);
		return;
	}
	ctl->clients[i] = ctl_client_new(ctl, fd);
	if (!ctl->clients[i])
		close(fd);
}

/* At the end of a round nobody is inside a client any more. */
static void reap(void *ctx)
{
	struct hp_control *ctl = ctx;
	int i;

	for (i = 0; i < HP_CONTROL_CLIENTS; i++) {
		struct hp_control_client *c = ctl->clients[i];

		if (!c || !ctl_client_over(c))
			continue;
		ctl->clients[i] = NULL;
		ctl_client_free(c);
	}
}

/* ---- opening */

int hp_control_open(struct hp_loop *loop, const char *path, hp_control_fn fn, void *ctx,
		    struct hp_control **out, struct hp_io_err *e)
{
	struct hp_control *ctl;
	int err;

	if (!path[0] || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return hp_io_fail(e, -ENAMETOOLONG,
				  "control socket \"%s\": a path has 1 to 107 "
				  "characters",
				  path);
	ctl = calloc(1, sizeof(*ctl));
	if (!ctl)
		return hp_io_fail(e, -ENOMEM, "control socket: out of memory");
	ctl->loop = loop;
	ctl->fn = fn;
	ctl->ctx = ctx;
	ctl->fd = -1;
	snprintf(ctl->path, sizeof(ctl->path), "%s", path);
	hp_loop_flush_add(loop, &ctl->flush, reap, ctl);
	err = socket_listen(ctl, e);
	if (!err) {
		err = hp_loop_add(loop, &ctl->watch, ctl->fd, EPOLLIN, listen_ready, ctl);
		if (err)
			hp_io_fail(e, err, "control socket: %s", strerror(-err));
	}
	if (err) {
		hp_control_close(ctl);
		return err;
	}
	*out = ctl;
	return 0;
}

void hp_control_close(struct hp_control *ctl)
{
	int i;

	if (!ctl)
		return;
	hp_loop_del(ctl->loop, &ctl->watch);
	hp_loop_flush_del(ctl->loop, &ctl->flush);
	for (i = 0; i < HP_CONTROL_CLIENTS; i++) {
		if (ctl->clients[i])
			ctl_client_free(ctl->clients[i]);
	}
	if (ctl->bound)
		unlink(ctl->path);
	if (ctl->fd >= 0)
		close(ctl->fd);
	free(ctl);
}
