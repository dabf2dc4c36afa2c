/* SPDX-License-Identifier: MIT
 *
 * Packets without keys: checksums, dissecting, translating, finding the flow, cutting and
 * joining.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/unit/packets.h"
#include "flow/flowdb.h"
#include "micro.h"
#include "wire/checksum.h"
#include "xlat/coalesce.h"
#include "xlat/segment.h"
#include "xlat/xlat.h"

#define OPS   256
#define SUPER 64000
#define MSS   1400

/* ---- checksum */

struct sum {
	const uint8_t *data;
	size_t len;
	uint64_t sum;
};

static void *sum_start(const struct bench_item *it)
{
	struct sum *s = malloc(sizeof(*s));

	*s = (struct sum){ .data = bench_text() + 2, .len = it->bytes };
	return s;
}

static void sum_work(void *ctx)
{
	struct sum *s = ctx;

	/* Each depends on the one before, as the sums of a packet's parts do. */
	s->sum = 0;
	for (int i = 0; i < OPS; i++)
		s->sum = hp_csum_add(s->sum, s->data, s->len);
}

static bool sum_right(void *ctx)
{
	struct sum *s = ctx;
	uint32_t one = test_sum16(0, s->data, s->len), all = 0;

	for (int i = 0; i < OPS; i++) {
		all += one;
		all = (all & 0xffff) + (all >> 16);
	}
	return hp_csum_fold(s->sum) == all;
}

static void plain_end(void *ctx)
{
	free(ctx);
}

/* ---- one packet: dissected, translated */

static const char *const v4[] = { "10.0.0.2", "203.0.113.5" };
static const char *const v6[] = { "2001:db8:1::2", "2001:db8:f::5" };
static const char *const hits[] = { "2001:21::1", "2001:21::2" };

enum { FORM4, FORM6, FORM_HIT };

static struct hp_packet *packet_of(int form, int proto, size_t len)
{
	const char *const *names = form == FORM4 ? v4 : form == FORM6 ? v6 : hits;
	struct test_tcp t = { .src = test_addr(names[0]), .dst = test_addr(names[1]),
			      .sport = 4000, .dport = 80, .seq = 1, .ack = 1, .flags = 16,
			      .opts = (const uint8_t *)"\1\1\10\12aaaabbbb", .opts_len = 12 };

	return proto == 6 ? test_tcp(&t, bench_text(), len) :
			    test_udp(&t.src, t.sport, &t.dst, t.dport, bench_text(), len);
}

struct one {
	struct hp_packet *model, *p[OPS];
	struct hp_flow_key key;
	struct hp_xlat x;
	bool to_hit;
	int err, proto;
};

static void *one_start(const struct bench_item *it)
{
	struct one *o = calloc(1, sizeof(*o));

	o->model = packet_of(it->a, it->b, 1000);
	o->proto = it->b;
	if (hp_packet_dissect(o->model))
		abort();
	for (int i = 0; i < OPS; i++)
		o->p[i] = test_packet_copy(o->model);
	return o;
}

static void one_end(void *ctx)
{
	struct one *o = ctx;

	test_packet_free(o->model);
	for (int i = 0; i < OPS; i++)
		test_packet_free(o->p[i]);
	free(o);
}

static void dissect_work(void *ctx)
{
	struct one *o = ctx;

	for (int i = 0; i < OPS; i++)
		o->err |= hp_packet_dissect(o->p[i]);
}

static bool dissect_right(void *ctx)
{
	struct one *o = ctx;
	const struct hp_packet *p = o->p[OPS - 1];

	return !o->err && p->sport == 4000 && p->dport == 80 && p->proto == o->proto;
}

/* a: form of the packet, c: form of the legacy side. */
static void *xlat_start(const struct bench_item *it)
{
	struct one *o = one_start(it);
	const char *const *legacy = it->c == FORM4 ? v4 : v6;

	/* Whichever way: HIT 0 sends to HIT 1, legacy 0 to legacy 1, both with ports 4000, 80. */
	o->to_hit = it->a != FORM_HIT;
	o->key = (struct hp_flow_key){ .proto = (uint8_t)it->b };
	if (o->to_hit) {
		o->key.legacy = test_addr(legacy[0]);
		o->key.far = test_addr(legacy[1]);
		o->key.local_hit = test_addr(hits[0]);
		o->key.peer_hit = test_addr(hits[1]);
		o->key.legacy_port = o->key.local_port = 4000;
		o->key.far_port = o->key.peer_port = 80;
	} else {
		o->key.legacy = test_addr(legacy[1]);
		o->key.far = test_addr(legacy[0]);
		o->key.local_hit = test_addr(hits[1]);
		o->key.peer_hit = test_addr(hits[0]);
		o->key.legacy_port = o->key.local_port = 80;
		o->key.far_port = o->key.peer_port = 4000;
	}
	return o;
}

static void xlat_prepare(void *ctx)
{
	struct one *o = ctx;

	for (int i = 0; i < OPS; i++) {
		struct hp_packet *p = o->p[i], keep = *p;

		*p = *o->model;
		p->buf = keep.buf;
		p->data = keep.buf + (o->model->data - o->model->buf);
		memcpy(p->data, o->model->data, 80); /* headers: nothing else changes */
	}
}

