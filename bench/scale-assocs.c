/* SPDX-License-Identifier: MIT
 *
 * Associations: two engines in one process do real base exchanges (P-256, group 7, K 0, jobs
 * at once), a hundred identities of one with a hundred of the other.
 */
#include "scale.h"

#include <malloc.h>
#include <stdlib.h>

#include "hip/hip.h"
#include "wire/hip.h"

#define IDENTITIES 100u /* on each side */
#define ON_THE_WAY 16u
#define SETTLE_S   300 /* more than any lifetime of a puzzle, less than an idle association's */
#define GONE_S	   3600 /* more than a closed association is remembered */

struct message {
	int to;
	struct hp_path path;
	size_t len;
	uint8_t msg[HP_HIP_MAX];
};

struct bench;

struct end {
	struct bench *b;
	int at;
	struct hp_hip *hip;
	struct hp_timers timers;
	struct hp_addr addr, hit[IDENTITIES];
	int64_t octets; /* malloc's, since the identities stand */
};

struct bench {
	struct end e[2];
	struct message queue[ON_THE_WAY];
	size_t first, n;
	bool weigh;
};

/* ---- the engines' surroundings */

static uint64_t now_ms;

static uint64_t mock_ms(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static uint64_t mock_us(void *ctx)
{
	(void)ctx;
	return now_ms * 1000;
}

static const struct hp_clock mock_clock = { mock_ms, mock_us, NULL };

static void net_send(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len)
{
	struct end *e = ctx;
	struct bench *b = e->b;
	struct message *m = &b->queue[(b->first + b->n++) % ON_THE_WAY];

	if (b->n > ON_THE_WAY || len > sizeof(m->msg))
		scale_die("more messages than an exchange has");
	m->to = !e->at;
	m->path = (struct hp_path){ .src = path->dst, .dst = path->src };
	m->len = len;
	memcpy(m->msg, msg, len);
}

static int net_source(void *ctx, const struct hp_addr *dst, struct hp_addr *src)
{
	struct end *e = ctx;

	(void)dst;
	*src = e->addr;
	return 0;
}

/* What malloc has handed out.  Asked around every call into one engine, so that the sums are
 * each engine's own. */
static int64_t handed_out(const struct bench *b)
{
	struct mallinfo2 m;

	if (!b->weigh)
		return 0;
	m = mallinfo2();
	return (int64_t)(m.uordblks + m.hblkhd);
}

static void deliver(struct bench *b)
{
	while (b->n) {
		struct message m = b->queue[b->first];
		int64_t before = handed_out(b);

		b->first = (b->first + 1) % ON_THE_WAY;
		b->n--;
		hp_hip_input(b->e[m.to].hip, &m.path, m.msg, m.len);
		b->e[m.to].octets += handed_out(b) - before;
	}
}

static void identities(struct end *e)
{
	struct hp_key *key;

	for (size_t i = 0; i < IDENTITIES; i++) {
		if (hp_key_generate(HP_KEY_P256, 0, &key) ||
		    hp_hip_identity_add(e->hip, key, 0, ""))
			scale_die("no identity");
		e->hit[i] = *hp_key_hit(key);
		hp_key_unref(key);
	}
}

static void end_make(struct bench *b, int at)
{
	struct end *e = &b->e[at];
	struct hp_hip_config cfg;
	struct hp_hip_ops ops = { .ctx = e, .send = net_send, .source = net_source };

	hp_hip_config_init(&cfg);
	cfg.n_dh_groups = 1;
	cfg.r1_per_s = 0;
	cfg.load_per_s = 0;
	cfg.r1_lifetime_s = 1000000; /* only those that were used are replaced */
	cfg.puzzle_k = cfg.puzzle_k_max = 0;
	cfg.ual_s = 0; /* what is idle stays */
	cfg.esp_backend = hp_esp_ipsec_mb();
	e->b = b;
	e->at = at;
	hp_timers_init(&e->timers, now_ms);
	hp_addr_parse(at ? "192.0.2.2" : "192.0.2.1", &e->addr);
	e->hip = hp_hip_new(&cfg, &ops, &mock_clock, &hp_rand_system, &e->timers);
	if (!e->hip)
		scale_die("no engine");
	identities(e);
}

static struct bench *make(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b)
		scale_die("no memory");
	now_ms = 1000;
	end_make(b, 0);
	end_make(b, 1);
	return b;
}

static void end(struct bench *b)
{
	hp_hip_free(b->e[0].hip);
	hp_hip_free(b->e[1].hip);
	free(b);
}

/* ---- measurements */

static void exchange(struct bench *b, uint64_t i)
{
	const struct hp_addr *from = &b->e[0].hit[i % IDENTITIES];
	const struct hp_addr *to = &b->e[1].hit[i / IDENTITIES % IDENTITIES];
	int64_t before = handed_out(b);
	struct hp_assoc *a = hp_hip_connect(b->e[0].hip, from, to, &b->e[1].addr, 1);

	b->e[0].octets += handed_out(b) - before;
	deliver(b);
	if (!a || !hp_assoc_sa_out(a))
		scale_die("an exchange failed");
}

