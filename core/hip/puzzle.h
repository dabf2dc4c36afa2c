/* SPDX-License-Identifier: MIT
 *
 * The Responder's puzzle: its I, solutions accepted before, its difficulty.
 */
#ifndef HP_HIP_PUZZLE_H
#define HP_HIP_PUZZLE_H

#include "hip/engine.h"
#include "hip/offer.h"
#include "hip/secrets.h"

/* I for this R1 and these two hosts; octets of alg.  0 or -errno. */
int hp_puzzle_i(const struct hp_r1 *r1, enum hp_rhash alg, const struct hp_addr *hit_i,
		const struct hp_addr *hit_r, const struct hp_path *path,
		bool opportunistic, uint8_t *i);
bool hp_used_find(struct hp_hip *hip, const struct hp_solution *s,
		  const struct hp_addr *hit_i);
/* 0 or a reason. */
int hp_used_add(struct hp_hip *hip, struct hp_r1 *r1, const struct hp_secrets *s,
		const struct hp_addr *hit_i);
void hp_used_free(struct hp_hip *hip, struct hp_r1 *r1);
/* Called once a second: adapts the difficulty to the load.  It is at least `least`. */
void hp_puzzle_second(struct hp_hip *hip, uint8_t least);
uint8_t hp_puzzle_lifetime(const struct hp_hip *hip); /* the field of PUZZLE */
uint64_t hp_puzzle_lifetime_ms(const struct hp_hip *hip);

#endif
