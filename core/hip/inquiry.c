/* SPDX-License-Identifier: MIT
 *
 * Which HIT an address has: the question and the answer (see inquiry.h).
 */
#include "hip/inquiry.h"

#include <errno.h>

#include "hip/auth.h"
#include "hip/hip.h"
#include "wire/hip.h"

int hp_inquiry_build(uint8_t buf[HP_INQUIRY_MAX], const struct hp_addr *local_hit,
		     const struct hp_addr *peer_hit)
{
	static const struct hp_addr any;
	struct hp_hip_config cfg;
	struct hp_hip_builder b;

	hp_hip_config_init(&cfg);
	hp_hip_begin(&b, buf, HP_INQUIRY_MAX, HP_HIP_I1, 0, local_hit,
		     peer_hit ? peer_hit : &any);
	hp_hip_add_u8list(&b, HP_PARAM_DH_GROUP_LIST, cfg.dh_groups, cfg.n_dh_groups);
	return hp_hip_finish(&b);
}

static int authentic(const struct hp_hip_msg *m)
{
	struct hp_key *key = NULL;
	struct hp_host_id h;
	int reason = hp_auth_host_id(hp_hip_param_find(m, HP_PARAM_HOST_ID, 0), &m->src_hit,
				     &key, &h);

	if (!reason)
		reason = m->type == HP_HIP_R1 ? hp_auth_signature2(m, key)
					      : hp_auth_signature(m, key);
	hp_key_unref(key);
	return reason ? -EBADMSG : 0;
}

static int read_notify(const struct hp_hip_msg *m, struct hp_inquiry_answer *out)
{
	struct hp_notification n;

	if (hp_hip_read_notification(hp_hip_param_find(m, HP_PARAM_NOTIFICATION, 0), &n))
		return -EBADMSG;
	out->notify = n.type;
	return 0;
}

int hp_inquiry_read(const uint8_t *msg, size_t len, const struct hp_path *path,
		    const struct hp_addr *local_hit, struct hp_inquiry_answer *out)
{
	struct hp_hip_msg m;
	int err;

	*out = (struct hp_inquiry_answer){.notify = 0};
	if (len > HP_HIP_MAX || hp_hip_parse(msg, len, &m) ||
	    !hp_hip_checksum_ok(msg, m.len, &path->dst, &path->src, path->dport != 0))
		return -EBADMSG;
	if ((m.type != HP_HIP_R1 && m.type != HP_HIP_NOTIFY) ||
	    !hp_addr_eq(&m.dst_hit, local_hit))
		return -ENOMSG;
	out->hit = m.src_hit;
	err = m.type == HP_HIP_NOTIFY ? read_notify(&m, out) : 0;
	return err ? err : authentic(&m);
}
