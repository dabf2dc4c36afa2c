/* SPDX-License-Identifier: MIT
 *
 * What the daemon lends plugins: its loop for descriptors, its state file for records.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/notes.h"

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

/* ---- records */

static struct hp_notes *notes(void *ctx)
{
	struct hp_daemon *d = ctx;

	return hp_state_notes(d->kept.state);
}

static int put(void *ctx, const char *plugin, const struct hp_record *r)
{
	return notes(ctx) ? hp_notes_put(notes(ctx), plugin, r) : -EOPNOTSUPP;
}

static int get(void *ctx, const char *plugin, const void *key, size_t key_bytes,
	       struct hp_record *r)
{
	return notes(ctx) ? hp_notes_get(notes(ctx), plugin, key, key_bytes, r) : -EOPNOTSUPP;
}

static int del(void *ctx, const char *plugin, const void *key, size_t key_bytes)
{
	return notes(ctx) ? hp_notes_del(notes(ctx), plugin, key, key_bytes) : -EOPNOTSUPP;
}

static int each(void *ctx, const char *plugin, int (*fn)(void *arg, const struct hp_record *r),
		void *arg)
{
	return notes(ctx) ? hp_notes_each(notes(ctx), plugin, fn, arg) : -EOPNOTSUPP;
}

static size_t count(void *ctx, const char *plugin)
{
	return notes(ctx) ? hp_notes_count(notes(ctx), plugin) : 0;
}

const struct hp_record_store hp_daemon_records = { put, get, del, each, count };
