/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl drops: reasons, and counters that are no drops.  Both tables have the same
 * names of columns, so that one --output or --sort serves both.
 */
#include "tools/show.h"

static const struct hp_column drops[] = {
	{ "count", "COUNT", "packets", HP_COL_RIGHT, hp_cell_number, "count" },
	{ "where", "WHERE", "the part of the daemon, or the plugin", 0, hp_cell_text, "group" },
	{ "name", "REASON", "the reason's or counter's name", 0, hp_cell_text, "name" },
	{ "meaning", "MEANING", "the same in words", HP_COL_WRAP, hp_cell_text, "help" },
};

static const struct hp_column counters[] = {
	{ "count", "COUNT", "", HP_COL_RIGHT, hp_cell_number, "value" },
	{ "where", "PLUGIN", "", 0, hp_cell_text, "plugin" },
	{ "name", "COUNTER", "", 0, hp_cell_text, "name" },
	{ "meaning", "MEANING", "", HP_COL_WRAP, hp_cell_text, "help" },
};

/* There are many reasons: those that counted nothing are left out. */
static bool dropped(const json_t *row)
{
	return hp_json_number(row, "count");
}

static bool counted(const json_t *row)
{
	return hp_json_number(row, "value");
}

const struct hp_list hp_list_drops = {
	.member = "drops", .empty = "no packet was dropped", .columns = drops,
	.n = sizeof(drops) / sizeof(drops[0]), .keep = dropped,
};

static const struct hp_list list_counters = {
	.member = "counters", .empty = "no counter is above 0", .columns = counters,
	.n = sizeof(counters) / sizeof(counters[0]), .keep = counted,
};

void hp_show_drops(const struct hp_view *view, const json_t *reply)
{
	hp_list_show(&hp_list_drops, view, reply);
	if (view->headings)
		fputc('\n', view->out);
	hp_list_show(&list_counters, view, reply);
}
