/* SPDX-License-Identifier: MIT
 *
 * Beginning and ending associations from this side (RFC 7401, section 6.6), and the peers that
 * are known.
 */
#include "hip/internal.h"

#include <errno.h>
#include <stdlib.h>

/* ---- peers from the configuration */

static bool known_eq(const struct hp_hnode *n, const void *key)
{
	return hp_addr_eq(&HP_CONTAINER(n, struct hp_known, node)->hit, key);
}

static struct hp_known *known(const struct hp_hip *hip, const struct hp_addr *hit)
{
	struct hp_hnode *n =
		hp_htab_find(&hip->known, hp_hash(&hip->key, hit->b, 16), known_eq, hit);

	return n ? HP_CONTAINER(n, struct hp_known, node) : NULL;
}

const struct hp_known *hp_known_find(const struct hp_hip *hip, const struct hp_addr *hit)
{
	return known(hip, hit);
}

bool hp_hip_knows(const struct hp_hip *hip, const struct hp_addr *hit)
{
	return known(hip, hit);
}

/* Where it was met in UDP stays its first address, if it is among the new ones. */
static void set_known(struct hp_known *k, const struct hp_addr *addrs, size_t n)
{
	struct hp_addr met = k->addrs[0];
	size_t i = 0;

	while (k->port && i < n && !hp_addr_eq(&addrs[i], &met))
		i++;
	if (i == n)
		k->port = 0;
	memcpy(k->addrs, addrs, n * sizeof(*addrs));
	k->n = n;
	if (k->port) {
		k->addrs[i] = k->addrs[0];
		k->addrs[0] = met;
	}
}

/* Where it can be recognised by its address, and by the port at which it was met. */
static void spots_add(struct hp_hip *hip, const struct hp_known *k)
{
	for (size_t i = 0; i < k->n; i++)
		hp_spot_add(hip, &k->addrs[i], NULL, &k->hit, i ? 0 : k->port);
}

static void spots_del(struct hp_hip *hip, const struct hp_known *k)
{
	for (size_t i = 0; i < k->n; i++)
		hp_spot_del(hip, &k->addrs[i], NULL, &k->hit);
}

int hp_hip_known_peer(struct hp_hip *hip, const struct hp_addr *hit,
		      const struct hp_addr *addrs, size_t n, bool no_esn_icv)
{
	struct hp_known *k = known(hip, hit);

	if (!hp_addr_is_hit(hit) || n > HP_HIP_LOCATORS)
		return -EINVAL;
	if (!k) {
		k = calloc(1, sizeof(*k));
		if (!k)
			return -ENOMEM;
		k->hit = *hit;
		if (hp_htab_add(&hip->known, &k->node, hp_hash(&hip->key, hit->b, 16))) {
			free(k);
			return -ENOBUFS;
		}
	}
	spots_del(hip, k);
	set_known(k, addrs, n);
	spots_add(hip, k);
	k->no_esn_icv = no_esn_icv;
	return 0;
}

void hp_hip_known_port(struct hp_hip *hip, const struct hp_addr *hit, uint16_t port)
{
	struct hp_known *k = known(hip, hit);

	if (!k)
		return;
	k->port = port;
	spots_add(hip, k);
}

void hp_hip_known_met(struct hp_hip *hip, const struct hp_addr *hit,
		      const struct hp_addr *addr)
{
	struct hp_known *k = known(hip, hit);

	if (k)
		k->met = *addr;
}

const struct hp_addr *hp_hip_met(const struct hp_hip *hip, const struct hp_addr *hit)
{
	const struct hp_known *k = known(hip, hit);

	return k && !hp_addr_is_zero(&k->met) ? &k->met : NULL;
}

void hp_known_meet(struct hp_assoc *a)
{
	a->why = HP_WHY_NONE;
	memset(&a->shown, 0, sizeof(a->shown));
	hp_hip_known_met(a->hip, &a->peer, &a->path.dst);
	hp_spot_add(a->hip, &a->path.dst, &a->local, &a->peer, a->path.dport);
}

static int free_known(struct hp_hnode *n, void *arg)
{
	struct hp_hip *hip = arg;

	hp_htab_del(&hip->known, n);
	free(HP_CONTAINER(n, struct hp_known, node));
	return 0;
}

void hp_hip_forget_peers(struct hp_hip *hip)
{
	hp_room_forget(hip);
	hp_spot_forget(hip);
	if (hip->known.slots)
		hp_htab_each(&hip->known, free_known, hip);
}

/* ---- connecting */

static void set_addrs(struct hp_assoc *a, const struct hp_addr *addrs, size_t n)
{
	if (n > HP_HIP_LOCATORS)
		n = HP_HIP_LOCATORS;
	if (!n)
		return;
	memcpy(a->addrs, addrs, n * sizeof(*addrs));
	a->n_addrs = n;
	a->addr_at = 0;
	a->path = hp_nat_path(a->hip, &a->addrs[0]);
}

static bool may_restart(const struct hp_assoc *a)
{
	return a->state == HP_UNASSOCIATED || a->state == HP_E_FAILED ||
	       a->state == HP_CLOSING || a->state == HP_CLOSED;
}

static struct hp_assoc *failed(int err)
{
	errno = err;
	return NULL;
}

