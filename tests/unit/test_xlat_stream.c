/* SPDX-License-Identifier: MIT
 *
 * Segmenting and coalescing: whatever is cut and joined, the byte stream is the same.
 */
#include "../harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "wire/tcp.h"
#include "xlat/coalesce.h"
#include "xlat/segment.h"
#include "xlat/xlat.h"

static const uint8_t stamps[12] = { 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2 };
static uint8_t stream[65536];

static void stream_fill(void)
{
	for (size_t i = 0; i < sizeof(stream); i++)
		stream[i] = (uint8_t)rand();
}

static struct test_tcp tcp_between(bool v4, uint16_t sport)
{
	return (struct test_tcp){
		.src = test_addr(v4 ? "192.0.2.1" : "2001:20::1"),
		.dst = test_addr(v4 ? "192.0.2.2" : "2001:20::2"),
		.sport = sport, .dport = 80, .seq = 0xfffff000, .ack = 5, .flags = HP_TCP_ACK,
		.opts = stamps, .opts_len = sizeof(stamps),
	};
}

/* ---- segmenting */

/* One segment: right checksum over the addresses, right place in the stream. */
static void check_segment(const struct test_tcp *t, const uint8_t *seg, size_t n, size_t at,
			  bool last)
{
	uint8_t addrs[32];

	memcpy(addrs, t->src.b, 16);
	memcpy(addrs + 16, t->dst.b, 16);
	CU_ASSERT(test_l4_sum(addrs, 32, 6, seg, n) == 0xffff);
	CU_ASSERT(hp_get32(seg + 4) == (uint32_t)(t->seq + at));
	CU_ASSERT(!memcmp(seg + 32, stream + at, n - 32));
	CU_ASSERT(!memcmp(seg + 20, stamps, 12) && hp_get32(seg + 8) == t->ack);
	CU_ASSERT(!!(seg[13] & HP_TCP_CWR) == (!at && t->flags & HP_TCP_CWR));
	CU_ASSERT(!!(seg[13] & HP_TCP_PSH) == (last && t->flags & HP_TCP_PSH));
	CU_ASSERT(!!(seg[13] & HP_TCP_FIN) == (last && t->flags & HP_TCP_FIN));
	CU_ASSERT(seg[13] & HP_TCP_ACK);
}

static void segment_all(size_t len, size_t mss, uint16_t gso, uint8_t flags, bool partial)
{
	struct test_tcp t = tcp_between(false, 1234);
	static uint8_t out[HP_PACKET_CAP];
	struct hp_segmenter s;
	struct hp_packet *p;
	size_t at = 0, most = gso && gso < mss ? gso : mss;
	int n;

	t.flags = flags;
	p = test_tcp(&t, stream, len);
	hp_packet_dissect(p);
	p->gso_size = gso;
	p->csum_partial = partial;
	if (partial)
		hp_put16(p->data + 56, 0x1111);
	CU_ASSERT(!hp_segment_init(&s, p, mss));
	while ((n = hp_segment_next(&s, out, sizeof(out))) > 0) {
		size_t payload = (size_t)n - 32;

		CU_ASSERT(payload <= most && (payload == most || at + payload == len));
		check_segment(&t, out, (size_t)n, at, at + payload == len);
		at += payload;
	}
	CU_ASSERT(n == 0 && at == len && hp_segment_next(&s, out, sizeof(out)) == 0);
	test_packet_free(p);
}

static void segments_are_the_stream_with_right_checksums(void)
{
	stream_fill();
	segment_all(0, 1400, 0, HP_TCP_ACK, false);
	segment_all(0, 1400, 0, HP_TCP_ACK, true);
	segment_all(65000, 1400, 1400, HP_TCP_ACK | HP_TCP_PSH | HP_TCP_CWR, true);
	segment_all(65000, 1400, 1000, HP_TCP_ACK | HP_TCP_FIN, true);
	segment_all(1400, 1400, 0, HP_TCP_ACK | HP_TCP_PSH, false);
	segment_all(1401, 1400, 0, HP_TCP_ACK | HP_TCP_PSH, false);
	for (int i = 0; i < 300; i++)
		segment_all((size_t)rand() % 65000, 1 + (size_t)rand() % 3000,
			    rand() % 2 ? 0 : (uint16_t)(1 + rand() % 2000),
			    HP_TCP_ACK | (rand() % 2 ? HP_TCP_PSH : 0), rand() % 2);
}

