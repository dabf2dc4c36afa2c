/* SPDX-License-Identifier: MIT
 *
 * Announced connections: see expect.h.
 */
#include "flow/expect.h"

#include <errno.h>
#include <stdlib.h>

struct hp_expect_db {
	struct hp_htab table;
	struct hp_hash_key hash_key;
	struct hp_timers *timers;
	const struct hp_clock *clock;
	uint64_t counters[HP_EXPECTC_MAX];
};

struct name {
	struct hp_addr a, b;
	uint16_t port;
	uint8_t proto, outbound, zero[4];
};

static struct name name_of(const struct hp_expect *e)
{
	const struct hp_flow_key *k = &e->key;

	if (e->outbound)
		return (struct name){ k->legacy, k->far, k->far_port, k->proto, 1, { 0 } };
	return (struct name){ k->local_hit, k->peer_hit, k->local_port, k->proto, 0, { 0 } };
}

static bool same(const struct hp_hnode *n, const void *key)
{
	struct name mine = name_of(HP_CONTAINER(n, const struct hp_expect, node));
	const struct name *t = key;

	return mine.port == t->port && mine.proto == t->proto && mine.outbound == t->outbound &&
	       hp_addr_eq(&mine.a, &t->a) && hp_addr_eq(&mine.b, &t->b);
}

struct hp_expect_db *hp_expect_db_new(const struct hp_hash_key *hash_key,
				      struct hp_timers *timers, const struct hp_clock *clock)
{
	struct hp_expect_db *db = calloc(1, sizeof(*db));

	if (!db)
		return NULL;
	if (hp_htab_init(&db->table, HP_EXPECT_LIMIT)) {
		free(db);
		return NULL;
	}
	db->hash_key = *hash_key;
	db->timers = timers;
	db->clock = clock;
	return db;
}

static void expect_del(struct hp_expect *e)
{
	struct hp_expect_db *db = e->db;

	hp_timer_cancel(db->timers, &e->timer);
	hp_htab_del(&db->table, &e->node);
	free(e);
}

static int del_node(struct hp_hnode *n, void *arg)
{
	struct hp_expect *e = HP_CONTAINER(n, struct hp_expect, node);
	const uint64_t *parent = arg;

	if (!parent || e->parent == *parent)
		expect_del(e);
	return 0;
}

void hp_expect_db_free(struct hp_expect_db *db)
{
	if (!db)
		return;
	hp_htab_each(&db->table, del_node, NULL);
	hp_htab_fini(&db->table);
	free(db);
}

size_t hp_expect_count(const struct hp_expect_db *db)
{
	return db->table.count;
}

const uint64_t *hp_expect_counters(const struct hp_expect_db *db)
{
	return db->counters;
}

const char *hp_expect_counter_name(enum hp_expect_counter c)
{
	static const char *const names[] = { "added", "used", "expired", "refused" };

	return (unsigned int)c < HP_EXPECTC_MAX ? names[c] : "?";
}

static struct hp_expect *find(struct hp_expect_db *db, const struct hp_expect *like,
			      uint64_t *hash)
{
	struct name t = name_of(like);
	struct hp_hnode *n;

	*hash = hp_hash(&db->hash_key, &t, sizeof(t));
	n = hp_htab_find(&db->table, *hash, same, &t);
	return n ? HP_CONTAINER(n, struct hp_expect, node) : NULL;
}

static void expired(struct hp_timer *t)
{
	struct hp_expect *e = HP_CONTAINER(t, struct hp_expect, timer);

	e->db->counters[HP_EXPECTC_EXPIRED]++;
	expect_del(e);
}

struct count {
	uint64_t parent;
	unsigned int n;
};

static int count_node(struct hp_hnode *n, void *arg)
{
	struct count *c = arg;

	c->n += HP_CONTAINER(n, struct hp_expect, node)->parent == c->parent;
	return c->n >= HP_EXPECT_PER_FLOW;
}

static int refused(struct hp_expect_db *db, int err)
{
	db->counters[HP_EXPECTC_REFUSED]++;
	return err;
}

int hp_expect_add(struct hp_expect_db *db, const struct hp_expect *want, uint32_t timeout_ms)
{
	struct count of_flow = { want->parent, 0 };
	struct hp_expect *e;
	uint64_t hash;

	e = find(db, want, &hash);
	if (e) {
		if (e->parent != want->parent)
			return refused(db, -EADDRINUSE);
		expect_del(e);
	}
	hp_htab_each(&db->table, count_node, &of_flow);
	if (of_flow.n >= HP_EXPECT_PER_FLOW || db->table.count >= HP_EXPECT_LIMIT)
		return refused(db, -ENOBUFS);
	e = calloc(1, sizeof(*e));
	if (!e)
		return refused(db, -ENOMEM);
	*e = (struct hp_expect){ .db = db, .key = want->key, .outbound = want->outbound,
				 .flags = want->flags, .parent = want->parent };
	hp_htab_add(&db->table, &e->node, hash);
	hp_timer_init(&e->timer, expired);
	hp_timer_set(db->timers, &e->timer, hp_clock_ms(db->clock) + timeout_ms);
	db->counters[HP_EXPECTC_ADDED]++;
	return 0;
}

static int take(struct hp_expect_db *db, const struct hp_expect *like, struct hp_expect *out)
{
	struct hp_expect *e;
	uint64_t hash;

	if (!db->table.count)
		return -ENOENT;
	e = find(db, like, &hash);
	if (!e)
		return -ENOENT;
	*out = *e;
	db->counters[HP_EXPECTC_USED]++;
	expect_del(e);
	return 0;
}

int hp_expect_take_in(struct hp_expect_db *db, uint8_t proto, const struct hp_addr *local_hit,
		      uint16_t local_port, const struct hp_addr *peer_hit,
		      struct hp_expect *out)
{
	struct hp_expect like = { .key = { .local_hit = *local_hit, .local_port = local_port,
					   .peer_hit = *peer_hit, .proto = proto } };

	return take(db, &like, out);
}

int hp_expect_take_out(struct hp_expect_db *db, uint8_t proto, const struct hp_addr *legacy,
		       const struct hp_addr *far, uint16_t far_port, struct hp_expect *out)
{
	struct hp_expect like = { .key = { .legacy = *legacy, .far = *far, .far_port = far_port,
					   .proto = proto },
				  .outbound = true };

	return take(db, &like, out);
}

void hp_expect_forget(struct hp_expect_db *db, uint64_t parent)
{
	if (db->table.count)
		hp_htab_each(&db->table, del_node, &parent);
}
