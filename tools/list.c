/* SPDX-License-Identifier: MIT
 *
 * Lists of the daemon as tables, by libsmartcols.
 */
#include "tools/list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libsmartcols/libsmartcols.h>

#define SEPARATOR     "  "
#define SEPARATOR_LEN (sizeof(SEPARATOR) - 1)
#define WRAP_MIN      20

static const struct hp_column *find_column(const struct hp_list *list, const char *name,
					   size_t len)
{
	for (size_t i = 0; i < list->n; i++)
		if (strlen(list->columns[i].name) == len &&
		    !memcmp(list->columns[i].name, name, len))
			return &list->columns[i];
	return NULL;
}

static int no_column(const struct hp_list *list, const char *name, size_t len)
{
	fprintf(stderr, "hipproxyctl: no such column: %.*s; there are", (int)len, name);
	for (size_t i = 0; i < list->n; i++)
		fprintf(stderr, "%s %s", i ? "," : "", list->columns[i].name);
	fputc('\n', stderr);
	return -EINVAL;
}

/* ---- which columns */

static void show_usual(struct hp_list_part *s, const struct hp_list *list)
{
	for (size_t i = 0; i < list->n && s->n < HP_LIST_COLUMNS; i++)
		if (!(list->columns[i].flags & HP_COL_MORE))
			s->at[s->n++] = &list->columns[i];
}

/* "a,b" or "+a,b": those, or the usual ones and those.  0, or -EINVAL with *bad the name
 * that is none. */
static int choose(struct hp_list_part *s, const struct hp_list *list, const char *output,
		  const char **bad)
{
	*s = (struct hp_list_part){ .n = 0 };
	if (!output || *output == '+')
		show_usual(s, list);
	if (output && *output == '+')
		output++;
	while (output) {
		size_t len = strcspn(output, ",");

		*bad = output;
		if (s->n == HP_LIST_COLUMNS)
			return -EINVAL;
		s->at[s->n] = find_column(list, output, len);
		if (!s->at[s->n++])
			return -EINVAL;
		output = output[len] ? output + len + 1 : NULL;
	}
	return 0;
}

int hp_list_check(const struct hp_list *list, const struct hp_view *view)
{
	const char *bad = NULL;
	struct hp_list_part s;

	if (choose(&s, list, view->output, &bad))
		return no_column(list, bad, strcspn(bad, ","));
	if (view->sort && !find_column(list, view->sort, strlen(view->sort)))
		return no_column(list, view->sort, strlen(view->sort));
	return 0;
}

/* ---- which rows, in which order */

struct row {
	const json_t *row;
	struct hp_cell key; /* of the column to sort by */
	size_t i;
};

/* Digits in texts count as numbers: 10.1.0.9 stands before 10.1.0.10. */
static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = (x->key.number > y->key.number) - (x->key.number < y->key.number);

	if (!order)
		order = strverscmp(x->key.text, y->key.text);
	return order ? order : (x->i > y->i) - (x->i < y->i);
}

/* The caller frees the array; NULL if there is no memory. */
static struct row *collect(const struct hp_list *list, const struct hp_view *view,
			   const json_t *array, size_t *n)
{
	const struct hp_column *by = view->sort ?
		find_column(list, view->sort, strlen(view->sort)) : NULL;
	struct row *rows = calloc(json_array_size(array) + 1, sizeof(*rows));
	const json_t *v;
	size_t i;

	*n = 0;
	if (!rows)
		return NULL;
	json_array_foreach((json_t *)array, i, v) {
		if (list->keep && !list->keep(v))
			continue;
		rows[*n] = (struct row){ .row = v, .i = i };
		if (by)
			by->cell(&rows[*n].key, v, by->key);
		(*n)++;
	}
	if (by)
		qsort(rows, *n, sizeof(*rows), compare);
	return rows;
}

/* ---- what fits */

static size_t width_of(const struct hp_column *c, const struct hp_view *view,
		       const struct row *rows, size_t n)
{
	size_t width = view->headings ? strlen(c->heading) : 0;

	for (size_t i = 0; i < n; i++) {
		struct hp_cell cell = { .text = "" };
		size_t len;

		c->cell(&cell, rows[i].row, c->key);
		len = strlen(cell.text);
		width = len > width ? len : width;
	}
	return width;
}

static void measure(struct hp_list_part *s, const struct hp_view *view, const struct row *rows,
		    size_t n)
{
	for (size_t i = 0; i < s->n; i++) {
		size_t width = width_of(s->at[i], view, rows, n);

		s->widths[i] = width > s->widths[i] ? width : s->widths[i];
	}
}

/* Leaves out columns until the line fits, but only before the first part is printed.  Returns the
 * width that is there for the column with WRAP, 0: as much as it wants. */
static size_t fit(struct hp_list_part *s, const struct hp_view *view)
{
	size_t line = 0, wrap = 0;

	for (size_t i = 0; i < s->n; i++) {
		line += s->widths[i] + SEPARATOR_LEN;
		if (s->at[i]->flags & HP_COL_WRAP)
			wrap = s->widths[i] + SEPARATOR_LEN;
	}
	for (size_t i = s->n; i-- && line > view->width + SEPARATOR_LEN;) {
		if (s->begun || view->output || !(s->at[i]->flags & HP_COL_LESS))
			continue;
		line -= s->widths[i] + SEPARATOR_LEN;
		memmove(&s->at[i], &s->at[i + 1], (s->n - 1 - i) * sizeof(s->at[0]));
		memmove(&s->widths[i], &s->widths[i + 1], (s->n - 1 - i) * sizeof(s->widths[0]));
		s->n--;
	}
	if (!wrap || line <= view->width + SEPARATOR_LEN)
		return 0;
	line -= wrap;
	return view->width > line + WRAP_MIN ? view->width - line : WRAP_MIN;
}

