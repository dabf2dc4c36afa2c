/* SPDX-License-Identifier: MIT
 *
 * A list that comes in parts (see rows.h).
 */
#include "tools/rows.h"

#include <stdio.h>
#include <stdlib.h>

#define PART_ROWS  1000 /* whose widths are known before they are printed */
#define SORT_SPARE 1000

static bool needs_all(const struct hp_rows *r)
{
	return !r->ctl->json && (r->view->sort || r->view->reverse);
}

void hp_rows_begin(struct hp_rows *r, const struct hp_ctl *ctl, const struct hp_command *cmd,
		   const struct hp_view *view, bool one_line)
{
	*r = (struct hp_rows){ .ctl = ctl, .cmd = cmd, .view = view, .one_line = one_line,
			       .kept = json_array() };
	if (!r->kept)
		abort();
	if (ctl->json)
		fprintf(view->out, one_line ? "{\"ok\":true,\"%s\":[" :
					      "{\n  \"ok\": true,\n  \"%s\": [",
			cmd->list->member);
}

static void print_json(struct hp_rows *r)
{
	const json_t *row;
	size_t i;

	json_array_foreach(r->kept, i, row) {
		fputs(r->printed++ ? "," : "", r->view->out);
		fputs(r->one_line ? "" : "\n    ", r->view->out);
		json_dumpf(row, r->view->out, JSON_COMPACT);
	}
}

static void print(struct hp_rows *r)
{
	if (r->ctl->json)
		print_json(r);
	else
		r->printed += hp_list_show_part(r->cmd->list, r->view, r->kept, &r->part);
	json_array_clear(r->kept);
}

/* Of rows that will be sorted, no more are wanted than view->limit. */
static void prune(struct hp_rows *r)
{
	if (r->view->limit && json_array_size(r->kept) > r->view->limit + SORT_SPARE)
		hp_list_best(r->cmd->list, r->view, r->kept, r->view->limit);
}

void hp_rows_add(struct hp_rows *r, const json_t *rows)
{
	json_array_extend(r->kept, (json_t *)rows);
	if (needs_all(r))
		prune(r);
	else if (r->ctl->json || json_array_size(r->kept) >= PART_ROWS)
		print(r);
}

void hp_rows_end(struct hp_rows *r, bool whole)
{
	if (needs_all(r) && r->view->limit)
		hp_list_best(r->cmd->list, r->view, r->kept, r->view->limit);
	if (json_array_size(r->kept) || (whole && !r->printed))
		print(r);
	/* Without its end the text is no JSON: whoever reads it knows that something is missing. */
	if (r->ctl->json && whole)
		fputs(r->one_line ? "]}\n" : r->printed ? "\n  ]\n}\n" : "]\n}\n", r->view->out);
	json_decref(r->kept);
	r->kept = NULL;
}
