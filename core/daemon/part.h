/* SPDX-License-Identifier: MIT
 *
 * Parts of the daemon: what is started in order, and stopped in reverse order.
 *
 * A part is one row.  Its functions are in the file that owns the part's members of struct
 * hp_daemon.  The order of all parts is in start.c.
 */
#ifndef HP_DAEMON_PART_H
#define HP_DAEMON_PART_H

#include <stddef.h>

struct hp_daemon;
struct hp_prepared;

struct hp_part {
	const char *name;
	/* 0, or -errno, reported to the log.  NULL: nothing to start. */
	int (*start)(struct hp_daemon *d);
	/* Called once for a part whose start was called, even if that failed: what start has not
	 * made is left alone.  NULL: nothing to stop. */
	void (*stop)(struct hp_daemon *d);
	/* A new configuration is in force: d->conf.  Can't fail: whatever can fail is in *p already
	 * (daemon.h).  NULL: the part has no settings that a reload changes. */
	void (*reload)(struct hp_daemon *d, struct hp_prepared *p);
};

/* parts is an array of pointers that ends with NULL.  *begun counts the parts whose start was
 * called. */

/* Starts them in order, up to the first that fails: its error is returned.  The caller stops them. */
int hp_parts_start(const struct hp_part *const *parts, struct hp_daemon *d, size_t *begun);
/* Stops the *begun parts in reverse order. */
void hp_parts_stop(const struct hp_part *const *parts, struct hp_daemon *d, size_t *begun);
void hp_parts_reload(const struct hp_part *const *parts, struct hp_daemon *d,
		     struct hp_prepared *p);

#endif
