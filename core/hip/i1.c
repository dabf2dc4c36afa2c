/* SPDX-License-Identifier: MIT
 *
 * I1 (RFC 7401, sections 5.3.1, 6.6 and 6.7): sent to begin; answered with a signed R1
 * and nothing remembered.
 */
#include "hip/i1.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hit.h"
#include "hip/assoc.h"
#include "hip/efailed.h"
#include "hip/extra.h"
#include "hip/lists.h"
#include "hip/puzzle.h"
#include "hip/send.h"
#include "hip/tell.h"

/* On its path, and perhaps on a second one, which is then the better: first. */
static void put(struct hp_assoc *a)
{
	struct hp_path other;

	if (hp_path_other(a->hip, &a->sent.path, &other))
		hp_hip_send(a->hip, &other, a->sent.msg, a->sent.len);
	if (hp_sent_put(a))
		a->failure.heard = HP_WHY_NO_ROUTE;
}

/* The peer's addresses are tried in turn. */
static void next(struct hp_assoc *a)
{
	if (hp_exchange_next_addr(a))
		hp_sent_redirect(a, &a->path);
}

static void silent(struct hp_assoc *a, bool refused)
{
	if (refused)
		hp_assoc_fail(a, -ECONNREFUSED);
	else if (a->ex.cause == HP_CAUSE_HINT)
		hp_assoc_remove(a); /* no peer is there, or it refuses us */
	else
		hp_assoc_fail(a, -ETIMEDOUT);
}

static const struct hp_sent_how how = { .put = put, .next = next, .silent = silent };

void hp_i1_start(struct hp_assoc *a)
{
	struct hp_hip *hip = a->hip;
	struct hp_hip_builder b;
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_extra *extra;
	int len;

	hp_exchange_stop(a);
	hp_failure_unask(a);
	a->ex.initiator = true;
	a->failure.error = 0;
	a->failure.heard = HP_WHY_NONE;
	a->path = hp_path_first(hip, &a->path);
	a->ex.asked = a->path;
	a->ex.foreign = false;
	hp_assoc_set_state(a, HP_I1_SENT);
	a->ex.started_us = hp_clock_us(hip->clock);
	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_I1, a->id->controls, &a->local,
		     &a->peer);
	hp_hip_add_u8list(&b, HP_PARAM_DH_GROUP_LIST, hip->cfg.dh_groups,
			  hip->cfg.n_dh_groups);
	extra = hp_extra_new(hip, a->id, HP_HIP_I1, &a->peer, &a->path, a);
	hp_extra_add(&b, extra);
	free(extra);
	len = hp_hip_finish(&b);
	if (len > 0)
		hp_assoc_transmit(a, &how, &a->path, msg, (size_t)len,
				  hip->cfg.retransmit_max);
}

/* Section 6.7, step 4: our most preferred group that the Initiator has too; if there is
 * none, any: the list in R1 tells it what we have. */
static struct hp_r1 *choose_r1(const struct hp_hip *hip, const struct hp_identity *id,
			       const struct hp_u8list *theirs)
{
	const struct hp_hip_config *c = &hip->cfg;

	for (size_t i = 0; i < c->n_dh_groups; i++)
		if (hp_list_has8(theirs->p, theirs->n, c->dh_groups[i]))
			return id->offered[i];
	return id->offered[0];
}

/* Step 5: an identity of the Initiator's own suite, else the default one. */
static struct hp_identity *choose_identity(const struct hp_hip *hip,
					   const struct hp_addr *hit_i)
{
	struct hp_identity *any = NULL;
	struct hp_list *n;

	HP_LIST_EACH(n, &hip->identities)
	{
		struct hp_identity *id = HP_CONTAINER(n, struct hp_identity, node);

		if (id->never_opportunistic)
			continue;
		if (hp_hit_suite(&id->hit) == hp_hit_suite(hit_i))
			return id;
		if (!any)
			any = id;
	}
	return any;
}

/* Section 6.7: R1s to one address are limited. */
static bool may_answer(struct hp_hip *hip, const struct hp_path *path)
{
	uint64_t h = hp_hash(&hip->key, path->dst.b, 16);

	return !hip->cfg.r1_per_s ||
	       hp_tokens_take(&hip->r1_rate[h % HP_R1_BUCKETS], hp_hip_now(hip), 1);
}

static int send_r1(const struct hp_rx *rx, const struct hp_identity *id,
		   const struct hp_r1 *r1, bool opportunistic)
{
	uint8_t msg[HP_HIP_MAX];

	memcpy(msg, r1->msg, r1->len);
	memcpy(msg + HP_HIP_OFF_DST, rx->m->src_hit.b, 16);
	hp_put16(msg + r1->at_opaque, r1->opaque);
	if (hp_puzzle_i(r1, id->rhash, &rx->m->src_hit, &id->hit, rx->path, opportunistic,
			msg + r1->at_i))
		return HP_HIPD_MEMORY;
	hp_hip_send(rx->hip, rx->path, msg, r1->len);
	return 0;
}

static int policy(const struct hp_rx *rx, struct hp_identity *id)
{
	struct hp_hip *hip = rx->hip;
	int err = hip->ops.accept ? hip->ops.accept(hip->ops.ctx, &id->hit,
						    &rx->m->src_hit, rx->path)
				  : 0;

	if (err == -EPERM)
		hp_notify_send(hip, id, &rx->m->src_hit, rx->path,
			       HP_NOTIFY_BLOCKED_BY_POLICY, NULL, 0);
	return err ? HP_HIPD_POLICY : 0;
}

int hp_i1_input(const struct hp_rx *rx)
{
	struct hp_identity *id = rx->id;
	struct hp_hip *hip = rx->hip;
	bool opportunistic = !id;
	struct hp_u8list groups;
	struct hp_r1 *r1;
	int reason;

	hip->i1_count++;
	if (opportunistic && hip->cfg.opportunistic_responder == HP_OPP_OFF)
		return HP_HIPD_OPPORTUNISTIC;
	if (opportunistic)
		id = choose_identity(hip, &rx->m->src_hit);
	if (!id || hip->shutting)
		return HP_HIPD_POLICY;
	if (hp_hip_read_u8list(hp_hip_param_find(rx->m, HP_PARAM_DH_GROUP_LIST, 0),
			       &groups))
		return HP_HIPD_MISSING;
	if (!may_answer(hip, rx->path))
		return HP_HIPD_RATE;
	reason = policy(rx, id);
	if (reason)
		return reason;
	r1 = choose_r1(hip, id, &groups);
	return r1 ? send_r1(rx, id, r1, opportunistic) : HP_HIPD_NO_R1;
}

/* Section 6.7, step 3: both began; the host with the greater HIT answers.  A host behind a
 * NAT that is not where we look for it will not see our I1: then its own counts. */
int hp_i1_input_crossing(const struct hp_rx *rx)
{
	if (!hp_assoc_greater(rx->a) && hp_path_reaches(rx->a, rx->path))
		return HP_HIPD_CROSSED;
	return hp_i1_input(rx);
}
