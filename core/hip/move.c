/* SPDX-License-Identifier: MIT
 *
 * Moving to another path.  The peer is asked there by an UPDATE with an echo (RFC 8046, section
 * 5.5), and only an answer that comes from there moves the association.  So an attacker who sends
 * on the peer's packets from a forged source moves nothing.
 */
#include "hip/move.h"

#include <errno.h>
#include <string.h>

#include "hip/i1.h"
#include "hip/send.h"
#include "hip/updatesend.h"

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

static bool asked_already(const struct hp_assoc *a, const struct hp_path *path)
{
	return a->addr.verify == HP_VERIFY_PATH && hp_path_same(&a->addr.path, path) &&
	       hp_update_under_way(a);
}

/* During a rekeying no other UPDATE can be sent, so the one under way goes there. */
static void redirect(struct hp_assoc *a, const struct hp_path *path)
{
	/* An UPDATE that verifies an address goes nowhere else. */
	if (!a->sent.msg || a->addr.verify != HP_VERIFY_NONE || hp_path_same(&a->sent.path, path))
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

/* An exchange has begun anew, and the peer may be at path.  Nothing proves that, so a->path stays, and
 * I1 is sent to both by turns. */
static void begin_there_too(struct hp_assoc *a, const struct hp_path *path)
{
	if (!a->sent.msg || hp_path_same(&a->sent.path, path))
		return;
	hp_sent_alternate(a, path);
	hp_hip_send(a->hip, path, a->sent.msg, a->sent.len);
}

/* In R2-SENT the peer is not ready for UPDATE. */
int hp_assoc_ask_at(struct hp_assoc *a, const struct hp_path *path)
{
	if (!hp_assoc_is_up(a) || (a->state != HP_I1_SENT && a->state != HP_ESTABLISHED))
		return -ENOTCONN;
	if (asked_already(a, path))
		return -EALREADY;
	if (a->seq.signing)
		return -EBUSY;
	if (a->state == HP_I1_SENT)
		begin_there_too(a, path);
	else if (hp_rekey_active(&a->rk))
		redirect(a, path);
	else
		hp_hip_drop(a->hip, hp_update_check(a, path), HP_HIP_UPDATE, &a->peer, NULL);
	return 0;
}
