/* SPDX-License-Identifier: MIT
 *
 * Flow database: tables, port choice and the public accessors.  Time is in flowtime.c.
 */
#include "flow/flowdb_internal.h"

#include <errno.h>
#include <stdlib.h>

#include <hipproxy/flow.h>

#define PORT_LOW    1024u
#define PORT_SPAN   (65536u - PORT_LOW)
#define FULL_MEMORY_MS 1000 /* how long "no port is free" is believed */
#define AREA_ALIGN  16u
#define AREA_AT     ((sizeof(struct hp_flow) + AREA_ALIGN - 1) / AREA_ALIGN * AREA_ALIGN)

/* What is hashed and compared: one of a flow's two names. */
struct tuple {
	struct hp_addr a, b;
	uint16_t ap, bp;
	uint8_t proto, zero[3];
};

/* The same conversation is ICMP on an IPv4 side and ICMPv6 between HITs. */
static uint8_t name_proto(uint8_t proto)
{
	return proto == 1 ? 58 : proto;
}

static struct tuple tuple_make(uint8_t proto, const struct hp_addr *a, uint16_t ap,
			       const struct hp_addr *b, uint16_t bp)
{
	return (struct tuple){ *a, *b, ap, bp, name_proto(proto), { 0 } };
}

static struct tuple legacy_tuple(const struct hp_flow_key *k)
{
	return tuple_make(k->proto, &k->legacy, k->legacy_port, &k->far, k->far_port);
}

static struct tuple hit_tuple(const struct hp_flow_key *k)
{
	return tuple_make(k->proto, &k->local_hit, k->local_port, &k->peer_hit, k->peer_port);
}

static bool legacy_eq(const struct hp_hnode *n, const void *key)
{
	const struct hp_flow_key *k = &HP_CONTAINER(n, const struct hp_flow, by_legacy)->key;
	const struct tuple *t = key;

	return k->legacy_port == t->ap && k->far_port == t->bp && name_proto(k->proto) == t->proto &&
	       hp_addr_eq(&k->legacy, &t->a) && hp_addr_eq(&k->far, &t->b);
}

static bool hit_eq(const struct hp_hnode *n, const void *key)
{
	const struct hp_flow_key *k = &HP_CONTAINER(n, const struct hp_flow, by_hit)->key;
	const struct tuple *t = key;

	return k->local_port == t->ap && k->peer_port == t->bp && name_proto(k->proto) == t->proto &&
	       hp_addr_eq(&k->local_hit, &t->a) && hp_addr_eq(&k->peer_hit, &t->b);
}

static struct hp_flow *find_legacy(struct hp_flowdb *db, const struct tuple *t)
{
	uint64_t hash = hp_hash(&db->cfg.hash_key, t, sizeof(*t));
	struct hp_hnode *n = hp_htab_find(&db->legacy, hash, legacy_eq, t);

	return n ? HP_CONTAINER(n, struct hp_flow, by_legacy) : NULL;
}

static struct hp_flow *find_hit(struct hp_flowdb *db, const struct tuple *t)
{
	uint64_t hash = hp_hash(&db->cfg.hash_key, t, sizeof(*t));
	struct hp_hnode *n = hp_htab_find(&db->hit, hash, hit_eq, t);

	return n ? HP_CONTAINER(n, struct hp_flow, by_hit) : NULL;
}

struct hp_flow *hp_flow_find_legacy(struct hp_flowdb *db, uint8_t proto,
				    const struct hp_addr *src, uint16_t sport,
				    const struct hp_addr *dst, uint16_t dport)
{
	struct tuple t = tuple_make(proto, src, sport, dst, dport);

	return find_legacy(db, &t);
}

struct hp_flow *hp_flow_find_hit(struct hp_flowdb *db, uint8_t proto,
				 const struct hp_addr *local_hit, uint16_t local_port,
				 const struct hp_addr *peer_hit, uint16_t peer_port)
{
	struct tuple t = tuple_make(proto, local_hit, local_port, peer_hit, peer_port);

	return find_hit(db, &t);
}

