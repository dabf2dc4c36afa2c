/* SPDX-License-Identifier: MIT
 *
 * Proxy database: what is known about a destination that legacy hosts talk to.
 *
 * Keyed by the destination's address.  An entry begins as RESOLVING, holds the first packets,
 * and becomes PROTECTED (a HIT is behind it), PASSTHROUGH or BLOCKED, each for a lifetime.  The
 * database decides nothing: the pipeline sets states and takes the held packets.
 *
 * There is always room for one more.  Who has his share loses the destination that he has not asked
 * for longest; in a full table the one goes that nobody has asked for longest, those without a HIT
 * first.
 */
#ifndef HP_FLOW_PEERDB_H
#define HP_FLOW_PEERDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

#include "flow/hold.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/list.h"
#include "util/timer.h"
#include "util/walk.h"

#define HP_PEER_LOCATORS 8

enum hp_peer_state {
	HP_PEER_RESOLVING,
	HP_PEER_PROTECTED,
	HP_PEER_PASSTHROUGH,
	HP_PEER_BLOCKED,
	HP_PEER_STATES
};

struct hp_peerdb;

/* Readable by all; written by hp_peer_* except where noted. */
struct hp_peer {
	struct hp_hnode node;
	struct hp_list all;       /* in the order in which entries were made */
	struct hp_timer timer;    /* the lifetime */
	struct hp_list of_age;    /* in the table's order, last asked last */
	struct hp_list of_client; /* in its client's order */
	struct hp_peer_client *client; /* who asked first; NULL: nobody who has a share */
	struct hp_peerdb *db;
	struct hp_addr addr;      /* the key: the legacy hosts' destination */
	enum hp_peer_state state;
	bool hit_known;
	bool is_static;           /* from the configuration: never expires */
	struct hp_addr hit;       /* valid if hit_known */
	struct hp_addr locators[HP_PEER_LOCATORS];
	uint8_t n_locators;
	uint64_t expires_ms;      /* 0: never */
	struct hp_hold hold;
	uint64_t hits;            /* packets that asked; the pipeline counts */
	void *udata;              /* the pipeline's */
};

struct hp_peerdb_config {
	size_t limit;
	size_t share;              /* entries of one client; 0: all */
	struct hp_hold_pool hold;  /* limits; the use counts start at 0 */
	size_t hold_share;         /* held packets of one client; 0: all */
	struct hp_hash_key hash_key;
	void *ctx;
	/* Its lifetime is over, or it is deleted: it will be freed on return.  Take the held
	 * packets.  May be NULL if nothing is ever held. */
	void (*gone)(void *ctx, struct hp_peer *e);
};

enum hp_peer_counter {
	HP_PEERC_ADDED,
	HP_PEERC_EXPIRED,
	HP_PEERC_DELETED,
	HP_PEERC_LIMIT, /* removed, because the table was full */
	HP_PEERC_SHARE, /* removed, because its client had its share */
	HP_PEERC_HOLD,       /* not held: the queue, or all queues, were full */
	HP_PEERC_HOLD_SHARE, /* not held: its client had its share */
	HP_PEERC_MAX
};

/* Borrows timers and clock.  NULL and errno when memory is out. */
struct hp_peerdb *hp_peerdb_new(const struct hp_peerdb_config *cfg, struct hp_timers *timers,
				const struct hp_clock *clock);
/* gone is told of each entry.  NULL is fine. */
void hp_peerdb_free(struct hp_peerdb *db);
void hp_peerdb_reconfigure(struct hp_peerdb *db, size_t limit, size_t share,
			   const struct hp_hold_pool *hold, size_t hold_share);
size_t hp_peerdb_count(const struct hp_peerdb *db);
const uint64_t *hp_peerdb_counters(const struct hp_peerdb *db); /* HP_PEERC_MAX */
const char *hp_peer_counter_name(enum hp_peer_counter c);
const char *hp_peer_state_name(enum hp_peer_state s);
struct hp_hold_pool *hp_peerdb_hold_pool(struct hp_peerdb *db);
/* Calls fn until it returns non-zero, and returns that.  fn may delete that entry. */
int hp_peerdb_each(struct hp_peerdb *db, int (*fn)(struct hp_peer *e, void *arg), void *arg);
/* The same in many steps, between which entries may come and go: what is there from start to end is
 * met once, in the order in which it was made.  next: NULL at the end. */
void hp_peerdb_walk(struct hp_peerdb *db, struct hp_walk *w);
struct hp_peer *hp_peerdb_walk_next(struct hp_peerdb *db, struct hp_walk *w);
/* Deletes all; those that are static only with also_static. */
void hp_peerdb_flush(struct hp_peerdb *db, bool also_static);

struct hp_peer *hp_peer_find(struct hp_peerdb *db, const struct hp_addr *addr);
/* In state RESOLVING, for lifetime_ms (0: for ever).  client: whose share it counts for; NULL:
 * nobody's.  Another may be removed for it.  0, -EEXIST (*out is that one), -ENOBUFS in a full
 * table in which nothing can be removed, -ENOMEM. */
int hp_peer_add(struct hp_peerdb *db, const struct hp_addr *addr, const struct hp_addr *client,
		uint64_t lifetime_ms, struct hp_peer **out);
/* Somebody has asked for it. */
void hp_peer_asked(struct hp_peer *e);
void hp_peer_del(struct hp_peer *e);
/* New state and lifetime (0: for ever).  Held packets stay: take them. */
void hp_peer_set(struct hp_peer *e, enum hp_peer_state state, uint64_t lifetime_ms);
void hp_peer_set_hit(struct hp_peer *e, const struct hp_addr *hit,
		     const struct hp_addr *locators, size_t n);

/* As hp_hold_add with the database's limits, -ENOBUFS being for one destination.  Besides: -EDQUOT,
 * p's source has its share of all held packets; -ENOSPC, all of them are too many.  A quarter is
 * kept for destinations whose HIT is known. */
int hp_peer_hold(struct hp_peer *e, struct hp_packet *p);
struct hp_packet *hp_peer_take(struct hp_peer *e);

#endif