static void a_single_whole_segment_keeps_its_checksum(void)
{
	struct test_tcp t = tcp_between(false, 1);
	struct hp_packet *p = test_tcp(&t, stream, 100);
	uint8_t out[200];
	struct hp_segmenter s;

	p->data[100] ^= 1; /* wrong it came, wrong it goes */
	hp_packet_dissect(p);
	CU_ASSERT(!hp_segment_init(&s, p, 1000));
	CU_ASSERT(hp_segment_next(&s, out, 131) == -ENOBUFS);
	CU_ASSERT(hp_segment_next(&s, out, sizeof(out)) == 132);
	CU_ASSERT(!memcmp(out, p->data + 40, 132) && !hp_segment_next(&s, out, sizeof(out)));
	test_packet_free(p);
}

static void a_udp_super_packet_becomes_datagrams(void)
{
	struct hp_addr a = test_addr("2001:20::1"), b = test_addr("2001:20::2");
	struct hp_packet *p = test_udp(&a, 1, &b, 2, stream, 2500);
	size_t at = 0;
	uint8_t out[2000], addrs[32];
	struct hp_segmenter s;
	int n;

	memcpy(addrs, a.b, 16);
	memcpy(addrs + 16, b.b, 16);
	hp_packet_dissect(p);
	p->gso_size = 1000;
	p->csum_partial = true;
	CU_ASSERT(!hp_segment_init(&s, p, 100));
	while ((n = hp_segment_next(&s, out, sizeof(out))) > 0) {
		CU_ASSERT(test_l4_sum(addrs, 32, 17, out, (size_t)n) == 0xffff);
		CU_ASSERT(hp_get16(out + 4) == n && !memcmp(out + 8, stream + at, (size_t)n - 8));
		at += (size_t)n - 8;
	}
	CU_ASSERT(at == 2500);
	test_packet_free(p);
}

static void every_truncated_segment_is_refused(void)
{
	struct test_tcp t = tcp_between(false, 1);
	struct hp_packet *p = test_tcp(&t, stream, 0);
	struct hp_segmenter s;

	hp_packet_dissect(p);
	for (p->len = 0; p->len < 72; p->len++)
		CU_ASSERT(hp_segment_init(&s, p, 1000) == -EBADMSG);
	CU_ASSERT(!hp_segment_init(&s, p, 1000) && hp_segment_init(&s, p, 0) == -EBADMSG);
	test_packet_free(p);
}

/* ---- coalescing */

#define FLOWS 12

struct sink {
	struct hp_coalesce c;
	unsigned int made, emitted, put, super;
	uint32_t next_seq[FLOWS]; /* by source port - 1000 */
	bool in_order;
	struct hp_packet *last;   /* the newest emitted one, kept */
};

static void sink_emit(void *ctx, struct hp_packet *p)
{
	struct sink *s = ctx;
	uint8_t *l4 = p->data + p->l4_off;
	size_t hlen = (l4[12] >> 4) * 4u, payload = p->len - p->l4_off - hlen;
	unsigned int flow = p->sport - 1000u;
	uint32_t at = hp_get32(l4 + 4) - 0xfffff000u;

	s->emitted++;
	if (p->gso_size) {
		struct hp_packet *q = test_packet_copy(p);

		s->super++;
		CU_ASSERT(p->csum_partial && payload > p->gso_size);
		CU_ASSERT(!hp_packet_complete_checksum(q) && test_packet_right(q));
		test_packet_free(q);
	}
	if (flow < FLOWS && p->proto == 6) {
		if (at != s->next_seq[flow] || memcmp(l4 + hlen, stream + at, payload))
			s->in_order = false;
		s->next_seq[flow] = at + (uint32_t)payload;
	}
	test_packet_free(s->last);
	s->last = p;
}

