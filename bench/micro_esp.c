/* SPDX-License-Identifier: MIT
 *
 * Sealing and opening ESP: every suite, engine and some sizes; a super-packet as the pipeline
 * cuts it; the replay window.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/unit/packets.h"
#include "esp/sa.h"
#include "micro.h"
#include "wire/esp.h"
#include "xlat/segment.h"

#define ROOM  2048
#define OPS   64
#define SUPER 64000
#define MSS   1400

struct esp {
	struct hp_sa out, in;
	size_t len;   /* payload */
	int n;        /* packets in a round */
	uint8_t *from, *sealed, *to;
	size_t sealed_len;
	struct hp_esp_opened o;
	struct hp_packet *super;
	unsigned pieces; /* of super, in the latest round */
	int err;
};

static const struct hp_esp_backend *engine_of(int n)
{
	return n ? hp_esp_ipsec_mb() : &hp_esp_openssl;
}

static void *esp_start(const struct bench_item *it)
{
	const struct hp_esp_suite *s = hp_esp_suite_find((uint16_t)it->a);
	struct hp_keypair k = { .enc_len = s->enc_len, .mac_len = s->auth_len };
	struct hp_sa_params p = { .spi = 0x12345678, .suite = s->id, .outbound = true,
				  .keys = &k, .backend = engine_of(it->b),
				  .soft_packets = UINT64_MAX, .soft_bytes = UINT64_MAX };
	struct esp *e;

	if (!p.backend) {
		errno = ENOTSUP;
		return NULL;
	}
	memset(k.enc, 0x11, k.enc_len);
	memset(k.mac, 0x22, k.mac_len);
	e = calloc(1, sizeof(*e));
	e->len = it->bytes;
	e->n = OPS;
	e->from = malloc(ROOM);
	e->sealed = calloc(OPS, ROOM);
	e->to = calloc(OPS, ROOM);
	memcpy(e->from, bench_text(), ROOM);
	if (hp_sa_init(&e->out, &p))
		abort();
	p.outbound = false;
	if (hp_sa_init(&e->in, &p))
		abort();
	return e;
}

static void esp_end(void *ctx)
{
	struct esp *e = ctx;

	hp_sa_fini(&e->out);
	hp_sa_fini(&e->in);
	test_packet_free(e->super);
	free(e->from);
	free(e->sealed);
	free(e->to);
	free(e);
}

static void seal_work(void *ctx)
{
	struct esp *e = ctx;

	for (int i = 0; i < e->n; i++) {
		int n = hp_esp_seal_copy(&e->out, 6, e->from, e->len,
					 e->sealed + i * (size_t)ROOM, ROOM);

		if (n < 0)
			e->err = n;
		else
			e->sealed_len = (size_t)n;
	}
}

static bool opens(struct esp *e, uint8_t *pkt, size_t len)
{
	return !hp_esp_open(&e->in, pkt, len, &e->o) && e->o.len == e->len &&
	       !memcmp(e->o.payload, e->from, e->len);
}

static bool seal_right(void *ctx)
{
	struct esp *e = ctx;

	return !e->err && opens(e, e->sealed, e->sealed_len) &&
	       opens(e, e->sealed + (e->n - 1) * (size_t)ROOM, e->sealed_len);
}

static void open_work(void *ctx)
{
	struct esp *e = ctx;

	for (int i = 0; i < e->n; i++)
		e->err |= hp_esp_open(&e->in, e->sealed + i * (size_t)ROOM, e->sealed_len,
				      &e->o);
}

static bool open_right(void *ctx)
{
	struct esp *e = ctx;

	return !e->err && e->o.len == e->len && !memcmp(e->o.payload, e->from, e->len);
}

static void open_to_work(void *ctx)
{
	struct esp *e = ctx;

	for (int i = 0; i < e->n; i++)
		e->err |= hp_esp_open_to(&e->in, e->sealed + i * (size_t)ROOM, e->sealed_len,
					 e->to + i * (size_t)ROOM, &e->o);
}

/* ---- a super-packet, cut, summed, sealed back to back: by way of a buffer for each segment, or
 * cut to where the ESP packet will stand and sealed there */

static void *super_start(const struct bench_item *it)
{
	struct test_tcp t = { .sport = 4000, .dport = 80, .seq = 1, .ack = 1, .flags = 16,
			      .opts = (const uint8_t *)"\1\1\10\12aaaabbbb", .opts_len = 12 };
	struct esp *e = esp_start(it);

	if (!e)
		return NULL;
	t.src = test_addr("2001:21::1");
	t.dst = test_addr("2001:21::2");
	e->super = test_tcp(&t, bench_text(), SUPER);
	if (hp_packet_dissect(e->super))
		abort();
	e->super->csum_partial = true;
	return e;
}

static void super_work(void *ctx)
{
	struct esp *e = ctx;
	struct hp_segmenter s;
	uint8_t *at = e->sealed;
	int len;

	e->err = hp_segment_init(&s, e->super, MSS);
	for (e->pieces = 0; (len = hp_segment_next(&s, e->to, ROOM)) > 0; e->pieces++) {
		int n = hp_esp_seal_copy(&e->out, 6, e->to, (size_t)len, at, ROOM);

		if (n < 0)
			e->err = n;
		else
			at += n;
		if (!e->pieces)
			e->sealed_len = (size_t)n;
	}
}

