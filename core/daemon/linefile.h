/* SPDX-License-Identifier: MIT
 *
 * Text files that the daemon keeps and people edit: one entry a line, '#' begins a comment.
 *
 * Reading is tolerant: a line that is no entry is skipped and told, all others count.  Writing is
 * atomic: the new text goes to a file beside, is on disk before it takes the place of the old one,
 * and lines that are not concerned stay as they are.  A symbolic link is not followed.
 */
#ifndef HP_DAEMON_LINEFILE_H
#define HP_DAEMON_LINEFILE_H

#include <stdbool.h>

#include "io/err.h"

#define HP_LINES_BAD 5

/* Lines that were skipped: how many, and the numbers of the first ones. */
struct hp_lines_bad {
	unsigned int n, at[HP_LINES_BAD];
	bool no_newline; /* the last line has none: perhaps it was cut */
	bool full;       /* some were not taken for want of room */
};

/* Takes the words of a line, without comment.  0; -EINVAL: it is no entry; -ENOSPC: there is no room
 * for it; another -errno ends the reading. */
typedef int (*hp_line_fn)(void *ctx, char *const *words, int n);

#define HP_LINE_WORDS 4

/* 0, also if there is no file; -ELOOP: it is a symbolic link; -errno with a sentence. */
int hp_lines_read(const char *path, hp_line_fn fn, void *ctx, struct hp_lines_bad *bad,
		  struct hp_io_err *e);
/* The same for text in memory, lines that begin with '+' (see below). */
int hp_lines_apply(const char *edits, hp_line_fn fn, void *ctx);
/* One sentence about line number at of path: "FILE:LINE: expected WHAT; the line is skipped". */
void hp_lines_complain(const char *path, unsigned int at, const char *what,
		       struct hp_io_err *out);

/* edits: lines "+TEXT", a line to be added, or "-ADDRESS", whose lines (those that begin with this
 * address, however it is written) are removed, in this order.  May block on the disk.  0 or -errno;
 * then the file is as it was. */
int hp_lines_edit(const char *path, const char *edits);

#endif
