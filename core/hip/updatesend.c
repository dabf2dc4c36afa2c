/* SPDX-License-Identifier: MIT
 *
 * Sending UPDATEs that need an acknowledgement: to learn whether the peer is alive, and whether it
 * is at another address (RFC 8046, section 5.4).
 */
#include "hip/updatesend.h"

#include "hip/secrets.h"
#include "hip/sign.h"

#define PROBE_TRIES 3 /* retransmissions, unless new SAs are agreed on */

static void begin(struct hp_assoc *a, struct hp_hip_builder *b, uint8_t *buf, size_t cap)
{
	hp_hip_begin(b, buf, cap, HP_HIP_UPDATE, 0, &a->local, &a->peer);
}

bool hp_update_is_out(const struct hp_assoc *a)
{
	return hp_sent_is(a, a->hip->update_how);
}

bool hp_update_under_way(const struct hp_assoc *a)
{
	return a->seq.signing || hp_update_is_out(a);
}

uint32_t hp_update_claim(struct hp_assoc *a)
{
	hp_assoc_sent_clear(a);
	a->addr.verify = HP_VERIFY_NONE;
	return hp_seq_claim(&a->seq);
}

void hp_update_transmit(struct hp_assoc *a, const struct hp_path *path,
			const uint8_t *msg, size_t len)
{
	a->seq.signing = false;
	if (a->state != HP_ESTABLISHED && a->state != HP_R2_SENT)
		return;
	hp_assoc_transmit(a, a->hip->update_how, path, msg, len,
			  hp_rekey_active(&a->rk) && a->addr.verify == HP_VERIFY_NONE
				  ? a->hip->cfg.retransmit_max
				  : PROBE_TRIES);
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
	if (seq_of(msg, len) == a->seq.out_id)
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
	a->seq.signing = false;
	hp_count(&a->hip->counters, (size_t)reason);
}

void hp_update_probe(struct hp_assoc *a)
{
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;

	/* RFC 7402, section 6.8: no other UPDATE while new SAs are asked for. */
	if (hp_update_under_way(a) || hp_rekey_active(&a->rk))
		return;
	begin(a, &b, msg, sizeof(msg));
	hp_hip_add_seq(&b, hp_update_claim(a));
	sign_seq(a, &b, &a->path, NULL);
}

void hp_update_add_echo(struct hp_hip_builder *b, const struct hp_hip_msg *m)
{
	const struct hp_hip_tlv *echo =
		m ? hp_hip_param_find(m, HP_PARAM_ECHO_REQUEST_SIGNED, 0) : NULL;

	if (echo)
		hp_hip_param(b, HP_PARAM_ECHO_RESPONSE_SIGNED, echo->data, echo->len);
}

/* ---- another address of the peer */

/* No data is sent there before the peer has answered (RFC 8046, section 5.4), so that no credit
 * (section 5.6) is needed. */
int hp_update_verify(struct hp_assoc *a, const struct hp_addr *addr, const struct hp_hip_msg *m)
{
	struct hp_path path = {
		.dst = *addr, .dport = a->path.dport, .sport = a->path.sport};
	struct hp_esp_info ei = {(uint16_t)a->sas.cur->km_next, a->sas.in->spi, a->sas.in->spi};
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;
	uint32_t id;

	begin(a, &b, msg, sizeof(msg));
	hp_hip_add_esp_info(&b, &ei);
	hp_hip_add_seq(&b, hp_update_claim(a));
	if (m && !hp_hip_read_seq(hp_hip_param_find(m, HP_PARAM_SEQ, 0), &id))
		hp_hip_add_ack(&b, &id, 1);
	if (hp_verify_begin(a, &path, HP_VERIFY_ANNOUNCED)) {
		a->seq.signing = false;
		return HP_HIPD_MEMORY;
	}
	hp_hip_param(&b, HP_PARAM_ECHO_REQUEST_SIGNED, a->addr.echo, HP_ECHO_LEN);
	hp_update_add_echo(&b, m);
	sign_seq(a, &b, &path, m);
	return 0;
}

int hp_update_check(struct hp_assoc *a, const struct hp_path *path)
{
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;

	begin(a, &b, msg, sizeof(msg));
	hp_hip_add_seq(&b, hp_update_claim(a));
	if (hp_verify_begin(a, path, HP_VERIFY_PATH)) {
		a->seq.signing = false;
		return HP_HIPD_MEMORY;
	}
	hp_hip_param(&b, HP_PARAM_ECHO_REQUEST_SIGNED, a->addr.echo, HP_ECHO_LEN);
	sign_seq(a, &b, path, NULL);
	return 0;
}
