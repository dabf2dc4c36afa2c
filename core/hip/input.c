/* SPDX-License-Identifier: MIT
 *
 * The way of a received message to the state table.
 */
#include "hip/hip.h"

#include <errno.h>

#include <hipproxy/log.h>

#include "crypto/hit.h"
#include "hip/ask.h"
#include "hip/assoc.h"
#include "hip/state.h"
#include "hip/tell.h"

#define STRANGER_MS 60000 /* the same wrong I1 is logged again after this */

/* An I1 with wrong HITs: the configuration of one of the two hosts is probably wrong. */
static int strange(const struct hp_rx *rx, enum hp_hip_strange what, int reason)
{
	static const char *const texts[HP_STRANGERS] = {
		"asks for a HIT which is none of ours: the peer has a wrong HIT for this "
		"machine, or the key here has changed",
		"comes with our own HIT: both ends have the same key",
	};
	const struct hp_addr *hit = what == HP_STRANGE_WRONG_HIT ? &rx->m->dst_hit
								  : &rx->m->src_hit;
	struct hp_hip *hip = rx->hip;
	struct hp_hip_stranger *last = &hip->strangers[what];
	uint64_t now = hp_hip_now(hip);
	char text[2][HP_ADDR_STRLEN];
	bool again;

	if (rx->m->type != HP_HIP_I1)
		return reason;
	again = last->last_ms && now - last->last_ms < STRANGER_MS &&
		hp_addr_eq(&last->addr, &rx->path->dst) && hp_addr_eq(&last->hit, hit);
	*last = (struct hp_hip_stranger){rx->path->dst, *hit, now};
	if (again)
		return reason;
	hp_log_limited(&hip->stranger_rate, HP_LOG_HIP, HP_LOG_NOTICE, "I1 from %s %s (%s)",
		       hp_addr_format(&rx->path->dst, text[0]), texts[what],
		       hp_addr_format(hit, text[1]));
	return reason;
}

/* Which of our identities and which association is this for?  0 or a reason. */
static int address_message(struct hp_rx *rx)
{
	const struct hp_hip_msg *m = rx->m;
	bool to_any = hp_addr_is_zero(&m->dst_hit);

	if (!hp_addr_is_hit(&m->src_hit))
		return HP_HIPD_PEER_HIT;
	if (hp_identity_find(rx->hip, &m->src_hit))
		return strange(rx, HP_STRANGE_OWN_HIT, HP_HIPD_OWN_HIT);
	if (to_any && m->type != HP_HIP_I1 && m->type != HP_HIP_NOTIFY)
		return HP_HIPD_NOT_OUR_HIT;
	if (!to_any) {
		rx->id = hp_identity_find(rx->hip, &m->dst_hit);
		if (!rx->id)
			return strange(rx, HP_STRANGE_WRONG_HIT, HP_HIPD_NOT_OUR_HIT);
		rx->a = hp_hip_find(rx->hip, &m->dst_hit, &m->src_hit);
	}
	/* The answer to an opportunistic I1: its association is known by address only. */
	if (m->type == HP_HIP_R1 && (!rx->a || rx->a->state != HP_I1_SENT)) {
		struct hp_assoc *a =
			hp_assoc_by_addr(rx->hip, &m->dst_hit, &rx->path->dst);

		rx->a = a ? a : rx->a;
	}
	return 0;
}

/* Sections 6.7.2 and 6.8.1: malformed I1 and R1 are not answered; nor is NOTIFY.  An I2 anybody can
 * have sent in the Initiator's name: nothing is signed for it. */
static bool may_tell(uint8_t type)
{
	return type != HP_HIP_I1 && type != HP_HIP_R1 && type != HP_HIP_I2 &&
	       type != HP_HIP_NOTIFY;
}

/* Section 5.2.1: refused, and the peer told, if it is one we talk to. */
static int refuse_critical(struct hp_rx *rx)
{
	uint8_t type[2];

	if (!address_message(rx) && rx->a && may_tell(rx->m->type)) {
		hp_put16(type, rx->m->params.bad_type);
		hp_notify_send(rx->hip, rx->id, &rx->m->src_hit, rx->path,
			       HP_NOTIFY_UNSUPPORTED_CRITICAL_PARAMETER, type, 2);
	}
	return HP_HIPD_CRITICAL;
}

/* Section 5.4.1.  Of another version no more is known than where its number stands: the checksum
 * may be elsewhere. */
static int refuse_version(const struct hp_rx *rx, const uint8_t *msg, size_t len)
{
	struct hp_hip *hip = rx->hip;

	if (hip->ops.problem && hp_tokens_take(&hip->problem_rate, hp_hip_now(hip), 1))
		hip->ops.problem(hip->ops.ctx, rx->path, msg, len, HP_HIP_OFF_VERSION);
	return HP_HIPD_VERSION;
}

static int input(struct hp_rx *rx, struct hp_hip_msg *m, const uint8_t *msg, size_t len)
{
	const struct hp_path *path = rx->path;
	int err;

	if (len > HP_HIP_MAX)
		return HP_HIPD_SIZE;
	err = hp_hip_parse(msg, len, m);
	if (err == -EPROTONOSUPPORT)
		return refuse_version(rx, msg, len);
	if (err == -EBADMSG)
		return HP_HIPD_MALFORMED;
	if (!hp_hip_checksum_ok(msg, m->len, &path->dst, &path->src, path->dport != 0))
		return HP_HIPD_CHECKSUM;
	if (err == -EOPNOTSUPP)
		return refuse_critical(rx);
	err = address_message(rx);
	if (err)
		return err;
	if (m->type == HP_HIP_R1 && !rx->a && hp_ask_input(rx))
		return 0;
	return hp_state_input(rx->a ? rx->a->state : HP_UNASSOCIATED, m->type, rx);
}

int hp_hip_input(struct hp_hip *hip, const struct hp_path *path, const uint8_t *msg,
		 size_t len)
{
	struct hp_hip_msg m = {.type = 0};
	struct hp_rx rx = {.hip = hip, .path = path, .m = &m};
	int reason;

	hp_count(&hip->counters, HP_HIPC_IN);
	reason = input(&rx, &m, msg, len);
	hp_hip_drop(hip, reason, m.type, &m.src_hit, path);
	return -reason;
}
