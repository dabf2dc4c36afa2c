/* SPDX-License-Identifier: MIT
 *
 * NOTIFY (RFC 7401, sections 5.2.19, 5.3.6 and 6.13).
 *
 * What we send carries HOST_ID, so that a peer who does not know our key yet can check
 * it.  What comes in is logged.
 *
 * A NOTIFY is a hint (section 6.13).  Its signature proves who made it, not when, nor for whom: it
 * has nothing in it that answers our message, and it may be an old one.  So it never ends an
 * exchange.  One that is signed and refuses the exchange shortens the waiting: our message is sent
 * once more, and if nothing better comes the exchange has failed for the reason that it names.
 */
#include "hip/notify.h"

#include <hipproxy/log.h>

#include "hip/assoc.h"
#include "hip/auth.h"
#include "hip/secrets.h"
#include "hip/send.h"

static void log_one(struct hp_hip *hip, const struct hp_hip_msg *m, uint16_t type,
		    bool authentic)
{
	char text[HP_ADDR_STRLEN];
	struct hp_log_about about = { .limit = &hip->log_rate, .peer = &m->src_hit,
				      .reason = hp_notify_name(type) };

	hp_log_about(HP_LOG_HIP, HP_LOG_NOTICE, &about, "NOTIFY %u (%s) from %s%s", type,
		     hp_notify_name(type), hp_addr_format(&m->src_hit, text),
		     authentic ? "" : ", not authenticated");
}

static uint16_t notify_type(const struct hp_hip_msg *m)
{
	struct hp_notification n;

	return hp_hip_read_notification(hp_hip_param_find(m, HP_PARAM_NOTIFICATION, 0),
					&n)
		       ? 0
		       : n.type;
}

/* Errors after which the same exchange cannot succeed. */
static bool is_refusal(uint16_t type)
{
	switch (type) {
	case HP_NOTIFY_NO_DH_PROPOSAL_CHOSEN:
	case HP_NOTIFY_INVALID_DH_CHOSEN:
	case HP_NOTIFY_NO_HIP_PROPOSAL_CHOSEN:
	case HP_NOTIFY_INVALID_HIP_CIPHER_CHOSEN:
	case HP_NOTIFY_NO_ESP_PROPOSAL_CHOSEN:
	case HP_NOTIFY_INVALID_ESP_TRANSFORM_CHOSEN:
	case HP_NOTIFY_UNSUPPORTED_HIT_SUITE:
	case HP_NOTIFY_BLOCKED_BY_POLICY:
	case HP_NOTIFY_NO_VALID_NAT_TRAVERSAL_MODE:
		return true;
	default:
		return false;
	}
}

static int verified(struct hp_assoc *a, const struct hp_verified *v,
		    const struct hp_path *path)
{
	const struct hp_hip_msg *m = hp_verified_msg(v);
	uint16_t type = notify_type(m);

	(void)path;
	log_one(a->hip, m, type, true);
	if ((a->state == HP_I1_SENT || a->state == HP_I2_SENT) && is_refusal(type)) {
		a->failure.heard = type == HP_NOTIFY_BLOCKED_BY_POLICY ? HP_WHY_POLICY : HP_WHY_REFUSED;
		hp_assoc_doubt(a);
	}
	return 0;
}

/* The key that must have signed it: known already, or in the message and right for the
 * HIT. */
static struct hp_key *signer(const struct hp_rx *rx)
{
	const struct hp_assoc *a = rx->a;
	const struct hp_secrets *s = a ? (a->ex.next ? a->ex.next : a->sas.cur) : NULL;
	struct hp_key *key = NULL;
	struct hp_host_id h;

	if (s && s->peer_key)
		return hp_key_ref(s->peer_key);
	if (!a || hp_auth_host_id(hp_hip_param_find(rx->m, HP_PARAM_HOST_ID, 0),
				  &rx->m->src_hit, &key, &h))
		return NULL;
	return key;
}

/* RFC 9028, section 5.3, has a parameter; RFC 5770, section 5.3, has none at all. */
static bool is_keepalive(const struct hp_hip_msg *m, uint16_t type)
{
	return type == HP_NOTIFY_NAT_KEEPALIVE || !m->params.n;
}

int hp_assoc_notify(struct hp_assoc *a, uint16_t type)
{
	struct hp_notification n = {.type = type};
	uint8_t msg[128];
	struct hp_hip_builder b;
	int len;

	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_NOTIFY, 0, &a->local, &a->peer);
	hp_hip_add_notification(&b, &n);
	len = hp_hip_finish(&b);
	if (len < 0)
		return len;
	hp_count(&a->hip->counters, type == HP_NOTIFY_NAT_KEEPALIVE ? HP_HIPC_KEEPALIVE_OUT :
								       HP_HIPC_NOTIFY_OUT);
	return hp_hip_send(a->hip, &a->path, msg, (size_t)len);
}

int hp_notify_input(const struct hp_rx *rx)
{
	struct hp_hip *hip = rx->hip;
	uint16_t type = notify_type(rx->m);
	struct hp_key *key;
	int reason;

	hp_count(&hip->counters, HP_HIPC_NOTIFY_IN);
	if (is_keepalive(rx->m, type)) {
		hp_count(&hip->counters, HP_HIPC_KEEPALIVE_IN);
		hp_path_taken(rx);
		return 0;
	}
	if (!hp_tokens_take(&hip->notify_in_rate, hp_hip_now(hip), 1))
		return HP_HIPD_RATE;
	key = rx->a ? signer(rx) : NULL;
	if (!key) {
		log_one(hip, rx->m, type, false);
		return 0;
	}
	reason = hp_auth_start_aside(rx, key, verified);
	hp_key_unref(key);
	return reason;
}
