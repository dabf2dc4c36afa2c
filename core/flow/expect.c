/* SPDX-License-Identifier: MIT
 *
 * Announced connections: see expect.h.
 */
#include "flow/expect.h"

#include <errno.h>
#include <stdlib.h>

struct hp_expect_db {
	struct hp_htab table, inside, parents;
	struct hp_hash_key hash_key;
	struct hp_timers *timers;
	const struct hp_clock *clock;
	struct of_plugin {
		const struct hp_instance *self;
		uint32_t n;
	} plugins[HP_EXPECT_PLUGINS];
	uint64_t counters[HP_EXPECTC_MAX];
};

/* What one flow has announced. */
struct hp_expect_parent {
	struct hp_hnode node;
	uint64_t id;
	struct hp_list all; /* struct hp_expect.of_parent */
	uint32_t n;
	struct of_plugin *plugin;
};

/* ---- names */

struct name {
	struct hp_addr a, b;
	uint16_t port, from_port;
	uint8_t proto, outbound, zero[2];
};

static struct name name_of(const struct hp_expect *e)
{
	const struct hp_flow_key *k = &e->key;
	struct name t = { .from_port = e->from_port, .proto = k->proto, .outbound = e->outbound };

	t.a = e->outbound ? k->legacy : k->local_hit;
	t.port = e->outbound ? k->far_port : k->local_port;
	if (e->outbound)
		t.b = k->far;
	else if (!e->any_peer)
		t.b = k->peer_hit;
	return t;
}

static bool name_eq(const struct name *x, const struct name *y)
{
	return x->port == y->port && x->from_port == y->from_port && x->proto == y->proto &&
	       x->outbound == y->outbound && hp_addr_eq(&x->a, &y->a) && hp_addr_eq(&x->b, &y->b);
}

static bool is_named(const struct hp_hnode *n, const void *key)
{
	struct name mine = name_of(HP_CONTAINER(n, const struct hp_expect, node));

	return name_eq(&mine, key);
}

static uint64_t hash_of(const struct hp_expect_db *db, const struct name *t)
{
	return hp_hash(&db->hash_key, t, sizeof(*t));
}

static struct hp_expect *by_name(const struct hp_expect_db *db, const struct name *t)
{
	struct hp_hnode *n = hp_htab_find(&db->table, hash_of(db, t), is_named, t);

	return n ? HP_CONTAINER(n, struct hp_expect, node) : NULL;
}

static struct hp_expect *find(const struct hp_expect_db *db, const struct hp_expect *like)
{
	struct name t = name_of(like);

	return by_name(db, &t);
}

/* The legacy host's end of an inbound expectation. */
static struct name inside_of(const struct hp_flow_key *k)
{
	return (struct name){ .a = k->legacy, .b = k->local_hit, .port = k->legacy_port,
			      .proto = k->proto };
}

static bool is_inside(const struct hp_hnode *n, const void *key)
{
	struct name mine = inside_of(&HP_CONTAINER(n, const struct hp_expect, inside)->key);

	return name_eq(&mine, key);
}

/* ---- who has announced */

static bool is_parent(const struct hp_hnode *n, const void *key)
{
	return HP_CONTAINER(n, const struct hp_expect_parent, node)->id == *(const uint64_t *)key;
}

static struct hp_expect_parent *parent_find(const struct hp_expect_db *db, uint64_t id)
{
	uint64_t hash = hp_hash(&db->hash_key, &id, sizeof(id));
	struct hp_hnode *n = hp_htab_find(&db->parents, hash, is_parent, &id);

	return n ? HP_CONTAINER(n, struct hp_expect_parent, node) : NULL;
}

static struct of_plugin *plugin_of(struct hp_expect_db *db, const struct hp_instance *self)
{
	for (size_t i = 0; i < HP_EXPECT_PLUGINS; i++) {
		struct of_plugin *p = &db->plugins[i];

		if (p->self && p->self != self)
			continue;
		p->self = self;
		return p;
	}
	return NULL;
}

