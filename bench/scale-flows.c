/* SPDX-License-Identifier: MIT
 *
 * Flows: many clients of many servers, a thousand connections to each server, so that at every
 * size about the same share of them finds its port taken and gets another one.
 */
#include "scale.h"

#include <stdlib.h>

#include "esp/sa.h"
#include "flow/flowdb.h"
#include "wire/tcp.h"

#define BLOCK      1024u /* lookups between looks at the clock */
#define BATCH      32u   /* packets the data path gets at once */
#define PER_SERVER 1000u
#define PER_CLIENT 16u
#define PAYLOAD    64u

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

/* What a packet's headers say, as the data path has it at hand. */
struct name {
	struct hp_addr a, b;
	uint16_t ap, bp;
};

struct bench {
	uint64_t n, servers;
	unsigned int repeats;
	struct hp_timers timers;
	struct hp_flowdb *db;
	uint16_t *ports; /* flow i's port on the HIT side */
	struct name legacy[BLOCK], hit[BLOCK];
	uint64_t at;
	struct hp_sa sa;
	uint8_t payload[PAYLOAD], esp[PAYLOAD + HP_ESP_HEADROOM + HP_ESP_TAILROOM];
};

static struct hp_addr hit_of(uint64_t i)
{
	struct hp_addr a = { .b = { 0x20, 0x01, 0x00, 0x20 } };
	uint64_t r = scale_mix(i + 1);

	memcpy(a.b + 8, &r, sizeof(r));
	return a;
}

static struct hp_addr addr4(uint32_t host)
{
	return (struct hp_addr){ .b = { [10] = 0xff, [11] = 0xff, (uint8_t)(host >> 24),
					(uint8_t)(host >> 16), (uint8_t)(host >> 8),
					(uint8_t)host } };
}

/* Flow i.  Two flows of one client differ in port, of two clients in address. */
static struct hp_flow_key key_of(const struct bench *b, uint64_t i)
{
	uint64_t client = i / PER_CLIENT, server = scale_mix(i) % b->servers;
	uint64_t port = scale_mix(client) + i % PER_CLIENT * 4001;

	return (struct hp_flow_key){
		.legacy = addr4(0x0a000000u + (uint32_t)client),
		.far = addr4(0xc6120000u + (uint32_t)server),
		.local_hit = hit_of(0),
		.peer_hit = hit_of(1 + server),
		.legacy_port = (uint16_t)(1024 + port % 64512),
		.far_port = 443,
		.peer_port = 443,
		.proto = 6,
	};
}

static void db_make(struct bench *b)
{
	struct hp_flowdb_config cfg = {
		.limit = b->n + 1,
		.timeouts = hp_flow_timeouts_default,
		.hash_key = { { 0x0123456789abcdef, 0xfedcba9876543210 } },
	};

	hp_timers_init(&b->timers, now_ms);
	b->db = hp_flowdb_new(&cfg, &b->timers, &mock_clock);
	if (!b->db)
		scale_die("no memory for a table");
}

static void add(struct bench *b, uint64_t i)
{
	struct hp_flow_key key = key_of(b, i);
	struct hp_flow *f;

	if (hp_flow_add(b->db, &key, true, &f))
		scale_die("a flow was refused");
	b->ports[i] = f->key.local_port;
}

/* From nothing to n.  Seconds. */
static double fill(struct bench *b)
{
	double at = scale_now();

	for (uint64_t i = 0; i < b->n; i++)
		add(b, i);
	return scale_now() - at;
}

static double fill_watched(struct bench *b)
{
	double worst = 0;

	for (uint64_t i = 0; i < b->n; i++) {
		double at = scale_now();

		add(b, i);
		at = scale_now() - at;
		if (at > worst)
			worst = at;
	}
	return worst;
}

/* All of them are due at once. */
static double expire(struct bench *b)
{
	double at = scale_now();

	now_ms += 10000000;
	while (hp_flowdb_count(b->db)) {
		hp_timers_run(&b->timers, now_ms);
		now_ms++;
	}
	return scale_now() - at;
}

/* ---- lookups */

/* The names of the next block of flows, in random order. */
static void prepare(struct bench *b)
{
	for (size_t i = 0; i < BLOCK; i++) {
		uint64_t one = scale_mix(b->at++) % b->n;
		struct hp_flow_key k = key_of(b, one);

		b->legacy[i] = (struct name){ k.legacy, k.far, k.legacy_port, k.far_port };
		b->hit[i] = (struct name){ k.local_hit, k.peer_hit, b->ports[one],
					   k.peer_port };
	}
}

static void found(const struct hp_flow *f)
{
	if (!f)
		scale_die("a flow was lost");
}

