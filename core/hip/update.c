/* SPDX-License-Identifier: MIT
 *
 * UPDATE (RFC 7401, sections 6.11 and 6.12): SEQ and ACK, asking whether the peer lives, and
 * whether it is at another address (RFC 8046, section 5.4).
 *
 * One UPDATE with SEQ is under way at a time.
 */
#include "hip/internal.h"

#include <errno.h>

/* ---- sending */

void hp_update_begin(struct hp_assoc *a, struct hp_hip_builder *b, uint8_t *buf,
		     size_t cap)
{
	hp_hip_begin(b, buf, cap, HP_HIP_UPDATE, 0, &a->local, &a->peer);
}

uint32_t hp_update_claim(struct hp_assoc *a)
{
	hp_assoc_sent_clear(a);
	a->verifying_addr = false;
	a->signing = true;
	a->update_out_id = a->update_id++;
	return a->update_out_id;
}

void hp_update_transmit(struct hp_assoc *a, const struct hp_path *path,
			const uint8_t *msg, size_t len)
{
	a->signing = false;
	if (a->state != HP_ESTABLISHED && a->state != HP_R2_SENT)
		return;
	hp_assoc_transmit(a, path, msg, len,
			  a->rk.active && !a->verifying_addr ? a->hip->cfg.retransmit_max
							     : HP_PROBE_TRIES);
	a->update_out = a->sent.msg != NULL;
}

static uint32_t seq_of(const uint8_t *msg, size_t len)
{
	struct hp_hip_msg m;
	uint32_t id = 0;

	if (!hp_hip_parse(msg, len, &m))
		hp_hip_read_seq(hp_hip_param_find(&m, HP_PARAM_SEQ, 0), &id);
	return id;
}

/* The peer's UPDATE for new SAs may have taken the place of this one meanwhile. */
static void seq_signed(struct hp_hip *hip, struct hp_assoc *a, uint8_t *msg, size_t len,
		       const struct hp_path *path)
{
	(void)hip;
	if (seq_of(msg, len) == a->update_out_id)
		hp_update_transmit(a, path, msg, len);
}

/* to: what it answers besides; NULL: nothing. */
static void sign_seq(struct hp_assoc *a, const struct hp_hip_builder *b,
		     const struct hp_path *path, const struct hp_hip_msg *to)
{
	int reason = to ? hp_sign_answer(a, b, path, to, seq_signed)
			: hp_sign_start(a->hip, a, a->id, b, path, true, seq_signed);

	if (!reason)
		return;
	a->signing = false;
	hp_count(&a->hip->counters, (size_t)reason);
}

void hp_update_probe(struct hp_assoc *a)
{
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;

	/* RFC 7402, section 6.8: no other UPDATE while new SAs are asked for. */
	if (a->signing || a->update_out || a->rk.active)
		return;
	hp_update_begin(a, &b, msg, sizeof(msg));
	hp_hip_add_seq(&b, hp_update_claim(a));
	sign_seq(a, &b, &a->path, NULL);
}

/* The data needs a new exchange, with a peer that perhaps has restarted. */
static void new_exchange(struct hp_assoc *a, const char *text, const char *reason)
{
	struct hp_log_about about = { .limit = &a->hip->log_rate, .peer = &a->peer,
				      .peer_at = &a->path.dst, .reason = reason };
	char peer[HP_ADDR_STRLEN];

	hp_log_about(HP_LOG_HIP, HP_LOG_NOTICE, &about, "%s %s: new base exchange",
		     hp_addr_format(&a->peer, peer), text);
	a->rounds = 0;
	a->verifying_addr = false;
	hp_i1_start(a);
}

/* It is asked at another address, where it perhaps never was: all stays as it is. */
static void silent_there(struct hp_assoc *a)
{
	a->verifying_addr = false;
	if (!a->strict)
		hp_locator_silent(a, &a->new_path.dst);
	hp_rekey_repeat(a, false);
	hp_locator_check(a);
}

