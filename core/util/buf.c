/* SPDX-License-Identifier: MIT
 *
 * A growing text buffer.
 */
#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for n octets and the ending zero. */
static bool reserve(struct hp_buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 128;
	char *data;

	if (b->failed)
		return false;
	while (cap - b->len <= n)
		cap *= 2;
	if (cap == b->cap)
		return true;
	data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void hp_buf_add(struct hp_buf *b, const void *data, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = 0;
}

void hp_buf_addf(struct hp_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		b->failed = true;
	if (n < 0 || !reserve(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

char *hp_buf_take(struct hp_buf *b)
{
	char *s;

	hp_buf_add(b, "", 0);
	s = b->data;
	if (b->failed) {
		free(s);
		s = NULL;
	}
	*b = (struct hp_buf)HP_BUF_INIT;
	return s;
}

void hp_buf_fini(struct hp_buf *b)
{
	free(b->data);
	*b = (struct hp_buf)HP_BUF_INIT;
}
