/* SPDX-License-Identifier: MIT
 *
 * UDP mappings and groups of flows: see mapping.h.
 */
#include "flow/mapping.h"

#include <errno.h>
#include <string.h>

#include "flow/flowdb_internal.h"
#include "wire/ip.h"

/* One end with its port, and the other end's address. */
struct name {
	struct hp_addr a, b;
	uint64_t port;
};

static uint32_t hash_of(const struct hp_flowdb *db, const struct name *n)
{
	uint64_t w[5];

	memcpy(&w[0], n->a.b, 16);
	memcpy(&w[2], n->b.b, 16);
	w[4] = n->port;
	return (uint32_t)hp_hash_words(&db->cfg.hash_key, w, 5);
}

static bool name_eq(const struct name *x, const struct name *y)
{
	return x->port == y->port && hp_addr_eq(&x->a, &y->a) && hp_addr_eq(&x->b, &y->b);
}

static struct name inside_name(const struct hp_addr *legacy, uint16_t port,
			       const struct hp_addr *local_hit)
{
	return (struct name){ .a = *legacy, .b = *local_hit, .port = port };
}

static struct name outside_name(const struct hp_addr *local_hit, uint16_t port)
{
	return (struct name){ .a = *local_hit, .port = port };
}

/* What all flows of f's group have in common: all but the port of the end that was asked. */
static struct name group_name(const struct hp_flow_key *k, bool outbound)
{
	return outbound ? (struct name){ .a = k->local_hit, .b = k->peer_hit, .port = k->local_port } :
			  (struct name){ .a = k->far, .b = k->legacy, .port = k->far_port };
}

static struct hp_mapping *mapping_at(const struct hp_flowdb *db, uint32_t number)
{
	return hp_slab_at(&db->mappings.all, number);
}

static bool inside_eq(const void *ctx, uint32_t number, const void *key)
{
	const struct hp_mapping *m = mapping_at(ctx, number);
	struct name mine = inside_name(&m->legacy, m->legacy_port, &m->local_hit);

	return name_eq(&mine, key);
}

static bool outside_eq(const void *ctx, uint32_t number, const void *key)
{
	const struct hp_mapping *m = mapping_at(ctx, number);
	struct name mine = outside_name(&m->local_hit, m->local_port);

	return name_eq(&mine, key);
}

static bool group_eq(const void *ctx, uint32_t number, const void *key)
{
	const struct hp_flow *f = hp_flow_at(ctx, number);
	struct name mine = group_name(&f->key, f->outbound);

	return name_eq(&mine, key);
}

int hp_mappings_init(struct hp_mappings *m)
{
	hp_slab_init(&m->all, sizeof(struct hp_mapping), 0);
	return hp_index_init(&m->inside) || hp_index_init(&m->outside) ||
	       hp_index_init(&m->groups) ? -ENOMEM : 0;
}

void hp_mappings_fini(struct hp_mappings *m)
{
	hp_index_fini(&m->inside);
	hp_index_fini(&m->outside);
	hp_index_fini(&m->groups);
	hp_slab_fini(&m->all);
}

/* ---- lookups */

/* 0: there is none. */
static uint32_t find_inside(const struct hp_flowdb *db, const struct hp_flow_key *k,
			    uint32_t *hash)
{
	struct name n = inside_name(&k->legacy, k->legacy_port, &k->local_hit);

	*hash = hash_of(db, &n);
	return hp_index_find(&db->mappings.inside, *hash, inside_eq, db, &n);
}

static uint32_t find_outside(const struct hp_flowdb *db, const struct hp_addr *local_hit,
			     uint16_t local_port, uint32_t *hash)
{
	struct name n = outside_name(local_hit, local_port);

	*hash = hash_of(db, &n);
	return hp_index_find(&db->mappings.outside, *hash, outside_eq, db, &n);
}

static struct hp_flow *find_group(const struct hp_flowdb *db, const struct name *n,
				  uint32_t *hash)
{
	uint32_t number;

	*hash = hash_of(db, n);
	number = hp_index_find(&db->mappings.groups, *hash, group_eq, db, n);
	return number ? hp_flow_at(db, number) : NULL;
}

struct hp_mapping *hp_mapping_find(struct hp_flowdb *db, const struct hp_addr *local_hit,
				   uint16_t local_port)
{
	uint32_t hash, number = find_outside(db, local_hit, local_port, &hash);

	return number ? mapping_at(db, number) : NULL;
}

struct hp_flow *hp_mapping_asked_peer(struct hp_flowdb *db, const struct hp_addr *local_hit,
				      uint16_t local_port, const struct hp_addr *peer_hit)
{
	struct name n = { .a = *local_hit, .b = *peer_hit, .port = local_port };
	uint32_t hash;

	return find_group(db, &n, &hash);
}

struct hp_flow *hp_mapping_asked_server(struct hp_flowdb *db, const struct hp_addr *far,
					uint16_t far_port, const struct hp_addr *legacy)
{
	struct name n = { .a = *far, .b = *legacy, .port = far_port };
	uint32_t hash;

	return find_group(db, &n, &hash);
}

/* ---- choosing a port */

uint16_t hp_mapping_wish(const struct hp_flowdb *db, const struct hp_flow_key *k)
{
	uint32_t hash, number = k->proto == HP_PROTO_UDP ? find_inside(db, k, &hash) : 0;
	uint16_t announced = 0;

	if (number)
		return mapping_at(db, number)->local_port;
	/* The peer has been told of another one. */
	if (k->proto == HP_PROTO_UDP && hp_expect_count(db->expect))
		announced = hp_expect_hip_port(db->expect, k);
	return announced ? announced : k->legacy_port;
}

