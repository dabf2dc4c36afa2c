/* SPDX-License-Identifier: MIT
 *
 * The life of an association, and what may be read of it from outside.
 *
 * One object stands for a pair of HITs through restarts and rekeyings, so that flows can
 * keep pointing to it; only hp_assoc_remove ends it.
 */
#include "hip/assoc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "hip/known.h"
#include "hip/secrets.h"
#include "hip/spot.h"
#include "util/wipe.h"

static void state_over(struct hp_timer *t)
{
	struct hp_assoc *a = HP_CONTAINER(t, struct hp_assoc, base.t_state);

	if (a->state == HP_R2_SENT)
		hp_assoc_established(a);
	else
		hp_assoc_remove(a);
}

void hp_assoc_state_after(struct hp_assoc *a, uint64_t ms)
{
	hp_timer_set(a->hip->timers, &a->base.t_state, hp_hip_now(a->hip) + ms);
}

struct hp_assoc *hp_assoc_new(struct hp_hip *hip, struct hp_identity *id,
			      const struct hp_addr *peer)
{
	size_t bytes = hp_path_with_area(hip, sizeof(struct hp_assoc));
	struct hp_assoc *a = calloc(1, bytes);

	errno = ENOMEM;
	if (!a)
		return NULL;
	a->hip = hip;
	a->paths.has_area = bytes > sizeof(*a);
	a->base.refs = 1;
	a->id = id;
	a->local = id->hit;
	a->peer = *peer;
	a->ex.opportunistic = hp_addr_is_zero(peer);
	a->traffic.created_ms = hp_hip_now(hip);
	hp_list_init(&a->failure.asking);
	hp_timer_init(&a->base.t_state, state_over);
	hp_sas_init(&a->sas);
	if (hp_assoc_enter(a, hp_known_is_reserved(hip, peer))) {
		free(a);
		errno = ENOBUFS;
		return NULL;
	}
	hp_identity_ref(id);
	return a;
}

void hp_assoc_unref(struct hp_assoc *a)
{
	if (--a->base.refs)
		return;
	hp_secrets_free(a->sas.cur);
	hp_secrets_free(a->ex.next);
	free(a->ex.r2.msg);
	hp_locator_forget(a);
	hp_identity_unref(a->id);
	hp_wipe(a, sizeof(*a));
	free(a);
}

void hp_assoc_remove(struct hp_assoc *a)
{
	if (a->base.dead)
		return;
	a->base.dead = true;
	hp_exchange_stop(a);
	hp_failure_unask(a);
	hp_assoc_down(a);
	hp_assoc_leave(a);
	hp_assoc_set_state(a, HP_UNASSOCIATED);
	hp_assoc_event(a, HP_HIP_GONE);
	hp_path_gone(a);
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
	hp_timer_cancel(a->hip->timers, &a->base.t_state);
	a->traffic.established_ms = hp_hip_now(a->hip);
	hp_assoc_set_state(a, HP_ESTABLISHED);
}

void hp_assoc_down(struct hp_assoc *a)
{
	bool was_up = hp_assoc_is_up(a);

	hp_timer_cancel(a->hip->timers, &a->traffic.t_check);
	hp_assoc_drop_sas(a);
	if (was_up)
		hp_assoc_event(a, HP_HIP_DOWN);
}

void hp_assoc_reset(struct hp_assoc *a)
{
	hp_seq_reset(&a->seq);
	a->addr.verify = HP_VERIFY_NONE;
	hp_exchange_wanted(a);
	hp_locator_forget(a);
	hp_traffic_reset(a);
}

void hp_assoc_met(struct hp_assoc *a)
{
	hp_failure_clear(a);
	hp_hip_known_met(a->hip, &a->peer, &a->path.dst);
	hp_spot_add(a->hip, &a->path.dst, &a->local, &a->peer, a->path.dport);
}

/* ---- the data path */

void hp_assoc_sent(struct hp_assoc *a, uint64_t now_ms)
{
	hp_traffic_out(&a->traffic, now_ms);
}

void hp_assoc_received(struct hp_assoc *a, uint64_t now_ms)
{
	hp_traffic_in(&a->traffic, now_ms);
	/* RFC 7401, section 4.4.4: the peer has our R2. */
	if (a->state == HP_R2_SENT)
		hp_assoc_established(a);
}

/* ---- reading access from outside */

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

void **hp_assoc_udata(struct hp_assoc *a)
{
	return &a->udata;
}

bool hp_assoc_is_initiator(const struct hp_assoc *a)
{
	return a->ex.initiator;
}

bool hp_assoc_is_opportunistic(const struct hp_assoc *a)
{
	return a->ex.opportunistic;
}

void hp_assoc_info(const struct hp_assoc *a, struct hp_assoc_info *out)
{
	const struct hp_secrets *s = a->sas.cur;

	memset(out, 0, sizeof(*out));
	out->peer_key = out->peer_di = "";
	if (s) {
		out->dh_group = s->group;
		out->cipher = s->cipher;
		out->esp_suite = s->suite;
		out->peer_key = hp_key_name(s->peer_key);
		out->peer_di = s->peer_di ? s->peer_di : "";
	}
	out->created_ms = a->traffic.created_ms;
	out->established_ms = a->traffic.established_ms;
	out->last_in_ms = a->traffic.last_in_ms;
	out->last_out_ms = a->traffic.last_out_ms;
	out->unanswered_ms = a->traffic.unanswered_ms;
	out->spi_in = a->sas.in ? a->sas.in->spi : 0;
	out->spi_out = a->sas.out ? a->sas.out->spi : 0;
	out->exchange_us = a->ex.took_us;
	out->rekeys = a->sas.rekeys;
}
