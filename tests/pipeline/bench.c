/* SPDX-License-Identifier: MIT
 *
 * How fast is the pipeline alone?  Captured 64 KB super-packets become ESP, and ESP of that kind
 * becomes super-packets again.  No system calls but the clock's; copies of packets that stand
 * for the kernel's are counted in.
 *
 *	bench [suite's number] [seconds]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lab.h"

#define ROUND    64 /* packets between looks at the clock */
#define SEGMENTS 40 /* ESP packets received at once */

static struct lab l;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int swallow(void *ctx, const struct hp_path *path, const struct hp_esp_batch *b)
{
	(void)ctx, (void)path, (void)b;
	return 0;
}

static void setup(uint16_t suite, struct talk *t)
{
	lab_init(&l);
	for (int i = 0; i < 2; i++) {
		l.w.s[i].cfg.esp_suites[0] = suite;
		l.w.s[i].cfg.n_esp_suites = 1;
		l.w.s[i].cfg.allow_null = true;
		l.w.s[i].cfg.rekey_bytes = UINT64_MAX;
		l.w.s[i].cfg.rekey_packets = UINT64_MAX / 2;
		if (hp_esp_ipsec_mb())
			l.w.s[i].cfg.esp_backend = hp_esp_ipsec_mb();
	}
	lab_start(&l);
	lab_open(&l, t);
}

static void report(const char *what, uint64_t octets, uint64_t packets, double s)
{
	printf("%-42s %7.2f Gbit/s %9.0f packets/s\n", what, (double)octets * 8 / s / 1e9,
	       (double)packets / s);
}

/* p's bytes in a packet of node 0, which stays the caller's idea of a super-packet. */
static void capture(const struct hp_packet *p)
{
	struct hp_packet *q = l.n[0].ops.get(l.n[0].ops.ctx);

	q = l.n[0].ops.expand(l.n[0].ops.ctx, q);
	memcpy(q->data, p->data, p->len);
	q->len = p->len;
	q->gso = p->gso;
	hp_pipe_captured(l.n[0].pipe, q);
}

static void outbound(struct talk *t, size_t len, double seconds, const char *what)
{
	struct hp_packet *p = lab_tcp(t, lab_text(), len);
	uint64_t n = 0;
	double start;

	p->gso = true;
	l.n[0].ops.esp_send = swallow;
	start = now();
	do {
		for (int i = 0; i < ROUND; i++, n++)
			capture(p);
	} while (now() - start < seconds);
	report(what, n * len, n, now() - start);
	test_packet_free(p);
}

static struct hp_packet *esp_packet(const uint8_t *data, size_t len)
{
	struct hp_packet *q = l.n[0].ops.get(l.n[0].ops.ctx);

	memcpy(q->data, data, len);
	q->len = len;
	q->src = l.w.s[1].addr;
	q->dst = l.w.s[0].addr;
	q->ttl = 60;
	return q;
}

/* ESP of segments in sequence, sealed beforehand; only the receiving half is timed. */
static void inbound(const struct talk *t, double seconds)
{
	struct hp_sa *sa = hp_assoc_sa_out(world_assoc(&l.w, 1));
	static uint8_t esp[SEGMENTS][2048];
	int len[SEGMENTS];
	size_t mss = 1400;
	uint64_t n = 0;
	double spent = 0, start;

	l.discard = true;
	while (spent < seconds) {
		for (int i = 0; i < SEGMENTS; i++, n++) {
			struct test_tcp h = { .src = l.w.s[1].hit, .dst = l.w.s[0].hit,
					      .sport = 80, .dport = t->sport,
					      .seq = (uint32_t)(n * mss), .ack = 1,
					      .flags = 16 };
			struct hp_packet *p = test_tcp(&h, lab_text(), mss);

			len[i] = hp_esp_seal_copy(sa, 6, p->data + 40, p->len - 40, esp[i],
						  sizeof(esp[i]));
			test_packet_free(p);
		}
		start = now();
		for (int i = 0; i < SEGMENTS; i++)
			hp_pipe_esp(l.n[0].pipe, esp_packet(esp[i], (size_t)len[i]));
		hp_pipe_flush(l.n[0].pipe);
		spent += now() - start;
	}
	report("ESP in, joined", n * mss, n, spent);
	printf("%-42s %7.1f\n", "ESP packets in one super-packet", (double)n / (double)l.n[0].n_out);
}

int main(int argc, char **argv)
{
	uint16_t suite = (uint16_t)(argc > 1 ? atoi(argv[1]) : 13);
	double seconds = argc > 2 ? atof(argv[2]) : 2;
	struct talk t = lab_talk4(4000);

	setup(suite, &t);
	printf("%s by %s\n", hp_assoc_sa_out(world_assoc(&l.w, 0))->suite->name,
	       hp_assoc_sa_out(world_assoc(&l.w, 0))->backend->name);
	outbound(&t, 64000, seconds, "super-packets of 64000 octets out");
	outbound(&t, 1400, seconds, "packets of 1400 octets out");
	inbound(&t, seconds);
	l.n[0].n_captured = 0;
	return lab_fini(&l) ? 0 : 1;
}
