/* SPDX-License-Identifier: MIT
 *
 * UPDATE ids.
 */
#include "hip/seq.h"

void hp_seq_reset(struct hp_seq *s)
{
	s->next = 0;
	s->n_recent = 0;
}

uint32_t hp_seq_claim(struct hp_seq *s)
{
	s->signing = true;
	s->out_id = s->next++;
	return s->out_id;
}

void hp_seq_record(struct hp_seq *s, uint32_t id)
{
	s->peer_id = id;
	s->recent[s->n_recent++ % HP_OTHERS_MAX] = id;
}

bool hp_seq_seen(const struct hp_seq *s, uint32_t id)
{
	for (unsigned i = 0; i < s->n_recent && i < HP_OTHERS_MAX; i++)
		if (s->recent[i] == id)
			return true;
	return false;
}

/* Circular comparison.  Peers begin at 0 or at 1. */
bool hp_seq_too_old(const struct hp_seq *s, uint32_t id)
{
	return s->n_recent && (int32_t)(id - s->peer_id) <= 0;
}
