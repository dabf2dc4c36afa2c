/* SPDX-License-Identifier: MIT
 *
 * UDP mappings: which port of an identity stands for a legacy host's port.
 *
 * A legacy host's port has the same port on the HIT side towards every peer (RFC 4787, REQ-1:
 * endpoint-independent mapping), and no other legacy host gets it meanwhile (REQ-3).  A mapping
 * lasts as long as one of its flows.  Flows that differ only in the remote port are a group: a
 * datagram from another port of a peer belongs to the group's flow, so that a peer makes no
 * entry by sending one (REQ-8: address-dependent filtering).
 *
 * Mappings are looked at when a flow is made, removed or missed, never for a packet of a flow.
 */
#ifndef HP_FLOW_MAPPING_H
#define HP_FLOW_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/addr.h>

#include "util/index.h"
#include "util/slab.h"

struct hp_flow;
struct hp_flow_key;
struct hp_flowdb;

/* Flows that peers whom the legacy host has not asked may make in one mapping. */
#define HP_MAPPING_STRANGERS 16u

struct hp_mapping {
	struct hp_addr legacy, local_hit;
	uint16_t legacy_port, local_port;
	uint32_t flows;     /* begun by the legacy host */
	uint32_t strangers; /* flows of other peers: at most HP_MAPPING_STRANGERS */
	bool is_local;      /* an application on this host has used the port too */
};

struct hp_mappings {
	struct hp_slab all;
	struct hp_index inside;  /* by legacy, legacy_port, local_hit */
	struct hp_index outside; /* by local_hit, local_port */
	struct hp_index groups;  /* numbers of flows: the first of each group */
};

/* How good a port is that no flow has with the same peer and peer's port. */
enum hp_mapping_rank {
	HP_PORT_FREE,
	HP_PORT_SHARED,    /* another mapping has it: answers are told apart by the peer */
	HP_PORT_AMBIGUOUS, /* and uses it with this peer: answers are told apart by the peer's port */
};

int hp_mappings_init(struct hp_mappings *m);
void hp_mappings_fini(struct hp_mappings *m);

/* The port on the HIT side that a flow to be made by k's legacy host should have. */
uint16_t hp_mapping_wish(const struct hp_flowdb *db, const struct hp_flow_key *k);
/* What of k->local_port. */
enum hp_mapping_rank hp_mapping_rank(const struct hp_flowdb *db, const struct hp_flow_key *k);

/* f has been made, or is about to be freed.  Protocols other than UDP: nothing happens.  Without
 * memory the flow works, but for its own name only. */
void hp_mapping_join(struct hp_flow *f);
void hp_mapping_leave(struct hp_flow *f);

/* Whose port is that?  NULL: nobody's. */
struct hp_mapping *hp_mapping_find(struct hp_flowdb *db, const struct hp_addr *local_hit,
				   uint16_t local_port);
/* A flow that a legacy host has begun from this port with this peer, whatever the peer's port. */
struct hp_flow *hp_mapping_asked_peer(struct hp_flowdb *db, const struct hp_addr *local_hit,
				      uint16_t local_port, const struct hp_addr *peer_hit);
/* A flow that a peer has begun with this legacy server, which knows it by far and far_port,
 * whatever the server's port. */
struct hp_flow *hp_mapping_asked_server(struct hp_flowdb *db, const struct hp_addr *far,
					uint16_t far_port, const struct hp_addr *legacy);
/* May a peer that was not asked make one more flow? */
bool hp_mapping_takes_stranger(const struct hp_mapping *m);

#endif
