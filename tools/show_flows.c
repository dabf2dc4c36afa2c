/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl flows.
 */
#include "tools/show.h"

#include <stdio.h>

static void peer_end(struct hp_cell *c, const json_t *row, const char *key)
{
	hp_cell_address(c, hp_json_text(row, key), hp_json_number(row, "peer_port"));
}

static void begun_by(struct hp_cell *c, const json_t *row, const char *key)
{
	snprintf(c->text, sizeof(c->text), "%s",
		 json_is_true(json_object_get(row, key)) ? "legacy" : "peer");
}

static void other_port(struct hp_cell *c, const json_t *row, const char *key)
{
	snprintf(c->text, sizeof(c->text), "%s",
		 json_is_true(json_object_get(row, key)) ? "yes" : "no");
}

static const struct hp_column columns[] = {
	{ "proto", "PROTO", "protocol", 0, hp_cell_text, "proto" },
	{ "legacy", "LEGACY HOST", "its address and port", HP_COL_TRUNC, hp_cell_endpoint,
	  "legacy" },
	{ "far", "TALKS TO", "the address it talks to, and port", HP_COL_TRUNC,
	  hp_cell_endpoint, "far" },
	{ "peer", "HIP PEER", "the peer's HIT and port", HP_COL_LESS, peer_end, "peer_hit" },
	{ "port", "AS PORT", "the legacy host's port as the peer sees it",
	  HP_COL_RIGHT | HP_COL_LESS, hp_cell_number, "local_port" },
	{ "state", "STATE", "of the connection", 0, hp_cell_text, "state" },
	{ "idle", "IDLE", "since the last packet", HP_COL_RIGHT, hp_cell_seconds, "idle_s" },
	{ "expires", "EXPIRES", "when it is forgotten, if nothing comes",
	  HP_COL_RIGHT | HP_COL_LESS, hp_cell_seconds, "expires_s" },
	{ "out", "OUT", "octets from the legacy host", HP_COL_RIGHT, hp_cell_bytes,
	  "out_bytes" },
	{ "in", "IN", "octets to it", HP_COL_RIGHT, hp_cell_bytes, "in_bytes" },
	{ "id", "ID", "number of the flow", HP_COL_MORE | HP_COL_RIGHT, hp_cell_number, "id" },
	{ "begun", "BEGUN BY", "which side: legacy or peer", HP_COL_MORE, begun_by, "outbound" },
	{ "filtering", "FILTERING", "UDP: which datagrams of peers reach the legacy host",
	  HP_COL_MORE, hp_cell_text, "filtering" },
	{ "other-port", "OTHER PORT", "UDP: whether the peer has also answered from another port",
	  HP_COL_MORE, other_port, "other_port" },
	{ "local", "LOCAL", "our HIT", HP_COL_MORE | HP_COL_TRUNC, hp_cell_text, "local_hit" },
	{ "out-packets", "OUT PACKETS", "packets from the legacy host",
	  HP_COL_MORE | HP_COL_RIGHT, hp_cell_number, "out_packets" },
	{ "in-packets", "IN PACKETS", "packets to it", HP_COL_MORE | HP_COL_RIGHT,
	  hp_cell_number, "in_packets" },
};

const struct hp_list hp_list_flows = {
	.member = "flows", .empty = "no flows",
	.columns = columns, .n = sizeof(columns) / sizeof(columns[0]),
};

void hp_show_flows(const struct hp_view *view, const json_t *reply)
{
	hp_list_show(&hp_list_flows, view, reply);
}
