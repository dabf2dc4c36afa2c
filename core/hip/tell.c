/* SPDX-License-Identifier: MIT
 *
 * Sends NOTIFY (RFC 7401, section 5.3.6).  It carries HOST_ID, so that a peer that does not know
 * our key yet can check it.
 */
#include "hip/tell.h"

#include "hip/identity.h"
#include "hip/sign.h"
#include "wire/hip.h"

void hp_notify_send(struct hp_hip *hip, struct hp_identity *id,
		    const struct hp_addr *peer, const struct hp_path *path, uint16_t type,
		    const void *data, size_t len)
{
	struct hp_notification n = {type, data, len};
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_builder b;

	if (!id || !hp_tokens_take(&hip->notify_rate, hp_hip_now(hip), 1))
		return;
	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_NOTIFY, 0, &id->hit, peer);
	hp_hip_param(&b, HP_PARAM_HOST_ID, id->host_id + 4, hp_get16(id->host_id + 2));
	hp_hip_add_notification(&b, &n);
	if (!hp_sign_start(hip, NULL, id, &b, path, false, NULL))
		hp_count(&hip->counters, HP_HIPC_NOTIFY_OUT);
}