struct hp_flowdb *hp_flowdb_new(const struct hp_flowdb_config *cfg, struct hp_timers *timers,
				const struct hp_clock *clock)
{
	struct hp_flowdb *db = calloc(1, sizeof(*db));

	if (!db)
		return NULL;
	if (hp_htab_init(&db->legacy, 0))
		goto no_memory;
	if (hp_htab_init(&db->hit, 0))
		goto no_memory_hit;
	db->expect = hp_expect_db_new(&cfg->hash_key, timers, clock);
	if (!db->expect)
		goto no_memory_expect;
	db->cfg = *cfg;
	hp_flowdb_time_init(db, timers, clock);
	return db;

no_memory_expect:
	hp_htab_fini(&db->hit);
no_memory_hit:
	hp_htab_fini(&db->legacy);
no_memory:
	free(db);
	errno = ENOMEM;
	return NULL;
}

void hp_flowdb_free(struct hp_flowdb *db)
{
	if (!db)
		return;
	hp_flowdb_flush(db);
	hp_timer_cancel(db->timers, &db->tick);
	hp_expect_db_free(db->expect);
	hp_htab_fini(&db->legacy);
	hp_htab_fini(&db->hit);
	free(db);
}

void hp_flowdb_reconfigure(struct hp_flowdb *db, size_t limit,
			   const struct hp_flow_timeouts *t)
{
	db->cfg.limit = limit;
	db->cfg.timeouts = *t;
}

size_t hp_flowdb_count(const struct hp_flowdb *db)
{
	return db->legacy.count;
}

const uint64_t *hp_flowdb_counters(const struct hp_flowdb *db)
{
	return db->counters;
}

const char *hp_flow_counter_name(enum hp_flow_counter c)
{
	static const char *const names[] = { "added", "expired", "deleted", "limit",
					     "translated", "no_port", "no_memory" };

	return (unsigned int)c < HP_FLOWC_MAX ? names[c] : "?";
}

struct hp_expect_db *hp_flowdb_expect(struct hp_flowdb *db)
{
	return db->expect;
}

struct each {
	int (*fn)(struct hp_flow *f, void *arg);
	void *arg;
};

static int each_node(struct hp_hnode *n, void *arg)
{
	const struct each *each = arg;

	return each->fn(HP_CONTAINER(n, struct hp_flow, by_legacy), each->arg);
}

int hp_flowdb_each(struct hp_flowdb *db, int (*fn)(struct hp_flow *f, void *arg), void *arg)
{
	struct each each = { fn, arg };

	return hp_htab_each(&db->legacy, each_node, &each);
}