static void sink_put(void *ctx, struct hp_packet *p)
{
	struct sink *s = ctx;

	s->put++;
	test_packet_free(p);
}

static void sink_init(struct sink *s)
{
	memset(s, 0, sizeof(*s));
	s->in_order = true;
	hp_coalesce_init(&s->c, sink_emit, sink_put, s);
}

static void sink_done(struct sink *s)
{
	hp_coalesce_flush(&s->c);
	CU_ASSERT(s->made == s->emitted + s->put && s->in_order && !s->c.used);
	test_packet_free(s->last);
	s->last = NULL;
}

static struct hp_packet *piece(const struct test_tcp *base, size_t at, size_t n)
{
	struct test_tcp t = *base;
	struct hp_packet *p;

	t.seq += (uint32_t)at;
	p = test_tcp(&t, stream + at, n);
	hp_packet_dissect(p);
	return p;
}

static void give(struct sink *s, struct hp_packet *p)
{
	s->made++;
	hp_coalesce_add(&s->c, p);
}

static void forty_segments_become_one(void)
{
	for (int v4 = 0; v4 < 2; v4++) {
		struct test_tcp t = tcp_between(v4, 1000);
		struct sink s;

		stream_fill();
		sink_init(&s);
		for (size_t i = 0; i < 40; i++)
			give(&s, piece(&t, i * 1400, i == 39 ? 700 : 1400));
		CU_ASSERT(s.emitted == 1 && s.super == 1 && s.last->gso_size == 1400);
		CU_ASSERT(s.last->len == (v4 ? 20u : 40u) + 32 + 39 * 1400 + 700);
		sink_done(&s);
	}
}

static struct hp_packet *sink_grow(void *ctx, struct hp_packet *p)
{
	struct hp_packet *big;

	(void)ctx;
	big = test_packet_copy(p);
	big->cap = HP_PACKET_CAP;
	test_packet_free(p);
	return big;
}

/* Without a bigger buffer nothing is joined, with one everything is. */
static void a_first_segment_without_room_moves(void)
{
	for (int grows = 0; grows < 2; grows++) {
		struct test_tcp t = tcp_between(true, 1000);
		struct sink s;

		stream_fill();
		sink_init(&s);
		s.c.grow = grows ? sink_grow : NULL;
		for (size_t i = 0; i < 20; i++) {
			struct hp_packet *p = piece(&t, i * 1400, 1400);

			p->cap = (size_t)(p->data - p->buf) + p->len;
			give(&s, p);
		}
		hp_coalesce_flush(&s.c);
		CU_ASSERT_EQUAL(s.emitted, grows ? 1 : 20);
		sink_done(&s);
	}
}

static void a_super_packet_stays_below_64_kilobytes(void)
{
	struct test_tcp t = tcp_between(true, 1000);
	struct sink s;

	sink_init(&s);
	for (size_t i = 0; i < 46; i++)
		give(&s, piece(&t, i * 1400, 1400));
	CU_ASSERT(s.emitted == 0);
	give(&s, piece(&t, 46 * 1400, 1000));
	CU_ASSERT(s.emitted == 1 && s.last->len == 52 + 46 * 1400 + 1000);
	sink_done(&s);
	sink_init(&s);
	for (size_t i = 0; i < 44; i++)
		give(&s, piece(&t, i * 1480, 1480));
	CU_ASSERT(s.emitted == 0);
	give(&s, piece(&t, 44 * 1480, 416));
	CU_ASSERT(s.emitted == 1 && s.last->len <= 65535);
	sink_done(&s);
}

