/* SPDX-License-Identifier: MIT
 *
 * The pipeline alone (tests/pipeline/lab.h): captured packets become ESP, ESP becomes packets for
 * the plain side.  Copies that stand for the kernel's are counted in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/pipeline/lab.h"
#include "micro.h"

#define MSS	 1400
#define SEGMENTS 40

struct line {
	struct lab l;
	struct talk t;
	struct hp_packet *p; /* what is captured */
	size_t octets;       /* of ESP, in the latest round */
	bool tcp;
	size_t len;
	uint32_t seq;
	uint8_t esp[SEGMENTS][2048];
	int esp_len[SEGMENTS];
	struct hp_pipe_totals before;
};

/* ---- a gateway of both protocols, whose flows are not those that are measured */

struct settings {
	struct hp_conf_ints ports;
};

static int64_t ports[] = { 21, 69 };
static const struct settings settings = { { ports, 2 } };

static const struct hp_conf_row schema[] = {
	{ "ports", HP_CONF_INTS, 0, HP_CONF_AT(struct settings, ports), 1, 65535 },
	HP_CONF_END
};

static size_t stream(struct hp_alg_call *c, const uint8_t *data, size_t len, struct hp_alg_out *out)
{
	(void)c, (void)data, (void)out;
	abort();
	return len;
}

static enum hp_verdict datagram(struct hp_alg_call *c, const uint8_t *data, size_t len,
				struct hp_alg_out *out)
{
	(void)c, (void)data, (void)len, (void)out;
	abort();
	return HP_NEXT;
}

static const struct hp_alg algs[] = {
	{ .name = "gate.tcp", .proto = 6, .ports_offset = HP_ALG_PORTS(struct settings, ports),
	  .stream = stream },
	{ .name = "gate.udp", .proto = 17, .ports_offset = HP_ALG_PORTS(struct settings, ports),
	  .datagram = datagram },
	{ .name = NULL }
};

static const struct hp_plugin gate = {
	HP_PLUGIN_HEAD, .name = "gate", .version = "1", .summary = "follows ports 21 and 69",
	.schema = schema, .settings_bytes = sizeof(struct settings), .algs = algs,
};

enum { IS_TCP = 1, HAS_GATEWAY = 2 };

static int swallow(void *ctx, const struct hp_outer_run *r, uint32_t *lost)
{
	struct node *n = ctx;
	struct line *li = (struct line *)(void *)n->lab;

	(void)lost;
	li->octets += hp_outer_octets(r);
	return 0;
}

/* a: suite, b: engine, c: IS_TCP, HAS_GATEWAY. */
static void *line_start(const struct bench_item *it)
{
	struct line *li;

	if (it->b && !hp_esp_ipsec_mb()) {
		errno = ENOTSUP;
		return NULL;
	}
	li = calloc(1, sizeof(*li));
	li->t = lab_talk4(4000);
	lab_init(&li->l);
	for (int i = 0; i < 2; i++) {
		struct hp_hip_config *c = &li->l.w.s[i].cfg;

		c->esp_suites[0] = (uint16_t)it->a;
		c->n_esp_suites = 1;
		c->rekey_bytes = UINT64_MAX;
		c->rekey_packets = UINT64_MAX / 2;
		c->esp_backend = it->b ? hp_esp_ipsec_mb() : NULL;
	}
	if (it->c & HAS_GATEWAY) {
		li->l.n[0].plugin = &gate;
		li->l.n[0].settings = &settings;
	}
	lab_start(&li->l);
	lab_open(&li->l, &li->t);
	li->tcp = it->c & IS_TCP;
	li->len = it->bytes;
	li->l.discard = true;
	li->l.n[0].n_captured = 0;
	return li;
}

static void line_end(void *ctx)
{
	struct line *li = ctx;

	test_packet_free(li->p);
	li->l.n[0].n_captured = 0;
	lab_fini(&li->l);
	world_keys_free();
	free(li);
}

/* ---- out */

static void *out_start(const struct bench_item *it)
{
	struct line *li = line_start(it);

	if (!li)
		return NULL;
	li->p = li->tcp ? lab_tcp(&li->t, bench_text(), li->len) :
			lab_udp(&li->t, bench_text(), li->len);
	li->p->gso = li->tcp;
	li->l.n[0].ops.outer_send = swallow;
	return li;
}

static void out_prepare(void *ctx)
{
	struct line *li = ctx;

	li->octets = 0;
	li->before = *hp_pipe_totals(li->l.n[0].pipe);
}

#define OUT_OPS 8

