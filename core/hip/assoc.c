/* SPDX-License-Identifier: MIT
 *
 * Associations: their table, their SAs, their end.
 *
 * One object stands for a pair of HITs through restarts and rekeyings, so that flows can
 * keep pointing to it; only hp_assoc_remove ends it.
 */
#include "hip/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "util/wipe.h"

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
	const struct hp_assoc *a = HP_CONTAINER(n, struct hp_assoc, node);
	const struct pair *p = key;

	return hp_addr_eq(&a->local, &p->local) && hp_addr_eq(&a->peer, &p->peer);
}

struct hp_assoc *hp_hip_find(struct hp_hip *hip, const struct hp_addr *local_hit,
			     const struct hp_addr *peer_hit)
{
	struct pair p = {*local_hit, *peer_hit};
	struct hp_hnode *n;

	n = hp_htab_find(&hip->by_hits, pair_hash(hip, local_hit, peer_hit), pair_eq, &p);
	return n ? HP_CONTAINER(n, struct hp_assoc, node) : NULL;
}

struct hp_assoc *hp_assoc_by_addr(struct hp_hip *hip, const struct hp_addr *local,
				  const struct hp_addr *addr)
{
	struct hp_list *n;

	HP_LIST_EACH(n, &hip->opps)
	{
		struct hp_assoc *a = HP_CONTAINER(n, struct hp_assoc, opp);

		if (!hp_addr_eq(&a->local, local))
			continue;
		for (size_t i = 0; i < a->n_addrs; i++)
			if (hp_addr_eq(&a->addrs[i], addr))
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
		ret = fn(HP_CONTAINER(n, struct hp_assoc, all), arg);
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

	return n ? HP_CONTAINER(n, struct hp_assoc, all) : NULL;
}

/* ---- timers of the object itself */

static void state_over(struct hp_timer *t)
{
	struct hp_assoc *a = HP_CONTAINER(t, struct hp_assoc, t_state);

	if (a->state == HP_R2_SENT)
		hp_assoc_established(a);
	else
		hp_assoc_remove(a);
}

static void drop_old(struct hp_assoc *a, size_t at)
{
	hp_assoc_free_sa(a, a->old[at].sa);
	a->n_old--;
	memmove(&a->old[at], &a->old[at + 1], (a->n_old - at) * sizeof(a->old[0]));
}

static void watch_old(struct hp_assoc *a)
{
	if (a->n_old)
		hp_timer_set(a->hip->timers, &a->t_old, hp_hip_now(a->hip) + HP_OLD_SA_LOOK_MS);
}

/* RFC 7402, section 6.10, step 4: the old SA may go once data has come by the new one.  Until
 * then the peer may not know that it can use that; afterwards packets may still be overtaken. */
static void old_over(struct hp_timer *t)
{
	struct hp_assoc *a = HP_CONTAINER(t, struct hp_assoc, t_old);
	bool newer = a->in && a->in->packets;
	uint64_t now = hp_hip_now(a->hip);

	for (size_t i = a->n_old; i-- > 0;) {
		struct hp_old_sa *o = &a->old[i];

		if (newer && !o->proved_ms)
			o->proved_ms = now;
		newer = newer || o->sa->packets;
		if ((o->proved_ms && now - o->proved_ms >= a->hip->cfg.old_sa_ms) ||
		    now - o->replaced_ms >= HP_OLD_SA_MAX_MS)
			drop_old(a, i);
	}
	watch_old(a);
}

void hp_assoc_state_after(struct hp_assoc *a, uint64_t ms)
{
	hp_timer_set(a->hip->timers, &a->t_state, hp_hip_now(a->hip) + ms);
}

/* ---- life and death */

struct hp_assoc *hp_assoc_new(struct hp_hip *hip, struct hp_identity *id,
			      const struct hp_addr *peer)
{
	bool reserved = hp_assoc_is_reserved(hip, peer);
	struct hp_assoc *a;

	errno = ENOBUFS;
	if (!hp_room_make(hip, reserved))
		return NULL;
	a = calloc(1, sizeof(*a));
	errno = ENOMEM;
	if (!a)
		return NULL;
	a->hip = hip;
	a->refs = 1;
	a->id = id;
	a->local = id->hit;
	a->peer = *peer;
	a->opportunistic = hp_addr_is_zero(peer);
	a->created_ms = hp_hip_now(hip);
	hp_list_init(&a->all);
	hp_list_init(&a->opp);
	hp_list_init(&a->asking);
	hp_timer_init(&a->t_state, state_over);
	hp_timer_init(&a->t_old, old_over);
	if (hp_htab_add(&hip->by_hits, &a->node, pair_hash(hip, &a->local, peer))) {
		free(a);
		errno = ENOBUFS;
		return NULL;
	}
	hp_identity_ref(id);
	a->in_table = true;
	hp_assoc_reserve(a, reserved);
	hp_list_add_tail(&hip->assocs, &a->all);
	if (a->opportunistic)
		hp_list_add_tail(&hip->opps, &a->opp);
	return a;
}

int hp_assoc_rename(struct hp_assoc *a, const struct hp_addr *peer)
{
	struct hp_hip *hip = a->hip;

	hp_htab_del(&hip->by_hits, &a->node);
	hp_list_del(&a->opp);
	a->peer = *peer;
	hp_assoc_reserve(a, hp_assoc_is_reserved(hip, peer));
	return hp_htab_add(&hip->by_hits, &a->node, pair_hash(hip, &a->local, peer));
}

int hp_assoc_be(struct hp_assoc *a, struct hp_identity *id)
{
	struct hp_hip *hip = a->hip;

	hp_htab_del(&hip->by_hits, &a->node);
	hp_identity_unref(a->id);
	a->id = hp_identity_ref(id);
	a->local = id->hit;
	return hp_htab_add(&hip->by_hits, &a->node, pair_hash(hip, &a->local, &a->peer));
}

void hp_assoc_unref(struct hp_assoc *a)
{
	if (--a->refs)
		return;
	hp_secrets_free(a->cur);
	hp_secrets_free(a->next);
	free(a->r2);
	hp_locator_forget(a);
	hp_identity_unref(a->id);
	hp_wipe(a, sizeof(*a));
	free(a);
}

void hp_assoc_remove(struct hp_assoc *a)
{
	struct hp_hip *hip = a->hip;

	if (a->dead)
		return;
	a->dead = true;
	a->epoch++;
	hp_assoc_sent_clear(a);
	hp_nat_wait_clear(a);
	hp_ask_forget(a);
	hp_assoc_rekey_clear(a);
	hp_timer_cancel(hip->timers, &a->t_state);
	hp_assoc_down(a);
	hp_assoc_reserve(a, false);
	hp_htab_del(&hip->by_hits, &a->node);
	hp_walks_leave(&hip->walks, &a->all);
	hp_list_del(&a->all);
	hp_list_del(&a->opp);
	hp_assoc_set_state(a, HP_UNASSOCIATED);
	hp_assoc_event(a, HP_HIP_GONE);
	hp_assoc_unref(a);
}

void hp_assoc_set_state(struct hp_assoc *a, enum hp_assoc_state s)
{
	struct hp_log_about about = { .limit = &a->hip->log_rate, .peer = &a->peer };
	char peer[HP_ADDR_STRLEN];

	if (a->state != s && hp_log_on(HP_LOG_HIP, HP_LOG_DEBUG))
		hp_log_about(HP_LOG_HIP, HP_LOG_DEBUG, &about, "%s: %s to %s",
			     hp_addr_format(&a->peer, peer), hp_assoc_state_name(a->state),
			     hp_assoc_state_name(s));
	a->state = s;
}

void hp_assoc_event(struct hp_assoc *a, enum hp_hip_event ev)
{
	if (a->hip->ops.event)
		a->hip->ops.event(a->hip->ops.ctx, a, ev);
}

void hp_assoc_established(struct hp_assoc *a)
{
	hp_timer_cancel(a->hip->timers, &a->t_state);
	a->established_ms = hp_hip_now(a->hip);
	hp_assoc_set_state(a, HP_ESTABLISHED);
}

void hp_assoc_down(struct hp_assoc *a)
{
	bool was_up = a->up;

	a->up = false;
	hp_timer_cancel(a->hip->timers, &a->t_check);
	hp_assoc_drop_sas(a);
	if (was_up)
		hp_assoc_event(a, HP_HIP_DOWN);
}

static enum hp_hip_why why_of(const struct hp_assoc *a, int error)
{
	switch (error) {
	case -ETIMEDOUT:
		if (a->state == HP_I2_SENT)
			return HP_WHY_NO_R2;
		return a->heard ? a->heard : HP_WHY_SILENT;
	case -ECONNREFUSED:
		return a->heard ? a->heard : HP_WHY_REFUSED;
	case -EACCES:
		return HP_WHY_OTHER_KEY;
	case -EKEYREVOKED:
		return HP_WHY_REVOKED;
	case -EPROTO:
		return HP_WHY_NO_COMMON;
	case -ENOMEM:
		return HP_WHY_MEMORY;
	default: /* -EEXIST: another association has the peer */
		return HP_WHY_NONE;
	}
}

void hp_assoc_fail(struct hp_assoc *a, int error)
{
	struct hp_hip *hip = a->hip;

	hp_assoc_sent_clear(a);
	hp_nat_wait_clear(a);
	hp_assoc_rekey_clear(a);
	hp_secrets_free(a->next);
	a->next = NULL;
	a->epoch++;
	a->busy = a->signing = false;
	a->error = error;
	a->why = why_of(a, error);
	hp_count(&hip->counters, HP_HIPC_FAILED);
	hp_assoc_set_state(a, HP_E_FAILED);
	hp_assoc_state_after(a, 1000ull * hip->cfg.e_failed_s);
	hp_assoc_down(a);
	hp_assoc_event(a, HP_HIP_FAILED);
	if (a->why == HP_WHY_SILENT)
		hp_ask_start(a);
}

void hp_assoc_reset(struct hp_assoc *a)
{
	a->update_id = 0;
	a->peer_update_seen = false;
	a->n_recent = 0;
	a->verifying_addr = false;
	a->hinted = false;
	hp_locator_forget(a);
	a->unanswered_ms = 0;
	a->last_in_ms = a->last_out_ms = hp_hip_now(a->hip);
	a->nat.keepalive_ms = a->last_out_ms;
}

/* ---- SAs */

static uint64_t out_hash(const struct hp_hip *hip, uint32_t spi)
{
	return hp_hash(&hip->key, &spi, sizeof(spi));
}

static int out_add(struct hp_hip *hip, struct hp_sa *sa)
{
	return hp_htab_add(&hip->outs, &sa->node, out_hash(hip, sa->spi));
}

struct out_key {
	uint32_t spi;
	const struct hp_addr *peer_at;
};

static bool out_eq(const struct hp_hnode *n, const void *key)
{
	const struct hp_sa *sa = HP_CONTAINER(n, struct hp_sa, node);
	const struct out_key *k = key;
	const struct hp_assoc *a = sa->owner;

	return sa->spi == k->spi && hp_addr_eq(&a->path.dst, k->peer_at);
}

struct hp_assoc *hp_hip_by_spi_out(struct hp_hip *hip, uint32_t spi, const struct hp_addr *peer_at)
{
	struct out_key key = {spi, peer_at};
	struct hp_hnode *n = hp_htab_find(&hip->outs, out_hash(hip, spi), out_eq, &key);

	return n ? HP_CONTAINER(n, struct hp_sa, node)->owner : NULL;
}

struct hp_sa *hp_assoc_make_sa(struct hp_assoc *a, uint32_t spi, uint16_t suite,
			       bool outbound, const struct hp_keyset *keys)
{
	const struct hp_hip_config *c = &a->hip->cfg;
	struct hp_sa_params p = {
		.spi = spi,
		.suite = suite,
		.outbound = outbound,
		.no_esn_icv = a->no_esn_icv,
		.keys = outbound ? &keys->out : &keys->in,
		.src_hit = outbound ? a->local : a->peer,
		.dst_hit = outbound ? a->peer : a->local,
		.replay_window = c->replay_window,
		.soft_packets = c->rekey_packets,
		.soft_bytes = c->rekey_bytes,
		.backend = c->esp_backend,
		.rand = a->hip->rand,
		.owner = a,
	};
	struct hp_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	if (hp_sa_init(sa, &p)) {
		free(sa);
		return NULL;
	}
	if (a->hip->ops.sa_keys)
		a->hip->ops.sa_keys(a->hip->ops.ctx, a, sa, p.keys);
	if (outbound ? out_add(a->hip, sa) : hp_sadb_add(&a->hip->sadb, sa)) {
		hp_sa_fini(sa);
		free(sa);
		return NULL;
	}
	return sa;
}

void hp_assoc_free_sa(struct hp_assoc *a, struct hp_sa *sa)
{
	if (!sa)
		return;
	if (sa->outbound)
		hp_htab_del(&a->hip->outs, &sa->node);
	else
		hp_sadb_del(&a->hip->sadb, sa);
	hp_sa_fini(sa);
	free(sa);
}

void hp_assoc_drop_sas(struct hp_assoc *a)
{
	struct hp_sa **all[] = {&a->in, &a->in_next, &a->out};

	hp_timer_cancel(a->hip->timers, &a->t_old);
	while (a->n_old)
		drop_old(a, 0);
	for (size_t i = 0; i < 3; i++) {
		hp_assoc_free_sa(a, *all[i]);
		*all[i] = NULL;
	}
}

/* What is still under way for the old one is opened for a while. */
static void replace_in(struct hp_assoc *a, struct hp_sa *in)
{
	if (a->in && a->n_old == HP_OLD_SAS)
		drop_old(a, 0);
	if (a->in)
		a->old[a->n_old++] = (struct hp_old_sa){a->in, hp_hip_now(a->hip), 0};
	a->in = in;
	watch_old(a);
}

int hp_assoc_install(struct hp_assoc *a, struct hp_secrets *s)
{
	struct hp_sa *in = a->in_next, *out = NULL;
	struct hp_keyset esp;
	int reason;

	a->in_next = NULL;
	if (in && in->spi != s->spi_in) {
		hp_assoc_free_sa(a, in);
		in = NULL;
	}
	reason = hp_secrets_esp(s, hp_assoc_greater(a), &esp);
	if (!reason && !in)
		in = hp_assoc_make_sa(a, s->spi_in, s->suite, false, &esp);
	if (!reason)
		out = hp_assoc_make_sa(a, s->spi_out, s->suite, true, &esp);
	hp_wipe(&esp, sizeof(esp));
	if (!in || !out) {
		hp_assoc_free_sa(a, in);
		hp_assoc_free_sa(a, out);
		hp_secrets_free(s);
		return reason ? reason : HP_HIPD_MEMORY;
	}
	replace_in(a, in);
	a->spi_before = a->out ? a->out->spi : 0;
	hp_assoc_free_sa(a, a->out);
	a->out = out;
	hp_secrets_free(a->cur);
	a->cur = s;
	return 0;
}

/* ---- what others may know */

const struct hp_addr *hp_assoc_local_hit(const struct hp_assoc *a)
{
	return &a->local;
}

const struct hp_addr *hp_assoc_peer_hit(const struct hp_assoc *a)
{
	return &a->peer;
}

const struct hp_path *hp_assoc_path(const struct hp_assoc *a)
{
	return &a->path;
}

enum hp_assoc_state hp_assoc_state(const struct hp_assoc *a)
{
	return a->state;
}

struct hp_sa *hp_assoc_sa_out(const struct hp_assoc *a)
{
	return a->state == HP_ESTABLISHED || a->state == HP_R2_SENT ? a->out : NULL;
}

struct hp_sa *hp_assoc_sa_in(const struct hp_assoc *a)
{
	return a->in;
}

void **hp_assoc_udata(struct hp_assoc *a)
{
	return &a->udata;
}

int hp_assoc_error(const struct hp_assoc *a)
{
	return a->error;
}

enum hp_hip_why hp_assoc_why(const struct hp_assoc *a)
{
	return a->state == HP_I1_SENT && a->heard ? a->heard : a->why;
}

const struct hp_addr *hp_assoc_shown_hit(const struct hp_assoc *a)
{
	return &a->shown;
}

bool hp_assoc_is_initiator(const struct hp_assoc *a)
{
	return a->initiator;
}

bool hp_assoc_is_opportunistic(const struct hp_assoc *a)
{
	return a->opportunistic;
}

void hp_assoc_info(const struct hp_assoc *a, struct hp_assoc_info *out)
{
	const struct hp_secrets *s = a->cur;

	memset(out, 0, sizeof(*out));
	out->peer_key = out->peer_di = "";
	if (s) {
		out->dh_group = s->group;
		out->cipher = s->cipher;
		out->esp_suite = s->suite;
		out->peer_key = hp_key_name(s->peer_key);
		out->peer_di = s->peer_di ? s->peer_di : "";
	}
	out->created_ms = a->created_ms;
	out->established_ms = a->established_ms;
	out->last_in_ms = a->last_in_ms;
	out->last_out_ms = a->last_out_ms;
	out->unanswered_ms = a->unanswered_ms;
	out->spi_in = a->in ? a->in->spi : 0;
	out->spi_out = a->out ? a->out->spi : 0;
	out->exchange_us = a->exchange_us;
	out->rekeys = a->rekeys;
}