/* After a first segment, one that differs in a single thing is not joined. */
static void differs(void (*change)(struct hp_packet *p))
{
	struct test_tcp t = tcp_between(true, 1000);
	struct sink s;
	struct hp_packet *p;

	sink_init(&s);
	give(&s, piece(&t, 0, 1000));
	p = piece(&t, 1000, 1000);
	change(p);
	test_seal_checksums(p);
	hp_packet_dissect(p);
	give(&s, p);
	hp_coalesce_flush(&s.c);
	CU_ASSERT(s.emitted == 2 && !s.put && !s.super);
	sink_done(&s);
}

static void change_ack(struct hp_packet *p) { p->data[31] ^= 1; }
static void change_window(struct hp_packet *p) { p->data[35] ^= 1; }
static void change_stamp(struct hp_packet *p) { p->data[47] ^= 1; }
static void change_fin(struct hp_packet *p) { p->data[33] |= HP_TCP_FIN; }
static void change_syn(struct hp_packet *p) { p->data[33] |= HP_TCP_SYN; }
static void change_rst(struct hp_packet *p) { p->data[33] |= HP_TCP_RST; }
static void change_urg(struct hp_packet *p) { p->data[33] |= HP_TCP_URG; }
static void change_cwr(struct hp_packet *p) { p->data[33] |= HP_TCP_CWR; }
static void change_ece(struct hp_packet *p) { p->data[33] |= HP_TCP_ECE; }
static void change_tos(struct hp_packet *p) { p->data[1] ^= 2; }
static void change_ttl(struct hp_packet *p) { p->data[8] ^= 1; }

static void a_segment_that_differs_is_not_joined(void)
{
	differs(change_ack);
	differs(change_window);
	differs(change_stamp);
	differs(change_fin);
	differs(change_syn);
	differs(change_rst);
	differs(change_urg);
	differs(change_cwr);
	differs(change_ece);
	differs(change_tos);
	differs(change_ttl);
}

static void push_and_a_short_segment_end_a_super_packet(void)
{
	struct test_tcp t = tcp_between(false, 1000), psh = t;
	struct sink s;

	psh.flags |= HP_TCP_PSH;
	sink_init(&s);
	give(&s, piece(&t, 0, 1000));
	give(&s, piece(&psh, 1000, 1000));
	CU_ASSERT(s.emitted == 1 && s.last->len == 72 + 2000);
	CU_ASSERT(s.last->data[53] & HP_TCP_PSH);
	give(&s, piece(&t, 2000, 1000));
	give(&s, piece(&t, 3000, 999));
	CU_ASSERT(s.emitted == 2);
	give(&s, piece(&t, 3999, 1000));
	give(&s, piece(&t, 4999, 1001)); /* longer: begins a new one */
	CU_ASSERT(s.emitted == 3);
	give(&s, piece(&psh, 6000, 100));
	CU_ASSERT(s.emitted == 4 && s.super == 3);
	sink_done(&s);
}

static void a_gap_and_a_wrong_checksum_are_not_joined(void)
{
	struct test_tcp t = tcp_between(true, 2000); /* order is not looked at */
	struct hp_packet *p;
	struct sink s;

	sink_init(&s);
	give(&s, piece(&t, 0, 1000));
	give(&s, piece(&t, 2000, 1000));
	CU_ASSERT(s.emitted == 1);
	p = piece(&t, 3000, 1000);
	p->data[p->len - 1] ^= 1;
	give(&s, p);
	CU_ASSERT(s.c.bad_checksum == 1);
	give(&s, piece(&t, 4000, 1000)); /* behind the wrong one */
	CU_ASSERT(s.c.bad_checksum == 2 && !s.super);
	give(&s, piece(&t, 5000, 1000));
	hp_coalesce_flush(&s.c);
	CU_ASSERT(s.super == 1 && s.emitted == 4);
	sink_done(&s);
}

