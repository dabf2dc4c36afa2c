/* SPDX-License-Identifier: MIT
 *
 * The files conf.d/NAME.conf that `peer add` writes.  They begin with a line that says so: files of
 * people are left alone.
 */
#ifndef HP_TOOLS_PEERFILE_H
#define HP_TOOLS_PEERFILE_H

#include <limits.h>
#include <stdbool.h>

#include "tools/peertext.h"

/* conf.d/NAME.conf beside the configuration. False: too long. */
bool hp_peerfile_path(const char *conf_path, const char *name, char path[PATH_MAX]);
/* Is the file one of ours? */
bool hp_peerfile_is_ours(const char *path);
/* Writes a new one.  0; -EEXIST; -errno. */
int hp_peerfile_write(const char *path, const struct hp_conf_peers *peers);
/* The whole file ("-": standard input), at most max octets, with an ending zero.  NULL and errno;
 * EFBIG: longer. */
char *hp_peerfile_read(const char *path, size_t max, size_t *len);
/* Calls fn with each of our files beside the configuration, in the order of their names. */
void hp_peerfile_each(const char *conf_path, void (*fn)(void *ctx, const char *path), void *ctx);

/* hipproxyd -t; its complaints go to the standard error.  True: it found nothing. */
bool hp_peerfile_check(const char *conf_path);

#endif
