/* SPDX-License-Identifier: MIT
 *
 * Flow database: tables and the public accessors.  Time is in flowtime.c, the choice of ports in
 * ports.c.
 */
#include "flow/flowdb_internal.h"
#include "flow/follow.h"

#include <errno.h>
#include <stdlib.h>

#include <hipproxy/flow.h>

#include "wire/ip.h"

/* What is hashed and compared, one of a flow's two names: the addresses' words, and one with
 * ports and protocol.  Made and compared in registers. */
struct tuple {
	uint64_t w[5];
};

/* The same conversation is ICMP on an IPv4 side and ICMPv6 between HITs. */
static uint8_t name_proto(uint8_t proto)
{
	return proto == 1 ? 58 : proto;
}

static inline struct tuple tuple_make(uint8_t proto, const struct hp_addr *a, uint16_t ap,
				      const struct hp_addr *b, uint16_t bp)
{
	struct tuple t;

	memcpy(&t.w[0], a->b, 16);
	memcpy(&t.w[2], b->b, 16);
	t.w[4] = (uint64_t)name_proto(proto) << 32 | (uint32_t)ap << 16 | bp;
	return t;
}

static inline struct tuple tuple_of(const struct hp_flow_key *k, enum hp_flow_side side)
{
	return side == HP_SIDE_LEGACY ?
		       tuple_make(k->proto, &k->legacy, k->legacy_port, &k->far, k->far_port) :
		       tuple_make(k->proto, &k->local_hit, k->local_port, &k->peer_hit,
				  k->peer_port);
}

static inline uint64_t hash64_of(const struct hp_flowdb *db, const struct tuple *t)
{
	return hp_hash_words(&db->cfg.hash_key, t->w, 5);
}

static inline uint32_t hash_of(const struct hp_flowdb *db, const struct tuple *t)
{
	return (uint32_t)hash64_of(db, t);
}

static inline bool tuple_eq(const struct tuple *x, const struct tuple *y)
{
	return !((x->w[0] ^ y->w[0]) | (x->w[1] ^ y->w[1]) | (x->w[2] ^ y->w[2]) |
		 (x->w[3] ^ y->w[3]) | (x->w[4] ^ y->w[4]));
}

static inline bool legacy_eq(const void *ctx, uint32_t number, const void *key)
{
	struct tuple t = tuple_of(&hp_flow_at(ctx, number)->key, HP_SIDE_LEGACY);

	return tuple_eq(&t, key);
}

static inline bool hit_eq(const void *ctx, uint32_t number, const void *key)
{
	struct tuple t = tuple_of(&hp_flow_at(ctx, number)->key, HP_SIDE_HIT);

	return tuple_eq(&t, key);
}

static struct hp_flow *find(struct hp_flowdb *db, enum hp_flow_side side, uint32_t hash,
			    const struct tuple *t)
{
	uint32_t number = side == HP_SIDE_LEGACY ?
				  hp_index_find(&db->names[side], hash, legacy_eq, db, t) :
				  hp_index_find(&db->names[side], hash, hit_eq, db, t);

	return number ? hp_flow_at(db, number) : NULL;
}

/* ---- lookups */

struct hp_flow *hp_flow_find_legacy_hashed(struct hp_flowdb *db, uint32_t hash, uint8_t proto,
					   const struct hp_addr *src, uint16_t sport,
					   const struct hp_addr *dst, uint16_t dport)
{
	struct tuple t = tuple_make(proto, src, sport, dst, dport);

	return find(db, HP_SIDE_LEGACY, hash, &t);
}

struct hp_flow *hp_flow_find_hit_hashed(struct hp_flowdb *db, uint32_t hash, uint8_t proto,
					const struct hp_addr *local_hit, uint16_t local_port,
					const struct hp_addr *peer_hit, uint16_t peer_port)
{
	struct tuple t = tuple_make(proto, local_hit, local_port, peer_hit, peer_port);

	return find(db, HP_SIDE_HIT, hash, &t);
}

struct hp_flow *hp_flow_find_legacy(struct hp_flowdb *db, uint8_t proto,
				    const struct hp_addr *src, uint16_t sport,
				    const struct hp_addr *dst, uint16_t dport)
{
	struct tuple t = tuple_make(proto, src, sport, dst, dport);

	return find(db, HP_SIDE_LEGACY, hash_of(db, &t), &t);
}

