/* SPDX-License-Identifier: MIT
 *
 * UPDATEs of ours that need an acknowledgement; one at a time is under way.
 */
#ifndef HP_HIP_UPDATESEND_H
#define HP_HIP_UPDATESEND_H

#include "hip/assoc.h"
#include "wire/hip.h"

/* Is one out, or is it being signed? */
bool hp_update_is_out(const struct hp_assoc *a);
bool hp_update_under_way(const struct hp_assoc *a);
/* Takes the next id, for a message about to be signed.  The one before is given up. */
uint32_t hp_update_claim(struct hp_assoc *a);
/* It is signed: sends and repeats it. */
void hp_update_transmit(struct hp_assoc *a, const struct hp_path *path,
			const uint8_t *msg, size_t len);
/* Asks for an acknowledgement only. */
void hp_update_probe(struct hp_assoc *a);
/* Asks whether the peer is at addr, which it has announced; acknowledges its UPDATE m besides
 * (NULL: none).  0 or a reason. */
int hp_update_verify(struct hp_assoc *a, const struct hp_addr *addr, const struct hp_hip_msg *m);
/* Asks the peer to answer from path.  0 or a reason. */
int hp_update_check(struct hp_assoc *a, const struct hp_path *path);
/* The signed echo response that m asks for, if it does; m may be NULL. */
void hp_update_add_echo(struct hp_hip_builder *b, const struct hp_hip_msg *m);

#endif
