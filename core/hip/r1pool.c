/* SPDX-License-Identifier: MIT
 *
 * R1s signed in advance (RFC 7401, section 6.7.1): one on offer for each identity and
 * group.
 *
 * An R1 is replaced when its time is over, when K changes, or soon after a good I2
 * answered it, so that its Diffie-Hellman value serves few exchanges.  A replaced one can
 * still be answered for the lifetime of its puzzle.  The generation counter goes up when
 * the time of an identity's R1s is over, for all groups at once: an Initiator that is
 * given another group must not take the R1 for an old one.
 */
#include "hip/r1pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "hip/extra.h"
#include "hip/job.h"
#include "hip/paths.h"
#include "hip/puzzle.h"
#include "hip/r1params.h"
#include "util/wipe.h"

#define REFRESH_MS 1000 /* a used R1 is replaced after this, not sooner */

struct make_work {
	struct hp_work w;
	struct hp_identity *id;
	struct hp_hip_config cfg;
	uint32_t cfg_epoch;
	struct hp_outer_offer offer;
	size_t at; /* index of the group */
	uint8_t lifetime;
	struct hp_r1 *r1;
	int err;
};

static void r1_free(struct hp_hip *hip, struct hp_r1 *r1)
{
	hp_used_free(hip, r1);
	hp_dh_unref(r1->dh);
	hp_wipe(r1->secret, sizeof(r1->secret));
	free(r1);
}

static struct hp_r1_parts parts_of(const struct make_work *w)
{
	const struct hp_r1 *r1 = w->r1;

	return (struct hp_r1_parts){
		.cfg = &w->cfg,
		.host_id = w->id->host_id,
		.rhash = w->id->rhash,
		.dh = {r1->group, hp_dh_public(r1->dh), hp_dh_public_len(r1->group)},
		.k = r1->k,
		.lifetime = w->lifetime,
		.generation = r1->generation,
		.offer = w->offer,
	};
}

/* Where opaque and I are to be filled in. */
static int find_puzzle(struct hp_r1 *r1)
{
	struct hp_hip_msg m;
	const struct hp_hip_tlv *t;

	if (hp_hip_parse(r1->msg, r1->len, &m))
		return -EINVAL;
	t = hp_hip_param_find(&m, HP_PARAM_PUZZLE, 0);
	r1->at_opaque = (uint16_t)(t->off + 2);
	r1->at_i = (uint16_t)(t->off + 4);
	return 0;
}

static int build(struct make_work *w)
{
	static const struct hp_addr nobody;
	uint8_t scratch[HP_HIP_MAX], sig[HP_KEY_SIG_MAX];
	struct hp_signature s = {.algorithm = hp_key_algorithm(w->id->key), .sig = sig};
	struct hp_r1_parts parts = parts_of(w);
	struct hp_r1 *r1 = w->r1;
	struct hp_hip_builder b;
	int len;

	hp_hip_begin(&b, r1->msg, sizeof(r1->msg), HP_HIP_R1, w->id->controls,
		     &w->id->hit, &nobody);
	hp_r1_add_params(&b, &parts);
	hp_extra_add(&b, w->w.extra);
	len = hp_hip_finish(&b);
	if (len < 0)
		return len;
	len = hp_hip_covered_sig2(r1->msg, (size_t)len, (size_t)len, scratch);
	if (len < 0)
		return len;
	if (hp_key_sign(w->id->key, scratch, (size_t)len, sig, &s.len))
		return -EIO;
	hp_hip_add_signature(&b, HP_PARAM_HIP_SIGNATURE_2, &s);
	len = hp_hip_finish(&b);
	if (len < 0)
		return len;
	r1->len = (uint16_t)len;
	return find_puzzle(r1);
}

static void make_run(struct hp_work *work)
{
	struct make_work *w = HP_CONTAINER(work, struct make_work, w);

	w->err = hp_dh_generate(w->r1->group, &w->r1->dh);
	if (!w->err)
		w->err = build(w);
}

static void retire(struct hp_hip *hip, struct hp_identity *id, size_t at)
{
	struct hp_r1 *old = id->offered[at];

	if (old)
		old->until_ms = hp_hip_now(hip) + hp_puzzle_lifetime_ms(hip);
	id->offered[at] = NULL;
}

static void make_done(struct hp_work *work, bool live)
{
	struct make_work *w = HP_CONTAINER(work, struct make_work, w);
	struct hp_hip *hip = work->hip;

	if (!live || w->id->removed || w->cfg_epoch != hip->cfg_epoch)
		return;
	w->id->making[w->at] = false;
	if (w->err) {
		hp_log_limited(&hip->log_rate, HP_LOG_HIP, HP_LOG_ERROR,
			       "R1 of group %s could not be made: %s",
			       hp_dh_group_name(w->r1->group), strerror(-w->err));
		return;
	}
	retire(hip, w->id, w->at);
	w->r1->born_ms = hp_hip_now(hip);
	hp_list_add_tail(&w->id->r1s, &w->r1->node);
	w->id->offered[w->at] = w->r1;
	w->r1 = NULL;
}

