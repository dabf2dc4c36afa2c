/* SPDX-License-Identifier: MIT
 *
 * Retransmission.
 */
#include "hip/sent.h"

#include <stdlib.h>
#include <string.h>

#include "hip/assoc.h"
#include "hip/send.h"

int hp_sent_put(struct hp_assoc *a)
{
	struct hp_sent *s = &a->sent;

	return hp_hip_send(a->hip, &s->path, s->msg, s->len);
}

static void put(struct hp_assoc *a)
{
	if (a->sent.how->put)
		a->sent.how->put(a);
	else
		hp_sent_put(a);
}

static void swap_paths(struct hp_sent *s)
{
	struct hp_path path = s->path;

	if (hp_addr_is_zero(&s->other.dst))
		return;
	s->path = s->other;
	s->other = path;
}

static void give_up(struct hp_assoc *a)
{
	const struct hp_sent_how *how = a->sent.how;
	bool refused = a->sent.doubted;

	hp_assoc_sent_clear(a);
	if (how->silent)
		how->silent(a, refused);
}

static bool goes_on(const struct hp_assoc *a)
{
	return a->sent.how->goes_on && a->sent.how->goes_on(a);
}

static void again(struct hp_timer *t)
{
	struct hp_assoc *a = HP_CONTAINER(t, struct hp_assoc, sent.timer);
	struct hp_hip *hip = a->hip;
	struct hp_sent *s = &a->sent;

	if (s->tries >= s->max && !goes_on(a)) {
		give_up(a);
		return;
	}
	s->tries++;
	s->wait_ms *= 2;
	if (s->wait_ms > hip->cfg.retransmit_max_ms)
		s->wait_ms = hip->cfg.retransmit_max_ms;
	if (s->how->next)
		s->how->next(a);
	swap_paths(s);
	hp_count(&hip->counters, HP_HIPC_RETRANSMITTED);
	hp_timer_set(hip->timers, t, hp_hip_now(hip) + s->wait_ms);
	put(a);
}

void hp_assoc_transmit(struct hp_assoc *a, const struct hp_sent_how *how,
		       const struct hp_path *path, const uint8_t *msg, size_t len, unsigned max)
{
	struct hp_hip *hip = a->hip;
	struct hp_sent *s = &a->sent;

	hp_assoc_sent_clear(a);
	s->msg = malloc(len);
	if (!s->msg) {
		hp_count(&hip->counters, HP_HIPD_MEMORY);
		return;
	}
	memcpy(s->msg, msg, len);
	s->how = how;
	s->path = *path;
	s->len = len;
	s->first_ms = hp_hip_now(hip);
	s->max = max;
	s->wait_ms = hip->cfg.retransmit_ms;
	hp_timer_init(&s->timer, again);
	hp_timer_set(hip->timers, &s->timer, hp_hip_now(hip) + s->wait_ms);
	put(a);
}

void hp_assoc_sent_clear(struct hp_assoc *a)
{
	hp_timer_cancel(a->hip->timers, &a->sent.timer);
	free(a->sent.msg);
	memset(&a->sent, 0, sizeof(a->sent));
}

bool hp_sent_is(const struct hp_assoc *a, const struct hp_sent_how *how)
{
	return a->sent.msg && a->sent.how == how;
}

void hp_assoc_doubt(struct hp_assoc *a)
{
	struct hp_sent *s = &a->sent;

	if (s->doubted)
		return;
	s->doubted = true;
	if (s->max > s->tries + 1)
		s->max = s->tries + 1;
}

void hp_sent_alternate(struct hp_assoc *a, const struct hp_path *path)
{
	a->sent.other = *path;
}

void hp_sent_redirect(struct hp_assoc *a, const struct hp_path *path)
{
	a->sent.path = *path;
}

void hp_sent_limit(struct hp_assoc *a, unsigned max)
{
	a->sent.max = max;
}

void hp_sent_last(struct hp_assoc *a, uint32_t ms)
{
	a->sent.max = a->sent.tries;
	hp_timer_set(a->hip->timers, &a->sent.timer, hp_hip_now(a->hip) + ms);
}

void hp_sent_hurry(struct hp_assoc *a, uint32_t ms)
{
	a->sent.max = a->sent.tries;
	if (a->sent.timer.at_ms > hp_hip_now(a->hip) + ms)
		hp_sent_last(a, ms);
}