static struct hp_expect_parent *parent_new(struct hp_expect_db *db, const struct hp_expect *want)
{
	struct hp_expect_parent *of = calloc(1, sizeof(*of));

	if (!of)
		return NULL;
	of->id = want->parent;
	of->plugin = want->self ? plugin_of(db, want->self) : NULL;
	hp_list_init(&of->all);
	hp_htab_add(&db->parents, &of->node, hp_hash(&db->hash_key, &of->id, sizeof(of->id)));
	return of;
}

static void parent_del(struct hp_expect_db *db, struct hp_expect_parent *of)
{
	hp_htab_del(&db->parents, &of->node);
	free(of);
}

/* ---- the database */

static void tables_fini(struct hp_expect_db *db)
{
	hp_htab_fini(&db->table);
	hp_htab_fini(&db->inside);
	hp_htab_fini(&db->parents);
	free(db);
}

struct hp_expect_db *hp_expect_db_new(const struct hp_hash_key *hash_key,
				      struct hp_timers *timers, const struct hp_clock *clock)
{
	struct hp_expect_db *db = calloc(1, sizeof(*db));

	if (!db)
		return NULL;
	if (hp_htab_init(&db->table, 0) || hp_htab_init(&db->inside, 0) ||
	    hp_htab_init(&db->parents, 0)) {
		tables_fini(db);
		return NULL;
	}
	db->hash_key = *hash_key;
	db->timers = timers;
	db->clock = clock;
	return db;
}

static void expect_del(struct hp_expect *e)
{
	struct hp_expect_parent *of = e->of;
	struct hp_expect_db *db = e->db;

	hp_timer_cancel(db->timers, &e->timer);
	hp_htab_del(&db->table, &e->node);
	if (!e->outbound)
		hp_htab_del(&db->inside, &e->inside);
	hp_list_del(&e->of_parent);
	of->n--;
	if (of->plugin)
		of->plugin->n--;
	free(e);
}

static void children_del(struct hp_expect_parent *of)
{
	struct hp_list *n, *tmp;

	HP_LIST_EACH_SAFE (n, tmp, &of->all)
		expect_del(HP_CONTAINER(n, struct hp_expect, of_parent));
}

static int parent_end(struct hp_hnode *n, void *arg)
{
	struct hp_expect_parent *of = HP_CONTAINER(n, struct hp_expect_parent, node);

	children_del(of);
	parent_del(arg, of);
	return 0;
}

