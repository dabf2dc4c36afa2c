/* SPDX-License-Identifier: MIT
 *
 * A list that comes in parts: printed as it comes, so that a million rows need little memory.
 *
 * With --sort or -r all rows are needed first; with -n as well, only so many of them are kept.
 */
#ifndef HP_TOOLS_ROWS_H
#define HP_TOOLS_ROWS_H

#include "tools/list.h"

struct hp_rows {
	const struct hp_ctl *ctl;
	const struct hp_command *cmd;
	const struct hp_view *view;
	bool one_line; /* JSON */
	json_t *kept;  /* rows that are not printed yet */
	size_t printed;
	struct hp_list_part part;
};

void hp_rows_begin(struct hp_rows *r, const struct hp_ctl *ctl, const struct hp_command *cmd,
		   const struct hp_view *view, bool one_line);
/* rows: an array, borrowed. */
void hp_rows_add(struct hp_rows *r, const json_t *rows);
/* That was all; whole: nothing is missing. */
void hp_rows_end(struct hp_rows *r, bool whole);

#endif