/* Section 6.11, step 4, would go to CLOSING.  There is nobody to close with. */
void hp_update_gave_up(struct hp_assoc *a)
{
	if (a->verifying_addr)
		silent_there(a);
	else
		new_exchange(a, "does not answer", "no-answer");
}

void hp_update_exhausted(struct hp_assoc *a)
{
	new_exchange(a, "has agreed on no new SA, and sequence numbers run out", "exhausted");
}

/* The SAs work, and what does not arrive are messages (RFC 7402, section 6.8, steps 4 and 5): only
 * a peer of which nothing is heard is given up. */
bool hp_update_goes_on(const struct hp_assoc *a)
{
	uint64_t now = hp_hip_now(a->hip);

	return !a->verifying_addr && a->state == HP_ESTABLISHED &&
	       a->last_in_ms > a->sent.first_ms && now - a->last_in_ms < HP_ALIVE_MS &&
	       now - a->sent.first_ms < HP_UPDATE_LONGEST_MS;
}

static void ack_signed(struct hp_hip *hip, struct hp_assoc *a, uint8_t *msg, size_t len,
		       const struct hp_path *path)
{
	hp_hip_send(hip, path, msg, len);
	hp_rekey_told(a);
}

static void add_echo(struct hp_hip_builder *b, const struct hp_hip_msg *m)
{
	const struct hp_hip_tlv *echo =
		m ? hp_hip_param_find(m, HP_PARAM_ECHO_REQUEST_SIGNED, 0) : NULL;

	if (echo)
		hp_hip_param(b, HP_PARAM_ECHO_RESPONSE_SIGNED, echo->data, echo->len);
}

static int send_ack(struct hp_assoc *a, const struct hp_hip_msg *m, uint32_t id,
		    const struct hp_path *path)
{
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;

	hp_update_begin(a, &b, msg, sizeof(msg));
	hp_hip_add_ack(&b, &id, 1);
	add_echo(&b, m);
	return hp_sign_answer(a, &b, path, m, ack_signed);
}

/* ---- another address of the peer */

int hp_update_ask(struct hp_assoc *a, const struct hp_path *path, bool strict)
{
	if (hp_rand_fill(a->hip->rand, a->addr_echo, HP_ECHO_LEN))
		return HP_HIPD_MEMORY;
	hp_count(&a->hip->counters, HP_HIPC_PATH_CHECKS);
	a->new_path = *path;
	a->verifying_addr = true;
	a->strict = strict;
	return 0;
}

/* Nothing is sent there before the peer has answered (RFC 8046, section 5.4), so that no credit
 * (section 5.6) is needed. */
int hp_update_verify(struct hp_assoc *a, const struct hp_addr *addr, const struct hp_hip_msg *m)
{
	struct hp_path path = {
		.dst = *addr, .dport = a->path.dport, .sport = a->path.sport};
	struct hp_esp_info ei = {(uint16_t)a->cur->km_next, a->in->spi, a->in->spi};
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;
	uint32_t id;

	hp_update_begin(a, &b, msg, sizeof(msg));
	hp_hip_add_esp_info(&b, &ei);
	hp_hip_add_seq(&b, hp_update_claim(a));
	if (m && !hp_hip_read_seq(hp_hip_param_find(m, HP_PARAM_SEQ, 0), &id))
		hp_hip_add_ack(&b, &id, 1);
	if (hp_update_ask(a, &path, false)) {
		a->signing = false;
		return HP_HIPD_MEMORY;
	}
	hp_hip_param(&b, HP_PARAM_ECHO_REQUEST_SIGNED, a->addr_echo, HP_ECHO_LEN);
	add_echo(&b, m);
	sign_seq(a, &b, &path, m);
	return 0;
}

int hp_update_check(struct hp_assoc *a, const struct hp_path *path)
{
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;

	hp_update_begin(a, &b, msg, sizeof(msg));
	hp_hip_add_seq(&b, hp_update_claim(a));
	if (hp_update_ask(a, path, true)) {
		a->signing = false;
		return HP_HIPD_MEMORY;
	}
	hp_hip_param(&b, HP_PARAM_ECHO_REQUEST_SIGNED, a->addr_echo, HP_ECHO_LEN);
	sign_seq(a, &b, path, NULL);
	return 0;
}

