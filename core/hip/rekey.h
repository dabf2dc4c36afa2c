/* SPDX-License-Identifier: MIT
 *
 * New ESP SAs by UPDATE.
 */
#ifndef HP_HIP_REKEY_H
#define HP_HIP_REKEY_H

#include "hip/assoc.h"
#include "wire/hip.h"

/* Begins.  0, -ENOTCONN, -EBUSY, -ENOMEM. */
int hp_rekey_start(struct hp_assoc *a);
/* ESP_INFO of the peer's verified UPDATE m, if it has one.  *held: the UPDATE is acknowledged
 * later, by ack.  0 or a reason. */
int hp_rekey_input(struct hp_assoc *a, const struct hp_hip_msg *m, uint32_t id,
		   const struct hp_path *path, hp_rekey_ack_fn ack, bool *held);
/* The peer has acknowledged our UPDATE. */
void hp_rekey_acked(struct hp_assoc *a, uint32_t update_id);
/* An acknowledgement of the peer's UPDATE has been sent. */
void hp_rekey_told(struct hp_assoc *a);
/* Switches to the new SAs if everything is there. */
void hp_rekey_go_on(struct hp_assoc *a);
/* Signs and sends our UPDATE once more.  ask: to an announced address that is to be verified. */
void hp_rekey_repeat(struct hp_assoc *a, bool ask);
/* Asks again for an answer that does not come.  silent: nothing comes from the peer. */
void hp_rekey_look(struct hp_assoc *a, uint64_t now, bool silent);

#endif