/* While a packet is hashed, the flow of one some places before is fetched; then all are found. */
static void batch_legacy(struct bench *b, const struct name *p, struct hp_flow **out)
{
	uint32_t hash[BATCH];

	for (size_t i = 0; i < BATCH + HP_FLOW_AHEAD; i++) {
		if (i < BATCH)
			hash[i] = hp_flow_hash_legacy(b->db, 6, &p[i].a, p[i].ap, &p[i].b,
						      p[i].bp);
		if (i >= HP_FLOW_AHEAD)
			hp_flow_fetch_legacy(b->db, hash[i - HP_FLOW_AHEAD]);
	}
	for (size_t i = 0; i < BATCH; i++)
		out[i] = hp_flow_find_legacy_hashed(b->db, hash[i], 6, &p[i].a, p[i].ap,
						    &p[i].b, p[i].bp);
}

static void batch_hit(struct bench *b, const struct name *p, struct hp_flow **out)
{
	uint32_t hash[BATCH];

	for (size_t i = 0; i < BATCH + HP_FLOW_AHEAD; i++) {
		if (i < BATCH)
			hash[i] = hp_flow_hash_hit(b->db, 6, &p[i].a, p[i].ap, &p[i].b,
						   p[i].bp);
		if (i >= HP_FLOW_AHEAD)
			hp_flow_fetch_hit(b->db, hash[i - HP_FLOW_AHEAD]);
	}
	for (size_t i = 0; i < BATCH; i++)
		out[i] = hp_flow_find_hit_hashed(b->db, hash[i], 6, &p[i].a, p[i].ap,
						 &p[i].b, p[i].bp);
}

static void look_legacy(struct bench *b)
{
	struct hp_flow *f[BATCH];

	for (size_t i = 0; i < BLOCK; i += BATCH) {
		batch_legacy(b, &b->legacy[i], f);
		for (size_t j = 0; j < BATCH; j++)
			found(f[j]);
	}
}

static void look_hit(struct bench *b)
{
	struct hp_flow *f[BATCH];

	for (size_t i = 0; i < BLOCK; i += BATCH) {
		batch_hit(b, &b->hit[i], f);
		for (size_t j = 0; j < BATCH; j++)
			found(f[j]);
	}
}

/* Which one is next depends on what was found. */
static void look_single(struct bench *b)
{
	size_t next = 0;

	for (size_t i = 0; i < BLOCK; i++) {
		const struct name *p = &b->legacy[i + next];
		struct hp_flow *f = hp_flow_find_legacy(b->db, 6, &p->a, p->ap, &p->b, p->bp);

		found(f);
		next = f->key.proto >> 7; /* 0 */
	}
}

static void look_and_track(struct bench *b)
{
	struct hp_flow *f[BATCH];

	for (size_t i = 0; i < BLOCK; i += BATCH) {
		batch_legacy(b, &b->legacy[i], f);
		for (size_t j = 0; j < BATCH; j++) {
			found(f[j]);
			hp_flow_track(f[j], HP_OUTBOUND, HP_TCP_ACK, 1400);
		}
	}
}

/* ---- lookups among other work
 *
 * The data path takes a batch, and then has each packet to seal (or has opened it): what is
 * fetched for the next ones comes meanwhile (core/pipe/ahead.c).  A small packet's sealing stands
 * for that work; its own time is taken by itself. */

static void sa_make(struct bench *b)
{
	struct hp_keypair keys = { .enc = { 1, 2, 3 }, .enc_len = 20 };
	struct hp_sa_params p = {
		.spi = 4711, .suite = HP_ESPSUITE_AES_GCM_16, .outbound = true, .keys = &keys,
		.src_hit = hit_of(0), .dst_hit = hit_of(1), .backend = hp_esp_ipsec_mb(),
	};

	if (hp_sa_init(&b->sa, &p))
		scale_die("no SA");
}

static void seal(struct bench *b)
{
	if (hp_esp_seal_copy(&b->sa, 6, b->payload, PAYLOAD, b->esp, sizeof(b->esp)) < 0)
		scale_die("a packet was not sealed");
}

static void path_none(struct bench *b)
{
	for (size_t i = 0; i < BLOCK; i++)
		seal(b);
}

static void path_legacy(struct bench *b)
{
	uint32_t hash[BATCH];

	for (const struct name *p = b->legacy; p < b->legacy + BLOCK; p += BATCH) {
		for (size_t i = 0; i < BATCH; i++) {
			hash[i] = hp_flow_hash_legacy(b->db, 6, &p[i].a, p[i].ap, &p[i].b,
						      p[i].bp);
			if (i >= BATCH - HP_FLOW_AHEAD) /* for those that come first */
				hp_flow_fetch_legacy(b->db, hash[i - (BATCH - HP_FLOW_AHEAD)]);
		}
		for (size_t i = 0; i < BATCH; i++) {
			if (i + HP_FLOW_AHEAD < BATCH)
				hp_flow_fetch_legacy(b->db, hash[i + HP_FLOW_AHEAD]);
			found(hp_flow_find_legacy_hashed(b->db, hash[i], 6, &p[i].a, p[i].ap,
							 &p[i].b, p[i].bp));
			seal(b);
		}
	}
}

