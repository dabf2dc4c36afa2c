/* SPDX-License-Identifier: MIT
 *
 * The system's journal by its native protocol: one datagram an entry, of fields.
 *
 * Entries are bounded by HP_JOURNAL_MAX, so that they always fit in a datagram and the
 * protocol's way for large ones (a sealed memfd) is not needed.
 */
#ifndef HP_UTIL_JOURNAL_H
#define HP_UTIL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define HP_JOURNAL_SOCKET "/run/systemd/journal/socket"
#define HP_JOURNAL_MAX    4096

struct hp_journal_entry {
	size_t len;
	char bytes[HP_JOURNAL_MAX];
};

/* Appends a field; value NULL: none.  A value with a newline takes the binary form.  A field
 * that does not fit is left out. */
void hp_journal_field(struct hp_journal_entry *e, const char *name, const char *value);

/* Does the value of $JOURNAL_STREAM, "device:inode", name this file?  NULL: no. */
bool hp_journal_names(const char *value, const struct stat *st);
/* Is standard error connected to the journal (systemd.exec(5), $JOURNAL_STREAM)? */
bool hp_journal_has_stderr(void);

/* A socket to send entries by, or -errno; the journal need not run yet. */
int hp_journal_open(void);
/* Never waits.  0; -EAGAIN the journal is behind; -ENOENT, -ECONNREFUSED it does not run. */
int hp_journal_send(int fd, const char *path, const struct hp_journal_entry *e);

#endif
