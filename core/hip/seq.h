/* SPDX-License-Identifier: MIT
 *
 * Part of an association: the ids of UPDATE, ours and the peer's (RFC 7401, sections 5.2.16 and
 * 6.12).
 */
#ifndef HP_HIP_SEQ_H
#define HP_HIP_SEQ_H

#include "hip/engine.h"

#define HP_OTHERS_MAX 8 /* UPDATE ids of the peer remembered */

struct hp_seq {
	uint32_t next;	 /* of our next UPDATE */
	uint32_t out_id; /* of our last one, signed or being signed */
	bool signing;	 /* a job signs it */
	uint32_t peer_id; /* highest seen; means nothing while n_recent is 0 */
	uint32_t recent[HP_OTHERS_MAX];
	unsigned n_recent;
};

void hp_seq_reset(struct hp_seq *s);
/* The id of our next UPDATE, which is about to be signed. */
uint32_t hp_seq_claim(struct hp_seq *s);
/* The peer's UPDATE with this id has been processed. */
void hp_seq_record(struct hp_seq *s, uint32_t id);
bool hp_seq_seen(const struct hp_seq *s, uint32_t id);
bool hp_seq_too_old(const struct hp_seq *s, uint32_t id);

#endif
