/* SPDX-License-Identifier: MIT
 *
 * Lists of the daemon as tables, by libsmartcols: which columns there are and what is in them.
 */
#ifndef HP_TOOLS_LIST_H
#define HP_TOOLS_LIST_H

#include <jansson.h>

#include "tools/cell.h"
#include "tools/view.h"

/* What happens to columns when the terminal is too narrow for all: those with LESS are left
 * out, the last one first, until the others fit; then TRUNC are cut and WRAP, of which there
 * is one at most, goes on in the next line.  --output leaves nothing out. */
enum {
	HP_COL_RIGHT = 1, /* aligned to the right */
	HP_COL_MORE = 2,  /* shown only if --output names it */
	HP_COL_LESS = 4,
	HP_COL_TRUNC = 8,
	HP_COL_WRAP = 16,
};

struct hp_column {
	const char *name; /* for --output and --sort */
	const char *heading;
	const char *help;
	int flags;
	hp_cell_fn cell;
	const char *key; /* what cell reads of the row */
};

struct hp_list {
	const char *member; /* of the reply: the array of rows */
	const char *empty;  /* said when there are none */
	const struct hp_column *columns;
	size_t n;
	bool (*keep)(const json_t *row); /* NULL: all */
};

#define HP_LIST_COLUMNS 32 /* most that can be shown */

/* What the parts of a list that is printed in parts have in common; zero before the first. */
struct hp_list_part {
	const struct hp_column *at[HP_LIST_COLUMNS];
	size_t widths[HP_LIST_COLUMNS];
	size_t n;
	bool begun;
};

/* Are the columns the view names there?  0; -EINVAL, and it has said which are. */
int hp_list_check(const struct hp_list *list, const struct hp_view *view);
/* Prints the rows, returns how many.  The view has been checked. */
size_t hp_list_show(const struct hp_list *list, const struct hp_view *view,
		    const json_t *reply);

/* The same for some rows, an array, of a list that goes on: columns are as wide as they were, or
 * wider. */
size_t hp_list_show_part(const struct hp_list *list, const struct hp_view *view,
			 const json_t *array, struct hp_list_part *part);
/* Leaves in the array the n rows that the view would show first, in the order of the array. */
void hp_list_best(const struct hp_list *list, const struct hp_view *view, json_t *array, size_t n);

#endif
