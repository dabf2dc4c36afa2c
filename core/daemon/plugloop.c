/* SPDX-License-Identifier: MIT
 *
 * Descriptors that plugins watch, on the daemon's loop.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>

struct watch {
	struct hp_watch w;
	struct hp_plugin_fd *fd;
};

static uint32_t to_epoll(unsigned int events)
{
	return (events & HP_FD_IN ? EPOLLIN | EPOLLRDHUP : 0u) | (events & HP_FD_OUT ? EPOLLOUT : 0u);
}

static void ready(void *ctx, uint32_t events)
{
	const struct watch *w = ctx;

	hp_plugin_fd_event(w->fd, (events & (EPOLLIN | EPOLLRDHUP) ? HP_FD_IN : 0u) |
				  (events & EPOLLOUT ? HP_FD_OUT : 0u) |
				  (events & (EPOLLERR | EPOLLHUP) ? HP_FD_ERROR : 0u));
}

int hp_daemon_fd_add(void *ctx, int fd, unsigned int events, struct hp_plugin_fd *plugin_fd,
		     void **handle)
{
	struct hp_daemon *d = ctx;
	struct watch *w = d->loop ? calloc(1, sizeof(*w)) : NULL;
	int err;

	if (!w)
		return d->loop ? -ENOMEM : -EOPNOTSUPP;
	w->fd = plugin_fd;
	err = hp_loop_add(d->loop, &w->w, fd, to_epoll(events), ready, w);
	if (err)
		free(w);
	else
		*handle = w;
	return err;
}

int hp_daemon_fd_mod(void *ctx, void *handle, unsigned int events)
{
	struct hp_daemon *d = ctx;
	struct watch *w = handle;

	return hp_loop_mod(d->loop, &w->w, to_epoll(events));
}

void hp_daemon_fd_del(void *ctx, void *handle)
{
	struct hp_daemon *d = ctx;
	struct watch *w = handle;

	hp_loop_del(d->loop, &w->w);
	free(w);
}
