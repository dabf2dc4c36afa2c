/* SPDX-License-Identifier: MIT
 *
 * Connections that somebody has announced: an ALG has read of them in another connection.
 *
 * An inbound expectation lets a peer begin one connection to a port of a Host Identity of ours and says
 * which legacy host it reaches.  An outbound one says which HIP peer a legacy host's connection
 * belongs to, whatever policy says of its port.  Each serves once, and ends with its timeout or
 * with the flow that announced it.
 */
#ifndef HP_FLOW_EXPECT_H
#define HP_FLOW_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/flow.h>

#include "util/clock.h"
#include "util/hash.h"
#include "util/list.h"
#include "util/timer.h"

#define HP_EXPECT_LIMIT    4096u
#define HP_EXPECT_PER_FLOW 8u

struct hp_expect_db;

struct hp_expect {
	struct hp_hnode node;
	struct hp_timer timer;
	struct hp_expect_db *db;
	/* Inbound: local_port is where the peer connects to; far_port and peer_port are 0.
	 * Outbound: far_port is where the legacy host connects to; the other ports are 0. */
	struct hp_flow_key key;
	bool outbound;
	uint32_t flags;  /* marks of the flow to be */
	uint64_t parent; /* id of the flow that announced it */
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

/* Copies want's key, outbound, flags and parent.  0; -EADDRINUSE: another flow announced the
 * same, the same flow again only renews it; -ENOBUFS: too many of this flow, or of all; -ENOMEM. */
int hp_expect_add(struct hp_expect_db *db, const struct hp_expect *want, uint32_t timeout_ms);
/* What is expected and fits is taken out: 0 and *out, or -ENOENT. */
int hp_expect_take_in(struct hp_expect_db *db, uint8_t proto, const struct hp_addr *local_hit,
		      uint16_t local_port, const struct hp_addr *peer_hit,
		      struct hp_expect *out);
int hp_expect_take_out(struct hp_expect_db *db, uint8_t proto, const struct hp_addr *legacy,
		       const struct hp_addr *far, uint16_t far_port, struct hp_expect *out);
/* The flow is gone, and what it announced. */
void hp_expect_forget(struct hp_expect_db *db, uint64_t parent);

#endif