/* Until puzzles that were solved are forgotten and R1s that were used replaced: what is left
 * is what associations that live on cost. */
static void settle(struct bench *b)
{
	for (int s = 0; s < SETTLE_S; s++) {
		now_ms += 1000;
		for (int i = 0; i < 2; i++) {
			int64_t before = handed_out(b);

			hp_timers_run(&b->e[i].timers, now_ms);
			b->e[i].octets += handed_out(b) - before;
		}
		deliver(b);
	}
}

/* All but the first: it is what a configured peer has. */
static void close_others(struct bench *b, uint64_t n)
{
	for (uint64_t i = 1; i < n; i++) {
		struct hp_assoc *a = hp_hip_find(b->e[0].hip, &b->e[0].hit[i % IDENTITIES],
						 &b->e[1].hit[i / IDENTITIES]);
		int64_t before = handed_out(b);

		if (!a)
			scale_die("an association was lost");
		hp_hip_close(a);
		b->e[0].octets += handed_out(b) - before;
		deliver(b);
	}
	for (int s = 0; s < GONE_S; s += SETTLE_S)
		settle(b);
	if (hp_hip_count(b->e[0].hip) != 1 || hp_hip_count(b->e[1].hip) != 1)
		scale_die("what was closed is still there");
	if (!hp_assoc_sa_out(hp_hip_find(b->e[0].hip, &b->e[0].hit[0], &b->e[1].hit[0])))
		scale_die("the association that stayed was harmed");
}

static double exchanges_s(struct bench *b, uint64_t from, uint64_t to)
{
	double at = scale_now();

	for (uint64_t i = from; i < to; i++)
		exchange(b, i);
	return scale_now() - at;
}

static double by_hits(struct bench *b, uint64_t n)
{
	uint64_t times = 200000;
	double at = scale_now();

	for (uint64_t i = 0; i < times; i++) {
		uint64_t one = scale_mix(i) % n;

		if (!hp_hip_find(b->e[0].hip, &b->e[0].hit[one % IDENTITIES],
				 &b->e[1].hit[one / IDENTITIES]))
			scale_die("an association was lost");
	}
	return (scale_now() - at) * 1e9 / (double)times;
}

static double by_spi(struct bench *b, uint64_t n)
{
	uint64_t times = 200000;
	uint32_t *spis = calloc(n, sizeof(*spis));
	double at;

	if (!spis)
		scale_die("no memory");
	for (uint64_t i = 0; i < n; i++) {
		struct hp_assoc *a = hp_hip_find(b->e[0].hip, &b->e[0].hit[i % IDENTITIES],
						 &b->e[1].hit[i / IDENTITIES]);

		spis[i] = hp_assoc_sa_in(a)->spi;
	}
	at = scale_now();
	for (uint64_t i = 0; i < times; i++)
		if (!hp_sadb_find(hp_hip_sadb(b->e[0].hip), spis[scale_mix(i) % n]))
			scale_die("an SA was lost");
	at = scale_now() - at;
	free(spis);
	return at * 1e9 / (double)times;
}

static double median_of(double (*fn)(struct bench *b, uint64_t n), struct bench *b, uint64_t n)
{
	double t[5];

	fn(b, n);
	for (size_t i = 0; i < 5; i++)
		t[i] = fn(b, n);
	return scale_median(t, 5);
}

/* The first time tables get their size; nothing more may stay the second time. */
static void come_and_go(struct scale_assocs *r, struct bench *b, uint64_t n)
{
	int64_t before;

	close_others(b, n);
	before = b->e[0].octets + b->e[1].octets;
	exchanges_s(b, 1, n);
	close_others(b, n);
	r->left_bytes = (double)(b->e[0].octets + b->e[1].octets - before) / (double)n;
}

void scale_assocs(struct scale_assocs *r, uint64_t n, bool quick)
{
	struct bench *b = make();
	double s, spent;
	uint64_t done;

	if (n > IDENTITIES * IDENTITIES)
		scale_die("at most 10000 associations");
	r->n = n;
	/* First in a world of its own: OpenSSL's and malloc's one-time work. */
	exchanges_s(b, 0, n < 100 ? n : 100);
	end(b);

	b = make();
	b->weigh = true;
	exchanges_s(b, 0, n);
	settle(b);
	for (int i = 0; i < 2; i++)
		r->bytes[i] = (double)b->e[i].octets / (double)n;
	r->lookup_ns = median_of(by_hits, b, n);
	r->lookup_spi_ns = median_of(by_spi, b, n);
	come_and_go(r, b, n);
	end(b);

	/* Few are set up in so many worlds that the time is long enough. */
	s = quick ? 0.3 : 1.0;
	for (spent = 0, done = 0; spent < s; done += n) {
		b = make();
		spent += exchanges_s(b, 0, n);
		end(b);
	}
	r->setup_per_s = (double)done / spent;
}
