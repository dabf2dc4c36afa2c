/* SPDX-License-Identifier: MIT
 *
 * Connections and UDP conversations that a flow has announced: a plugin has read of them in its
 * payload (hipproxy/alg.h).
 *
 * An inbound expectation lets a peer begin at one port of a Host Identity of ours, and says which
 * port of which legacy host it reaches.  An outbound one says which HIP peer a legacy host's
 * packets to one port belong to.  Each has one port; a range is several of them.  An expectation
 * serves as often as it says, and ends with its timeout or with the flow that announced it.
 */
#ifndef HP_FLOW_EXPECT_H
#define HP_FLOW_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/alg.h>
#include <hipproxy/flow.h>

#include "util/clock.h"
#include "util/hash.h"
#include "util/list.h"
#include "util/timer.h"

#define HP_EXPECT_PLUGINS 64u /* plugins that may have expectations */

struct hp_expect_db;
struct hp_expect_parent;

struct hp_expect {
	struct hp_hnode node;     /* by name */
	struct hp_hnode inside;   /* inbound: by the legacy host's port */
	struct hp_list of_parent;
	struct hp_timer timer;
	struct hp_expect_db *db;
	struct hp_expect_parent *of;
	/* The caller's, as for the flow to be.  Inbound: peer_port and far_port are 0, and without
	 * any_peer peer_hit and far are the peer's.  Outbound: local_port and legacy_port are 0. */
	struct hp_flow_key key;
	bool outbound, any_peer;
	uint16_t from_port;       /* of whoever begins; 0: any */
	uint16_t times;           /* that are left; HP_EXPECT_ALWAYS */
	uint32_t flags;           /* marks of the flow to be */
	uint64_t parent;          /* id of the flow that announced it */
	bool parent_outbound;
	uint16_t parent_port;     /* inbound parent: its local_port */
	uint8_t parent_proto;
	struct hp_instance *self; /* whose it is */
	const struct hp_alg *alg; /* who follows the flow to be; NULL: its port says */
};

struct hp_expect_limits {
	uint32_t of_flow, of_plugin;
};

enum hp_expect_counter {
	HP_EXPECTC_ADDED,
	HP_EXPECTC_USED,
	HP_EXPECTC_EXPIRED,
	HP_EXPECTC_REFUSED,
	HP_EXPECTC_MAX
};

/* Borrows timers and clock.  NULL: out of memory. */
struct hp_expect_db *hp_expect_db_new(const struct hp_hash_key *hash_key,
				      struct hp_timers *timers, const struct hp_clock *clock);
void hp_expect_db_free(struct hp_expect_db *db);
size_t hp_expect_count(const struct hp_expect_db *db);
const uint64_t *hp_expect_counters(const struct hp_expect_db *db);
const char *hp_expect_counter_name(enum hp_expect_counter c);
const char *hp_expect_counter_help(enum hp_expect_counter c);
/* Counts a refusal; err. */
int hp_expect_refused(struct hp_expect_db *db, int err);

/* May want be added, or renewed, apart from limits and memory?  False: another flow has announced
 * the same. */
bool hp_expect_is_free(struct hp_expect_db *db, const struct hp_expect *want);
/* Copies the caller's part of want.  0; -EADDRINUSE: another flow announced the same (the same flow
 * renews it); -ENOBUFS: a limit; -ENOMEM.  Refusals are not counted. */
int hp_expect_add(struct hp_expect_db *db, const struct hp_expect *want,
		  const struct hp_expect_limits *limits, uint32_t timeout_ms);
/* Takes what has like's name back, if it is of like's parent. */
void hp_expect_drop(struct hp_expect_db *db, const struct hp_expect *like);

/* A packet from src:from_port to dst:port, inbound in HIT form, outbound in legacy form, that has no
 * flow: 0 and a copy of what expects it, or -ENOENT. */
struct hp_expect_packet {
	bool outbound;
	uint8_t proto;
	uint16_t port, from_port;
	struct hp_addr src, dst;
};
int hp_expect_find(struct hp_expect_db *db, const struct hp_expect_packet *p,
		   struct hp_expect *out);
/* e, a copy, has served once. */
void hp_expect_used(struct hp_expect_db *db, const struct hp_expect *e);
/* e, a copy, lasts for so long from now on at least. */
void hp_expect_extend(struct hp_expect_db *db, const struct hp_expect *e, uint32_t ms);
/* The port on the HIT side that was announced for this port of a legacy host; 0: none. */
uint16_t hp_expect_hip_port(struct hp_expect_db *db, const struct hp_flow_key *k);

/* The flow has ended, and with it what it announced. */
void hp_expect_forget(struct hp_expect_db *db, uint64_t parent);

#endif
