/* SPDX-License-Identifier: MIT
 *
 * This side begins an exchange (RFC 7401, section 6.6), or ends an association.
 */
#include "hip/connect.h"

#include <errno.h>
#include <string.h>

#include "hip/assoc.h"
#include "hip/close.h"
#include "hip/i1.h"
#include "hip/known.h"
#include "hip/room.h"

#define REFUSED_WAIT_MS 200 /* an R1 may still come after an ICMP error */

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
	hp_exchange_wanted(a);
	if (a->state == HP_I1_SENT)
		hp_sent_limit(a, a->hip->cfg.retransmit_max);
	if (!may_restart(a))
		return a;
	hp_exchange_set_addrs(a, addrs, n);
	/* The last exchange may have found a HIT that another association has: ask again. */
	if (hp_list_linked(&a->place.opp))
		memset(&a->peer, 0, sizeof(a->peer));
	a->ex.rounds = 0;
	hp_i1_start(a);
	return a;
}

static struct hp_assoc *start(struct hp_hip *hip, struct hp_identity *id,
			      const struct hp_addr *peer, const struct hp_addr *addrs,
			      size_t n, const struct hp_path *by)
{
	struct hp_assoc *a = hp_room_new_assoc(hip, id, peer);

	if (!a)
		return NULL;
	a->sas.no_esn_icv = hp_known_no_esn_icv(hip, peer);
	hp_exchange_set_addrs(a, addrs, n);
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
		a->ex.rounds = 0;
		a->path = *path;
		hp_i1_start(a);
	}
	return a;
}

/* The peer was met at a port: is there still a way there? */
static bool by_port(const struct hp_hip *hip, const struct hp_known *k, struct hp_path *by)
{
	struct hp_path met = {.dst = k->addrs[0], .dport = k->port};

	if (!k->port || !hip->transport.table)
		return false;
	*by = hp_path_first(hip, &met);
	return by->dport;
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
	const struct hp_known *k = hp_known_find(hip, peer_hit);
	struct hp_assoc *a;
	struct hp_path by;

	if (!id ||
	    (!any && (!hp_addr_is_hit(peer_hit) || hp_hip_is_local(hip, peer_hit))))
		return failed(EINVAL);
	if (!any && hp_hip_is_revoked(hip, peer_hit))
		return failed(EKEYREVOKED);
	if (hip->shutting || (any && hip->cfg.opportunistic_initiator == HP_OPP_OFF))
		return failed(EPERM);
	if (!n && k && by_port(hip, k, &by)) {
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
		struct hp_assoc *a = HP_CONTAINER(n, struct hp_assoc, place.opp);

		if (why != HP_WHY_UNREACHABLE && hp_addr_is_zero(&a->peer) && waits_for(a, addr))
			hp_sent_hurry(a, REFUSED_WAIT_MS);
	}
	/* Such errors can be forged by anybody, and the walk over the list is expensive. */
	if (!hp_tokens_take(&hip->error_rate, hp_hip_now(hip), 1))
		return;
	HP_LIST_EACH(n, &hip->assocs)
	{
		struct hp_assoc *a = HP_CONTAINER(n, struct hp_assoc, place.all);

		if (waits_for(a, addr))
			a->failure.heard = why;
	}
}
