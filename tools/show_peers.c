/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl peers.
 */
#include "tools/show.h"

static const struct hp_column columns[] = {
	{ "address", "ADDRESS", "the destination", 0, hp_cell_text, "address" },
	{ "state", "STATE", "resolving, exchange, protected, passthrough or blocked", 0, hp_cell_state,
	  "state" },
	{ "hit", "HIT", "its HIT", HP_COL_TRUNC, hp_cell_text, "hit" },
	{ "from", "FROM", "who named the HIT", 0, hp_cell_text, "source" },
	{ "expires", "EXPIRES", "when it is forgotten or asked for again", HP_COL_RIGHT,
	  hp_cell_seconds, "expires_s" },
	{ "held", "HELD", "packets that wait", HP_COL_RIGHT, hp_cell_number, "held" },
	{ "reason", "REASON", "why it can't be reached", 0, hp_cell_text, "reason" },
	{ "hits", "HITS", "how often it was looked up", HP_COL_MORE | HP_COL_RIGHT,
	  hp_cell_number, "hits" },
};

const struct hp_list hp_list_peers = {
	.member = "peers", .empty = "no destinations known",
	.columns = columns, .n = sizeof(columns) / sizeof(columns[0]),
};

void hp_show_peers(const struct hp_view *view, const json_t *reply)
{
	hp_list_show(&hp_list_peers, view, reply);
}
