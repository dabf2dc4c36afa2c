/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl associations.
 */
#include "tools/show.h"

#include <string.h>

/* key "src" or "dst": that end of the path. */
static void path_end(struct hp_cell *c, const json_t *row, const char *key)
{
	const json_t *path = json_object_get(row, "path");

	hp_cell_address(c, hp_json_text(path, key),
			hp_json_number(path, strcmp(key, "src") ? "dport" : "sport"));
}

static const struct hp_column columns[] = {
	{ "peer", "PEER", "the peer's HIT", HP_COL_TRUNC, hp_cell_text, "peer_hit" },
	{ "at", "AT", "where it is: address, and port if in UDP", 0, path_end, "dst" },
	{ "state", "STATE", "of the HIP state machine (RFC 7401)", 0, hp_cell_state, "state" },
	{ "suite", "SUITE", "how ESP is encrypted", HP_COL_LESS, hp_cell_text, "suite" },
	{ "mtu", "MTU", "of the path, octets; 0: not known yet", HP_COL_RIGHT | HP_COL_LESS,
	  hp_cell_number, "mtu" },
	{ "out", "OUT", "octets sent", HP_COL_RIGHT, hp_cell_bytes, "out_bytes" },
	{ "in", "IN", "octets received", HP_COL_RIGHT, hp_cell_bytes, "in_bytes" },
	{ "age", "AGE", "since the first message", HP_COL_RIGHT | HP_COL_LESS,
	  hp_cell_seconds, "age_s" },
	{ "idle", "IDLE", "since the last packet", HP_COL_RIGHT, hp_cell_seconds, "idle_s" },
	{ "reason", "REASON", "why the last exchange failed", 0, hp_cell_text, "reason" },
	{ "why", "WHY", "the reason in words", HP_COL_MORE | HP_COL_WRAP, hp_cell_text,
	  "reason_text" },
	{ "shown", "HAS HIT", "the HIT that the address showed instead", HP_COL_MORE,
	  hp_cell_text, "shown_hit" },
	{ "local", "LOCAL", "our HIT", HP_COL_MORE | HP_COL_TRUNC, hp_cell_text, "local_hit" },
	{ "from", "FROM", "our address", HP_COL_MORE | HP_COL_TRUNC, path_end, "src" },
	{ "spi-out", "SPI OUT", "of ESP sent", HP_COL_MORE, hp_cell_spi, "spi_out" },
	{ "spi-in", "SPI IN", "of ESP received", HP_COL_MORE, hp_cell_spi, "spi_in" },
	{ "out-packets", "OUT PACKETS", "packets sent", HP_COL_MORE | HP_COL_RIGHT,
	  hp_cell_number, "out_packets" },
	{ "in-packets", "IN PACKETS", "packets received", HP_COL_MORE | HP_COL_RIGHT,
	  hp_cell_number, "in_packets" },
	{ "exchange", "EXCHANGE", "how long the base exchange took",
	  HP_COL_MORE | HP_COL_RIGHT, hp_cell_micros, "exchange_us" },
	{ "rekeys", "REKEYS", "how often keys were changed", HP_COL_MORE | HP_COL_RIGHT,
	  hp_cell_number, "rekeys" },
	{ "key", "KEY", "the type of the peer's key", HP_COL_MORE, hp_cell_text, "peer_key" },
	{ "di", "DI", "the domain identifier the peer sent", HP_COL_MORE | HP_COL_TRUNC,
	  hp_cell_text, "peer_di" },
};

const struct hp_list hp_list_associations = {
	.member = "associations", .empty = "no associations",
	.columns = columns, .n = sizeof(columns) / sizeof(columns[0]),
};

void hp_show_associations(const struct hp_view *view, const json_t *reply)
{
	hp_list_show(&hp_list_associations, view, reply);
}