static void xlat_work(void *ctx)
{
	struct one *o = ctx;

	if (o->to_hit)
		for (int i = 0; i < OPS; i++)
			o->err |= hp_xlat_to_hit(&o->x, o->p[i], &o->key);
	else
		for (int i = 0; i < OPS; i++)
			o->err |= hp_xlat_to_legacy(&o->x, o->p[i], &o->key);
}

static bool xlat_right(void *ctx)
{
	struct one *o = ctx;
	const struct hp_packet *p = o->p[OPS - 1];

	return !o->err && test_packet_right(p) &&
	       hp_addr_eq(&p->src, o->to_hit ? &o->key.local_hit : &o->key.far);
}

/* ---- the flow of a packet */

struct flows {
	struct hp_timers timers;
	struct hp_clock clock;
	struct hp_flowdb *db;
	struct hp_addr legacy, far, hit, peer;
	bool by_hit;
	unsigned found;
};

static uint64_t zero_time(void *ctx)
{
	(void)ctx;
	return 1000;
}

#define FLOWS 4096

static void *flow_start(const struct bench_item *it)
{
	struct flows *f = calloc(1, sizeof(*f));
	struct hp_flowdb_config cfg = { .limit = 2 * FLOWS,
					.timeouts = hp_flow_timeouts_default };
	struct hp_flow_key key = { .proto = 6, .far_port = 80, .peer_port = 80 };
	struct hp_flow *flow;

	f->clock = (struct hp_clock){ zero_time, zero_time, f };
	hp_timers_init(&f->timers, 1000);
	f->db = hp_flowdb_new(&cfg, &f->timers, &f->clock);
	if (!f->db)
		abort();
	f->by_hit = it->a;
	key.legacy = f->legacy = test_addr(v4[0]);
	key.far = f->far = test_addr(v4[1]);
	key.local_hit = f->hit = test_addr(hits[0]);
	key.peer_hit = f->peer = test_addr(hits[1]);
	for (unsigned i = 0; i < FLOWS; i++) {
		key.legacy_port = (uint16_t)(10000 + i);
		if (hp_flow_add(f->db, &key, true, &flow))
			abort();
	}
	return f;
}

static void flow_work(void *ctx)
{
	struct flows *f = ctx;

	f->found = 0;
	for (unsigned i = 0; i < OPS; i++) {
		/* All over the table. */
		uint16_t port = (uint16_t)(10000 + i * 2654435761u % FLOWS);

		if (f->by_hit)
			f->found += hp_flow_find_hit(f->db, 6, &f->hit, port, &f->peer, 80) != NULL;
		else
			f->found += hp_flow_find_legacy(f->db, 6, &f->legacy, port, &f->far,
							80) != NULL;
	}
}

static bool flow_right(void *ctx)
{
	return ((struct flows *)ctx)->found == OPS;
}

static void flow_end(void *ctx)
{
	struct flows *f = ctx;

	hp_flowdb_free(f->db);
	free(f);
}

/* ---- cutting */

struct cut {
	struct hp_packet *p;
	uint8_t out[2048], last[2048];
	int n, last_len, err;
};

static void *cut_start(const struct bench_item *it)
{
	struct cut *c = calloc(1, sizeof(*c));

	(void)it;
	c->p = packet_of(FORM_HIT, 6, SUPER);
	if (hp_packet_dissect(c->p))
		abort();
	c->p->csum_partial = true;
	return c;
}

static void cut_work(void *ctx)
{
	struct cut *c = ctx;
	struct hp_segmenter s;
	int len;

	c->err = hp_segment_init(&s, c->p, MSS);
	for (c->n = 0; (len = hp_segment_next(&s, c->out, sizeof(c->out))) > 0; c->n++)
		c->last_len = len;
}

static bool cut_right(void *ctx)
{
	struct cut *c = ctx;

	return !c->err && c->n == (SUPER + MSS - 1) / MSS &&
	       test_l4_sum(c->p->data + 8, 32, 6, c->out, (size_t)c->last_len) == 0xffff;
}

static void cut_end(void *ctx)
{
	test_packet_free(((struct cut *)ctx)->p);
	free(ctx);
}

/* ---- joining */

#define JOINED 40

struct joiner {
	struct hp_coalesce c;
	struct hp_packet *model[JOINED], *p[JOINED], *out;
	unsigned emitted;
};

static void joiner_emit(void *ctx, struct hp_packet *p)
{
	struct joiner *j = ctx;

	j->emitted++;
	j->out = p;
}

static void joiner_put(void *ctx, struct hp_packet *p)
{
	(void)ctx, (void)p;
}