static void anything_else_passes_through(void)
{
	struct test_tcp t = tcp_between(false, 1000);
	struct hp_packet *p;
	struct sink s;

	sink_init(&s);
	p = test_udp(&t.src, 3000, &t.dst, 1, stream, 100);
	hp_packet_dissect(p);
	give(&s, p);
	CU_ASSERT(s.emitted == 1);
	give(&s, piece(&t, 0, 0)); /* a bare ACK */
	CU_ASSERT(s.emitted == 2);
	p = piece(&t, 0, 3000);
	p->gso_size = 1000;
	p->csum_partial = true;
	give(&s, p);
	CU_ASSERT(s.emitted == 3 && !s.c.used && !s.put);
	sink_done(&s);
}

/* Twelve flows, eight slots, arbitrary sizes and flags: all arrives, in order. */
static void arbitrary_batches_keep_every_stream(void)
{
	for (int round = 0; round < 60; round++) {
		size_t at[FLOWS] = { 0 };
		struct sink s;

		stream_fill();
		sink_init(&s);
		for (int i = 0; i < 400; i++) {
			uint16_t f = (uint16_t)(rand() % (round % 2 ? FLOWS : 3));
			struct test_tcp t = tcp_between(f & 1, (uint16_t)(1000 + f));
			size_t n = rand() % 4 ? 500 : (size_t)rand() % 700;

			if (at[f] + n > 60000)
				continue;
			if (rand() % 10 == 0)
				t.flags |= HP_TCP_PSH;
			if (rand() % 20 == 0)
				t.flags |= HP_TCP_FIN;
			give(&s, piece(&t, at[f], n));
			at[f] += n;
			if (rand() % 64 == 0)
				hp_coalesce_flush(&s.c);
		}
		hp_coalesce_flush(&s.c);
		for (int f = 0; f < FLOWS; f++)
			CU_ASSERT(s.next_seq[f] == at[f]);
		CU_ASSERT(s.super > 0);
		sink_done(&s);
	}
}

static void cut_and_joined_again_it_is_the_same_packet(void)
{
	struct test_tcp t = tcp_between(false, 1000);
	static uint8_t out[HP_PACKET_CAP];
	struct hp_segmenter seg;
	struct hp_packet *p;
	struct sink s;
	int n;

	stream_fill();
	t.flags |= HP_TCP_PSH;
	sink_init(&s);
	p = piece(&t, 0, 60001);
	CU_ASSERT(!hp_segment_init(&seg, p, 1348));
	while ((n = hp_segment_next(&seg, out, sizeof(out))) > 0) {
		struct hp_packet *q = test_packet_l4(&t.src, &t.dst, 6, out, (size_t)n);

		CU_ASSERT(!memcmp(q->data + 40, out, (size_t)n)); /* its checksum was right */
		hp_packet_dissect(q);
		give(&s, q);
	}
	CU_ASSERT(s.emitted == 1 && !hp_packet_complete_checksum(s.last));
	CU_ASSERT(s.last->len == p->len && !memcmp(s.last->data, p->data, p->len));
	test_packet_free(p);
	sink_done(&s);
}

static const struct hp_test tests[] = {
	HP_TEST(segments_are_the_stream_with_right_checksums),
	HP_TEST(a_single_whole_segment_keeps_its_checksum),
	HP_TEST(a_udp_super_packet_becomes_datagrams),
	HP_TEST(every_truncated_segment_is_refused),
	HP_TEST(forty_segments_become_one),
	HP_TEST(a_first_segment_without_room_moves),
	HP_TEST(a_super_packet_stays_below_64_kilobytes),
	HP_TEST(a_segment_that_differs_is_not_joined),
	HP_TEST(push_and_a_short_segment_end_a_super_packet),
	HP_TEST(a_gap_and_a_wrong_checksum_are_not_joined),
	HP_TEST(anything_else_passes_through),
	HP_TEST(arbitrary_batches_keep_every_stream),
	HP_TEST(cut_and_joined_again_it_is_the_same_packet),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("xlat_stream", tests, argc, argv);
}
