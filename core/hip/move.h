/* SPDX-License-Identifier: MIT
 *
 * An association moves to another path of the peer: to an announced address, or to where its
 * packets come from.  The peer is asked there first (RFC 8046, section 5.4).
 */
#ifndef HP_HIP_MOVE_H
#define HP_HIP_MOVE_H

#include "hip/assoc.h"

/* Uses a better announced address, or asks there, if no other UPDATE is under way. */
void hp_move_to_announced(struct hp_assoc *a);
/* Starts the exchange again, at path: the exchange itself shows who answers there. */
void hp_move_begin_at(struct hp_assoc *a, const struct hp_path *path);

#endif