/* Breaks the text at blanks into lines of at most width, but for longer words. */
static void wrap_words(char *text, size_t width)
{
	char *line = text, *blank = NULL;

	for (char *p = text; *p; p++) {
		if (*p == ' ')
			blank = p;
		if ((size_t)(p - line) < width || !blank)
			continue;
		*blank = '\n';
		line = blank + 1;
		blank = NULL;
	}
}

/* ---- the table */

static int set_wrap(struct libscols_column *cl)
{
	return scols_column_set_safechars(cl, "\n") ||
	       scols_column_set_wrapfunc(cl, scols_wrapnl_chunksize, scols_wrapnl_nextchunk,
					 NULL) ? -ENOMEM : 0;
}

/* The library makes columns as wide as their headings, also those it does not print. */
static int add_columns(struct libscols_table *tb, const struct hp_list_part *s,
		       const struct hp_view *view)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct hp_column *c = s->at[i];
		int flags = (c->flags & HP_COL_RIGHT ? SCOLS_FL_RIGHT : 0) |
			    (c->flags & HP_COL_TRUNC ? SCOLS_FL_TRUNC : 0) |
			    (c->flags & HP_COL_WRAP ? SCOLS_FL_WRAP : 0);
		struct libscols_column *cl =
			scols_table_new_column(tb, view->headings ? c->heading : "",
					       s->begun ? (double)s->widths[i] : 0, flags);

		if (!cl || (view->color && scols_cell_set_color(scols_column_get_header(cl), "bold")))
			return -ENOMEM;
		if (flags & SCOLS_FL_WRAP && set_wrap(cl))
			return -ENOMEM;
	}
	return 0;
}

static int add_row(struct libscols_table *tb, const struct hp_list_part *s, const json_t *row,
		   size_t wrap)
{
	struct libscols_line *line = scols_table_new_line(tb, NULL);

	if (!line)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		struct hp_cell cell = { .text = "" };

		s->at[i]->cell(&cell, row, s->at[i]->key);
		if (wrap && s->at[i]->flags & HP_COL_WRAP)
			wrap_words(cell.text, wrap);
		if (scols_line_set_data(line, i, cell.text))
			return -ENOMEM;
		if (cell.color &&
		    scols_cell_set_color(scols_line_get_cell(line, i), cell.color))
			return -ENOMEM;
	}
	return 0;
}

/* The width is told, since the stream may be memory that goes to a terminal later. */
static int fill(struct libscols_table *tb, struct hp_list_part *s, const struct hp_view *view,
		const struct row *rows, size_t n)
{
	size_t wrap;
	int err;

	measure(s, view, rows, n);
	wrap = view->width ? fit(s, view) : 0;
	err = add_columns(tb, s, view);

	for (size_t i = 0; i < n && !err; i++)
		err = add_row(tb, s, rows[view->reverse ? n - 1 - i : i].row, wrap);
	if (err)
		return err;
	scols_table_set_column_separator(tb, SEPARATOR);
	scols_table_enable_noheadings(tb, !view->headings);
	scols_table_enable_colors(tb, view->color);
	scols_table_set_termforce(tb, view->width ? SCOLS_TERMFORCE_ALWAYS :
						    SCOLS_TERMFORCE_NEVER);
	if (view->width)
		scols_table_set_termwidth(tb, view->width);
	scols_table_set_stream(tb, view->out);
	return scols_print_table(tb);
}

static int print(const struct hp_list *list, const struct hp_view *view,
		 const struct row *rows, size_t n, struct hp_list_part *part)
{
	struct libscols_table *tb = scols_new_table();
	struct hp_view mine = *view;
	const char *bad;
	int err = tb ? 0 : -ENOMEM;

	mine.headings &= !part->begun;
	if (!err && !part->begun)
		err = choose(part, list, view->output, &bad);
	if (!err)
		err = fill(tb, part, &mine, rows, n);
	part->begun = true;
	scols_unref_table(tb);
	return err;
}

static void out_of_memory(int err)
{
	fprintf(stderr, "hipproxyctl: %s\n", strerror(err < 0 ? -err : err));
	exit(HP_EXIT_REFUSED);
}

size_t hp_list_show_part(const struct hp_list *list, const struct hp_view *view,
			 const json_t *array, struct hp_list_part *part)
{
	size_t n;
	struct row *rows = collect(list, view, array, &n);
	int err = rows ? 0 : -ENOMEM;

	if (!err && n)
		err = print(list, view, rows, n, part);
	else if (!err && view->headings && !part->begun)
		fprintf(view->out, "%s\n", list->empty);
	free(rows);
	if (err)
		out_of_memory(err);
	return n;
}

size_t hp_list_show(const struct hp_list *list, const struct hp_view *view,
		    const json_t *reply)
{
	struct hp_list_part part = { .n = 0 };

	return hp_list_show_part(list, view, json_object_get(reply, list->member), &part);
}

static int by_place(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->i > y->i) - (x->i < y->i);
}

void hp_list_best(const struct hp_list *list, const struct hp_view *view, json_t *array, size_t n)
{
	size_t have;
	struct row *rows = collect(list, view, array, &have), *from;
	json_t *best = json_array();

	if (!rows || !best)
		out_of_memory(-ENOMEM);
	n = n < have ? n : have;
	from = view->reverse ? rows + have - n : rows;
	qsort(from, n, sizeof(*from), by_place);
	for (size_t i = 0; i < n; i++)
		json_array_append(best, (json_t *)from[i].row);
	json_array_clear(array);
	json_array_extend(array, best);
	json_decref(best);
	free(rows);
}