/* Do both begin at the same port of the same host? */
static bool same_begin(const struct hp_flow_key *x, const struct hp_flow_key *y, bool outbound)
{
	if (outbound)
		return x->legacy_port == y->legacy_port && hp_addr_eq(&x->legacy, &y->legacy);
	return x->peer_port == y->peer_port && hp_addr_eq(&x->peer_hit, &y->peer_hit) &&
	       hp_addr_eq(&x->local_hit, &y->local_hit);
}

enum hp_mapping_rank hp_mapping_rank(const struct hp_flowdb *db, const struct hp_flow_key *k)
{
	const struct hp_mapping *m;
	const struct hp_flow *f;
	uint32_t hash, number;
	struct name n;

	if (k->proto != HP_PROTO_UDP)
		return HP_PORT_FREE;
	n = group_name(k, true);
	f = find_group(db, &n, &hash);
	if (f && !same_begin(&f->key, k, true))
		return HP_PORT_AMBIGUOUS;
	number = find_outside(db, &k->local_hit, k->local_port, &hash);
	if (!number)
		return HP_PORT_FREE;
	m = mapping_at(db, number);
	return m->legacy_port == k->legacy_port && hp_addr_eq(&m->legacy, &k->legacy) ?
		       HP_PORT_FREE : HP_PORT_SHARED;
}

bool hp_mapping_takes_stranger(const struct hp_mapping *m)
{
	return m->strangers < HP_MAPPING_STRANGERS;
}

/* ---- flows come and go */

static void mapping_new(struct hp_flow *f, uint32_t inside, uint32_t outside)
{
	struct hp_mappings *ms = &f->db->mappings;
	uint32_t number = hp_slab_get(&ms->all);

	if (!number)
		return;
	if (hp_index_add(&ms->inside, inside, number))
		goto no_inside;
	if (hp_index_add(&ms->outside, outside, number))
		goto no_outside;
	*mapping_at(f->db, number) = (struct hp_mapping){
		.legacy = f->key.legacy, .legacy_port = f->key.legacy_port,
		.local_hit = f->key.local_hit, .local_port = f->key.local_port, .flows = 1,
	};
	f->mapped = true;
	return;

no_outside:
	hp_index_del(&ms->inside, inside, number);
no_inside:
	hp_slab_put(&ms->all, number);
}

static bool is_of(const struct hp_mapping *m, const struct hp_flow *f)
{
	return m->local_port == f->key.local_port && m->legacy_port == f->key.legacy_port &&
	       hp_addr_eq(&m->legacy, &f->key.legacy) &&
	       hp_addr_eq(&m->local_hit, &f->key.local_hit);
}

/* A legacy host's port may have two on the HIT side where it talks to one peer by two addresses:
 * the first one is its mapping. */
static void join_mapping(struct hp_flow *f)
{
	struct hp_flowdb *db = f->db;
	uint32_t inside, outside;
	uint32_t own = find_inside(db, &f->key, &inside);
	uint32_t owner = find_outside(db, &f->key.local_hit, f->key.local_port, &outside);

	if (f->outbound && !own && !owner) {
		mapping_new(f, inside, outside);
	} else if (own && own == owner) {
		struct hp_mapping *m = mapping_at(db, own);

		f->mapped = true;
		if (f->outbound)
			m->flows++;
		else
			m->strangers++;
	}
}

/* A stranger's flow does not keep the mapping. */
static void leave_mapping(struct hp_flow *f)
{
	struct hp_mappings *ms = &f->db->mappings;
	uint32_t inside, outside;
	uint32_t number = find_outside(f->db, &f->key.local_hit, f->key.local_port, &outside);
	struct hp_mapping *m = number ? mapping_at(f->db, number) : NULL;

	if (!m || !is_of(m, f))
		return;
	if (!f->outbound) {
		m->strangers -= m->strangers > 0;
		return;
	}
	if (--m->flows)
		return;
	find_inside(f->db, &f->key, &inside);
	hp_index_del(&ms->inside, inside, number);
	hp_index_del(&ms->outside, outside, number);
	hp_slab_put(&ms->all, number);
}

static void join_group(struct hp_flow *f)
{
	struct name n = group_name(&f->key, f->outbound);
	struct hp_flow *first, *second;
	uint32_t hash;

	first = find_group(f->db, &n, &hash);
	if (!first) {
		f->grouped = !hp_index_add(&f->db->mappings.groups, hash, f->number);
		return;
	}
	if (!same_begin(&first->key, &f->key, f->outbound))
		return;
	f->group.before = first->number;
	f->group.next = first->group.next;
	if (first->group.next) {
		second = hp_flow_at(f->db, first->group.next);
		second->group.before = f->number;
	}
	first->group.next = f->number;
	f->grouped = true;
}

static void leave_group(struct hp_flow *f)
{
	struct name n = group_name(&f->key, f->outbound);
	struct hp_index *groups = &f->db->mappings.groups;
	struct hp_flow *next = f->group.next ? hp_flow_at(f->db, f->group.next) : NULL;

	if (next)
		next->group.before = f->group.before;
	if (f->group.before)
		hp_flow_at(f->db, f->group.before)->group.next = f->group.next;
	else if (next)
		hp_index_renumber(groups, hash_of(f->db, &n), f->number, next->number);
	else
		hp_index_del(groups, hash_of(f->db, &n), f->number);
}

void hp_mapping_join(struct hp_flow *f)
{
	if (f->key.proto != HP_PROTO_UDP)
		return;
	join_mapping(f);
	join_group(f);
}

void hp_mapping_leave(struct hp_flow *f)
{
	if (f->mapped)
		leave_mapping(f);
	if (f->grouped)
		leave_group(f);
}
