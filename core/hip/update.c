/* SPDX-License-Identifier: MIT
 *
 * UPDATE (RFC 7401, sections 6.11 and 6.12): SEQ and ACK, asking whether the peer lives,
 * and a peer's new address (RFC 8046, sections 5.4 and 5.5, the single-address case).
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
			  a->rk.active ? a->hip->cfg.retransmit_max : HP_PROBE_TRIES);
	a->update_out = true;
}

static void seq_signed(struct hp_hip *hip, struct hp_assoc *a, uint8_t *msg, size_t len,
		       const struct hp_path *path)
{
	(void)hip;
	hp_update_transmit(a, path, msg, len);
}

static void sign_seq(struct hp_assoc *a, const struct hp_hip_builder *b,
		     const struct hp_path *path)
{
	int reason = hp_sign_start(a->hip, a, a->id, b, path, true, seq_signed);

	if (!reason)
		return;
	a->signing = false;
	hp_count(&a->hip->counters, (size_t)reason);
}

void hp_update_probe(struct hp_assoc *a)
{
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;

	if (a->signing || a->update_out)
		return;
	hp_update_begin(a, &b, msg, sizeof(msg));
	hp_hip_add_seq(&b, hp_update_claim(a));
	sign_seq(a, &b, &a->path);
}

/* Section 6.11, step 4, would go to CLOSING.  There is nobody to close with; what the
 * data needs is a new exchange, with a peer that perhaps has restarted. */
void hp_update_gave_up(struct hp_assoc *a)
{
	struct hp_log_about about = { .limit = &a->hip->log_rate, .peer = &a->peer,
				      .peer_at = &a->path.dst, .reason = "no-answer" };
	char text[HP_ADDR_STRLEN];

	/* Asked at another address, where it perhaps never was: all stays as it is. */
	if (a->verifying_addr && a->strict) {
		a->verifying_addr = false;
		return;
	}
	hp_log_about(HP_LOG_HIP, HP_LOG_NOTICE, &about, "%s does not answer: new base exchange",
		     hp_addr_format(&a->peer, text));
	a->rounds = 0;
	a->verifying_addr = false;
	hp_i1_start(a);
}

static int send_ack(struct hp_assoc *a, const struct hp_hip_msg *m, uint32_t id,
		    const struct hp_path *path)
{
	const struct hp_hip_tlv *echo =
		hp_hip_param_find(m, HP_PARAM_ECHO_REQUEST_SIGNED, 0);
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;

	hp_update_begin(a, &b, msg, sizeof(msg));
	hp_hip_add_ack(&b, &id, 1);
	if (echo)
		hp_hip_param(&b, HP_PARAM_ECHO_RESPONSE_SIGNED, echo->data, echo->len);
	return hp_sign_start(a->hip, a, a->id, &b, path, true, NULL);
}

/* ---- a new address of the peer */

static bool usable(const struct hp_locator *l)
{
	return l->type <= HP_LOCATOR_SPI_ADDR && l->traffic != HP_LOCATOR_DATA &&
	       !hp_addr_is_multicast(&l->addr) && !hp_addr_is_zero(&l->addr);
}

/* The preferred locator, else the first usable one.  False if there is none. */
static bool pick_locator(const struct hp_hip_tlv *t, struct hp_addr *out)
{
	struct hp_locator l;
	struct hp_rd r;
	bool found = false;

	if (hp_hip_read_locators(t, &r))
		return false;
	while (hp_hip_locator_next(&r, &l)) {
		if (!usable(&l) || (found && !l.preferred))
			continue;
		*out = l.addr;
		found = true;
		if (l.preferred)
			break;
	}
	return found;
}

/* Nothing is sent there before the peer has answered from there (RFC 8046, section 5.5).
 */
static int verify_addr(struct hp_assoc *a, uint32_t ack_id, const struct hp_addr *addr)
{
	struct hp_path path = {
		.dst = *addr, .dport = a->path.dport, .sport = a->path.sport};
	struct hp_esp_info ei = {(uint16_t)a->cur->km_next, a->in->spi, a->in->spi};
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;

	if (hp_rand_fill(a->hip->rand, a->addr_echo, HP_ECHO_LEN))
		return HP_HIPD_MEMORY;
	hp_update_begin(a, &b, msg, sizeof(msg));
	hp_hip_add_esp_info(&b, &ei);
	hp_hip_add_seq(&b, hp_update_claim(a));
	a->new_path = path;
	a->verifying_addr = true;
	a->strict = false;
	hp_hip_add_ack(&b, &ack_id, 1);
	hp_hip_param(&b, HP_PARAM_ECHO_REQUEST_SIGNED, a->addr_echo, HP_ECHO_LEN);
	sign_seq(a, &b, &path);
	return 0;
}

int hp_update_check(struct hp_assoc *a, const struct hp_path *path)
{
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;

	if (hp_rand_fill(a->hip->rand, a->addr_echo, HP_ECHO_LEN))
		return HP_HIPD_MEMORY;
	hp_count(&a->hip->counters, HP_HIPC_PATH_CHECKS);
	hp_update_begin(a, &b, msg, sizeof(msg));
	hp_hip_add_seq(&b, hp_update_claim(a));
	a->new_path = *path;
	a->verifying_addr = true;
	a->strict = true;
	hp_hip_param(&b, HP_PARAM_ECHO_REQUEST_SIGNED, a->addr_echo, HP_ECHO_LEN);
	sign_seq(a, &b, path);
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

static void record(struct hp_assoc *a, uint32_t id)
{
	a->peer_update_seen = true;
	a->peer_update_id = id;
	a->recent[a->n_recent++ % HP_OTHERS_MAX] = id;
}

static int take_new(struct hp_assoc *a, const struct hp_hip_msg *m, uint32_t id,
		    const struct hp_path *path)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, HP_PARAM_LOCATOR_SET, 0);
	bool answered = false;
	struct hp_addr addr;
	int reason;

	/* An answer with a SEQ of its own needs the one place for such a message. */
	if (a->signing)
		return HP_HIPD_BUSY;
	reason = hp_rekey_input(a, m, path, &answered);
	if (reason)
		return reason;
	record(a, id);
	a->unanswered_ms = 0;
	if (answered)
		return 0;
	if (t && pick_locator(t, &addr) && !hp_addr_eq(&addr, &a->path.dst) &&
	    !a->rk.active)
		return verify_addr(a, id, &addr);
	return send_ack(a, m, id, path);
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