struct hp_flow *hp_flow_find_hit(struct hp_flowdb *db, uint8_t proto,
				 const struct hp_addr *local_hit, uint16_t local_port,
				 const struct hp_addr *peer_hit, uint16_t peer_port)
{
	struct tuple t = tuple_make(proto, local_hit, local_port, peer_hit, peer_port);

	return find(db, HP_SIDE_HIT, hash_of(db, &t), &t);
}

/* ---- the steps before */

static uint32_t hash_ahead(const struct hp_flowdb *db, enum hp_flow_side side,
			   const struct tuple *t)
{
	uint32_t hash = hash_of(db, t);

	hp_index_prefetch(&db->names[side], hash);
	return hash;
}

uint32_t hp_flow_hash_legacy(const struct hp_flowdb *db, uint8_t proto,
			     const struct hp_addr *src, uint16_t sport,
			     const struct hp_addr *dst, uint16_t dport)
{
	struct tuple t = tuple_make(proto, src, sport, dst, dport);

	return hash_ahead(db, HP_SIDE_LEGACY, &t);
}

uint32_t hp_flow_hash_hit(const struct hp_flowdb *db, uint8_t proto,
			  const struct hp_addr *local_hit, uint16_t local_port,
			  const struct hp_addr *peer_hit, uint16_t peer_port)
{
	struct tuple t = tuple_make(proto, local_hit, local_port, peer_hit, peer_port);

	return hash_ahead(db, HP_SIDE_HIT, &t);
}

void hp_flow_fetch(const struct hp_flow *f)
{
	for (size_t i = 0; i < sizeof(*f); i += 64)
		hp_prefetch((const uint8_t *)f + i);
}

static void fetch(const struct hp_flowdb *db, enum hp_flow_side side, uint32_t hash)
{
	uint32_t number = hp_index_peek(&db->names[side], hash);

	if (number)
		hp_flow_fetch(hp_flow_at(db, number));
}

void hp_flow_fetch_legacy(const struct hp_flowdb *db, uint32_t hash)
{
	fetch(db, HP_SIDE_LEGACY, hash);
}

void hp_flow_fetch_hit(const struct hp_flowdb *db, uint32_t hash)
{
	fetch(db, HP_SIDE_HIT, hash);
}

/* ---- the database */

static void tables_free(struct hp_flowdb *db)
{
	hp_expect_db_free(db->expect);
	hp_htab_fini(&db->followed);
	hp_flow_shares_fini(db);
	hp_mappings_fini(&db->mappings);
	hp_index_fini(&db->names[HP_SIDE_LEGACY]);
	hp_index_fini(&db->names[HP_SIDE_HIT]);
	hp_slab_fini(&db->flows);
	free(db);
}

struct hp_flowdb *hp_flowdb_new(const struct hp_flowdb_config *cfg, struct hp_timers *timers,
				const struct hp_clock *clock)
{
	struct hp_flowdb *db = calloc(1, sizeof(*db));

	if (!db)
		return NULL;
	db->expect = hp_expect_db_new(&cfg->hash_key, timers, clock);
	db->cfg = *cfg;
	if (!db->expect || hp_htab_init(&db->followed, 0) || hp_flow_shares_init(db) ||
	    hp_mappings_init(&db->mappings) ||
	    hp_index_init(&db->names[HP_SIDE_LEGACY]) ||
	    hp_index_init(&db->names[HP_SIDE_HIT])) {
		tables_free(db);
		errno = ENOMEM;
		return NULL;
	}
	hp_slab_init(&db->flows, sizeof(struct hp_flow), cfg->area_bytes);
	hp_flowdb_time_init(db, timers, clock);
	return db;
}

void hp_flowdb_free(struct hp_flowdb *db)
{
	if (!db)
		return;
	hp_flowdb_flush(db);
	hp_timer_cancel(db->timers, &db->tick);
	tables_free(db);
}

void hp_flowdb_reconfigure(struct hp_flowdb *db, size_t limit,
			   const struct hp_flow_shares *share,
			   const struct hp_flow_timeouts *t)
{
	db->cfg.share = *share;
	db->cfg.limit = limit;
	db->cfg.timeouts = *t;
}

size_t hp_flowdb_count(const struct hp_flowdb *db)
{
	return db->flows.used;
}

const uint64_t *hp_flowdb_counters(const struct hp_flowdb *db)
{
	return db->counters;
}

