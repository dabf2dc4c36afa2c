/* SPDX-License-Identifier: MIT
 *
 * Looking after associations that carry data: idle ones are closed (RFC 7401,
 * section 4.4.4, UAL), dead peers are noticed, keys are renewed before their limits (RFC
 * 7402, section 6.8).
 */
#include "hip/internal.h"

void hp_assoc_sent(struct hp_assoc *a, uint64_t now_ms)
{
	a->last_out_ms = now_ms;
	if (!a->unanswered_ms)
		a->unanswered_ms = now_ms;
}

void hp_assoc_received(struct hp_assoc *a, uint64_t now_ms)
{
	a->last_in_ms = now_ms;
	a->unanswered_ms = 0;
	/* Section 4.4.4: the peer has our R2. */
	if (a->state == HP_R2_SENT)
		hp_assoc_established(a);
}

static bool idle(const struct hp_assoc *a, uint64_t now)
{
	uint64_t last = a->last_in_ms > a->last_out_ms ? a->last_in_ms : a->last_out_ms;

	return a->hip->cfg.ual_s && now - last >= 1000ull * a->hip->cfg.ual_s;
}

static bool one_way(const struct hp_assoc *a, uint64_t now)
{
	return a->hip->cfg.dead_peer_ms && a->unanswered_ms &&
	       now - a->unanswered_ms >= a->hip->cfg.dead_peer_ms;
}

/* Keys of the exchange are needed again when it is renewed or ends: hours later, perhaps. */
static void rest(struct hp_assoc *a)
{
	if (!a->cur || a->busy || a->signing || a->rk.active)
		return;
	hp_secrets_compact(a->cur);
}

/* Several old SAs are kept, so that nothing under way is lost; a limit may wait for their end. */
static bool rekey_due(const struct hp_assoc *a)
{
	return a->n_old < HP_OLD_SAS &&
	       ((a->out && hp_sa_rekey_due(a->out)) || (a->in && hp_sa_rekey_due(a->in)));
}

static void look(struct hp_assoc *a, uint64_t now)
{
	rest(a);
	hp_rekey_look(a, now, one_way(a, now));
	if (a->state != HP_ESTABLISHED)
		return;
	if (idle(a, now))
		hp_close_start(a);
	else if (a->out && hp_sa_exhausted(a->out))
		hp_update_exhausted(a);
	else if (rekey_due(a))
		hp_rekey_start(a);
	else if (one_way(a, now))
		hp_update_probe(a);
	else
		hp_locator_check(a);
}

/* Not in step with the peer, so that both seldom notice the same limit at the same moment. */
static uint64_t next_check(struct hp_assoc *a)
{
	uint32_t r = 0;

	hp_rand_fill(a->hip->rand, &r, sizeof(r));
	return hp_hip_now(a->hip) + HP_CHECK_MS * 3 / 4 + r % (HP_CHECK_MS / 2);
}

static void check(struct hp_timer *t)
{
	struct hp_assoc *a = HP_CONTAINER(t, struct hp_assoc, t_check);
	struct hp_hip *hip = a->hip;
	uint64_t now = hp_hip_now(hip);

	hp_timer_set(hip->timers, t, next_check(a));
	look(a, now);
	hp_nat_look(a, now);
}

void hp_assoc_watch(struct hp_assoc *a)
{
	hp_timer_cancel(a->hip->timers, &a->t_check);
	hp_timer_init(&a->t_check, check);
	hp_timer_set(a->hip->timers, &a->t_check, next_check(a));
}