static void take_echo(struct hp_assoc *a, const struct hp_hip_msg *m,
		      const struct hp_path *path)
{
	const struct hp_hip_tlv *t =
		hp_hip_param_find(m, HP_PARAM_ECHO_RESPONSE_SIGNED, 0);

	if (!a->verifying_addr || !t || t->len != HP_ECHO_LEN ||
	    memcmp(t->data, a->addr_echo, HP_ECHO_LEN) ||
	    (a->strict && !hp_nat_same(path, &a->new_path)))
		return;
	a->verifying_addr = false;
	a->path = a->strict ? *path : a->new_path;
	hp_locator_answered(a, &a->path.dst);
	a->nat.changed_ms = hp_hip_now(a->hip);
	hp_count(&a->hip->counters, HP_HIPC_PATH_CHANGES);
	hp_assoc_event(a, HP_HIP_PATH_CHANGED);
}

/* ---- receiving */

static void take_ack(struct hp_assoc *a, const struct hp_hip_msg *m)
{
	struct hp_u32list ids;

	if (!a->update_out ||
	    hp_hip_read_ack(hp_hip_param_find(m, HP_PARAM_ACK, 0), &ids))
		return;
	for (size_t i = 0; i < ids.n; i++) {
		if (hp_u32list_at(&ids, i) != a->update_out_id)
			continue;
		hp_assoc_sent_clear(a);
		/* A replayed message says nothing about life, this does. */
		a->unanswered_ms = 0;
		hp_rekey_acked(a, a->update_out_id);
		return;
	}
}

static bool seen(const struct hp_assoc *a, uint32_t id)
{
	for (unsigned i = 0; i < a->n_recent && i < HP_OTHERS_MAX; i++)
		if (a->recent[i] == id)
			return true;
	return false;
}

/* Section 6.12: circular comparison.  Peers begin at 0 or at 1. */
static bool too_old(const struct hp_assoc *a, uint32_t id)
{
	return a->peer_update_seen && (int32_t)(id - a->peer_update_id) <= 0;
}

void hp_update_record(struct hp_assoc *a, uint32_t id)
{
	a->peer_update_seen = true;
	a->peer_update_id = id;
	a->recent[a->n_recent++ % HP_OTHERS_MAX] = id;
}

int hp_update_answer(struct hp_assoc *a, const struct hp_hip_msg *m, uint32_t id,
		     const struct hp_path *path)
{
	const struct hp_addr *addr = hp_locator_wanted(a);
	bool free = !a->signing && !a->rk.active;
	struct hp_addr to;

	hp_update_record(a, id);
	if (addr && free) {
		to = *addr;
		/* The question acknowledges as well, but perhaps nobody is there. */
		hp_hip_drop(a->hip, hp_update_verify(a, &to, m), HP_HIP_UPDATE, &a->peer,
			    NULL);
		if (hp_addr_eq(&to, &path->dst) && (a->signing || a->update_out))
			return 0;
	} else if (addr && !a->verifying_addr) {
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
		reason = hp_rekey_input(a, m, id, path, &held);
	if (reason)
		return reason;
	a->unanswered_ms = 0;
	return held ? 0 : hp_update_answer(a, m, id, path);
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
	if (seq && seen(a, id))
		reason = send_ack(a, m, id, path);
	else if (seq)
		reason = too_old(a, id) ? HP_HIPD_UPDATE_ID : take_new(a, m, id, path);
	hp_rekey_go_on(a);
	if (!reason && hp_hip_param_find(m, HP_PARAM_ECHO_REQUEST_SIGNED, 0))
		hp_nat_asked(a, path);
	else if (!reason)
		hp_assoc_seen(a, path);
	return reason;
}

int hp_update_input(const struct hp_rx *rx)
{
	int reason = rx->a->busy ? HP_HIPD_BUSY : hp_auth_mac(rx->a, rx->m);

	return reason ? reason : hp_auth_start(rx, rx->a->cur->peer_key, verified);
}