const char *hp_flow_counter_name(enum hp_flow_counter c)
{
	static const char *const names[] = { "added", "expired", "deleted", "limit", "evicted",
					     "share", "port_share", "translated", "taken_over",
					     "no_port", "no_memory" };

	return (unsigned int)c < HP_FLOWC_MAX ? names[c] : "?";
}

struct hp_expect_db *hp_flowdb_expect(struct hp_flowdb *db)
{
	return db->expect;
}

int hp_flowdb_each(struct hp_flowdb *db, int (*fn)(struct hp_flow *f, void *arg), void *arg)
{
	for (uint32_t n = hp_slab_next(&db->flows, 1); n; n = hp_slab_next(&db->flows, n + 1)) {
		int ret = fn(hp_flow_at(db, n), arg);

		if (ret)
			return ret;
	}
	return 0;
}

struct hp_flow *hp_flowdb_walk(struct hp_flowdb *db, uint32_t *at)
{
	uint32_t n = hp_slab_next(&db->flows, *at);

	if (n)
		*at = n + 1;
	return n ? hp_flow_at(db, n) : NULL;
}

uint32_t hp_flowdb_places(const struct hp_flowdb *db)
{
	return db->flows.chunks << HP_CHUNK_BITS;
}

static void forget_names(struct hp_flow *f)
{
	struct tuple legacy = tuple_of(&f->key, HP_SIDE_LEGACY);
	struct tuple hit = tuple_of(&f->key, HP_SIDE_HIT);
	uint32_t by_legacy = hash_ahead(f->db, HP_SIDE_LEGACY, &legacy);
	uint32_t by_hit = hash_ahead(f->db, HP_SIDE_HIT, &hit);

	hp_index_del(&f->db->names[HP_SIDE_LEGACY], by_legacy, f->number);
	hp_index_del(&f->db->names[HP_SIDE_HIT], by_hit, f->number);
}

void hp_flow_remove(struct hp_flow *f, enum hp_flow_counter why)
{
	struct hp_flowdb *db = f->db;

	db->counters[why]++;
	hp_flow_time_fetch(f);
	forget_names(f);
	hp_flow_time_stop(f);
	if (f->state != HP_FLOW_CLOSING)
		hp_flow_share_give(f);
	if (db->cfg.gone)
		db->cfg.gone(db->cfg.ctx, f);
	hp_list_del(&f->of_assoc);
	hp_mapping_leave(f);
	if (f->flags & HP_FLOW_FOLLOWED)
		hp_flow_unfollow(f);
	if (f->announced)
		hp_expect_forget(db->expect, hp_flow_id(f));
	hp_slab_put(&db->flows, f->number);
}

void hp_flow_del(struct hp_flow *f)
{
	hp_flow_remove(f, HP_FLOWC_DELETED);
}

static int flush_one(struct hp_flow *f, void *arg)
{
	(void)arg;
	hp_flow_del(f);
	return 0;
}

void hp_flowdb_flush(struct hp_flowdb *db)
{
	hp_flowdb_each(db, flush_one, NULL);
}

struct hp_flow *hp_flow_by_name(struct hp_flowdb *db, const struct hp_flow_key *k,
				enum hp_flow_side side, uint32_t *hash)
{
	struct tuple t = tuple_of(k, side);

	*hash = hash_of(db, &t);
	return find(db, side, *hash, &t);
}

uint64_t hp_flow_name_hash(const struct hp_flowdb *db, const struct hp_flow_key *k,
			   enum hp_flow_side side)
{
	struct tuple t = tuple_of(k, side);

	return hash64_of(db, &t);
}

/* What is computed once for a new flow: hashes of both names, by enum hp_flow_side, and owners. */
struct newcomer {
	uint32_t hash[2];
	struct hp_flow_owner owner;
};

static int make(struct hp_flowdb *db, const struct hp_flow_key *key, bool outbound,
		const struct newcomer *n, struct hp_flow **out)
{
	const uint32_t *hash = n->hash;
	uint32_t number = hp_slab_get(&db->flows);
	struct hp_flow *f;

	if (!number)
		goto no_memory;
	if (hp_index_add(&db->names[HP_SIDE_LEGACY], hash[HP_SIDE_LEGACY], number))
		goto no_memory_legacy;
	if (hp_index_add(&db->names[HP_SIDE_HIT], hash[HP_SIDE_HIT], number))
		goto no_memory_hit;
	f = hp_flow_at(db, number);
	f->key = *key;
	f->db = db;
	f->number = number;
	f->serial = ++db->serial;
	f->outbound = outbound;
	hp_list_init(&f->of_assoc);
	hp_flow_time_start(f);
	hp_flow_share_take(f, &n->owner);
	hp_mapping_join(f);
	db->counters[HP_FLOWC_ADDED]++;
	*out = f;
	return 0;

no_memory_hit:
	hp_index_del(&db->names[HP_SIDE_LEGACY], hash[HP_SIDE_LEGACY], number);
no_memory_legacy:
	hp_slab_put(&db->flows, number);
no_memory:
	db->counters[HP_FLOWC_NO_MEMORY]++;
	return -ENOMEM;
}

