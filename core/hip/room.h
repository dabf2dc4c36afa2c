/* SPDX-License-Identifier: MIT
 *
 * Room for associations: the limit, places for configured peers, and who gives way.
 */
#ifndef HP_HIP_ROOM_H
#define HP_HIP_ROOM_H

#include "hip/engine.h"

struct hp_identity;

/* A new association if there is room, or another one gives way for it; peer may be zero.  NULL,
 * errno set. */
struct hp_assoc *hp_room_new_assoc(struct hp_hip *hip, struct hp_identity *id,
				   const struct hp_addr *peer);
void hp_room_forget(struct hp_hip *hip); /* no peer is configured any more */
void hp_room_second(struct hp_hip *hip); /* called once a second */
/* The lowest difficulty of puzzles while the table is as full as it is. */
uint8_t hp_room_puzzle_k(const struct hp_hip *hip);

#endif
