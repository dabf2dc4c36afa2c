/* SPDX-License-Identifier: MIT
 *
 * NAT keepalives, sent and received.
 */
#include "hip/natalive.h"

#include "hip/move.h"
#include "hip/send.h"
#include "wire/hip.h"

#define CLAIM_MS  10000 /* at most one path check by keepalives in this time */
#define SILENT_MS 1500	/* and none unless the peer was silent for so long */

bool hp_natalive_is(const struct hp_hip_msg *m)
{
	struct hp_notification n;

	/* RFC 5770: without any parameter.  RFC 9028: with a NOTIFICATION. */
	if (!m->params.n)
		return true;
	return !hp_hip_read_notification(hp_hip_param_find(m, HP_PARAM_NOTIFICATION, 0), &n) &&
	       n.type == HP_NOTIFY_NAT_KEEPALIVE;
}

static bool stands(const struct hp_assoc *a)
{
	return hp_assoc_is_up(a) && (a->state == HP_ESTABLISHED || a->state == HP_R2_SENT);
}

/* Not signed.  RFC 9028 refers to RFC 7401, where each NOTIFY has a signature; a keepalive of RFC 5770
 * has none, and neither NAT nor peer needs one. */
static void send(struct hp_assoc *a)
{
	struct hp_notification n = {.type = HP_NOTIFY_NAT_KEEPALIVE};
	uint8_t msg[128];
	struct hp_hip_builder b;
	int len;

	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_NOTIFY, 0, &a->local, &a->peer);
	hp_hip_add_notification(&b, &n);
	len = hp_hip_finish(&b);
	if (len < 0)
		return;
	hp_count(&a->hip->counters, HP_HIPC_KEEPALIVE_OUT);
	hp_hip_send(a->hip, &a->path, msg, (size_t)len);
}

void hp_natalive_look(struct hp_assoc *a, uint64_t now)
{
	struct hp_nat_assoc *n = &a->nat;
	uint64_t out = a->traffic.last_out_ms;
	uint64_t last = out > n->keepalive_ms ? out : n->keepalive_ms;
	uint32_t every = a->hip->nat.keepalive_ms;

	if (!stands(a) || !a->path.dport || !every || now - last < every)
		return;
	n->keepalive_ms = now;
	send(a);
}

/* An idle host shows its new mapping by keepalives only.  They can be forged, so one counts only if
 * the peer was silent on its present path, and seldom. */
void hp_natalive_input(const struct hp_rx *rx)
{
	struct hp_assoc *a = rx->a;
	struct hp_hip *hip = rx->hip;
	uint64_t now = hp_hip_now(hip);

	hp_count(&hip->counters, HP_HIPC_KEEPALIVE_IN);
	if (!a || !hp_move_is_possible(a) || !rx->path->dport || !a->path.dport ||
	    hp_nat_same(rx->path, &a->path) || now - a->traffic.last_in_ms < SILENT_MS ||
	    (a->nat.claim_ms && now - a->nat.claim_ms < CLAIM_MS) || hp_rekey_active(&a->rk) ||
	    !hp_tokens_take(&hip->claim_rate, now, 1))
		return;
	a->nat.claim_ms = now;
	hp_move_ask(a, rx->path);
}
