/* SPDX-License-Identifier: MIT
 *
 * Regular checks of associations that carry data: idle ones are closed (RFC 7401, section 4.4.4,
 * UAL), dead peers are noticed, keys are renewed before their limits (RFC 7402, section 6.8).
 */
#include "hip/life.h"

#include "hip/close.h"
#include "hip/move.h"
#include "hip/rekey.h"
#include "hip/secrets.h"
#include "hip/update.h"
#include "hip/updatesend.h"

#define CHECK_MS 1000 /* the time between two checks, about */

/* The keys of the exchange are needed again only at a rekeying or CLOSE, perhaps hours later. */
static void rest(struct hp_assoc *a)
{
	if (!a->sas.cur || a->base.busy || a->seq.signing || hp_rekey_active(&a->rk))
		return;
	hp_secrets_compact(a->sas.cur);
}

/* Old SAs are kept, so that packets under way are not lost.  A rekeying waits while there are too
 * many of them. */
static bool rekey_due(const struct hp_assoc *a)
{
	return a->sas.n_old < HP_OLD_SAS &&
	       ((a->sas.out && hp_sa_rekey_due(a->sas.out)) ||
		(a->sas.in && hp_sa_rekey_due(a->sas.in)));
}

static void look(struct hp_assoc *a, uint64_t now)
{
	rest(a);
	hp_rekey_look(a, now, hp_traffic_is_one_way(a, now));
	if (a->state != HP_ESTABLISHED)
		return;
	if (hp_traffic_is_idle(a, now))
		hp_close_start(a);
	else if (a->sas.out && hp_sa_exhausted(a->sas.out))
		hp_update_exhausted(a);
	else if (rekey_due(a))
		hp_rekey_start(a);
	else if (hp_traffic_is_one_way(a, now))
		hp_update_probe(a);
	else
		hp_move_to_announced(a);
}

/* Random, so that both ends seldom notice the same limit at the same moment. */
static uint64_t next_check(struct hp_assoc *a)
{
	uint32_t r = 0;

	hp_rand_fill(a->hip->rand, &r, sizeof(r));
	return hp_hip_now(a->hip) + CHECK_MS * 3 / 4 + r % (CHECK_MS / 2);
}

static void check(struct hp_timer *t)
{
	struct hp_assoc *a = HP_CONTAINER(t, struct hp_assoc, traffic.t_check);
	struct hp_hip *hip = a->hip;
	uint64_t now = hp_hip_now(hip);

	hp_timer_set(hip->timers, t, next_check(a));
	look(a, now);
}

void hp_assoc_watch(struct hp_assoc *a)
{
	hp_timer_cancel(a->hip->timers, &a->traffic.t_check);
	hp_timer_init(&a->traffic.t_check, check);
	hp_timer_set(a->hip->timers, &a->traffic.t_check, next_check(a));
}
