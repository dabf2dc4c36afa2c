/* SPDX-License-Identifier: MIT
 *
 * The pipeline's limits: what each of them limits, and whether it is reached.
 */
#ifndef HP_PIPE_LIMITS_H
#define HP_PIPE_LIMITS_H

#include "util/limit.h"

/* X(enum suffix, name, setting, help) */
#define HP_PIPE_LIMITS(X)                                                                        \
	X(FLOWS, "flows", "limits.flows", "connections of all")                                  \
	X(CLIENT_FLOWS, "client-flows", "limits.client_share", "connections of one client")      \
	X(PEER_FLOWS, "peer-flows", "limits.peer_share", "connections that one peer has begun")  \
	X(CLIENT_PORTS, "client-ports", "limits.client_share",                                   \
	  "connections of one client to one port of a server")                                   \
	X(PEERS, "peers", "limits.peers", "destinations of all")                                 \
	X(CLIENT_PEERS, "client-peers", "limits.client_share", "destinations of one client")     \
	X(HOLD, "hold", "limits.hold_packets", "first packets held of all")                   \
	X(CLIENT_HOLD, "client-hold", "limits.client_share", "first packets held of one client") \
	X(REASSEMBLY, "reassembly", "limits.reassembly", "datagrams being put together")         \
	X(CLIENT_REASSEMBLY, "client-reassembly", "limits.client_share",                         \
	  "datagrams of one client, or peer, being put together")

enum hp_pipe_limit {
#define X(e, n, s, h) HP_PIPE_LIMIT_##e,
	HP_PIPE_LIMITS(X)
#undef X
	HP_PIPE_LIMIT_MAX
};

/* One limit, for reports. */
struct hp_limit_row {
	const char *name, *setting, *help;
	uint64_t used, most; /* used 0: there is no single number (a share) */
	const struct hp_limit *limit;
};

struct hp_pipe;
void hp_pipe_limit_row(const struct hp_pipe *pipe, enum hp_pipe_limit which,
		       struct hp_limit_row *out);

#endif
