/* SPDX-License-Identifier: MIT
 *
 * When data passed.
 */
#include "hip/traffic.h"

#include "hip/assoc.h"

void hp_traffic_reset(struct hp_assoc *a)
{
	a->traffic.unanswered_ms = 0;
	a->traffic.last_in_ms = a->traffic.last_out_ms = hp_hip_now(a->hip);
}

uint64_t hp_traffic_last(const struct hp_traffic *t)
{
	return t->last_in_ms > t->last_out_ms ? t->last_in_ms : t->last_out_ms;
}

bool hp_traffic_is_idle(const struct hp_assoc *a, uint64_t now)
{
	return a->hip->cfg.ual_s &&
	       now - hp_traffic_last(&a->traffic) >= 1000ull * a->hip->cfg.ual_s;
}

bool hp_traffic_is_one_way(const struct hp_assoc *a, uint64_t now)
{
	return a->hip->cfg.dead_peer_ms && a->traffic.unanswered_ms &&
	       now - a->traffic.unanswered_ms >= a->hip->cfg.dead_peer_ms;
}
