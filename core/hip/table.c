/* SPDX-License-Identifier: MIT
 *
 * Finding associations.
 */
#include "hip/table.h"

#include <errno.h>

#include "hip/assoc.h"
#include "hip/known.h"

struct pair {
	struct hp_addr local, peer;
};

static uint64_t pair_hash(const struct hp_hip *hip, const struct hp_addr *local,
			  const struct hp_addr *peer)
{
	struct pair p = {*local, *peer};

	return hp_hash(&hip->key, &p, sizeof(p));
}

static bool pair_eq(const struct hp_hnode *n, const void *key)
{
	const struct hp_assoc *a = HP_CONTAINER(n, struct hp_assoc, place.node);
	const struct pair *p = key;

	return hp_addr_eq(&a->local, &p->local) && hp_addr_eq(&a->peer, &p->peer);
}

struct hp_assoc *hp_hip_find(struct hp_hip *hip, const struct hp_addr *local_hit,
			     const struct hp_addr *peer_hit)
{
	struct pair p = {*local_hit, *peer_hit};
	struct hp_hnode *n;

	n = hp_htab_find(&hip->by_hits, pair_hash(hip, local_hit, peer_hit), pair_eq, &p);
	return n ? HP_CONTAINER(n, struct hp_assoc, place.node) : NULL;
}

struct hp_assoc *hp_assoc_by_addr(struct hp_hip *hip, const struct hp_addr *local,
				  const struct hp_addr *addr)
{
	struct hp_list *n;

	HP_LIST_EACH(n, &hip->opps)
	{
		struct hp_assoc *a = HP_CONTAINER(n, struct hp_assoc, place.opp);

		if (hp_addr_eq(&a->local, local) && hp_exchange_has_addr(a, addr))
			return a;
	}
	return NULL;
}

int hp_hip_each(struct hp_hip *hip, int (*fn)(struct hp_assoc *a, void *arg), void *arg)
{
	struct hp_list *n, *tmp;
	int ret = 0;

	HP_LIST_EACH_SAFE(n, tmp, &hip->assocs)
	{
		ret = fn(HP_CONTAINER(n, struct hp_assoc, place.all), arg);
		if (ret)
			break;
	}
	return ret;
}

void hp_hip_walk(struct hp_hip *hip, struct hp_walk *w)
{
	hp_walk_start(&hip->walks, w, &hip->assocs);
}

struct hp_assoc *hp_hip_walk_next(struct hp_hip *hip, struct hp_walk *w)
{
	struct hp_list *n = hp_walk_next(w, &hip->assocs);

	return n ? HP_CONTAINER(n, struct hp_assoc, place.all) : NULL;
}

int hp_assoc_enter(struct hp_assoc *a, bool reserved)
{
	struct hp_hip *hip = a->hip;

	hp_list_init(&a->place.all);
	hp_list_init(&a->place.opp);
	if (hp_htab_add(&hip->by_hits, &a->place.node, pair_hash(hip, &a->local, &a->peer)))
		return -ENOBUFS;
	hp_assoc_reserve(a, reserved);
	hp_list_add_tail(&hip->assocs, &a->place.all);
	if (a->ex.opportunistic)
		hp_list_add_tail(&hip->opps, &a->place.opp);
	return 0;
}

void hp_assoc_leave(struct hp_assoc *a)
{
	struct hp_hip *hip = a->hip;

	hp_assoc_reserve(a, false);
	hp_htab_del(&hip->by_hits, &a->place.node);
	hp_walks_leave(&hip->walks, &a->place.all);
	hp_list_del(&a->place.all);
	hp_list_del(&a->place.opp);
}

void hp_assoc_reserve(struct hp_assoc *a, bool reserved)
{
	if (a->place.reserved == reserved)
		return;
	a->place.reserved = reserved;
	a->hip->n_reserved_assocs += reserved ? 1 : (size_t)-1;
}

int hp_assoc_rename(struct hp_assoc *a, const struct hp_addr *peer)
{
	struct hp_hip *hip = a->hip;

	hp_htab_del(&hip->by_hits, &a->place.node);
	hp_list_del(&a->place.opp);
	a->peer = *peer;
	hp_assoc_reserve(a, hp_known_is_reserved(hip, peer));
	return hp_htab_add(&hip->by_hits, &a->place.node, pair_hash(hip, &a->local, peer));
}

int hp_assoc_be(struct hp_assoc *a, struct hp_identity *id)
{
	struct hp_hip *hip = a->hip;

	hp_htab_del(&hip->by_hits, &a->place.node);
	hp_identity_unref(a->id);
	a->id = hp_identity_ref(id);
	a->local = id->hit;
	return hp_htab_add(&hip->by_hits, &a->place.node, pair_hash(hip, &a->local, &a->peer));
}
