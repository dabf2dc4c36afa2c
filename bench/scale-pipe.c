/* SPDX-License-Identifier: MIT
 *
 * A small datagram on its way out through the whole pipeline, among many flows: look-up, hooks,
 * translation, ESP.  Each is of a flow drawn at random; batches are those of the data path.
 */
#include "scale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/pipeline/lab.h"
#include "wire/ip.h"

#define BATCH   32u
#define BLOCK   (32u * BATCH)
#define PORTS   60000u /* source ports of one destination port: none is taken twice */
#define PAYLOAD 64u

struct pipes {
	struct lab l;
	struct hp_packet *free[4 * BATCH];
	unsigned int n_free;
	uint64_t n, at;
	struct hp_packet *model;
	char more[64];
};

static int swallow(void *ctx, const struct hp_outer_run *r, uint32_t *lost)
{
	(void)ctx, (void)r, (void)lost;
	return 0;
}

static struct hp_packet *get(void *ctx)
{
	struct pipes *s = (struct pipes *)(void *)((struct node *)ctx)->lab;
	struct hp_packet *p;

	if (!s->n_free)
		scale_die("no packet is left");
	p = s->free[--s->n_free];
	*p = (struct hp_packet){ .buf = p->buf, .cap = p->cap };
	p->data = p->buf + HP_PACKET_HEADROOM;
	return p;
}

static void put(void *ctx, struct hp_packet *p)
{
	struct pipes *s = (struct pipes *)(void *)((struct node *)ctx)->lab;

	s->free[s->n_free++] = p;
}

static void start(struct pipes *s, uint64_t n)
{
	struct talk t = lab_talk4(1);

	s->n = n;
	lab_init(&s->l);
	snprintf(s->more, sizeof(s->more), "limits = { flows = %lu; };", (unsigned long)n + 16);
	s->l.n[0].more = s->more;
	s->l.ahead_flows = HP_PIPE_AHEAD_FLOWS;
	for (int i = 0; i < 2; i++) {
		s->l.w.s[i].cfg.rekey_bytes = UINT64_MAX;
		s->l.w.s[i].cfg.rekey_packets = UINT64_MAX / 2;
		s->l.w.s[i].cfg.esp_backend = hp_esp_ipsec_mb();
	}
	lab_start(&s->l);
	lab_open(&s->l, &t);
	s->model = lab_udp(&t, lab_text(), PAYLOAD);
	for (size_t i = 0; i < sizeof(s->free) / sizeof(*s->free); i++) {
		s->free[i] = calloc(1, sizeof(struct hp_packet));
		s->free[i]->cap = 2048;
		s->free[i]->buf = malloc(2048);
	}
	s->n_free = sizeof(s->free) / sizeof(*s->free);
	s->l.n[0].ops.get = get;
	s->l.n[0].ops.put = put;
	s->l.n[0].ops.outer_send = swallow;
}

static void end(struct pipes *s)
{
	test_packet_free(s->model);
	lab_fini(&s->l);
	world_keys_free();
	for (size_t i = 0; i < sizeof(s->free) / sizeof(*s->free); i++) {
		free(s->free[i]->buf);
		free(s->free[i]);
	}
	free(s);
}

/* UDP's checksum is another packet's: it is changed on the way, and nobody here verifies it. */
static struct hp_packet *packet_of(struct pipes *s, uint64_t flow)
{
	struct hp_packet *p = get(&s->l.n[0]);
	uint32_t client = 0x0a000000u + (uint32_t)(flow / 16);

	memcpy(p->data, s->model->data, s->model->len);
	p->len = s->model->len;
	hp_put32(p->data + 12, client);
	hp_put16(p->data + 20, (uint16_t)(1024 + flow % PORTS));
	hp_put16(p->data + 22, (uint16_t)(1 + flow / PORTS));
	hp_ip4_csum_set(p->data, 20);
	return p;
}

static void block(struct pipes *s, const uint64_t *flows, uint64_t n)
{
	struct hp_packet *p[BATCH];

	for (uint64_t i = 0; i < n; i += BATCH) {
		unsigned int k = n - i < BATCH ? (unsigned int)(n - i) : BATCH;

		for (unsigned int j = 0; j < k; j++)
			p[j] = packet_of(s, flows[i + j]);
		hp_pipe_captured(s->l.n[0].pipe, p, k);
	}
}

static void fill(struct pipes *s)
{
	for (uint64_t i = 0; i < s->n; i++)
		block(s, &i, 1);
	if (hp_flowdb_count(hp_pipe_flowdb(s->l.n[0].pipe)) < s->n)
		scale_die("a flow was not made");
}

/* Nanoseconds a packet; some blocks, or so many that each flow is met about once. */
static double once(struct pipes *s)
{
	uint64_t blocks = s->n / BLOCK < 100 ? 100 : s->n / BLOCK, flows[BLOCK];
	uint64_t before = hp_pipe_totals(s->l.n[0].pipe)->out_packets;
	double spent = 0;

	for (uint64_t b = 0; b < blocks; b++) {
		double at;

		for (size_t i = 0; i < BLOCK; i++)
			flows[i] = scale_mix(s->at++) % s->n;
		at = scale_now();
		block(s, flows, BLOCK);
		spent += scale_now() - at;
	}
	if (hp_pipe_totals(s->l.n[0].pipe)->out_packets != before + blocks * BLOCK)
		scale_die("a packet did not leave");
	return spent * 1e9 / (double)(blocks * BLOCK);
}

double scale_pipe(uint64_t n, bool quick)
{
	struct pipes *s = calloc(1, sizeof(*s));
	unsigned int repeats = quick ? 3 : 7;
	double t[8], median;

	if (!s)
		scale_die("no memory");
	start(s, n);
	fill(s);
	once(s);
	for (unsigned int i = 0; i < repeats; i++)
		t[i] = once(s);
	median = scale_median(t, repeats);
	end(s);
	return median;
}
