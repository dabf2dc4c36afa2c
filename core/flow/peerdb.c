/* SPDX-License-Identifier: MIT
 *
 * Proxy database: see peerdb.h.
 */
#include "flow/peerdb.h"

#include <errno.h>
#include <stdlib.h>

#include "util/tally.h"

/* Without a HIT, and with one: the order in which a full table loses them. */
enum { NAMELESS, NAMED, CLASSES };

/* Somebody who asked for destinations. */
struct hp_peer_client {
	struct hp_hnode node;
	struct hp_addr addr;
	struct hp_list peers; /* hp_peer.of_client, last asked last */
	size_t n;
};

struct hp_peerdb {
	struct hp_htab tab, clients;
	struct hp_tally held; /* packets, by their sources */
	struct hp_list age[CLASSES]; /* hp_peer.of_age, last asked last */
	struct hp_list all, walks;
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
	for (int i = 0; i < CLASSES; i++)
		hp_list_init(&db->age[i]);
	if (hp_htab_init(&db->tab, 0) || hp_htab_init(&db->clients, 0) || hp_tally_init(&db->held)) {
		hp_htab_fini(&db->tab);
		hp_htab_fini(&db->clients);
		free(db);
		errno = ENOMEM;
		return NULL;
	}
	hp_list_init(&db->all);
	hp_list_init(&db->walks);
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
	hp_htab_fini(&db->clients);
	hp_tally_fini(&db->held);
	free(db);
}

void hp_peerdb_reconfigure(struct hp_peerdb *db, size_t limit, size_t share,
			   const struct hp_hold_pool *hold, size_t hold_share)
{
	db->cfg.hold_share = hold_share;
	db->cfg.share = share;
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
	static const char *const names[] = { "added", "expired", "deleted", "limit", "share",
					     "hold", "hold_share" };

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

void hp_peerdb_walk(struct hp_peerdb *db, struct hp_walk *w)
{
	hp_walk_start(&db->walks, w, &db->all);
}

struct hp_peer *hp_peerdb_walk_next(struct hp_peerdb *db, struct hp_walk *w)
{
	struct hp_list *n = hp_walk_next(w, &db->all);

	return n ? HP_CONTAINER(n, struct hp_peer, all) : NULL;
}

/* ---- clients and ages */

static bool client_eq(const struct hp_hnode *n, const void *key)
{
	return hp_addr_eq(&HP_CONTAINER(n, const struct hp_peer_client, node)->addr, key);
}

static struct hp_peer_client *client_find(const struct hp_peerdb *db, const struct hp_addr *addr,
					  uint64_t hash)
{
	struct hp_hnode *n = hp_htab_find(&db->clients, hash, client_eq, addr);

	return n ? HP_CONTAINER(n, struct hp_peer_client, node) : NULL;
}

/* 0, or -ENOMEM. */
static int client_join(struct hp_peer *e, const struct hp_addr *addr)
{
	uint64_t hash = hp_hash(&e->db->cfg.hash_key, addr, sizeof(*addr));
	struct hp_peer_client *c = client_find(e->db, addr, hash);

	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return -ENOMEM;
		c->addr = *addr;
		hp_list_init(&c->peers);
		hp_htab_add(&e->db->clients, &c->node, hash);
	}
	c->n++;
	e->client = c;
	return 0;
}

static void client_leave(struct hp_peer *e)
{
	struct hp_peer_client *c = e->client;

	if (!c)
		return;
	hp_list_del(&e->of_client);
	if (--c->n)
		return;
	hp_htab_del(&e->db->clients, &c->node);
	free(c);
}

void hp_peer_asked(struct hp_peer *e)
{
	hp_list_del(&e->of_age);
	hp_list_add_tail(&e->db->age[e->hit_known ? NAMED : NAMELESS], &e->of_age);
	if (!e->client)
		return;
	hp_list_del(&e->of_client);
	hp_list_add_tail(&e->client->peers, &e->of_client);
}

