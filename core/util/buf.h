/* SPDX-License-Identifier: MIT
 *
 * A growing text buffer.  Errors stick; the text always ends in a zero octet once anything
 * was added.
 */
#ifndef HP_UTIL_BUF_H
#define HP_UTIL_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct hp_buf {
	char *data; /* NULL while empty */
	size_t len, cap;
	bool failed; /* out of memory: text is incomplete */
};

#define HP_BUF_INIT { NULL, 0, 0, false }

void hp_buf_add(struct hp_buf *b, const void *data, size_t len);
void hp_buf_addf(struct hp_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Gives up the text (caller frees), "" if nothing was added; NULL if memory ran out. */
char *hp_buf_take(struct hp_buf *b);
void hp_buf_fini(struct hp_buf *b);

#endif
