/* SPDX-License-Identifier: MIT
 *
 * Messages that only lack MAC and signature are finished in a job, and sent.
 */
#ifndef HP_HIP_SIGN_H
#define HP_HIP_SIGN_H

#include "hip/engine.h"
#include "wire/hip.h"

struct hp_identity;

typedef void (*hp_signed_fn)(struct hp_hip *hip, struct hp_assoc *a, uint8_t *msg,
			     size_t len, const struct hp_path *path);
/* Ends the message in b (which is copied) in a job, with a's MAC if mac, and gives it to then on
 * the loop; a NULL then sends it.  0 or a reason. */
int hp_sign_start(struct hp_hip *hip, struct hp_assoc *a, struct hp_identity *id,
		  const struct hp_hip_builder *b, const struct hp_path *path, bool mac,
		  hp_signed_fn then);
/* The same for the answer to message `to`: with MAC, and with the unsigned echo responses. */
int hp_sign_answer(struct hp_assoc *a, const struct hp_hip_builder *b,
		   const struct hp_path *path, const struct hp_hip_msg *to, hp_signed_fn then);

#endif
