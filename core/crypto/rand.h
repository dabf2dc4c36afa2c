/* SPDX-License-Identifier: MIT
 *
 * Randomness, replaceable so that tests can repeat a run.
 */
#ifndef HP_CRYPTO_RAND_H
#define HP_CRYPTO_RAND_H

#include <stddef.h>
#include <stdint.h>

struct hp_rand {
	/* 0, or -errno: then buf must not be used. */
	int (*fill)(void *ctx, void *buf, size_t len);
	void *ctx;
};

/* The operating system's seeded generator, any thread. */
extern const struct hp_rand hp_rand_system;

static inline int hp_rand_fill(const struct hp_rand *r, void *buf, size_t len)
{
	return r->fill(r->ctx, buf, len);
}

#endif