static void peer_remove(struct hp_peer *e, enum hp_peer_counter why)
{
	struct hp_peerdb *db = e->db;

	db->counters[why]++;
	hp_timer_cancel(db->timers, &e->timer);
	hp_htab_del(&db->tab, &e->node);
	hp_list_del(&e->of_age);
	client_leave(e);
	hp_walks_leave(&db->walks, &e->all);
	hp_list_del(&e->all);
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

/* The one whose loss matters least; static ones stay. */
static struct hp_peer *oldest(struct hp_peerdb *db)
{
	struct hp_list *n;

	for (int i = 0; i < CLASSES; i++) {
		HP_LIST_EACH(n, &db->age[i])
		{
			struct hp_peer *e = HP_CONTAINER(n, struct hp_peer, of_age);

			if (!e->is_static)
				return e;
		}
	}
	return NULL;
}

static int make_room(struct hp_peerdb *db, const struct hp_addr *client)
{
	uint64_t hash = client ? hp_hash(&db->cfg.hash_key, client, sizeof(*client)) : 0;
	struct hp_peer_client *c = client ? client_find(db, client, hash) : NULL;
	struct hp_peer *e;

	if (c && db->cfg.share && c->n >= db->cfg.share)
		peer_remove(HP_CONTAINER(hp_list_first(&c->peers), struct hp_peer, of_client),
			    HP_PEERC_SHARE);
	if (db->tab.count < db->cfg.limit)
		return 0;
	e = oldest(db);
	if (!e)
		return -ENOBUFS;
	peer_remove(e, HP_PEERC_LIMIT);
	return 0;
}

static struct hp_peer *peer_new(struct hp_peerdb *db, const struct hp_addr *addr,
				const struct hp_addr *client)
{
	struct hp_peer *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->db = db;
	e->addr = *addr;
	if (client && client_join(e, client)) {
		free(e);
		return NULL;
	}
	hp_timer_init(&e->timer, peer_expired);
	hp_list_init(&e->of_age);
	hp_list_init(&e->of_client);
	hp_htab_add(&db->tab, &e->node, hp_hash(&db->cfg.hash_key, addr, sizeof(*addr)));
	hp_list_add_tail(&db->all, &e->all);
	hp_peer_asked(e);
	db->counters[HP_PEERC_ADDED]++;
	return e;
}

int hp_peer_add(struct hp_peerdb *db, const struct hp_addr *addr, const struct hp_addr *client,
		uint64_t lifetime_ms, struct hp_peer **out)
{
	int err;

	*out = hp_peer_find(db, addr);
	if (*out)
		return -EEXIST;
	err = make_room(db, client);
	if (err)
		return err;
	*out = peer_new(db, addr, client);
	if (!*out)
		return -ENOMEM;
	peer_lifetime(*out, lifetime_ms);
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
	hp_peer_asked(e);
}

/* ---- held packets */

static uint64_t source_of(const struct hp_peerdb *db, const struct hp_packet *p)
{
	return hp_hash(&db->cfg.hash_key, &p->src, sizeof(p->src));
}

static int may_hold(const struct hp_peer *e, const struct hp_packet *p)
{
	const struct hp_peerdb *db = e->db;
	const struct hp_hold_pool *pool = &db->cfg.hold;
	size_t most = pool->max_total_packets;

	if (db->cfg.hold_share && hp_tally_get(&db->held, source_of(db, p)) >= db->cfg.hold_share)
		return -EDQUOT;
	if (!e->hit_known)
		most -= most / 4;
	return pool->packets < most ? 0 : -ENOSPC;
}

int hp_peer_hold(struct hp_peer *e, struct hp_packet *p)
{
	struct hp_peerdb *db = e->db;
	int err = may_hold(e, p);

	if (!err)
		err = hp_hold_add(&db->cfg.hold, &e->hold, p);
	if (!err)
		hp_tally_add(&db->held, source_of(db, p));
	else
		db->counters[err == -EDQUOT ? HP_PEERC_HOLD_SHARE : HP_PEERC_HOLD]++;
	return err;
}

struct hp_packet *hp_peer_take(struct hp_peer *e)
{
	struct hp_packet *p = hp_hold_take(&e->db->cfg.hold, &e->hold);

	if (p)
		hp_tally_sub(&e->db->held, source_of(e->db, p));
	return p;
}