static void make_free(struct hp_work *work)
{
	struct make_work *w = HP_CONTAINER(work, struct make_work, w);

	free(work->extra);
	if (w->r1)
		r1_free(work->hip, w->r1);
	hp_identity_unref(w->id);
	free(w);
}

/* A value that no R1 of this identity has. */
static uint16_t new_opaque(struct hp_hip *hip, struct hp_identity *id)
{
	uint8_t be[2] = {0};
	unsigned tries = 0;

	do {
		if (hp_rand_fill(hip->rand, be, 2))
			hp_put16(be, (uint16_t)(hp_hip_now(hip) + tries));
	} while (hp_r1_by_opaque(id, be) && ++tries < 100);
	return hp_get16(be);
}

static struct make_work *make_new(struct hp_hip *hip, struct hp_identity *id, size_t at)
{
	static const struct hp_addr nobody;
	struct make_work *w = calloc(1, sizeof(*w));
	struct hp_r1 *r1 = calloc(1, sizeof(*r1));

	if (!w || !r1 || hp_rand_fill(hip->rand, r1->secret, sizeof(r1->secret))) {
		free(w);
		free(r1);
		return NULL;
	}
	hp_list_init(&r1->node);
	hp_list_init(&r1->solved);
	r1->group = hip->cfg.dh_groups[at];
	r1->k = hip->k_now;
	r1->opaque = new_opaque(hip, id);
	r1->generation = hip->generation;
	w->w.run = make_run;
	w->w.done = make_done;
	w->w.free = make_free;
	w->id = hp_identity_ref(id);
	w->cfg = hip->cfg;
	w->cfg_epoch = hip->cfg_epoch;
	w->offer = hp_path_offer(hip, HP_HIP_R1, NULL);
	w->at = at;
	w->lifetime = hp_puzzle_lifetime(hip);
	w->r1 = r1;
	w->w.extra = hp_extra_new(hip, id, HP_HIP_R1, &nobody, NULL, NULL);
	return w;
}

static void make(struct hp_hip *hip, struct hp_identity *id, size_t at)
{
	struct make_work *w;

	if (id->making[at])
		return;
	w = make_new(hip, id, at);
	if (!w) {
		hp_count(&hip->counters, HP_HIPD_MEMORY);
		return;
	}
	id->making[at] = true;
	if (hp_work_start(hip, NULL, &w->w))
		id->making[at] = false;
}

void hp_r1_make_all(struct hp_hip *hip, struct hp_identity *id)
{
	for (size_t at = 0; at < hip->cfg.n_dh_groups; at++)
		make(hip, id, at);
}

static void expire(struct hp_hip *hip, struct hp_identity *id)
{
	struct hp_list *n, *tmp;

	HP_LIST_EACH_SAFE(n, tmp, &id->r1s)
	{
		struct hp_r1 *r1 = HP_CONTAINER(n, struct hp_r1, node);

		if (!r1->until_ms || r1->until_ms > hp_hip_now(hip))
			continue;
		hp_list_del(n);
		r1_free(hip, r1);
	}
}

static bool time_over(struct hp_hip *hip, const struct hp_identity *id)
{
	uint64_t life = 1000ull * hip->cfg.r1_lifetime_s;

	for (size_t at = 0; at < hip->cfg.n_dh_groups; at++)
		if (id->offered[at] && hp_hip_now(hip) - id->offered[at]->born_ms >= life)
			return true;
	return false;
}

static void tick(struct hp_hip *hip, struct hp_identity *id)
{
	bool over = time_over(hip, id);

	expire(hip, id);
	if (over)
		hip->generation++;
	for (size_t at = 0; at < hip->cfg.n_dh_groups; at++) {
		const struct hp_r1 *r1 = id->offered[at];

		if (over || !r1 || r1->k != hip->k_now ||
		    (r1->used && hp_hip_now(hip) - r1->born_ms >= REFRESH_MS))
			make(hip, id, at);
	}
}

void hp_r1_second(struct hp_hip *hip)
{
	struct hp_list *n;

	HP_LIST_EACH(n, &hip->identities)
	tick(hip, HP_CONTAINER(n, struct hp_identity, node));
}

void hp_r1_retire_all(struct hp_hip *hip, struct hp_identity *id)
{
	for (size_t at = 0; at < HP_HIP_LIST_MAX; at++)
		retire(hip, id, at);
	memset(id->making, 0, sizeof(id->making));
	hip->generation++;
}

void hp_r1_free_all(struct hp_hip *hip, struct hp_identity *id)
{
	struct hp_list *n;

	while ((n = hp_list_pop(&id->r1s)))
		r1_free(hip, HP_CONTAINER(n, struct hp_r1, node));
	memset(id->offered, 0, sizeof(id->offered));
}

void hp_hip_renew_r1s(struct hp_hip *hip)
{
	struct hp_list *n;

	hip->cfg_epoch++;
	HP_LIST_EACH(n, &hip->identities)
	{
		struct hp_identity *id = HP_CONTAINER(n, struct hp_identity, node);

		hp_r1_retire_all(hip, id);
		hp_r1_make_all(hip, id);
	}
}