static void super_in_place_work(void *ctx)
{
	struct esp *e = ctx;
	size_t head = HP_ESP_HLEN + e->out.suite->iv_len;
	struct hp_esp_sealed sealed;
	struct hp_segmenter s;
	uint8_t *at = e->sealed;
	int len;

	e->err = hp_segment_init(&s, e->super, MSS);
	for (e->pieces = 0; (len = hp_segment_next(&s, at + head, ROOM)) > 0; e->pieces++) {
		e->err |= hp_esp_seal(&e->out, 6, at + head, (size_t)len, &sealed);
		at += sealed.len;
		if (!e->pieces)
			e->sealed_len = sealed.len;
	}
}

static bool super_right(void *ctx)
{
	struct esp *e = ctx;

	return !e->err && e->pieces == (SUPER + MSS - 1) / MSS &&
	       !hp_esp_open(&e->in, e->sealed, e->sealed_len, &e->o) &&
	       e->o.len == 32 + MSS && !memcmp(e->o.payload + 32, bench_text(), MSS) &&
	       test_l4_sum(e->super->data + 8, 32, 6, e->o.payload, e->o.len) == 0xffff;
}

/* ---- the replay window */

struct window {
	struct hp_replay r;
	uint64_t seq, accepted;
	bool swapped; /* every other packet is late */
};

static void *window_start(const struct bench_item *it)
{
	struct window *w = calloc(1, sizeof(*w));

	if (hp_replay_init(&w->r, 4096))
		abort();
	w->swapped = it->a;
	return w;
}

static void window_prepare(void *ctx)
{
	((struct window *)ctx)->accepted = 0;
}

static void window_work(void *ctx)
{
	struct window *w = ctx;
	uint64_t seq, full;

	for (int i = 0; i < 1024; i++) {
		seq = ++w->seq;
		if (w->swapped)
			seq = i & 1 ? seq - 1 : seq + 1; /* 2 1 4 3 6 5 .. */
		if (hp_replay_guess(&w->r, (uint32_t)seq, &full) ||
		    !hp_replay_test(&w->r, full))
			continue;
		hp_replay_record(&w->r, full);
		w->accepted++;
	}
}

static bool window_right(void *ctx)
{
	return ((struct window *)ctx)->accepted == 1024;
}

static void window_end(void *ctx)
{
	hp_replay_fini(&((struct window *)ctx)->r);
	free(ctx);
}

static const struct bench_kind kind_seal = { esp_start, NULL, seal_work, seal_right, esp_end };
static const struct bench_kind kind_open = { esp_start, seal_work, open_work, open_right,
					     esp_end };
static const struct bench_kind kind_open_to = { esp_start, seal_work, open_to_work, open_right,
						esp_end };
static const struct bench_kind kind_super = { super_start, NULL, super_work, super_right,
					      esp_end };
static const struct bench_kind kind_super_in_place = { super_start, NULL, super_in_place_work,
						       super_right, esp_end };
static const struct bench_kind kind_window = { window_start, window_prepare, window_work,
					       window_right, window_end };

static void add_suite(bench_add_fn add, const struct hp_esp_suite *s, int engine)
{
	static const struct {
		const char *verb;
		const struct bench_kind *kind;
	} kinds[] = { { "seal", &kind_seal }, { "open", &kind_open },
		      { "open-to", &kind_open_to } };
	static const int sizes[] = { 64, 512, 1400 };
	const char *engine_name = engine ? "ipsec-mb" : "openssl";

	for (int k = 0; k < 3; k++)
		for (int i = 0; i < 3; i++) {
			struct bench_item it = { .bytes = (size_t)sizes[i], .ops = OPS,
						 .a = s->id, .b = engine,
						 .kind = kinds[k].kind };

			snprintf(it.name, sizeof(it.name), "%s %s %d %s", kinds[k].verb,
				 s->name, sizes[i], engine_name);
			add(&it);
		}
	struct bench_item it = { .bytes = SUPER, .ops = 1, .a = s->id, .b = engine,
				 .kind = &kind_super };

	snprintf(it.name, sizeof(it.name), "seal-super %s %d %s", s->name, SUPER, engine_name);
	add(&it);
	it.kind = &kind_super_in_place;
	snprintf(it.name, sizeof(it.name), "seal-super-in-place %s %d %s", s->name, SUPER,
		 engine_name);
	add(&it);
}

void bench_esp_items(bench_add_fn add)
{
	static const uint16_t suites[] = { 7, 8, 9, 12, 13 };

	for (int i = 0; i < 5; i++)
		for (int engine = 0; engine < 2; engine++) {
			const struct hp_esp_suite *s = hp_esp_suite_find(suites[i]);

			if (!engine || s->gcm)
				add_suite(add, s, engine);
		}
	add(&(struct bench_item){ .name = "replay in-order", .ops = 1024, .a = 0,
				  .kind = &kind_window });
	add(&(struct bench_item){ .name = "replay reordered", .ops = 1024, .a = 1,
				  .kind = &kind_window });
}
