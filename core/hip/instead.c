/* SPDX-License-Identifier: MIT
 *
 * Another identity where the peer does not accept the HIT suite of the first (RFC 7401, section
 * 4.4.3, table 3, and section 6.8, step 6).
 *
 * Only identities that the configuration names for it stand in: a host may have reasons not to
 * show one of its names.  The association changes its local HIT and begins anew; whoever asks for
 * it by the first one gets it.
 */
#include "hip/instead.h"

#include <errno.h>

#include "crypto/hit.h"
#include "hip/i1.h"

int hp_hip_identity_instead(struct hp_hip *hip, const struct hp_addr *hit,
			    const struct hp_addr *of)
{
	struct hp_identity *id = hp_identity_find(hip, hit);

	if (!id || !hp_identity_find(hip, of) || hp_addr_eq(hit, of))
		return -ENOENT;
	id->instead_of = *of;
	return 0;
}

/* Whom the association was asked for. */
static const struct hp_addr *first_of(const struct hp_assoc *a)
{
	return hp_addr_is_zero(&a->id->instead_of) ? &a->local : &a->id->instead_of;
}

static bool accepts(const struct hp_u8list *suites, const struct hp_addr *hit)
{
	for (size_t i = 0; i < suites->n; i++)
		if (suites->p[i] == hp_hit_suite(hit) << 4)
			return true;
	return false;
}

/* The first one, or one that stands in for it, in the order of the configuration. */
static struct hp_identity *choose(const struct hp_assoc *a, const struct hp_u8list *suites)
{
	const struct hp_addr *first = first_of(a);
	struct hp_list *n;

	HP_LIST_EACH(n, &a->hip->identities)
	{
		struct hp_identity *id = HP_CONTAINER(n, struct hp_identity, node);

		if (id != a->id && accepts(suites, &id->hit) &&
		    (hp_addr_eq(&id->hit, first) || hp_addr_eq(&id->instead_of, first)))
			return id;
	}
	return NULL;
}

struct hp_assoc *hp_hip_find_instead(struct hp_hip *hip, const struct hp_addr *first,
				     const struct hp_addr *peer)
{
	struct hp_list *n;

	HP_LIST_EACH(n, &hip->identities)
	{
		const struct hp_identity *id = HP_CONTAINER(n, struct hp_identity, node);
		struct hp_assoc *a;

		if (hp_addr_is_zero(&id->instead_of) || !hp_addr_eq(&id->instead_of, first))
			continue;
		a = hp_hip_find(hip, &id->hit, peer);
		if (a)
			return a;
	}
	return NULL;
}

bool hp_instead_begin(struct hp_assoc *a, const struct hp_hip_msg *r1)
{
	struct hp_identity *id;
	struct hp_u8list suites;

	if (hp_hip_read_u8list(hp_hip_param_find(r1, HP_PARAM_HIT_SUITE_LIST, 0), &suites))
		return false;
	id = choose(a, &suites);
	if (!id)
		return false;
	if (!hp_addr_is_zero(&a->peer) && hp_hip_find(a->hip, &id->hit, &a->peer)) {
		/* There is one already; who waits for this one is told, and asks for that. */
		hp_assoc_remove(a);
		return true;
	}
	if (hp_assoc_be(a, id))
		return false;
	a->ex.rounds = 0;
	hp_i1_start(a);
	return true;
}
