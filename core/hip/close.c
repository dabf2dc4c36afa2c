/* SPDX-License-Identifier: MIT
 *
 * CLOSE and CLOSE_ACK (RFC 7401, sections 5.3.7, 5.3.8, 6.14 and 6.15).
 *
 * The RFC keeps CLOSED for UAL + 2 MSL.  Here it is 2 MSL, since UAL may be a quarter of an hour.
 * All that is lost is the answer to a CLOSE that comes that late.
 */
#include "hip/close.h"

#include <errno.h>
#include <string.h>

#include "hip/assoc.h"
#include "hip/auth.h"
#include "hip/secrets.h"
#include "hip/sign.h"

static void begin(struct hp_assoc *a, struct hp_hip_builder *b, uint8_t *buf,
		  uint8_t type)
{
	hp_hip_begin(b, buf, HP_HIP_MAX, type, 0, &a->local, &a->peer);
}

static void silent(struct hp_assoc *a, bool refused)
{
	(void)refused;
	hp_assoc_remove(a);
}

static const struct hp_sent_how how = { .silent = silent };

static void close_signed(struct hp_hip *hip, struct hp_assoc *a, uint8_t *msg, size_t len,
			 const struct hp_path *path)
{
	if (a->state == HP_CLOSING)
		hp_assoc_transmit(a, &how, path, msg, len, hip->cfg.retransmit_max);
}

void hp_close_start(struct hp_assoc *a)
{
	struct hp_hip *hip = a->hip;
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;

	hp_exchange_stop(a);
	hp_assoc_set_state(a, HP_CLOSING);
	hp_assoc_state_after(a, 1000ull * hip->cfg.msl_s);
	hp_assoc_down(a);
	if (hp_rand_fill(hip->rand, a->closing.echo, HP_ECHO_LEN))
		return;
	begin(a, &b, msg, HP_HIP_CLOSE);
	hp_hip_param(&b, HP_PARAM_ECHO_REQUEST_SIGNED, a->closing.echo, HP_ECHO_LEN);
	if (hp_sign_start(hip, a, a->id, &b, &a->path, true, close_signed))
		hp_count(&hip->counters, HP_HIPD_QUEUE_FULL);
}

/* R2 was lost, and its sender closes already: its messages are under the keys of the new exchange. */
static void adopt_next(struct hp_assoc *a)
{
	hp_secrets_free(a->sas.cur);
	a->sas.cur = a->ex.next;
	a->ex.next = NULL;
	a->failure.error = -ECONNRESET;
	hp_assoc_reset(a);
}

static int close_verified(struct hp_assoc *a, const struct hp_verified *v,
			  const struct hp_path *path)
{
	const struct hp_hip_msg *m = hp_verified_msg(v);
	const struct hp_hip_tlv *echo =
		hp_hip_param_find(m, HP_PARAM_ECHO_REQUEST_SIGNED, 0);
	struct hp_hip *hip = a->hip;
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;
	bool early;

	if (!echo)
		return HP_HIPD_MISSING;
	early = a->state == HP_I2_SENT;
	if (early)
		adopt_next(a);
	if (a->state != HP_CLOSED) {
		hp_assoc_sent_clear(a);
		hp_assoc_rekey_clear(a);
		hp_assoc_set_state(a, HP_CLOSED);
		hp_assoc_state_after(a, 2000ull * hip->cfg.msl_s);
		hp_count(&hip->counters, HP_HIPC_CLOSED);
		hp_assoc_down(a);
		if (early)
			hp_assoc_event(a, HP_HIP_FAILED);
	}
	begin(a, &b, msg, HP_HIP_CLOSE_ACK);
	hp_hip_param(&b, HP_PARAM_ECHO_RESPONSE_SIGNED, echo->data, echo->len);
	return hp_sign_answer(a, &b, path, m, NULL);
}

int hp_close_input(const struct hp_rx *rx)
{
	int reason = hp_auth_mac(rx->a, rx->m);

	return reason ? reason : hp_auth_start(rx, rx->a->sas.cur->peer_key, close_verified);
}

/* Table 4 of section 4.4.4.  A CLOSE under the keys of an association that our exchange is
 * about to replace changes nothing. */
int hp_close_input_early(const struct hp_rx *rx)
{
	const struct hp_secrets *s = rx->a->ex.next;
	int reason = rx->a->base.busy ? HP_HIPD_BUSY : hp_auth_mac_with(s, rx->m);

	return reason ? reason : hp_auth_start(rx, s->peer_key, close_verified);
}

static int ack_verified(struct hp_assoc *a, const struct hp_verified *v,
			const struct hp_path *path)
{
	(void)v;
	(void)path;
	if (a->state == HP_CLOSING)
		hp_count(&a->hip->counters, HP_HIPC_CLOSED);
	if (a->state != HP_CLOSING && a->state != HP_CLOSED)
		return HP_HIPD_STALE;
	hp_assoc_remove(a);
	return 0;
}

int hp_close_ack_input(const struct hp_rx *rx)
{
	const struct hp_hip_tlv *echo =
		hp_hip_param_find(rx->m, HP_PARAM_ECHO_RESPONSE_SIGNED, 0);
	int reason;

	if (!echo || echo->len != HP_ECHO_LEN ||
	    memcmp(echo->data, rx->a->closing.echo, HP_ECHO_LEN))
		return HP_HIPD_ECHO;
	reason = hp_auth_mac(rx->a, rx->m);
	return reason ? reason : hp_auth_start(rx, rx->a->sas.cur->peer_key, ack_verified);
}
