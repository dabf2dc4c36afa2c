/* SPDX-License-Identifier: MIT
 *
 * The way out of every HIP message.
 */
#ifndef HP_HIP_SEND_H
#define HP_HIP_SEND_H

#include "hip/engine.h"

/* Fills in the checksum and sends.  0, or -errno: there is no source address towards
 * path->dst. */
int hp_hip_send(struct hp_hip *hip, const struct hp_path *path, uint8_t *msg, size_t len);

#endif