static int full(struct hp_flowdb *db)
{
	if (db->flows.used < db->cfg.limit || hp_flow_make_room(db))
		return 0;
	db->counters[HP_FLOWC_LIMIT]++;
	return -ENOBUFS;
}

int hp_flow_add(struct hp_flowdb *db, const struct hp_flow_key *key, bool outbound,
		struct hp_flow **out)
{
	enum hp_flow_side chosen = hp_flow_chosen_side(outbound), given = !chosen;
	struct hp_flow_key k = *key;
	struct newcomer n = { .owner = hp_flow_owner_of(db, key, outbound) };
	uint32_t *hash = n.hash;
	struct tuple name[2];
	int err;

	*out = NULL;
	*hp_flow_chosen_port(&k, outbound) = outbound ? hp_mapping_wish(db, &k) : k.peer_port;
	name[chosen] = tuple_of(&k, chosen);
	name[given] = tuple_of(&k, given);
	hash[chosen] = hash_ahead(db, chosen, &name[chosen]);
	hash[given] = hash_ahead(db, given, &name[given]);
	if (find(db, given, hash[given], &name[given]))
		return -EEXIST;
	err = hp_flow_share_check(db, &n.owner, outbound);
	if (!err)
		err = full(db);
	if (err)
		return err;
	if (find(db, chosen, hash[chosen], &name[chosen]) ||
	    (outbound && hp_mapping_rank(db, &k) != HP_PORT_FREE))
		err = hp_flow_choose_port(db, &k, outbound, &hash[chosen]);
	if (err) {
		db->counters[HP_FLOWC_NO_PORT]++;
		return err;
	}
	return make(db, &k, outbound, &n, out);
}

int hp_flow_restore(struct hp_flowdb *db, const struct hp_flow_key *key, bool outbound,
		    struct hp_flow **out)
{
	struct newcomer n = { .owner = hp_flow_owner_of(db, key, outbound) };
	int err;

	*out = NULL;
	if (hp_flow_by_name(db, key, HP_SIDE_LEGACY, &n.hash[HP_SIDE_LEGACY]) ||
	    hp_flow_by_name(db, key, HP_SIDE_HIT, &n.hash[HP_SIDE_HIT]))
		return -EEXIST;
	err = full(db);
	return err ? err : make(db, key, outbound, &n, out);
}

void hp_flow_bind(struct hp_flow *f, struct hp_assoc *assoc, struct hp_list *list)
{
	hp_list_del(&f->of_assoc);
	f->assoc = assoc;
	if (list)
		hp_list_add_tail(list, &f->of_assoc);
}

void *hp_flow_areas(struct hp_flow *f)
{
	return f->db->cfg.area_bytes ? hp_slab_extra(&f->db->flows, f->number) : NULL;
}

/* ---- <hipproxy/flow.h> */

const struct hp_flow_key *hp_flow_key(const struct hp_flow *f)
{
	return &f->key;
}

struct hp_assoc *hp_flow_assoc(const struct hp_flow *f)
{
	return f->assoc;
}

uint64_t hp_flow_id(const struct hp_flow *f)
{
	return (uint64_t)f->serial << 32 | f->number;
}

bool hp_flow_is_outbound(const struct hp_flow *f)
{
	return f->outbound;
}

void *hp_flow_area(struct hp_flow *f, const struct hp_plugin *self)
{
	const struct hp_flowdb_config *cfg = &f->db->cfg;
	size_t at = cfg->area_offset ? cfg->area_offset(cfg->ctx, self) : SIZE_MAX;

	return at < cfg->area_bytes ? (uint8_t *)hp_flow_areas(f) + at : NULL;
}

void hp_flow_flag_set(struct hp_flow *f, uint32_t bits)
{
	f->flags |= bits & ~HP_FLOW_FOLLOWED;
}

uint32_t hp_flow_flags(const struct hp_flow *f)
{
	return f->flags;
}
