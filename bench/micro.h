/* SPDX-License-Identifier: MIT
 *
 * A micro-benchmark: one small thing done many times, and looked at whether it was done right.
 *
 * A round has a part that is not timed (packets are made anew), a part that is, and a look at
 * the result.  Items are rows of tables, one table a subject.
 */
#ifndef HP_BENCH_MICRO_H
#define HP_BENCH_MICRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_item {
	char name[80];
	size_t bytes; /* payload octets of one operation; 0: none to speak of */
	unsigned ops; /* operations in one round */
	int a, b, c;  /* the subject's own */
	const struct bench_kind *kind;
};

struct bench_kind {
	/* What the item needs; NULL and errno ENOTSUP: not on this machine. */
	void *(*start)(const struct bench_item *item);
	void (*prepare)(void *ctx); /* before each round; may be NULL */
	void (*work)(void *ctx);    /* timed */
	bool (*right)(void *ctx);   /* after each round: was the work done? */
	void (*end)(void *ctx);
};

/* Each calls add for its items, in a fixed order. */
typedef void (*bench_add_fn)(const struct bench_item *item);
void bench_esp_items(bench_add_fn add);
void bench_packet_items(bench_add_fn add);
void bench_exchange_items(bench_add_fn add);
void bench_pipeline_items(bench_add_fn add);

/* What a compiler must not leave out. */
extern volatile uint64_t bench_sink;
/* 64 KB of octets that are no pattern. */
const uint8_t *bench_text(void);

#endif
