/* SPDX-License-Identifier: MIT
 *
 * Sentences about failures at start-up (see err.h).
 */
#include "io/err.h"

#include <stdarg.h>
#include <stdio.h>

int hp_io_fail(struct hp_io_err *e, int err, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return err;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return err;
}
