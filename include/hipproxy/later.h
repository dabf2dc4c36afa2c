/* SPDX-License-Identifier: MIT
 *
 * Timers and descriptors of plugins, on the daemon's loop.
 *
 * Both belong to the plugin instance that made them.  What a plugin has not freed when its stop
 * function returns, or when its start function has failed, the core frees, counts and logs.
 * In tests the clock is a mock one, and descriptors are polled between its steps.
 */
#ifndef HIPPROXY_LATER_H
#define HIPPROXY_LATER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hp_instance;

/* ---- timers */

#define HP_PLUGIN_TIMERS 4096u /* most timers of one plugin */

struct hp_plugin_timer;

/* A timer that is not set.  fn is called on the loop, once for each hp_plugin_timer_set; it may
 * set, cancel or free any timer, this one included.  The result belongs to the plugin until
 * hp_plugin_timer_free or stop.  NULL and errno: ENOBUFS too many timers (counted), ENOMEM,
 * EINVAL fn is NULL, EOPNOTSUPP there is no loop: the plugin is only being checked. */
struct hp_plugin_timer *hp_plugin_timer_new(struct hp_instance *self,
					    void (*fn)(struct hp_instance *self, void *ctx),
					    void *ctx);
/* fn is to be called in delay_ms milliseconds, 0: in the loop's next round.  A timer that is set
 * already is moved.  Never fails and takes constant time. */
void hp_plugin_timer_set(struct hp_plugin_timer *t, uint64_t delay_ms);
/* Harmless for a timer that is not set, and for NULL. */
void hp_plugin_timer_cancel(struct hp_plugin_timer *t);
bool hp_plugin_timer_is_set(const struct hp_plugin_timer *t);
/* Cancels and frees.  NULL is permitted. */
void hp_plugin_timer_free(struct hp_plugin_timer *t);

/* ---- descriptors */

#define HP_PLUGIN_FDS 256u /* most descriptors of one plugin */

enum {
	HP_FD_IN = 1,    /* can be read, or the other end has closed */
	HP_FD_OUT = 2,   /* can be written */
	HP_FD_ERROR = 4, /* an error or a hang-up; always reported */
};

struct hp_plugin_fd;

/* fn is called in each round of the loop in which fd has one of the events (level-triggered).  It
 * may read, write, change or end any watch, this one included.  The descriptor stays the plugin's;
 * end the watch before closing it.  NULL and errno: ENOBUFS too many (counted), ENOMEM, EINVAL
 * (events, fd or fn), EEXIST fd is watched already, EPERM fd is a regular file, EOPNOTSUPP as
 * hp_plugin_timer_new. */
struct hp_plugin_fd *hp_plugin_fd_watch(struct hp_instance *self, int fd, unsigned int events,
					void (*fn)(struct hp_instance *self, void *ctx,
						   unsigned int events),
					void *ctx);
/* Other events from now on; 0 events: errors only.  0, -EINVAL, or -errno of the kernel. */
int hp_plugin_fd_mod(struct hp_plugin_fd *w, unsigned int events);
/* Ends and frees the watch; fn is not called any more.  NULL is permitted. */
void hp_plugin_fd_unwatch(struct hp_plugin_fd *w);

#endif
