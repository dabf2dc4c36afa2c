/* SPDX-License-Identifier: MIT
 *
 * Why something at start-up did not work: one sentence for the administrator.
 */
#ifndef HP_IO_ERR_H
#define HP_IO_ERR_H

struct hp_io_err {
	char text[512]; /* no newline at the end; "" if nothing failed */
};

/* Writes the sentence and returns err (a negative errno), so that callers can
 * "return hp_io_fail(...)".  e may be NULL. */
int hp_io_fail(struct hp_io_err *e, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
