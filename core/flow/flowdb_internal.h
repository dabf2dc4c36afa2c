/* SPDX-License-Identifier: MIT
 *
 * What flowdb.c and flowtime.c share.
 */
#ifndef HP_FLOW_FLOWDB_INTERNAL_H
#define HP_FLOW_FLOWDB_INTERNAL_H

#include "flow/expect.h"
#include "flow/flowdb.h"
#include "flow/mapping.h"
#include "flow/seqadj.h"
#include "util/hash.h"
#include "util/index.h"
#include "util/slab.h"
#include "util/sketch.h"

#define HP_FLOW_WHEEL 8192u /* seconds; more than the longest usual timeout */
#define HP_PORT_FULLS 64u

/* A pair of ends between which every port was found in use. */
struct hp_port_full {
	uint64_t hash, until_ms;
};

enum hp_flow_side { HP_SIDE_LEGACY, HP_SIDE_HIT };

struct hp_flowdb {
	struct hp_index names[2]; /* by enum hp_flow_side */
	struct hp_slab flows;
	struct hp_flowdb_config cfg;
	struct hp_timers *timers;
	const struct hp_clock *clock;
	struct hp_timer tick;
	struct hp_expect_db *expect;
	struct hp_htab followed; /* struct hp_follow of UDP flows, by flow number */
	size_t n_followed;       /* flows that a gateway follows */
	struct hp_sketch of_client, of_service; /* flows that have not ended */
	struct hp_mappings mappings;
	uint64_t start_ms;
	uint32_t done_s; /* the wheel's buckets up to this second are empty */
	uint32_t serial; /* of the last flow made */
	uint64_t random_count;
	uint64_t counters[HP_FLOWC_MAX];
	struct hp_port_full full[HP_PORT_FULLS];
	uint32_t wheel[HP_FLOW_WHEEL]; /* a flow's number, 0: none */
};

static inline struct hp_flow *hp_flow_at(const struct hp_flowdb *db, uint32_t number)
{
	return hp_slab_at(&db->flows, number);
}

void hp_flowdb_time_init(struct hp_flowdb *db, struct hp_timers *timers,
			 const struct hp_clock *clock);
/* The first of its expiry, and the end of it; before that, what the end touches may be fetched. */
void hp_flow_time_start(struct hp_flow *f);
void hp_flow_time_fetch(const struct hp_flow *f);
void hp_flow_time_stop(struct hp_flow *f);
/* Begins to fetch from memory what removing f touches. */
void hp_flow_fetch(const struct hp_flow *f);
void hp_flow_remove(struct hp_flow *f, enum hp_flow_counter why);

/* The flow that has k's name on this side, or NULL; *hash: of the name. */
struct hp_flow *hp_flow_by_name(struct hp_flowdb *db, const struct hp_flow_key *k,
				enum hp_flow_side side, uint32_t *hash);
uint64_t hp_flow_name_hash(const struct hp_flowdb *db, const struct hp_flow_key *k,
			   enum hp_flow_side side);

/* The side on which a port is chosen, and the port. */
static inline enum hp_flow_side hp_flow_chosen_side(bool outbound)
{
	return outbound ? HP_SIDE_HIT : HP_SIDE_LEGACY;
}

static inline uint16_t *hp_flow_chosen_port(struct hp_flow_key *k, bool outbound)
{
	return outbound ? &k->local_port : &k->far_port;
}

/* A number that strangers can't foresee: the hash key is random. */
static inline uint32_t hp_flow_random_below(struct hp_flowdb *db, uint32_t n)
{
	uint64_t w[2] = { 0x706f7274, ++db->random_count };

	return (uint32_t)hp_hash(&db->cfg.hash_key, w, sizeof(w)) % n;
}

/* Whose shares a flow is part of, as numbers. */
struct hp_flow_owner {
	uint64_t client, service;
};

/* share.c.  check: 0, -EDQUOT or -EUSERS, counted.  take and give: when f is no longer, or again,
 * one that has ended, and at its beginning and end. */
struct hp_flow_owner hp_flow_owner_of(const struct hp_flowdb *db, const struct hp_flow_key *k,
				      bool outbound);
int hp_flow_shares_init(struct hp_flowdb *db);
void hp_flow_shares_fini(struct hp_flowdb *db);
int hp_flow_share_check(struct hp_flowdb *db, const struct hp_flow_owner *o, bool outbound);
void hp_flow_share_take(struct hp_flow *f, const struct hp_flow_owner *o);
void hp_flow_share_give(struct hp_flow *f);
/* Has it ended so long ago that its place may be taken? */
bool hp_flow_has_ended(const struct hp_flow *f, uint64_t *idle_ms);
/* Removes a flow that has ended or that nobody has answered; false: none was found. */
bool hp_flow_make_room(struct hp_flowdb *db);

/* ports.c: the port that k asks for is in use; another one.  *name_hash: of the name that it makes.
 * 0; -EADDRINUSE: none is free, or the protocol has none. */
int hp_flow_choose_port(struct hp_flowdb *db, struct hp_flow_key *k, bool outbound,
			uint32_t *name_hash);

#endif
