/* SPDX-License-Identifier: MIT
 *
 * The table of spots, by address.
 */
#include "hip/spot.h"

#include <stdlib.h>

static uint64_t spot_hash(const struct hp_hip *hip, const struct hp_addr *addr)
{
	return hp_hash(&hip->key, addr->b, 16);
}

static bool is_spot(const struct hp_hnode *n, const void *key)
{
	const struct hp_spot *s = HP_CONTAINER(n, struct hp_spot, node), *k = key;

	return hp_addr_eq(&s->addr, &k->addr) && hp_addr_eq(&s->peer, &k->peer) &&
	       hp_addr_eq(&s->local, &k->local);
}

static struct hp_spot key_of(const struct hp_addr *addr, const struct hp_addr *local,
			  const struct hp_addr *peer)
{
	struct hp_spot k = {.addr = *addr, .peer = *peer};

	if (local)
		k.local = *local;
	return k;
}

static struct hp_spot *find(const struct hp_hip *hip, const struct hp_spot *k)
{
	struct hp_hnode *n = hp_htab_find(&hip->spots, spot_hash(hip, &k->addr), is_spot, k);

	return n ? HP_CONTAINER(n, struct hp_spot, node) : NULL;
}

bool hp_spot_has(const struct hp_hip *hip, const struct hp_addr *addr,
		 const struct hp_addr *local, const struct hp_addr *peer)
{
	struct hp_spot k = key_of(addr, local, peer);

	return find(hip, &k);
}

static const struct hp_spot *first_of(struct hp_hnode *n, uint64_t hash, const struct hp_addr *addr)
{
	for (; n; n = n->next)
		if (n->hash == hash && hp_addr_eq(&HP_CONTAINER(n, struct hp_spot, node)->addr, addr))
			return HP_CONTAINER(n, struct hp_spot, node);
	return NULL;
}

const struct hp_spot *hp_spot_first(const struct hp_hip *hip, const struct hp_addr *addr)
{
	uint64_t hash = spot_hash(hip, addr);

	return first_of(*hp_htab_chain((struct hp_htab *)&hip->spots, hash), hash, addr);
}

const struct hp_spot *hp_spot_next(const struct hp_spot *s)
{
	return first_of(s->node.next, s->node.hash, &s->addr);
}

void hp_spot_add(struct hp_hip *hip, const struct hp_addr *addr, const struct hp_addr *local,
		 const struct hp_addr *peer, uint16_t port)
{
	struct hp_spot k = key_of(addr, local, peer), *s = find(hip, &k);

	if (!s) {
		s = malloc(sizeof(*s));
		if (!s)
			return;
		*s = k;
		/* The table is full: the peer is found by its own I1. */
		if (hp_htab_add(&hip->spots, &s->node, spot_hash(hip, addr))) {
			free(s);
			return;
		}
	}
	s->port = port;
}

void hp_spot_del(struct hp_hip *hip, const struct hp_addr *addr, const struct hp_addr *local,
		 const struct hp_addr *peer)
{
	struct hp_spot k = key_of(addr, local, peer), *s = find(hip, &k);

	if (!s)
		return;
	hp_htab_del(&hip->spots, &s->node);
	free(s);
}

static int free_spot(struct hp_hnode *n, void *arg)
{
	struct hp_hip *hip = arg;

	hp_htab_del(&hip->spots, n);
	free(HP_CONTAINER(n, struct hp_spot, node));
	return 0;
}

void hp_spot_forget(struct hp_hip *hip)
{
	if (hip->spots.slots)
		hp_htab_each(&hip->spots, free_spot, hip);
}

void hp_hip_known_pair(struct hp_hip *hip, const struct hp_addr *local_hit,
		       const struct hp_addr *peer_hit, const struct hp_addr *addr, uint16_t port)
{
	hp_spot_add(hip, addr, local_hit, peer_hit, port);
}
