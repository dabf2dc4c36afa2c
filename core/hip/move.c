/* SPDX-License-Identifier: MIT
 *
 * Moving to another path.
 *
 * A NAT mapping that has changed shows itself by ESP that was opened, or by a keepalive, from a
 * new address or port.  The peer is then asked there by an UPDATE with an echo (RFC 8046, section
 * 5.5), and only an answer that comes from there moves the association.  So an attacker who sends
 * on the peer's packets from a forged source moves nothing.
 */
#include "hip/move.h"

#include <string.h>

#include "hip/i1.h"
#include "hip/updatesend.h"

#define SETTLE_MS 2000 /* packets by the old transport mean nothing so long */

/* Section 5.5, step 1: it has answered before. */
static void use_better(struct hp_assoc *a)
{
	const struct hp_addr *addr = hp_locator_better(a);

	if (!addr)
		return;
	a->path.dst = *addr;
	memset(&a->path.src, 0, sizeof(a->path.src));
	hp_count(&a->hip->counters, HP_HIPC_PATH_CHANGES);
	hp_assoc_event(a, HP_HIP_PATH_CHANGED);
}

void hp_move_to_announced(struct hp_assoc *a)
{
	const struct hp_addr *addr;
	struct hp_addr to;

	if (!a->addr.announced || a->state != HP_ESTABLISHED || hp_update_under_way(a) ||
	    hp_rekey_active(&a->rk))
		return;
	use_better(a);
	addr = hp_locator_wanted(a);
	if (!addr)
		return;
	to = *addr;
	hp_hip_drop(a->hip, hp_update_verify(a, &to, NULL), HP_HIP_UPDATE, &a->peer, NULL);
}

/* In R2-SENT the peer is not ready for UPDATE. */
bool hp_move_is_possible(const struct hp_assoc *a)
{
	return hp_assoc_is_up(a) && (a->state == HP_I1_SENT || a->state == HP_ESTABLISHED);
}

static bool asked_already(const struct hp_assoc *a, const struct hp_path *path)
{
	return a->addr.verify == HP_VERIFY_PATH && hp_nat_same(&a->addr.path, path) &&
	       hp_update_under_way(a);
}

/* During a rekeying no other UPDATE can be sent, so the one under way goes there. */
static void redirect(struct hp_assoc *a, const struct hp_path *path)
{
	/* An UPDATE that verifies an address goes nowhere else. */
	if (!a->sent.msg || a->addr.verify != HP_VERIFY_NONE || hp_nat_same(&a->sent.path, path))
		return;
	hp_sent_redirect(a, path);
	hp_sent_put(a);
}

void hp_move_begin_at(struct hp_assoc *a, const struct hp_path *path)
{
	a->path = *path;
	a->ex.rounds = 0;
	hp_i1_start(a);
}

void hp_move_ask(struct hp_assoc *a, const struct hp_path *path)
{
	uint64_t now = hp_hip_now(a->hip);

	if (a->seq.signing || asked_already(a, path) ||
	    (a->nat.check_ms && now - a->nat.check_ms < HP_MOVE_CHECK_MS))
		return;
	a->nat.check_ms = now;
	if (a->state == HP_I1_SENT)
		hp_move_begin_at(a, path);
	else if (hp_rekey_active(&a->rk))
		redirect(a, path);
	else
		hp_hip_drop(a->hip, hp_update_check(a, path), HP_HIP_UPDATE, &a->peer, NULL);
}

void hp_move_follow(struct hp_assoc *a, const struct hp_path *path)
{
	if (a->hip->nat.mode == HP_NAT_OFF || !hp_move_is_possible(a) || hp_nat_same(path, &a->path) ||
	    !(path->dport || a->path.dport))
		return;
	hp_move_ask(a, path);
}

/* When both ends change between UDP and native, both ways work for a while.  Packets that are
 * still under way by the old one must not lead back to it. */
void hp_assoc_seen(struct hp_assoc *a, const struct hp_path *path)
{
	const struct hp_nat_assoc *n = &a->nat;

	if (!path->dport != !a->path.dport && n->changed_ms &&
	    hp_hip_now(a->hip) - n->changed_ms < SETTLE_MS)
		return;
	hp_move_follow(a, path);
}
