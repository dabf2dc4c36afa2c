/* SPDX-License-Identifier: MIT
 *
 * Keyed hash (SipHash) and an intrusive hash table that grows a few buckets at a time.
 *
 * Whoever chooses a key that a stranger can influence (addresses, ports, SPIs) hashes it with
 * a random key, so that nobody can aim at one bucket.  Nodes with equal hashes share a chain;
 * the caller compares the real keys.
 */
#ifndef HP_UTIL_HASH_H
#define HP_UTIL_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hp_hash_key {
	uint64_t k[2];
};

/* SipHash-1-3 for tables, SipHash-2-4 for anything that leaves the program. */
uint64_t hp_siphash13(const struct hp_hash_key *key, const void *data, size_t len);
uint64_t hp_siphash24(const struct hp_hash_key *key, const void *data, size_t len);
static inline uint64_t hp_hash(const struct hp_hash_key *key, const void *data, size_t len)
{
	return hp_siphash13(key, data, len);
}

/* SipHash-1-3 of n words of eight octets, which is hp_siphash13 of those octets on a
 * little-endian machine.  For short keys of a fixed size: with n a constant nothing is left
 * but the arithmetic. */
static inline uint64_t hp_hash_words(const struct hp_hash_key *key, const uint64_t *w, size_t n)
{
	uint64_t v0 = key->k[0] ^ 0x736f6d6570736575, v1 = key->k[1] ^ 0x646f72616e646f6d;
	uint64_t v2 = key->k[0] ^ 0x6c7967656e657261, v3 = key->k[1] ^ 0x7465646279746573;
	uint64_t m;

#define HP_SIP_ROUND                                     \
	do {                                             \
		v0 += v1;                                \
		v2 += v3;                                \
		v1 = (v1 << 13 | v1 >> 51) ^ v0;         \
		v3 = (v3 << 16 | v3 >> 48) ^ v2;         \
		v0 = (v0 << 32 | v0 >> 32) + v3;         \
		v2 += v1;                                \
		v1 = (v1 << 17 | v1 >> 47) ^ v2;         \
		v3 = (v3 << 21 | v3 >> 43) ^ v0;         \
		v2 = v2 << 32 | v2 >> 32;                \
	} while (0)

	for (size_t i = 0; i <= n; i++) {
		m = i < n ? w[i] : (uint64_t)(n * 8) << 56;
		v3 ^= m;
		HP_SIP_ROUND;
		v0 ^= m;
	}
	v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		HP_SIP_ROUND;
#undef HP_SIP_ROUND
	return v0 ^ v1 ^ v2 ^ v3;
}

struct hp_hnode {
	struct hp_hnode *next;
	uint64_t hash;
};

struct hp_htab {
	struct hp_hnode **slots, **old; /* old: being emptied into slots */
	size_t mask, old_mask, old_at;
	size_t count, limit;
};

/* limit: most nodes, 0 for none.  0, or -ENOMEM. */
int hp_htab_init(struct hp_htab *t, size_t limit);
/* Frees the buckets; nodes belong to their owners. */
void hp_htab_fini(struct hp_htab *t);
/* 0, or -ENOBUFS at the limit.  No check for a double. */
int hp_htab_add(struct hp_htab *t, struct hp_hnode *n, uint64_t hash);
/* n must be in t. */
void hp_htab_del(struct hp_htab *t, struct hp_hnode *n);
/* Calls fn for every node until it returns non-zero, and returns that.  fn may remove (and
 * free) the node it was given, no other, and must not add. */
int hp_htab_each(struct hp_htab *t, int (*fn)(struct hp_hnode *n, void *arg), void *arg);

/* The chain in which nodes of this hash are, or would be. */
static inline struct hp_hnode **hp_htab_chain(const struct hp_htab *t, uint64_t hash)
{
	if (t->old && (hash & t->old_mask) >= t->old_at)
		return &t->old[hash & t->old_mask];
	return &t->slots[hash & t->mask];
}

/* The first node with this hash for which eq says yes, or NULL. */
static inline struct hp_hnode *
hp_htab_find(const struct hp_htab *t, uint64_t hash,
	     bool (*eq)(const struct hp_hnode *n, const void *key), const void *key)
{
	struct hp_hnode *n;

	for (n = *hp_htab_chain(t, hash); n; n = n->next)
		if (n->hash == hash && eq(n, key))
			return n;
	return NULL;
}

#endif
