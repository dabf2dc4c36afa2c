/* SPDX-License-Identifier: MIT
 *
 * UPDATE (RFC 7401, sections 6.11 and 6.12): SEQ and ACK, asking whether the peer lives, and
 * whether it is at another address (RFC 8046, section 5.4).
 *
 * One UPDATE with SEQ is under way at a time.
 */
#include "hip/update.h"

#include <hipproxy/log.h>

#include "hip/auth.h"
#include "hip/espinfo.h"
#include "hip/i1.h"
#include "hip/move.h"
#include "hip/rekey.h"
#include "hip/secrets.h"
#include "hip/send.h"
#include "hip/sign.h"
#include "hip/updatesend.h"

#define ALIVE_MS   10000  /* a peer is alive if data came within this time */
#define LONGEST_MS 300000 /* an UPDATE to a peer that is alive is repeated this long */

/* Data needs a new exchange.  The peer may have restarted. */
static void new_exchange(struct hp_assoc *a, const char *text, const char *reason)
{
	struct hp_log_about about = { .limit = &a->hip->log_rate, .peer = &a->peer,
				      .peer_at = &a->path.dst, .reason = reason };
	char peer[HP_ADDR_STRLEN];

	hp_log_about(HP_LOG_HIP, HP_LOG_NOTICE, &about, "%s %s: new base exchange",
		     hp_addr_format(&a->peer, peer), text);
	a->ex.rounds = 0;
	a->addr.verify = HP_VERIFY_NONE;
	hp_i1_start(a);
}

/* Nobody answered at another address, where the peer perhaps never was: nothing changes. */
static void silent_there(struct hp_assoc *a)
{
	bool announced = a->addr.verify == HP_VERIFY_ANNOUNCED;

	a->addr.verify = HP_VERIFY_NONE;
	if (announced)
		hp_locator_silent(a, &a->addr.path.dst);
	hp_rekey_repeat(a, false);
	hp_move_to_announced(a);
}

/* Section 6.11, step 4, would go to CLOSING.  But no peer is there to answer CLOSE. */
void hp_update_gave_up(struct hp_assoc *a)
{
	if (a->addr.verify != HP_VERIFY_NONE)
		silent_there(a);
	else
		new_exchange(a, "does not answer", "no-answer");
}

void hp_update_exhausted(struct hp_assoc *a)
{
	new_exchange(a, "has agreed on no new SA, and sequence numbers run out", "exhausted");
}

/* Data may arrive although messages are lost (RFC 7402, section 6.8, steps 4 and 5).  Only a peer from
 * which nothing is heard is given up. */
static bool goes_on(const struct hp_assoc *a)
{
	uint64_t now = hp_hip_now(a->hip);

	return a->addr.verify == HP_VERIFY_NONE && a->state == HP_ESTABLISHED &&
	       a->traffic.last_in_ms > a->sent.first_ms && now - a->traffic.last_in_ms < ALIVE_MS &&
	       now - a->sent.first_ms < LONGEST_MS;
}

static void silent(struct hp_assoc *a, bool refused)
{
	(void)refused;
	hp_update_gave_up(a);
}

const struct hp_sent_how hp_update_how = { .goes_on = goes_on, .silent = silent };

static void ack_signed(struct hp_hip *hip, struct hp_assoc *a, uint8_t *msg, size_t len,
		       const struct hp_path *path)
{
	hp_hip_send(hip, path, msg, len);
	hp_rekey_told(a);
}

static int send_ack(struct hp_assoc *a, const struct hp_hip_msg *m, uint32_t id,
		    const struct hp_path *path)
{
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;

	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_UPDATE, 0, &a->local, &a->peer);
	hp_hip_add_ack(&b, &id, 1);
	hp_update_add_echo(&b, m);
	return hp_sign_answer(a, &b, path, m, ack_signed);
}

