/* SPDX-License-Identifier: MIT
 *
 * The sandbox: after the start the daemon gives up all system calls and files that it does not need.
 *
 * The files follow from the configuration of the start.  A reload may change what is in them, but can't
 * go to others.
 */
#ifndef HP_DAEMON_SANDBOX_H
#define HP_DAEMON_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include <hipproxy/conf.h>

#include "io/landlock.h"

#define HP_SANDBOX_TEXT 160

struct hp_daemon;
struct hp_conf_report;

struct hp_sandbox {
	struct hp_place *wanted; /* as configured; paths are owned */
	size_t n_wanted;
	struct hp_place *places; /* as they were when it was entered: folders, and files in shared ones */
	size_t n_places;
	bool entered;
	int held[2];             /* folders of /proc, which are other ones when they are looked up again */
	int syscalls, files;     /* 0: limited, else why not: -errno; -ECANCELED: not wanted */
};

/* Before it is entered: a file the daemon will open again, and how.  0 or -ENOMEM. */
int hp_sandbox_want(struct hp_sandbox *s, const char *path, unsigned use);
/* May the file be used so from now on?  True before it is entered, and where files are not limited. */
bool hp_sandbox_covers(const struct hp_sandbox *s, const char *path, unsigned use);
/* The files that a plugin's settings name.  While the start's configuration is loaded they are noted;
 * those of a reload that are out of reach are complained of.  0, -EINVAL or -ENOMEM. */
int hp_sandbox_plugin(struct hp_daemon *d, const char *plugin, const struct hp_conf_row *rows,
		      const void *settings, struct hp_conf_report *report);
/* What a reload wants and the sandbox of the running daemon can't give is complained of. */
void hp_sandbox_check(struct hp_daemon *trial, struct hp_conf_report *report);
/* "on", "partly", "log" or "off", and a text about it. */
const char *hp_sandbox_state(const struct hp_daemon *d, char text[HP_SANDBOX_TEXT]);
void hp_sandbox_free(struct hp_sandbox *s);

#endif