void hp_expect_db_free(struct hp_expect_db *db)
{
	if (!db)
		return;
	hp_htab_each(&db->parents, parent_end, db);
	tables_fini(db);
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

const char *hp_expect_counter_help(enum hp_expect_counter c)
{
	static const char *const help[] = {
		"Ports that plugins have announced.", "Flows that began as announced.",
		"Announced ports that nobody used in time.",
		"Announcements that could not be accepted.",
	};

	return (unsigned int)c < HP_EXPECTC_MAX ? help[c] : "?";
}

int hp_expect_refused(struct hp_expect_db *db, int err)
{
	db->counters[HP_EXPECTC_REFUSED]++;
	return err;
}

/* A flow that expects nothing any more keeps no record. */
static void expect_end(struct hp_expect *e)
{
	struct hp_expect_parent *of = e->of;
	struct hp_expect_db *db = e->db;

	expect_del(e);
	if (!of->n)
		parent_del(db, of);
}

static void expired(struct hp_timer *t)
{
	struct hp_expect *e = HP_CONTAINER(t, struct hp_expect, timer);

	e->db->counters[HP_EXPECTC_EXPIRED]++;
	expect_end(e);
}

/* ---- adding */

bool hp_expect_is_free(struct hp_expect_db *db, const struct hp_expect *want)
{
	const struct hp_expect *e = find(db, want);

	return !e || e->parent == want->parent;
}

static bool is_limited(const struct hp_expect_db *db, const struct hp_expect_parent *of,
		       const struct hp_expect_limits *limits)
{
	return of->n >= limits->of_flow || db->table.count >= HP_ALG_EXPECT_LIMIT ||
	       (of->plugin && of->plugin->n >= limits->of_plugin);
}

static int insert(struct hp_expect_parent *of, struct hp_expect_db *db,
		  const struct hp_expect *want, uint32_t timeout_ms)
{
	struct hp_expect *e = malloc(sizeof(*e));
	struct name name = name_of(want), inside = inside_of(&want->key);

	if (!e)
		return -ENOMEM;
	*e = *want;
	e->db = db;
	e->of = of;
	hp_htab_add(&db->table, &e->node, hash_of(db, &name));
	if (!e->outbound)
		hp_htab_add(&db->inside, &e->inside, hash_of(db, &inside));
	hp_list_init(&e->of_parent);
	hp_list_add_tail(&of->all, &e->of_parent);
	of->n++;
	if (of->plugin)
		of->plugin->n++;
	hp_timer_init(&e->timer, expired);
	hp_timer_set(db->timers, &e->timer, hp_clock_ms(db->clock) + timeout_ms);
	db->counters[HP_EXPECTC_ADDED]++;
	return 0;
}

int hp_expect_add(struct hp_expect_db *db, const struct hp_expect *want,
		  const struct hp_expect_limits *limits, uint32_t timeout_ms)
{
	struct hp_expect *e = find(db, want);
	struct hp_expect_parent *of;
	int err;

	if (e && e->parent != want->parent)
		return -EADDRINUSE;
	if (e)
		expect_end(e);
	of = parent_find(db, want->parent);
	if (!of)
		of = parent_new(db, want);
	if (!of)
		return -ENOMEM;
	err = is_limited(db, of, limits) ? -ENOBUFS : insert(of, db, want, timeout_ms);
	if (!of->n)
		parent_del(db, of);
	return err;
}

void hp_expect_drop(struct hp_expect_db *db, const struct hp_expect *like)
{
	struct hp_expect *e = find(db, like);

	if (e && e->parent == like->parent)
		expect_end(e);
}

/* ---- looking up */

/* The most exact one first: this peer before any, this port before any. */
int hp_expect_find(struct hp_expect_db *db, const struct hp_expect_packet *p,
		   struct hp_expect *out)
{
	struct name t = { .a = p->outbound ? p->src : p->dst, .port = p->port,
			  .proto = p->proto, .outbound = p->outbound };
	struct hp_expect *e = NULL;

	if (!db->table.count)
		return -ENOENT;
	for (int any = 0; any < (p->outbound ? 2 : 4) && !e; any++) {
		if (any < 2)
			t.b = p->outbound ? p->dst : p->src;
		else
			t.b = (struct hp_addr){ { 0 } };
		t.from_port = any & 1 ? 0 : p->from_port;
		e = by_name(db, &t);
	}
	if (!e)
		return -ENOENT;
	*out = *e;
	return 0;
}

void hp_expect_used(struct hp_expect_db *db, const struct hp_expect *copy)
{
	struct hp_expect *e = find(db, copy);

	db->counters[HP_EXPECTC_USED]++;
	if (!e || e->parent != copy->parent || e->times == HP_EXPECT_ALWAYS)
		return;
	if (!--e->times)
		expect_end(e);
}

void hp_expect_extend(struct hp_expect_db *db, const struct hp_expect *copy, uint32_t ms)
{
	struct hp_expect *e = find(db, copy);
	uint64_t until = hp_clock_ms(db->clock) + ms;

	if (e && e->parent == copy->parent && e->timer.at_ms < until)
		hp_timer_set(db->timers, &e->timer, until);
}

uint16_t hp_expect_hip_port(struct hp_expect_db *db, const struct hp_flow_key *k)
{
	struct name t = inside_of(k);
	struct hp_hnode *n = NULL;

	if (db->inside.count)
		n = hp_htab_find(&db->inside, hash_of(db, &t), is_inside, &t);
	return n ? HP_CONTAINER(n, struct hp_expect, inside)->key.local_port : 0;
}

void hp_expect_forget(struct hp_expect_db *db, uint64_t parent)
{
	struct hp_expect_parent *of = parent_find(db, parent);

	if (!of)
		return;
	children_del(of);
	parent_del(db, of);
}
