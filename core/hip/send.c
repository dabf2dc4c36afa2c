/* SPDX-License-Identifier: MIT
 *
 * Sends a HIP message by ops->send.
 */
#include "hip/send.h"

#include <errno.h>

#include "wire/hip.h"

int hp_hip_send(struct hp_hip *hip, const struct hp_path *path, uint8_t *msg, size_t len)
{
	struct hp_path p = *path;
	int err = 0;

	if (hp_addr_is_zero(&p.src))
		err = hip->ops.source ? hip->ops.source(hip->ops.ctx, &p.dst, &p.src) : -EINVAL;
	if (err) {
		hp_count(&hip->counters, HP_HIPD_SEND);
		return err;
	}
	/* RFC 5770, section 5.1: zero inside UDP. */
	hp_put16(msg + HP_HIP_OFF_CSUM, 0);
	if (!p.dport)
		hp_hip_checksum_set(msg, len, &p.src, &p.dst);
	hp_count(&hip->counters, HP_HIPC_OUT);
	hip->ops.send(hip->ops.ctx, &p, msg, len);
	return 0;
}
