/* SPDX-License-Identifier: MIT
 *
 * The Responder's side of the puzzle (RFC 7401, section 4.1.1 and appendix A).
 *
 * I is a keyed hash of both HITs, both addresses and the R1's name, so nothing is stored
 * until a right solution comes back.  The difficulty K rises while more arrives than can be
 * served and as the table fills, and falls afterwards.  A solution is accepted once: with the
 * same R1 it would give the same keys again.
 */
#include "hip/puzzle.h"

#include <stdlib.h>
#include <string.h>

struct hp_used { /* an accepted solution */
	struct hp_hnode node;
	struct hp_list solved; /* in the R1's list: it ends with the R1 */
	uint8_t digest[16];
};

int hp_puzzle_i(const struct hp_r1 *r1, enum hp_rhash alg, const struct hp_addr *hit_i,
		const struct hp_addr *hit_r, const struct hp_path *path,
		bool opportunistic, uint8_t *i)
{
	uint8_t opp = opportunistic;
	struct hp_seg segs[] = {
		{hit_i->b, 16},	   {hit_r->b, 16},   {path->src.b, 16}, {path->dst.b, 16},
		{&path->dport, 2}, {&r1->opaque, 2}, {&opp, 1},
	};

	return hp_hmac(alg, r1->secret, sizeof(r1->secret), segs, 7, i);
}

/* ---- solutions accepted before */

static int digest(const uint8_t *i, const uint8_t *j, size_t len,
		  const struct hp_addr *hit_i, uint8_t *out16)
{
	struct hp_seg segs[] = {{i, len}, {j, len}, {hit_i->b, 16}};
	uint8_t full[HP_RHASH_MAX];

	if (hp_digest(HP_RHASH_SHA256, segs, 3, full))
		return -1;
	memcpy(out16, full, 16);
	return 0;
}

static bool used_eq(const struct hp_hnode *n, const void *key)
{
	return !memcmp(HP_CONTAINER(n, struct hp_used, node)->digest, key, 16);
}

bool hp_used_find(struct hp_hip *hip, const struct hp_solution *s,
		  const struct hp_addr *hit_i)
{
	uint8_t d[16];

	if (digest(s->i, s->j, s->rhash_len, hit_i, d))
		return true;
	return hp_htab_find(&hip->used, hp_hash(&hip->key, d, 16), used_eq, d);
}

int hp_used_add(struct hp_hip *hip, struct hp_r1 *r1, const struct hp_secrets *s,
		const struct hp_addr *hit_i)
{
	struct hp_used *u = calloc(1, sizeof(*u));

	if (!u || digest(s->i, s->j, hp_rhash_len(s->rhash), hit_i, u->digest)) {
		free(u);
		return HP_HIPD_MEMORY;
	}
	if (hp_htab_add(&hip->used, &u->node, hp_hash(&hip->key, u->digest, 16))) {
		free(u);
		return HP_HIPD_LIMIT;
	}
	hp_list_add_tail(&r1->solved, &u->solved);
	return 0;
}

void hp_used_free(struct hp_hip *hip, struct hp_r1 *r1)
{
	struct hp_list *n;

	while ((n = hp_list_pop(&r1->solved))) {
		struct hp_used *u = HP_CONTAINER(n, struct hp_used, solved);

		hp_htab_del(&hip->used, &u->node);
		free(u);
	}
}

/* ---- difficulty */

uint8_t hp_puzzle_lifetime(const struct hp_hip *hip)
{
	uint8_t v = 32;

	/* Section 5.2.4: 2^(v - 32) seconds. */
	while (v < 52 && (1u << (v - 32)) < hip->cfg.puzzle_lifetime_s)
		v++;
	return v;
}

uint64_t hp_puzzle_lifetime_ms(const struct hp_hip *hip)
{
	return 1000ull << (hp_puzzle_lifetime(hip) - 32);
}

void hp_puzzle_second(struct hp_hip *hip, uint8_t least)
{
	uint32_t limit = hip->cfg.load_per_s;
	bool high =
		hip->full_count || hip->i2_count > limit || hip->i1_count / 16 > limit;
	bool low = !hip->full_count && hip->i2_count <= limit / 2 &&
		   hip->i1_count / 16 <= limit / 2;

	if ((high && hip->k_now < hip->cfg.puzzle_k_max) || hip->k_now < least)
		hip->k_now++;
	else if (low && hip->k_now > least)
		hip->k_now--;
	hip->i1_count = hip->i2_count = hip->full_count = 0;
}