static void *join_start(const struct bench_item *it)
{
	struct joiner *j = calloc(1, sizeof(*j));
	struct test_tcp t = { .sport = 4000, .dport = 80, .ack = 1, .flags = 16,
			      .opts = (const uint8_t *)"\1\1\10\12aaaabbbb", .opts_len = 12 };
	const char *const *names = it->a == FORM4 ? v4 : v6;

	t.src = test_addr(names[0]);
	t.dst = test_addr(names[1]);
	for (int i = 0; i < JOINED; i++) {
		t.seq = (uint32_t)i * MSS;
		j->model[i] = test_tcp(&t, bench_text() + i * MSS, MSS);
		if (hp_packet_dissect(j->model[i]))
			abort();
		j->p[i] = test_packet_copy(j->model[i]);
	}
	hp_coalesce_init(&j->c, joiner_emit, joiner_put, j);
	return j;
}

static void join_prepare(void *ctx)
{
	struct joiner *j = ctx;

	for (int i = 0; i < JOINED; i++) {
		uint8_t *buf = j->p[i]->buf;

		*j->p[i] = *j->model[i];
		j->p[i]->buf = buf;
		j->p[i]->data = buf + (j->model[i]->data - j->model[i]->buf);
		memcpy(j->p[i]->data, j->model[i]->data, j->model[i]->len);
	}
	j->emitted = 0;
}

static void join_work(void *ctx)
{
	struct joiner *j = ctx;

	for (int i = 0; i < JOINED; i++)
		hp_coalesce_add(&j->c, j->p[i]);
	hp_coalesce_flush(&j->c);
}

static bool join_right(void *ctx)
{
	struct joiner *j = ctx;

	return j->emitted == 1 && j->out->gso_size == MSS &&
	       j->out->len == j->out->l4_off + 32u + JOINED * MSS &&
	       !memcmp(j->out->data + j->out->l4_off + 32, bench_text(), JOINED * MSS);
}

static void join_end(void *ctx)
{
	struct joiner *j = ctx;

	for (int i = 0; i < JOINED; i++) {
		test_packet_free(j->model[i]);
		test_packet_free(j->p[i]);
	}
	free(j);
}

static const struct bench_kind kind_sum = { sum_start, NULL, sum_work, sum_right, plain_end };
static const struct bench_kind kind_dissect = { one_start, NULL, dissect_work, dissect_right,
						one_end };
static const struct bench_kind kind_xlat = { xlat_start, xlat_prepare, xlat_work, xlat_right,
					     one_end };
static const struct bench_kind kind_flow = { flow_start, NULL, flow_work, flow_right, flow_end };
static const struct bench_kind kind_cut = { cut_start, NULL, cut_work, cut_right, cut_end };
static const struct bench_kind kind_join = { join_start, join_prepare, join_work, join_right,
					     join_end };

static const struct bench_item items[] = {
	{ .name = "checksum 20", .bytes = 20, .ops = OPS, .kind = &kind_sum },
	{ .name = "checksum 64", .bytes = 64, .ops = OPS, .kind = &kind_sum },
	{ .name = "checksum 1400", .bytes = 1400, .ops = OPS, .kind = &kind_sum },
	{ .name = "checksum 64000", .bytes = 64000, .ops = OPS, .kind = &kind_sum },
	{ .name = "dissect v4 tcp", .ops = OPS, .a = FORM4, .b = 6, .kind = &kind_dissect },
	{ .name = "dissect v4 udp", .ops = OPS, .a = FORM4, .b = 17, .kind = &kind_dissect },
	{ .name = "dissect v6 tcp", .ops = OPS, .a = FORM6, .b = 6, .kind = &kind_dissect },
	{ .name = "dissect v6 udp", .ops = OPS, .a = FORM6, .b = 17, .kind = &kind_dissect },
	{ .name = "translate v4-to-hit tcp", .ops = OPS, .a = FORM4, .b = 6, .c = FORM4,
	  .kind = &kind_xlat },
	{ .name = "translate v4-to-hit udp", .ops = OPS, .a = FORM4, .b = 17, .c = FORM4,
	  .kind = &kind_xlat },
	{ .name = "translate v6-to-hit tcp", .ops = OPS, .a = FORM6, .b = 6, .c = FORM6,
	  .kind = &kind_xlat },
	{ .name = "translate hit-to-v4 tcp", .ops = OPS, .a = FORM_HIT, .b = 6, .c = FORM4,
	  .kind = &kind_xlat },
	{ .name = "translate hit-to-v4 udp", .ops = OPS, .a = FORM_HIT, .b = 17, .c = FORM4,
	  .kind = &kind_xlat },
	{ .name = "translate hit-to-v6 tcp", .ops = OPS, .a = FORM_HIT, .b = 6, .c = FORM6,
	  .kind = &kind_xlat },
	{ .name = "flow find legacy", .ops = OPS, .a = 0, .kind = &kind_flow },
	{ .name = "flow find hit", .ops = OPS, .a = 1, .kind = &kind_flow },
	{ .name = "segment 64000", .bytes = SUPER, .ops = 1, .kind = &kind_cut },
	{ .name = "coalesce v4 40x1400", .bytes = JOINED * MSS, .ops = 1, .a = FORM4,
	  .kind = &kind_join },
	{ .name = "coalesce v6 40x1400", .bytes = JOINED * MSS, .ops = 1, .a = FORM6,
	  .kind = &kind_join },
};

void bench_packet_items(bench_add_fn add)
{
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		add(&items[i]);
}
