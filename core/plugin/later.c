/* SPDX-License-Identifier: MIT
 *
 * Timers and descriptors of plugins (hipproxy/later.h).
 *
 * Each is in its module's list, so that what a plugin leaves behind is found when it stops.
 */
#include "plugin/internal.h"

#include <errno.h>
#include <stdlib.h>

struct hp_plugin_timer {
	struct hp_timer timer;
	struct hp_list node;
	struct module *m;
	void (*fn)(struct hp_instance *self, void *ctx);
	void *ctx;
};

struct hp_plugin_fd {
	struct hp_list node;
	struct module *m;
	int fd;
	void (*fn)(struct hp_instance *self, void *ctx, unsigned int events);
	void *ctx;
	void *handle;
};

void hp_plugin_things_init(struct module *m)
{
	hp_list_init(&m->timers);
	hp_list_init(&m->fds);
	hp_list_init(&m->rows);
}

static void *refuse(struct module *m, int err)
{
	if (err == ENOBUFS)
		m->counts.refused++;
	errno = err;
	return NULL;
}

/* ---- timers */

static void fire(struct hp_timer *timer)
{
	struct hp_plugin_timer *t = HP_CONTAINER(timer, struct hp_plugin_timer, timer);

	t->m->counts.timers_fired++;
	t->fn(&t->m->self, t->ctx);
}

struct hp_plugin_timer *hp_plugin_timer_new(struct hp_instance *self,
					    void (*fn)(struct hp_instance *self, void *ctx),
					    void *ctx)
{
	struct module *m = hp_module_of(self);
	struct hp_plugin_timer *t;

	if (!fn)
		return refuse(m, EINVAL);
	if (!m->reg->cfg.timers || !m->alive)
		return refuse(m, EOPNOTSUPP);
	if (m->counts.timers >= HP_PLUGIN_TIMERS)
		return refuse(m, ENOBUFS);
	t = calloc(1, sizeof(*t));
	if (!t)
		return refuse(m, ENOMEM);
	hp_timer_init(&t->timer, fire);
	t->m = m;
	t->fn = fn;
	t->ctx = ctx;
	hp_list_add_tail(&m->timers, &t->node);
	m->counts.timers++;
	return t;
}

void hp_plugin_timer_set(struct hp_plugin_timer *t, uint64_t delay_ms)
{
	uint64_t now_ms = hp_instance_now(&t->m->self);

	hp_timer_set(t->m->reg->cfg.timers, &t->timer,
		     delay_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + delay_ms);
}

void hp_plugin_timer_cancel(struct hp_plugin_timer *t)
{
	if (t)
		hp_timer_cancel(t->m->reg->cfg.timers, &t->timer);
}

bool hp_plugin_timer_is_set(const struct hp_plugin_timer *t)
{
	return hp_timer_armed(&t->timer);
}

void hp_plugin_timer_free(struct hp_plugin_timer *t)
{
	if (!t)
		return;
	hp_plugin_timer_cancel(t);
	hp_list_del(&t->node);
	t->m->counts.timers--;
	free(t);
}

/* ---- descriptors */

#define EVENTS (HP_FD_IN | HP_FD_OUT | HP_FD_ERROR)

static bool is_watched(const struct module *m, int fd)
{
	const struct hp_list *n;

	HP_LIST_EACH(n, &m->fds)
		if (HP_CONTAINER(n, const struct hp_plugin_fd, node)->fd == fd)
			return true;
	return false;
}

/* 0, or why not. */
static int may_watch(const struct module *m, int fd, unsigned int events, bool has_fn)
{
	if (fd < 0 || !has_fn || (events & ~(unsigned)EVENTS))
		return EINVAL;
	if (!m->reg->cfg.fd_add || !m->alive)
		return EOPNOTSUPP;
	if (m->counts.fds >= HP_PLUGIN_FDS)
		return ENOBUFS;
	return is_watched(m, fd) ? EEXIST : 0;
}

struct hp_plugin_fd *hp_plugin_fd_watch(struct hp_instance *self, int fd, unsigned int events,
					void (*fn)(struct hp_instance *self, void *ctx,
						   unsigned int events),
					void *ctx)
{
	struct module *m = hp_module_of(self);
	int err = may_watch(m, fd, events, fn);
	struct hp_plugin_fd *w;

	if (err)
		return refuse(m, err);
	w = calloc(1, sizeof(*w));
	if (!w)
		return refuse(m, ENOMEM);
	*w = (struct hp_plugin_fd){ .m = m, .fd = fd, .fn = fn, .ctx = ctx };
	err = m->reg->cfg.fd_add(m->reg->cfg.ctx, fd, events, w, &w->handle);
	if (err) {
		free(w);
		return refuse(m, -err);
	}
	hp_list_add_tail(&m->fds, &w->node);
	m->counts.fds++;
	return w;
}

int hp_plugin_fd_mod(struct hp_plugin_fd *w, unsigned int events)
{
	if (events & ~(unsigned)EVENTS)
		return -EINVAL;
	return w->m->reg->cfg.fd_mod(w->m->reg->cfg.ctx, w->handle, events);
}

void hp_plugin_fd_unwatch(struct hp_plugin_fd *w)
{
	if (!w)
		return;
	w->m->reg->cfg.fd_del(w->m->reg->cfg.ctx, w->handle);
	hp_list_del(&w->node);
	w->m->counts.fds--;
	free(w);
}

void hp_plugin_fd_event(struct hp_plugin_fd *w, unsigned int events)
{
	w->m->counts.fd_events++;
	w->fn(&w->m->self, w->ctx, events);
}

/* ---- the end */

void hp_plugin_things_free(struct module *m)
{
	uint32_t timers = m->counts.timers, fds = m->counts.fds;
	struct hp_list *n;

	while ((n = hp_list_first(&m->timers)))
		hp_plugin_timer_free(HP_CONTAINER(n, struct hp_plugin_timer, node));
	while ((n = hp_list_first(&m->fds)))
		hp_plugin_fd_unwatch(HP_CONTAINER(n, struct hp_plugin_fd, node));
	m->counts.left_timers += timers;
	m->counts.left_fds += fds;
	if (timers || fds)
		hp_log(HP_LOG_PLUGIN, HP_LOG_WARNING,
		       "plugin %s has not freed %u timers and %u watched descriptors; now they are "
		       "freed", m->self.plugin->name, timers, fds);
}
