/* SPDX-License-Identifier: MIT
 *
 * NOTIFY, as we send it.
 */
#ifndef HP_HIP_TELL_H
#define HP_HIP_TELL_H

#include "hip/engine.h"

struct hp_identity;

/* Signed in a job, with HOST_ID, rate-limited.  data may be NULL; id NULL: nothing is sent. */
void hp_notify_send(struct hp_hip *hip, struct hp_identity *id,
		    const struct hp_addr *peer, const struct hp_path *path, uint16_t type,
		    const void *data, size_t len);

#endif