void hp_flow_remove(struct hp_flow *f, enum hp_flow_counter why)
{
	struct hp_flowdb *db = f->db;

	db->counters[why]++;
	hp_htab_del(&db->legacy, &f->by_legacy);
	hp_htab_del(&db->hit, &f->by_hit);
	hp_list_del(&f->wheel);
	if (db->cfg.gone)
		db->cfg.gone(db->cfg.ctx, f);
	hp_list_del(&f->of_assoc);
	hp_expect_forget(db->expect, f->id);
	hp_seqadj_free(f->seqadj);
	free(f);
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

/* A number that strangers can't foresee: the hash key is random. */
static uint32_t random_next(struct hp_flowdb *db)
{
	uint64_t n[2] = { 0x706f7274, ++db->random_count };

	return (uint32_t)hp_hash(&db->cfg.hash_key, n, sizeof(n));
}

/* The name that the chosen port belongs to, and whether some flow has it. */
static bool name_taken(struct hp_flowdb *db, const struct hp_flow_key *k, bool outbound)
{
	struct tuple t = outbound ? hit_tuple(k) : legacy_tuple(k);

	return outbound ? find_hit(db, &t) != NULL : find_legacy(db, &t) != NULL;
}

static bool has_ports(uint8_t proto)
{
	return proto == 6 || proto == 17 || proto == 1 || proto == 58;
}

/* Tries every port of [1024, 65535] with port's parity from a random one on (RFC 6056,
 * algorithm 1; parity: RFC 4787, REQ-4). */
static bool try_parity(struct hp_flowdb *db, struct hp_flow_key *k, bool outbound,
		       uint16_t parity)
{
	uint16_t *port = outbound ? &k->local_port : &k->far_port;
	uint32_t at = random_next(db) % (PORT_SPAN / 2);

	for (uint32_t i = 0; i < PORT_SPAN / 2; i++) {
		*port = (uint16_t)(PORT_LOW + 2 * at + parity);
		if (!name_taken(db, k, outbound))
			return true;
		if (++at == PORT_SPAN / 2)
			at = 0;
	}
	return false;
}

/* A whole search in vain costs milliseconds; who causes one must not cause many. */
static struct hp_port_full *full_slot(struct hp_flowdb *db, const struct hp_flow_key *k,
				      bool outbound, uint64_t *hash)
{
	struct hp_flow_key any = *k;
	struct tuple t;

	*(outbound ? &any.local_port : &any.far_port) = 0;
	t = outbound ? hit_tuple(&any) : legacy_tuple(&any);
	*hash = hp_hash(&db->cfg.hash_key, &t, sizeof(t));
	return &db->full[*hash % HP_PORT_FULLS];
}

static int choose_port(struct hp_flowdb *db, struct hp_flow_key *k, bool outbound)
{
	uint16_t want = outbound ? k->legacy_port : k->peer_port;
	uint64_t now = hp_clock_ms(db->clock), hash;
	struct hp_port_full *full;

	*(outbound ? &k->local_port : &k->far_port) = want;
	if (!name_taken(db, k, outbound))
		return 0;
	if (!has_ports(k->proto))
		return -EADDRINUSE;
	full = full_slot(db, k, outbound, &hash);
	if (full->hash == hash && now < full->until_ms)
		return -EADDRINUSE;
	if (!try_parity(db, k, outbound, want & 1) && !try_parity(db, k, outbound, ~want & 1)) {
		*full = (struct hp_port_full){ hash, now + FULL_MEMORY_MS };
		return -EADDRINUSE;
	}
	db->counters[HP_FLOWC_TRANSLATED]++;
	return 0;
}

static int add_checks(struct hp_flowdb *db, struct hp_flow_key *k, bool outbound)
{
	int err;

	if (name_taken(db, k, !outbound))
		return -EEXIST;
	if (db->legacy.count >= db->cfg.limit) {
		db->counters[HP_FLOWC_LIMIT]++;
		return -ENOBUFS;
	}
	err = choose_port(db, k, outbound);
	if (err)
		db->counters[HP_FLOWC_NO_PORT]++;
	return err;
}

static int make(struct hp_flowdb *db, const struct hp_flow_key *key, bool outbound,
		struct hp_flow **out)
{
	struct hp_flow_key k = *key;
	struct tuple lt, ht;
	struct hp_flow *f;

	f = calloc(1, AREA_AT + db->cfg.area_bytes);
	if (!f) {
		db->counters[HP_FLOWC_NO_MEMORY]++;
		return -ENOMEM;
	}
	f->key = k;
	f->db = db;
	f->id = ++db->ids;
	f->outbound = outbound;
	hp_list_init(&f->of_assoc);
	lt = legacy_tuple(&k);
	ht = hit_tuple(&k);
	hp_flow_time_start(f);
	hp_htab_add(&db->legacy, &f->by_legacy, hp_hash(&db->cfg.hash_key, &lt, sizeof(lt)));
	hp_htab_add(&db->hit, &f->by_hit, hp_hash(&db->cfg.hash_key, &ht, sizeof(ht)));
	db->counters[HP_FLOWC_ADDED]++;
	*out = f;
	return 0;
}

int hp_flow_add(struct hp_flowdb *db, const struct hp_flow_key *key, bool outbound,
		struct hp_flow **out)
{
	struct hp_flow_key k = *key;
	int err = add_checks(db, &k, outbound);

	*out = NULL;
	return err ? err : make(db, &k, outbound, out);
}

int hp_flow_restore(struct hp_flowdb *db, const struct hp_flow_key *key, bool outbound,
		    struct hp_flow **out)
{
	*out = NULL;
	if (name_taken(db, key, true) || name_taken(db, key, false))
		return -EEXIST;
	if (db->legacy.count >= db->cfg.limit) {
		db->counters[HP_FLOWC_LIMIT]++;
		return -ENOBUFS;
	}
	return make(db, key, outbound, out);
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
	return f->db->cfg.area_bytes ? (uint8_t *)f + AREA_AT : NULL;
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
	return f->id;
}

bool hp_flow_is_outbound(const struct hp_flow *f)
{
	return f->outbound;
}

void *hp_flow_area(struct hp_flow *f, const struct hp_plugin *self)
{
	const struct hp_flowdb_config *cfg = &f->db->cfg;
	size_t at = cfg->area_offset ? cfg->area_offset(cfg->ctx, self) : SIZE_MAX;

	return at < cfg->area_bytes ? (uint8_t *)f + AREA_AT + at : NULL;
}

void hp_flow_flag_set(struct hp_flow *f, uint32_t bits)
{
	f->flags |= bits;
}

uint32_t hp_flow_flags(const struct hp_flow *f)
{
	return f->flags;
}