static struct hp_assoc *again(struct hp_assoc *a, const struct hp_addr *addrs, size_t n)
{
	a->hinted = false;
	if (a->state == HP_I1_SENT)
		a->sent.max = a->hip->cfg.retransmit_max;
	if (!may_restart(a))
		return a;
	set_addrs(a, addrs, n);
	/* It may have met a HIT that another association has: look again. */
	if (hp_list_linked(&a->opp))
		memset(&a->peer, 0, sizeof(a->peer));
	a->rounds = 0;
	hp_i1_start(a);
	return a;
}

static struct hp_assoc *start(struct hp_hip *hip, struct hp_identity *id,
			      const struct hp_addr *peer, const struct hp_addr *addrs,
			      size_t n, const struct hp_path *by)
{
	const struct hp_known *k = known(hip, peer);
	struct hp_assoc *a = hp_assoc_new(hip, id, peer);

	if (!a)
		return NULL;
	a->no_esn_icv = k && k->no_esn_icv;
	set_addrs(a, addrs, n);
	if (by)
		a->path = *by;
	hp_i1_start(a);
	return a;
}

struct hp_assoc *hp_connect_back(struct hp_hip *hip, const struct hp_addr *local_hit,
				 const struct hp_addr *peer_hit,
				 const struct hp_path *path)
{
	struct hp_identity *id = hp_identity_find(hip, local_hit);
	struct hp_assoc *a = hp_hip_find(hip, local_hit, peer_hit);

	if (!id || hip->shutting || !hp_addr_is_hit(peer_hit) ||
	    hp_hip_is_local(hip, peer_hit) || hp_hip_is_revoked(hip, peer_hit))
		return NULL;
	if (!a)
		return start(hip, id, peer_hit, &path->dst, 1, path);
	if (may_restart(a)) {
		a->rounds = 0;
		a->path = *path;
		hp_i1_start(a);
	}
	return a;
}

struct hp_assoc *hp_hip_connect(struct hp_hip *hip, const struct hp_addr *local_hit,
				const struct hp_addr *peer_hit,
				const struct hp_addr *addrs, size_t n)
{
	bool any = hp_addr_is_zero(peer_hit);
	const struct hp_addr *local = local_hit && !hp_addr_is_zero(local_hit)
					      ? local_hit
					      : hp_hip_default_hit(hip);
	struct hp_identity *id = local ? hp_identity_find(hip, local) : NULL;
	const struct hp_known *k = known(hip, peer_hit);
	struct hp_assoc *a;

	if (!id ||
	    (!any && (!hp_addr_is_hit(peer_hit) || hp_hip_is_local(hip, peer_hit))))
		return failed(EINVAL);
	if (!any && hp_hip_is_revoked(hip, peer_hit))
		return failed(EKEYREVOKED);
	if (hip->shutting || (any && hip->cfg.opportunistic_initiator == HP_OPP_OFF))
		return failed(EPERM);
	if (!n && k && k->port && hip->nat.mode != HP_NAT_OFF) {
		struct hp_path by = {.dst = k->addrs[0], .sport = hip->nat.port,
				     .dport = k->port};

		a = hp_connect_back(hip, local, peer_hit, &by);
		return a ? a : failed(ENOMEM);
	}
	if (!n && k) {
		addrs = k->addrs;
		n = k->n;
	}
	a = any && n ? hp_assoc_by_addr(hip, &id->hit, &addrs[0])
		     : hp_hip_find(hip, &id->hit, peer_hit);
	if (!a && !any)
		a = hp_hip_find_instead(hip, &id->hit, peer_hit);
	if (a && (!any || !may_restart(a)))
		return again(a, addrs, n);
	if (!n)
		return failed(EINVAL);
	return a ? again(a, addrs, n) : start(hip, id, peer_hit, addrs, n, NULL);
}

void hp_hip_close(struct hp_assoc *a)
{
	switch (a->state) {
	case HP_R2_SENT:
	case HP_ESTABLISHED:
		hp_close_start(a);
		break;
	case HP_CLOSING:
	case HP_CLOSED:
		break;
	default:
		hp_assoc_remove(a);
	}
}

/* ---- hints */

static void wait_less(struct hp_assoc *a)
{
	uint64_t soon = hp_hip_now(a->hip) + HP_REFUSED_WAIT_MS;

	a->sent.max = a->sent.tries;
	if (a->sent.timer.at_ms > soon)
		hp_timer_set(a->hip->timers, &a->sent.timer, soon);
}

static bool waits_for(const struct hp_assoc *a, const struct hp_addr *addr)
{
	return a->state == HP_I1_SENT && hp_addr_eq(&a->path.dst, addr) &&
	       hp_timer_armed(&a->sent.timer);
}

void hp_hip_refused(struct hp_hip *hip, const struct hp_addr *addr, enum hp_hip_why why)
{
	struct hp_list *n;

	HP_LIST_EACH(n, &hip->opps)
	{
		struct hp_assoc *a = HP_CONTAINER(n, struct hp_assoc, opp);

		if (why != HP_WHY_UNREACHABLE && hp_addr_is_zero(&a->peer) && waits_for(a, addr))
			wait_less(a);
	}
	/* Anyone can forge such errors, and the list is long. */
	if (!hp_tokens_take(&hip->error_rate, hp_hip_now(hip), 1))
		return;
	HP_LIST_EACH(n, &hip->assocs)
	{
		struct hp_assoc *a = HP_CONTAINER(n, struct hp_assoc, all);

		if (waits_for(a, addr))
			a->heard = why;
	}
}
