/* SPDX-License-Identifier: MIT
 *
 * Proxy database: see peerdb.h.
 */
#include "flow/peerdb.h"

#include <errno.h>
#include <stdlib.h>

struct hp_peerdb {
	struct hp_htab tab;
	struct hp_peerdb_config cfg;
	struct hp_timers *timers;
	const struct hp_clock *clock;
	uint64_t counters[HP_PEERC_MAX];
};

struct hp_peerdb *hp_peerdb_new(const struct hp_peerdb_config *cfg, struct hp_timers *timers,
				const struct hp_clock *clock)
{
	struct hp_peerdb *db = calloc(1, sizeof(*db));

	if (!db)
		return NULL;
	if (hp_htab_init(&db->tab, 0)) {
		free(db);
		errno = ENOMEM;
		return NULL;
	}
	db->cfg = *cfg;
	db->timers = timers;
	db->clock = clock;
	return db;
}

void hp_peerdb_free(struct hp_peerdb *db)
{
	if (!db)
		return;
	hp_peerdb_flush(db, true);
	hp_htab_fini(&db->tab);
	free(db);
}

void hp_peerdb_reconfigure(struct hp_peerdb *db, size_t limit, const struct hp_hold_pool *hold)
{
	db->cfg.limit = limit;
	db->cfg.hold.max_packets = hold->max_packets;
	db->cfg.hold.max_octets = hold->max_octets;
	db->cfg.hold.max_total_packets = hold->max_total_packets;
}

size_t hp_peerdb_count(const struct hp_peerdb *db)
{
	return db->tab.count;
}

const uint64_t *hp_peerdb_counters(const struct hp_peerdb *db)
{
	return db->counters;
}

const char *hp_peer_counter_name(enum hp_peer_counter c)
{
	static const char *const names[] = { "added", "expired", "deleted", "limit" };

	return (unsigned int)c < HP_PEERC_MAX ? names[c] : "?";
}

const char *hp_peer_state_name(enum hp_peer_state s)
{
	static const char *const names[] = { "resolving", "protected", "passthrough", "blocked" };

	return (unsigned int)s < HP_PEER_STATES ? names[s] : "?";
}

struct hp_hold_pool *hp_peerdb_hold_pool(struct hp_peerdb *db)
{
	return &db->cfg.hold;
}

static struct hp_peer *peer_of(struct hp_hnode *n)
{
	return HP_CONTAINER(n, struct hp_peer, node);
}

struct each {
	int (*fn)(struct hp_peer *e, void *arg);
	void *arg;
};

static int each_node(struct hp_hnode *n, void *arg)
{
	const struct each *each = arg;

	return each->fn(peer_of(n), each->arg);
}

int hp_peerdb_each(struct hp_peerdb *db, int (*fn)(struct hp_peer *e, void *arg), void *arg)
{
	struct each each = { fn, arg };

	return hp_htab_each(&db->tab, each_node, &each);
}

static void peer_remove(struct hp_peer *e, enum hp_peer_counter why)
{
	struct hp_peerdb *db = e->db;

	db->counters[why]++;
	hp_timer_cancel(db->timers, &e->timer);
	hp_htab_del(&db->tab, &e->node);
	if (db->cfg.gone)
		db->cfg.gone(db->cfg.ctx, e);
	free(e);
}

static void peer_expired(struct hp_timer *t)
{
	peer_remove(HP_CONTAINER(t, struct hp_peer, timer), HP_PEERC_EXPIRED);
}

static int flush_one(struct hp_peer *e, void *arg)
{
	if (!e->is_static || *(bool *)arg)
		peer_remove(e, HP_PEERC_DELETED);
	return 0;
}

void hp_peerdb_flush(struct hp_peerdb *db, bool also_static)
{
	hp_peerdb_each(db, flush_one, &also_static);
}

static bool peer_eq(const struct hp_hnode *n, const void *key)
{
	return hp_addr_eq(&HP_CONTAINER(n, const struct hp_peer, node)->addr, key);
}

struct hp_peer *hp_peer_find(struct hp_peerdb *db, const struct hp_addr *addr)
{
	uint64_t hash = hp_hash(&db->cfg.hash_key, addr, sizeof(*addr));
	struct hp_hnode *n = hp_htab_find(&db->tab, hash, peer_eq, addr);

	return n ? peer_of(n) : NULL;
}

static void peer_lifetime(struct hp_peer *e, uint64_t lifetime_ms)
{
	struct hp_peerdb *db = e->db;

	e->expires_ms = lifetime_ms ? hp_clock_ms(db->clock) + lifetime_ms : 0;
	if (lifetime_ms)
		hp_timer_set(db->timers, &e->timer, e->expires_ms);
	else
		hp_timer_cancel(db->timers, &e->timer);
}

int hp_peer_add(struct hp_peerdb *db, const struct hp_addr *addr, uint64_t lifetime_ms,
		struct hp_peer **out)
{
	struct hp_peer *e = hp_peer_find(db, addr);

	*out = e;
	if (e)
		return -EEXIST;
	if (db->tab.count >= db->cfg.limit) {
		db->counters[HP_PEERC_LIMIT]++;
		return -ENOBUFS;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->db = db;
	e->addr = *addr;
	hp_timer_init(&e->timer, peer_expired);
	hp_htab_add(&db->tab, &e->node, hp_hash(&db->cfg.hash_key, addr, sizeof(*addr)));
	peer_lifetime(e, lifetime_ms);
	db->counters[HP_PEERC_ADDED]++;
	*out = e;
	return 0;
}

void hp_peer_del(struct hp_peer *e)
{
	peer_remove(e, HP_PEERC_DELETED);
}

void hp_peer_set(struct hp_peer *e, enum hp_peer_state state, uint64_t lifetime_ms)
{
	e->state = state;
	peer_lifetime(e, e->is_static ? 0 : lifetime_ms);
}

void hp_peer_set_hit(struct hp_peer *e, const struct hp_addr *hit,
		     const struct hp_addr *locators, size_t n)
{
	e->hit = *hit;
	e->hit_known = true;
	e->n_locators = n < HP_PEER_LOCATORS ? (uint8_t)n : HP_PEER_LOCATORS;
	for (size_t i = 0; i < e->n_locators; i++)
		e->locators[i] = locators[i];
}

int hp_peer_hold(struct hp_peer *e, struct hp_packet *p)
{
	return hp_hold_add(&e->db->cfg.hold, &e->hold, p);
}

struct hp_packet *hp_peer_take(struct hp_peer *e)
{
	return hp_hold_take(&e->db->cfg.hold, &e->hold);
}
