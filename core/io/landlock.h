/* SPDX-License-Identifier: MIT
 *
 * The view of the file system that a running daemon keeps, by landlock(7).
 *
 * What is not named is out of reach: it can't be opened, made, renamed, removed or run.  Looking at
 * names and modes (stat, readlink, access) is not restricted, and files that are open stay usable.
 * The restriction holds for the calling thread and for those it makes later, for ever.
 */
#ifndef HP_IO_LANDLOCK_H
#define HP_IO_LANDLOCK_H

#include <stddef.h>

/* May be combined. */
enum hp_place_use {
	HP_PLACE_READ = 1,   /* files, and the names in folders */
	HP_PLACE_WRITE = 2,  /* files: make, write, rename, remove; folders: make */
	HP_PLACE_REMOVE = 4, /* files: remove only */
	HP_PLACE_DEVICE = 8, /* a device: read, write, control */
	HP_PLACE_RUN = 16,   /* programs */
};

/* A file, or a folder with all that is in it. */
struct hp_place {
	const char *path;
	unsigned use;
};

/* The version of landlock's interface that the kernel has, or -errno: -EOPNOTSUPP, no landlock in this
 * kernel or this build. */
int hp_landlock_version(void);
/* Restricts this thread to n places; those that do not exist are passed over.  TCP is not possible
 * either (version 4), nor signals to processes that are not restricted the same way (version 6).
 * Needs no_new_privs.  0 or -errno. */
int hp_landlock_enter(const struct hp_place *places, size_t n);

#endif