static void take_echo(struct hp_assoc *a, const struct hp_hip_msg *m,
		      const struct hp_path *path)
{
	if (!hp_verify_answered(a, m, path))
		return;
	hp_count(&a->hip->counters, HP_HIPC_PATH_CHANGES);
	hp_assoc_event(a, HP_HIP_PATH_CHANGED);
}

/* ---- receiving */

static void take_ack(struct hp_assoc *a, const struct hp_hip_msg *m)
{
	struct hp_u32list ids;

	if (!hp_update_is_out(a) ||
	    hp_hip_read_ack(hp_hip_param_find(m, HP_PARAM_ACK, 0), &ids))
		return;
	for (size_t i = 0; i < ids.n; i++) {
		if (hp_u32list_at(&ids, i) != a->seq.out_id)
			continue;
		hp_assoc_sent_clear(a);
		/* The peer is alive: a replayed message could not acknowledge this UPDATE. */
		a->traffic.unanswered_ms = 0;
		hp_rekey_acked(a, a->seq.out_id);
		return;
	}
}

static int acknowledge(struct hp_assoc *a, const struct hp_hip_msg *m, uint32_t id,
		     const struct hp_path *path)
{
	const struct hp_addr *addr = hp_locator_wanted(a);
	bool free = !a->seq.signing && !hp_rekey_active(&a->rk);
	struct hp_addr to;

	hp_seq_record(&a->seq, id);
	if (addr && free) {
		to = *addr;
		/* This UPDATE acknowledges as well, but perhaps nobody is at that address. */
		hp_hip_drop(a->hip, hp_update_verify(a, &to, m), HP_HIP_UPDATE, &a->peer,
			    NULL);
		if (hp_addr_eq(&to, &path->dst) && hp_update_under_way(a))
			return 0;
	} else if (addr && a->addr.verify == HP_VERIFY_NONE) {
		hp_rekey_repeat(a, true);
	}
	return send_ack(a, m, id, path);
}

static int take_new(struct hp_assoc *a, const struct hp_hip_msg *m, uint32_t id,
		    const struct hp_path *path)
{
	bool held = false;
	int reason = hp_espinfo_check(a, m);

	if (!reason)
		reason = hp_locator_input(a, m);
	if (!reason)
		reason = hp_rekey_input(a, m, id, path, acknowledge, &held);
	if (reason)
		return reason;
	a->traffic.unanswered_ms = 0;
	return held ? 0 : acknowledge(a, m, id, path);
}

static int verified(struct hp_assoc *a, const struct hp_verified *v,
		    const struct hp_path *path)
{
	const struct hp_hip_msg *m = hp_verified_msg(v);
	const struct hp_hip_tlv *seq = hp_hip_param_find(m, HP_PARAM_SEQ, 0);
	int reason = 0;
	uint32_t id;

	if (a->state == HP_R2_SENT)
		hp_assoc_established(a);
	if (a->state != HP_ESTABLISHED)
		return HP_HIPD_STALE;
	if (!seq && !hp_hip_param_find(m, HP_PARAM_ACK, 0))
		return HP_HIPD_UPDATE_ID;
	take_ack(a, m);
	take_echo(a, m, path);
	if (seq && hp_hip_read_seq(seq, &id))
		return HP_HIPD_MISSING;
	if (seq && hp_seq_seen(&a->seq, id))
		reason = send_ack(a, m, id, path);
	else if (seq)
		reason = hp_seq_too_old(&a->seq, id) ? HP_HIPD_UPDATE_ID : take_new(a, m, id, path);
	hp_rekey_go_on(a);
	if (!reason && hp_hip_param_find(m, HP_PARAM_ECHO_REQUEST_SIGNED, 0))
		hp_path_heard(a, path, true);
	else if (!reason)
		hp_path_heard(a, path, false);
	return reason;
}

int hp_update_input(const struct hp_rx *rx)
{
	int reason = rx->a->base.busy ? HP_HIPD_BUSY : hp_auth_mac(rx->a, rx->m);

	return reason ? reason : hp_auth_start(rx, rx->a->sas.cur->peer_key, verified);
}