static void out_work(void *ctx)
{
	struct line *li = ctx;
	struct node *n = &li->l.n[0];
	struct hp_packet *p[OUT_OPS];
	unsigned int k = 0;
	size_t octets = 0;

	for (int i = 0; i < OUT_OPS; i++) {
		struct hp_packet *q = n->ops.get(n->ops.ctx);

		if (li->p->len > 2000)
			q = n->ops.expand(n->ops.ctx, q);
		memcpy(q->data, li->p->data, li->p->len);
		q->len = li->p->len;
		q->gso = li->p->gso;
		p[k++] = q;
		octets += q->len;
		if (i + 1 < OUT_OPS && octets < HP_PIPE_BURST_OCTETS)
			continue;
		hp_pipe_captured(n->pipe, p, k); /* as io does */
		k = 0;
		octets = 0;
	}
}

static bool out_right(void *ctx)
{
	struct line *li = ctx;

	return hp_pipe_totals(li->l.n[0].pipe)->out_packets == li->before.out_packets + OUT_OPS &&
	       li->octets > OUT_OPS * li->len;
}

/* ---- in: ESP of segments in sequence, sealed beforehand */

static struct hp_packet *inner(struct line *li)
{
	struct hp_addr src = li->l.w.s[1].hit, dst = li->l.w.s[0].hit;
	struct test_tcp h = { .src = src, .dst = dst, .sport = 80, .dport = li->t.sport,
			      .seq = li->seq, .ack = 1, .flags = 16 };

	li->seq += (uint32_t)li->len;
	return li->tcp ? test_tcp(&h, bench_text(), li->len) :
			 test_udp(&src, 80, &dst, li->t.sport, bench_text(), li->len);
}

static void in_prepare(void *ctx)
{
	struct line *li = ctx;
	struct hp_sa *sa = hp_assoc_sa_out(world_assoc(&li->l.w, 1));

	for (int i = 0; i < SEGMENTS; i++) {
		struct hp_packet *p = inner(li);

		li->esp_len[i] = hp_esp_seal_copy(sa, p->data[6], p->data + 40, p->len - 40,
						  li->esp[i], sizeof(li->esp[i]));
		test_packet_free(p);
	}
	li->before = *hp_pipe_totals(li->l.n[0].pipe);
}

static void in_work(void *ctx)
{
	struct line *li = ctx;
	struct node *n = &li->l.n[0];
	struct hp_esp_arrived r[SEGMENTS];

	for (int i = 0; i < SEGMENTS; i++)
		r[i] = (struct hp_esp_arrived){ .data = li->esp[i], .n = 1,
						.seg = (uint32_t)li->esp_len[i],
						.last = (uint32_t)li->esp_len[i],
						.src = li->l.w.s[1].addr,
						.dst = li->l.w.s[0].addr,
						.family = 4, .ttl = 60 };
	hp_pipe_esp_arrived(n->pipe, r, SEGMENTS);
}

static bool in_right(void *ctx)
{
	struct line *li = ctx;

	return hp_pipe_totals(li->l.n[0].pipe)->in_packets == li->before.in_packets + SEGMENTS;
}

/* UDP coming in needs a flow. */
static void *in_start(const struct bench_item *it)
{
	struct line *li = line_start(it);

	if (li && !li->tcp) {
		li->l.discard = false;
		lab_forget(&li->l, 0);
		lab_forget(&li->l, 1);
		lab_capture(&li->l, lab_udp(&li->t, "x", 1));
		lab_run(&li->l, 10);
		lab_forget(&li->l, 0);
		lab_forget(&li->l, 1);
		li->l.discard = true;
	}
	return li;
}

static const struct bench_kind kind_out = { out_start, out_prepare, out_work, out_right,
					    line_end };
static const struct bench_kind kind_in = { in_start, in_prepare, in_work, in_right, line_end };

static void add_line(bench_add_fn add, int engine, bool out, int what, size_t len)
{
	struct bench_item it = { .bytes = len, .ops = out ? OUT_OPS : SEGMENTS, .a = 13,
				 .b = engine, .c = what, .kind = out ? &kind_out : &kind_in };

	snprintf(it.name, sizeof(it.name), "pipeline %s %s %zu %s%s", out ? "out" : "in",
		 what & IS_TCP ? "tcp" : "udp", len, engine ? "ipsec-mb" : "openssl",
		 what & HAS_GATEWAY ? " gateway" : "");
	add(&it);
}

void bench_pipeline_items(bench_add_fn add)
{
	for (int engine = 0; engine < 2; engine++) {
		add_line(add, engine, true, IS_TCP, 64000);
		add_line(add, engine, true, IS_TCP, MSS);
		add_line(add, engine, true, 0, 64);
		add_line(add, engine, false, IS_TCP, MSS);
		add_line(add, engine, false, 0, 64);
	}
	/* The same with a gateway loaded that follows other flows. */
	for (int what = HAS_GATEWAY; what <= (HAS_GATEWAY | IS_TCP); what++) {
		add_line(add, 0, true, what, what & IS_TCP ? MSS : 64);
		add_line(add, 0, false, what, what & IS_TCP ? MSS : 64);
	}
}
