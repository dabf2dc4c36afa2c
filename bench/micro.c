/* SPDX-License-Identifier: MIT
 *
 * How long do the small pieces take?  Prints nanoseconds for one operation, the median of
 * several repetitions, and octets a second where payload is handled.
 *
 *	micro [--filter TEXT] [--seconds S] [--json FILE]
 *	micro --list | --built | --once NAME N
 *
 * An item is wanted if its name has every word of TEXT in it; it is measured for S
 *seconds.
 * --once does N operations of the item NAME, or if there is none of those that have its
 *words, and times nothing: bench/instructions counts instructions in bench_timed
 *meanwhile.
 */
#include "micro.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include <hipproxy/log.h>

#define REPEATS	  9
#define ITEMS_MAX 512

volatile uint64_t bench_sink;

static struct bench_item items[ITEMS_MAX];
static size_t n_items;

struct result {
	bool done;
	double ns;
};

static void add(const struct bench_item *item)
{
	if (n_items == ITEMS_MAX)
		abort();
	items[n_items++] = *item;
}

const uint8_t *bench_text(void)
{
	static uint8_t text[65536];

	if (!text[1])
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = (uint8_t)(i * 2654435761u >> 13);
	return text;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Callgrind collects between entering and leaving this: not inlined, not merged. */
void bench_timed(void (*work)(void *ctx), void *ctx);
__attribute__((noinline)) void bench_timed(void (*work)(void *ctx), void *ctx)
{
	work(ctx);
	__asm__ volatile("" ::: "memory");
}

static void *start(const struct bench_item *it)
{
	void *ctx;

	errno = 0;
	ctx = it->kind->start(it);
	if (!ctx && errno != ENOTSUP) {
		fprintf(stderr, "micro: %s: %s\n", it->name, strerror(errno));
		exit(1);
	}
	return ctx;
}

static double round_ns(const struct bench_item *it, void *ctx)
{
	double at, ns;

	if (it->kind->prepare)
		it->kind->prepare(ctx);
	at = now_ns();
	bench_timed(it->kind->work, ctx);
	ns = now_ns() - at;
	if (!it->kind->right(ctx)) {
		fprintf(stderr, "micro: %s: wrong result\n", it->name);
		exit(1);
	}
	return ns;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Rounds until ns are over, preparations included; nanoseconds of one operation. */
static double repeat(const struct bench_item *it, void *ctx, double ns)
{
	double spent = 0, start = now_ns();
	uint64_t rounds = 0;

	do {
		spent += round_ns(it, ctx);
		rounds++;
	} while (now_ns() - start < ns);
	return spent / (double)(rounds * it->ops);
}

static struct result measure(const struct bench_item *it, double seconds)
{
	double each[REPEATS], ns = seconds * 1e9 / (REPEATS + 1);
	void *ctx = start(it);

	if (!ctx)
		return (struct result){.done = false};
	repeat(it, ctx, ns);
	for (int i = 0; i < REPEATS; i++)
		each[i] = repeat(it, ctx, ns);
	it->kind->end(ctx);
	qsort(each, REPEATS, sizeof(each[0]), by_value);
	return (struct result){.done = true, .ns = each[REPEATS / 2]};
}

/* One round that nobody counts, then n operations, counted by callgrind.  Dumped after
 * this. */
void bench_once(const struct bench_item *it, unsigned long n);
__attribute__((noinline)) void bench_once(const struct bench_item *it, unsigned long n)
{
	unsigned long rounds = (n + it->ops - 1) / it->ops;
	void *ctx = start(it);

	if (ctx) {
		if (it->kind->prepare)
			it->kind->prepare(ctx);
		it->kind->work(ctx);
		for (unsigned long i = 0; i < rounds; i++)
			round_ns(it, ctx);
		it->kind->end(ctx);
	}
	printf("%lu %zu %s\n", ctx ? rounds * it->ops : 0, it->bytes, it->name);
	fflush(stdout);
}

/* Are all words of the filter in the name? */
static bool wanted(const char *name, const char *filter)
{
	char words[256], *word, *rest = words;

	snprintf(words, sizeof(words), "%s", filter);
	while ((word = strsep(&rest, " ")))
		if (!strstr(name, word))
			return false;
	return true;
}

static void json_row(FILE *f, const struct bench_item *it, const struct result *r,
		     bool first)
{
	fprintf(f, "%s\n  {\"name\": \"%s\", ", first ? "" : ",", it->name);
	if (r->done)
		fprintf(f, "\"ns\": %.2f, ", r->ns);
	else
		fprintf(f, "\"ns\": null, \"skipped\": true, ");
	if (it->bytes)
		fprintf(f, "\"bytes\": %zu, ", it->bytes);
	else
		fprintf(f, "\"bytes\": null, ");
	fprintf(f, "\"instructions\": null}");
}

static void print_row(const struct bench_item *it, const struct result *r)
{
	if (!r->done)
		printf("%-52s %12s\n", it->name, "skipped");
	else if (it->bytes)
		printf("%-52s %12.1f ns %9.3f GB/s\n", it->name, r->ns,
		       (double)it->bytes / r->ns);
	else
		printf("%-52s %12.1f ns\n", it->name, r->ns);
	fflush(stdout);
}

static int run(const char *filter, double seconds, const char *json)
{
	FILE *f = json ? fopen(json, "w") : NULL;
	bool first = true;

	if (json && !f) {
		fprintf(stderr, "micro: %s: %s\n", json, strerror(errno));
		return 1;
	}
	if (f)
		fprintf(f, "{\"micro\": [");
	for (size_t i = 0; i < n_items; i++) {
		struct result r;

		if (!wanted(items[i].name, filter))
			continue;
		r = measure(&items[i], seconds);
		print_row(&items[i], &r);
		if (f)
			json_row(f, &items[i], &r, first);
		first = false;
	}
	if (f)
		fprintf(f, "\n]}\n");
	if (f && fclose(f)) {
		fprintf(stderr, "micro: %s: %s\n", json, strerror(errno));
		return 1;
	}
	if (first)
		fprintf(stderr, "micro: nothing has \"%s\" in its name\n", filter);
	return first;
}

static int once(const char *name, unsigned long n)
{
	bool exact = false, any = false;

	for (size_t i = 0; i < n_items; i++)
		exact = exact || !strcmp(name, items[i].name);
	for (size_t i = 0; i < n_items; i++)
		if (exact ? !strcmp(name, items[i].name) : wanted(items[i].name, name)) {
			bench_once(&items[i], n);
			any = true;
		}
	if (!any)
		fprintf(stderr, "micro: nothing has \"%s\" in its name\n", name);
	return !any;
}

static int list(void)
{
	for (size_t i = 0; i < n_items; i++)
		printf("%s\n", items[i].name);
	return 0;
}

/* What instruction counts depend on. */
static int built(void)
{
#ifdef __clang__
	static const char compiler[] = __VERSION__;
#else
	static const char compiler[] = "gcc " __VERSION__;
#endif

	printf("%s, %s\n", compiler, OpenSSL_version(OPENSSL_VERSION));
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: micro [--filter TEXT] [--seconds S] [--json FILE]\n"
			"       micro --list | --built | --once NAME N\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *filter = "", *json = NULL;
	double seconds = 0.2;
	char *end;

	hp_log_level_all(HP_LOG_ERROR);
	bench_esp_items(add);
	bench_packet_items(add);
	bench_exchange_items(add);
	bench_pipeline_items(add);
	if (argc == 4 && !strcmp(argv[1], "--once") && atol(argv[3]) > 0)
		return once(argv[2], (unsigned long)atol(argv[3]));
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	if (argc == 2 && !strcmp(argv[1], "--built"))
		return built();
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage();
		if (!strcmp(argv[i], "--filter")) {
			filter = argv[i + 1];
		} else if (!strcmp(argv[i], "--json")) {
			json = argv[i + 1];
		} else if (!strcmp(argv[i], "--seconds")) {
			seconds = strtod(argv[i + 1], &end);
			if (*end || !(seconds > 0))
				return usage();
		} else {
			return usage();
		}
	}
	return run(filter, seconds, json);
}