static void path_hit(struct bench *b)
{
	uint32_t hash[BATCH];

	for (const struct name *p = b->hit; p < b->hit + BLOCK; p += BATCH) {
		for (size_t i = 0; i < BATCH; i++) {
			hash[i] = hp_flow_hash_hit(b->db, 6, &p[i].a, p[i].ap, &p[i].b,
						   p[i].bp);
			if (i >= BATCH - HP_FLOW_AHEAD)
				hp_flow_fetch_hit(b->db, hash[i - (BATCH - HP_FLOW_AHEAD)]);
		}
		for (size_t i = 0; i < BATCH; i++) {
			if (i + HP_FLOW_AHEAD < BATCH)
				hp_flow_fetch_hit(b->db, hash[i + HP_FLOW_AHEAD]);
			found(hp_flow_find_hit_hashed(b->db, hash[i], 6, &p[i].a, p[i].ap,
						      &p[i].b, p[i].bp));
			seal(b);
		}
	}
}

/* Nanoseconds each, of as many blocks as show every flow about once. */
static double once(struct bench *b, void (*look)(struct bench *b))
{
	uint64_t blocks = b->n / BLOCK < 200 ? 200 : b->n / BLOCK;
	double spent = 0;

	for (uint64_t i = 0; i < blocks; i++) {
		double at;

		prepare(b);
		at = scale_now();
		look(b);
		spent += scale_now() - at;
	}
	return spent * 1e9 / (double)(blocks * BLOCK);
}

static double lookups(struct bench *b, void (*look)(struct bench *b))
{
	double t[16];

	once(b, look);
	for (unsigned int i = 0; i < b->repeats; i++)
		t[i] = once(b, look);
	return scale_median(t, b->repeats);
}

/* What look takes besides sealing, both measured in turn. */
static double added(struct bench *b, void (*look)(struct bench *b))
{
	double t[16];

	once(b, look);
	for (unsigned int i = 0; i < b->repeats; i++)
		t[i] = once(b, look) - once(b, path_none);
	return scale_median(t, b->repeats);
}

static double churn(struct bench *b)
{
	uint64_t n = b->n < 100000 ? b->n : 100000;
	double t[16];

	for (unsigned int r = 0; r < b->repeats; r++) {
		double at = scale_now();

		for (uint64_t i = 0; i < n; i++) {
			uint64_t one = scale_mix(b->at++) % b->n;
			struct hp_flow_key k = key_of(b, one);

			hp_flow_del(hp_flow_find_legacy(b->db, 6, &k.legacy, k.legacy_port,
							&k.far, k.far_port));
			add(b, one);
		}
		t[r] = (scale_now() - at) * 1e9 / (double)n;
	}
	return scale_median(t, b->repeats);
}

/* Filling and expiry, several times over; the last time, flows stay. */
static void lives(struct bench *b, struct scale_flows *r)
{
	unsigned int times = b->n > 100000 ? b->repeats / 2 + 1 : 15;
	double setup[16], gone[16];

	for (unsigned int i = 0; i < times; i++) {
		db_make(b);
		setup[i] = fill(b) * 1e9 / (double)b->n;
		gone[i] = expire(b) * 1e9 / (double)b->n;
		hp_flowdb_free(b->db);
	}
	r->setup_ns = scale_median(setup, times);
	r->expire_ns = scale_median(gone, times);
	db_make(b);
	r->worst_add_us = fill_watched(b) * 1e6;
}

static double memory(struct bench *b)
{
	uint64_t before, after, n = b->n;

	/* Once with few: pages of the program itself are none of the flows'. */
	b->n = n < 64 ? n : 64;
	db_make(b);
	fill(b);
	expire(b);
	hp_flowdb_free(b->db);
	b->n = n;
	before = scale_resident();
	db_make(b);
	fill(b);
	after = scale_resident();
	hp_flowdb_free(b->db);
	return (double)(after - before) / (double)b->n;
}

void scale_flows(struct scale_flows *r, uint64_t n, bool quick)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b)
		scale_die("no memory");
	b->n = n;
	b->servers = n / PER_SERVER ? n / PER_SERVER : 1;
	b->repeats = quick ? 3 : 7;
	b->ports = malloc(n * sizeof(*b->ports));
	if (!b->ports)
		scale_die("no memory");
	memset(b->ports, 1, n * sizeof(*b->ports));
	now_ms = 1000000;
	r->n = n;
	r->bytes = memory(b);
	lives(b, r);
	sa_make(b);
	r->lookup_ns = added(b, path_legacy);
	r->lookup_hit_ns = added(b, path_hit);
	r->batch_ns = lookups(b, look_legacy);
	r->batch_hit_ns = lookups(b, look_hit);
	r->lookup_single_ns = lookups(b, look_single);
	r->packet_ns = lookups(b, look_and_track);
	r->churn_ns = churn(b);
	hp_sa_fini(&b->sa);
	hp_flowdb_free(b->db);
	free(b->ports);
	free(b);
}
