/* SPDX-License-Identifier: MIT
 *
 * The puzzle, and the base exchange message by message: P-256, group 7, K 0, jobs run at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/exchange/world.h"
#include "crypto/hash.h"
#include "micro.h"

/* ---- puzzle: always the same one, so that its cost is always the same */

#define K      10
#define SOLVES 4

struct puzzle {
	uint8_t i[32], hit[32], j[SOLVES][32];
	bool solving;
	int err;
};

static void fill(uint8_t *p, size_t len, uint8_t seed)
{
	while (len--)
		*p++ = (uint8_t)(seed = (uint8_t)(seed * 5 + 77));
}

static void puzzle_prepare(void *ctx)
{
	struct puzzle *p = ctx;

	for (int n = 0; n < SOLVES; n++)
		fill(p->j[n], 32, (uint8_t)(3 + n));
}

static void puzzle_work(void *ctx)
{
	struct puzzle *p = ctx;

	for (int n = 0; n < SOLVES; n++)
		p->err |= hp_puzzle_solve(HP_RHASH_SHA256, K, p->i, p->hit, p->hit + 16, p->j[n],
					  0);
}

static bool puzzle_right(void *ctx)
{
	struct puzzle *p = ctx;
	bool good = !p->err;

	for (int n = 0; n < SOLVES; n++)
		good = good &&
		       hp_puzzle_check(HP_RHASH_SHA256, K, p->i, p->hit, p->hit + 16, p->j[n]);
	return good;
}

static void *puzzle_start(const struct bench_item *it)
{
	struct puzzle *p = calloc(1, sizeof(*p));

	(void)it;
	fill(p->i, 32, 1);
	fill(p->hit, 32, 2);
	puzzle_prepare(p);
	puzzle_work(p);
	return p;
}

#define VERIFIES 64

static void verify_work(void *ctx)
{
	struct puzzle *p = ctx;

	for (int n = 0; n < VERIFIES; n++)
		p->err |= !hp_puzzle_check(HP_RHASH_SHA256, K, p->i, p->hit, p->hit + 16,
					   p->j[n % SOLVES]);
}

static bool verify_right(void *ctx)
{
	return !((struct puzzle *)ctx)->err;
}

static void puzzle_end(void *ctx)
{
	free(ctx);
}

/* ---- exchange */

/* Which call is timed. */
enum phase { CONNECT, I1, R1, I2, R2, MAKE_R1, WHOLE };

struct exchange {
	struct world w;
	enum phase phase;
};

static void *exchange_start(const struct bench_item *it)
{
	struct exchange *e = calloc(1, sizeof(*e));

	e->phase = (enum phase)it->a;
	world_init(&e->w);
	for (int i = 0; i < 2; i++) {
		e->w.s[i].cfg.r1_per_s = 0;
		e->w.s[i].cfg.puzzle_k = 0;
	}
	world_start(&e->w);
	return e;
}

static void exchange_end(void *ctx)
{
	struct exchange *e = ctx;

	world_fini(&e->w);
	world_keys_free();
	free(e);
}

static void connect_to(struct world *w)
{
	hp_hip_connect(w->s[0].hip, NULL, &w->s[1].hit, &w->s[1].addr, 1);
}

/* The message that is first on the way arrives. */
static void deliver(struct world *w)
{
	struct packet *p = w->queue[0];
	struct hp_path path = { .src = p->dst, .dst = p->src };

	w->n_queue--;
	memmove(&w->queue[0], &w->queue[1], w->n_queue * sizeof(w->queue[0]));
	hp_hip_input(w->s[p->to].hip, &path, p->msg, p->len);
	free(p);
}

/* Both ends forget, their R1s too. */
static void forget(struct world *w)
{
	while (w->n_queue)
		free(w->queue[--w->n_queue]);
	for (int i = 0; i < 2; i++) {
		hp_hip_identity_remove(w->s[i].hip, &w->s[i].hit);
		hp_hip_identity_add(w->s[i].hip, w->s[i].key, 0, "");
	}
}

/* Up to the call that is timed. */
static void exchange_prepare(void *ctx)
{
	struct exchange *e = ctx;
	struct world *w = &e->w;

	forget(w);
	if (e->phase == MAKE_R1 || e->phase == WHOLE || e->phase == CONNECT)
		return;
	connect_to(w);
	for (int i = I1; i < (int)e->phase && w->n_queue; i++)
		deliver(w);
	if (!w->n_queue)
		abort();
}

static void exchange_work(void *ctx)
{
	struct exchange *e = ctx;
	struct world *w = &e->w;

	switch (e->phase) {
	case MAKE_R1:
		hp_hip_reconfigure(w->s[1].hip, &w->s[1].cfg);
		break;
	case CONNECT:
		connect_to(w);
		break;
	case WHOLE:
		connect_to(w);
		while (w->n_queue)
			deliver(w);
		break;
	default:
		deliver(w);
	}
}

/* The call sent the next message, or what it was for is there. */
static bool exchange_right(void *ctx)
{
	static const uint8_t next[] = { [CONNECT] = HP_HIP_I1, [I1] = HP_HIP_R1,
					[R1] = HP_HIP_I2, [I2] = HP_HIP_R2 };
	struct exchange *e = ctx;
	struct world *w = &e->w;

	if (e->phase == MAKE_R1)
		return hp_hip_ready(w->s[1].hip);
	if (e->phase == R2 || e->phase == WHOLE)
		return world_up(w) && world_data(w);
	return w->n_queue == 1 && w->queue[0]->msg[HP_HIP_OFF_TYPE] == next[e->phase];
}

static const struct bench_kind kind_solve = { puzzle_start, puzzle_prepare, puzzle_work,
					      puzzle_right, puzzle_end };
static const struct bench_kind kind_verify = { puzzle_start, NULL, verify_work, verify_right,
					       puzzle_end };
static const struct bench_kind kind_exchange = { exchange_start, exchange_prepare, exchange_work,
						 exchange_right, exchange_end };

static const struct bench_item items[] = {
	{ .name = "puzzle solve K 10", .ops = SOLVES, .kind = &kind_solve },
	{ .name = "puzzle verify K 10", .ops = VERIFIES, .kind = &kind_verify },
	{ .name = "exchange make I1", .ops = 1, .a = CONNECT, .kind = &kind_exchange },
	{ .name = "exchange make and sign R1", .ops = 1, .a = MAKE_R1, .kind = &kind_exchange },
	{ .name = "exchange I1 to precomputed R1", .ops = 1, .a = I1, .kind = &kind_exchange },
	{ .name = "exchange R1 to I2", .ops = 1, .a = R1, .kind = &kind_exchange },
	{ .name = "exchange I2 to R2", .ops = 1, .a = I2, .kind = &kind_exchange },
	{ .name = "exchange R2 to up", .ops = 1, .a = R2, .kind = &kind_exchange },
	{ .name = "exchange whole, both sides", .ops = 1, .a = WHOLE, .kind = &kind_exchange },
};

void bench_exchange_items(bench_add_fn add)
{
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		add(&items[i]);
}
