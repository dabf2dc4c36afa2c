/* SPDX-License-Identifier: MIT
 *
 * SipHash (Aumasson and Bernstein, 2012) and the hash table.
 */
#include "util/hash.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64
#define MOVE_STEP   4 /* old buckets emptied for each node added */

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_rounds(struct sip *s, int n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 = rotl(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v2 = rotl(s->v2, 32);
	}
}

static inline uint64_t le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* What is left at the end. */
static inline uint64_t le64_less(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static inline uint64_t siphash(const struct hp_hash_key *key, const uint8_t *p, size_t len,
			       int rounds, int last_rounds)
{
	struct sip s = { key->k[0] ^ 0x736f6d6570736575, key->k[1] ^ 0x646f72616e646f6d,
			 key->k[0] ^ 0x6c7967656e657261, key->k[1] ^ 0x7465646279746573 };
	uint64_t m, tail = (uint64_t)len << 56;

	for (; len >= 8; p += 8, len -= 8) {
		m = le64(p);
		s.v3 ^= m;
		sip_rounds(&s, rounds);
		s.v0 ^= m;
	}
	m = tail | le64_less(p, len);
	s.v3 ^= m;
	sip_rounds(&s, rounds);
	s.v0 ^= m;
	s.v2 ^= 0xff;
	sip_rounds(&s, last_rounds);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t hp_siphash13(const struct hp_hash_key *key, const void *data, size_t len)
{
	return siphash(key, data, len, 1, 3);
}

uint64_t hp_siphash24(const struct hp_hash_key *key, const void *data, size_t len)
{
	return siphash(key, data, len, 2, 4);
}

int hp_htab_init(struct hp_htab *t, size_t limit)
{
	*t = (struct hp_htab){ .mask = SLOTS_FIRST - 1, .limit = limit };
	t->slots = calloc(SLOTS_FIRST, sizeof(*t->slots));
	return t->slots ? 0 : -ENOMEM;
}

void hp_htab_fini(struct hp_htab *t)
{
	free(t->slots);
	free(t->old);
	*t = (struct hp_htab){ 0 };
}

/* Empties some of the old buckets into the new ones. */
static void move_some(struct hp_htab *t, size_t buckets)
{
	while (t->old && buckets--) {
		struct hp_hnode *n = t->old[t->old_at], *next;

		for (; n; n = next) {
			struct hp_hnode **to = &t->slots[n->hash & t->mask];

			next = n->next;
			n->next = *to;
			*to = n;
		}
		t->old[t->old_at] = NULL;
		if (t->old_at++ < t->old_mask)
			continue;
		free(t->old);
		t->old = NULL;
	}
}

/* Twice the buckets.  Without memory the table works on with longer chains. */
static void grow(struct hp_htab *t)
{
	size_t n = (t->mask + 1) * 2;
	struct hp_hnode **slots = calloc(n, sizeof(*slots));

	if (!slots)
		return;
	t->old = t->slots;
	t->old_mask = t->mask;
	t->old_at = 0;
	t->slots = slots;
	t->mask = n - 1;
}

int hp_htab_add(struct hp_htab *t, struct hp_hnode *n, uint64_t hash)
{
	struct hp_hnode **chain;

	if (t->limit && t->count >= t->limit)
		return -ENOBUFS;
	if (t->old)
		move_some(t, MOVE_STEP);
	else if (t->count > t->mask)
		grow(t);
	chain = hp_htab_chain(t, hash);
	n->hash = hash;
	n->next = *chain;
	*chain = n;
	t->count++;
	return 0;
}

void hp_htab_del(struct hp_htab *t, struct hp_hnode *n)
{
	struct hp_hnode **at = hp_htab_chain(t, n->hash);

	while (*at && *at != n)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = n->next;
	n->next = NULL;
	t->count--;
}

int hp_htab_each(struct hp_htab *t, int (*fn)(struct hp_hnode *n, void *arg), void *arg)
{
	move_some(t, SIZE_MAX);
	for (size_t i = 0; i <= t->mask && t->slots; i++) {
		struct hp_hnode *n = t->slots[i], *next;

		for (; n; n = next) {
			int ret;

			next = n->next;
			ret = fn(n, arg);
			if (ret)
				return ret;
		}
	}
	return 0;
}
