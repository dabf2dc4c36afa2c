/* SPDX-License-Identifier: MIT
 *
 * Coalescing: whatever is joined, the byte stream is the same.
 */
#include "../harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"
#include "xlat/coalesce.h"
#include "xlat/segment.h"
#include "xlat/xlat.h"

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
	size_t hlen = p->proto == 17 ? 8 : (l4[12] >> 4) * 4u;
	size_t payload = p->len - p->l4_off - hlen;
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
	if (flow < FLOWS && p->proto == 17) /* its order is all that tells where it belongs */
		at = s->next_seq[flow];
	if (flow < FLOWS) {
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

/* ---- datagrams */

static struct hp_packet *datagram(bool v4, uint16_t sport, size_t at, size_t n)
{
	struct hp_addr src = test_addr(v4 ? "192.0.2.1" : "2001:20::1");
	struct hp_addr dst = test_addr(v4 ? "192.0.2.2" : "2001:20::2");
	struct hp_packet *p = test_udp(&src, sport, &dst, 53, stream + at, n);

	hp_packet_dissect(p);
	return p;
}

static void udp_sink_init(struct sink *s)
{
	sink_init(s);
	s->c.udp = true;
}

static void equal_datagrams_become_one(void)
{
	for (int v4 = 0; v4 < 2; v4++) {
		size_t ip = v4 ? 20 : 40;
		struct sink s;

		stream_fill();
		udp_sink_init(&s);
		for (size_t i = 0; i < 40; i++)
			give(&s, datagram(v4, 1000, i * 1400, i == 39 ? 700 : 1400));
		CU_ASSERT(s.emitted == 1 && s.super == 1 && s.put == 39 && s.c.joined == 39);
		CU_ASSERT(s.last->gso_size == 1400 && s.last->csum_partial);
		CU_ASSERT(s.last->len == ip + 8 + 39 * 1400 + 700);
		CU_ASSERT(hp_get16(s.last->data + ip + 4) == s.last->len - ip);
		sink_done(&s);
	}
}

static void datagrams_are_joined_only_where_it_is_wanted(void)
{
	struct sink s;

	sink_init(&s);
	for (size_t i = 0; i < 10; i++)
		give(&s, datagram(true, 1000, i * 100, 100));
	CU_ASSERT(s.emitted == 10 && !s.super && !s.c.used);
	sink_done(&s);
}

/* Joined it would be a super-packet, which nobody fragments. */
static void what_may_be_fragmented_stays_alone(void)
{
	for (int v4 = 0; v4 < 2; v4++) {
		struct sink s;

		udp_sink_init(&s);
		for (size_t i = 0; i < 6; i++) {
			struct hp_packet *p = datagram(v4, 1000, i * 1400, 1400);

			p->df = i < 2 || i > 3;
			give(&s, p);
			CU_ASSERT_EQUAL(s.emitted, i < 2 ? 0 : i == 2 ? 2 : 3);
		}
		hp_coalesce_flush(&s.c);
		CU_ASSERT(s.emitted == 4 && s.super == 2);
		sink_done(&s);
	}
}

static void a_longer_datagram_begins_anew_and_a_shorter_one_ends(void)
{
	struct sink s;

	udp_sink_init(&s);
	give(&s, datagram(true, 1000, 0, 500));
	give(&s, datagram(true, 1000, 500, 500));
	CU_ASSERT(!s.emitted);
	give(&s, datagram(true, 1000, 1000, 501));
	CU_ASSERT(s.emitted == 1 && s.last->len == 28 + 1000);
	give(&s, datagram(true, 1000, 1501, 499));
	CU_ASSERT(s.emitted == 2 && s.last->len == 28 + 1000 && s.last->gso_size == 501);
	give(&s, datagram(true, 1000, 2000, 500));
	CU_ASSERT(s.emitted == 2);
	give(&s, datagram(true, 1000, 2500, 0)); /* nothing in it: alone, and not before others */
	CU_ASSERT(s.emitted == 4 && s.super == 2);
	sink_done(&s);
}

static void a_super_packet_has_so_many_datagrams_at_most(void)
{
	struct sink s;

	udp_sink_init(&s);
	for (size_t i = 0; i < HP_COALESCE_DATAGRAMS + 1; i++)
		give(&s, datagram(false, 1000, i * 10, 10));
	CU_ASSERT(s.emitted == 1 && s.last->len == 48 + HP_COALESCE_DATAGRAMS * 10);
	sink_done(&s);
	udp_sink_init(&s);
	for (size_t i = 0; i < 46; i++)
		give(&s, datagram(true, 1000, i * 1400, 1400));
	CU_ASSERT(!s.emitted); /* 64 KB are not full yet */
	give(&s, datagram(true, 1000, 46 * 1400, 1108));
	CU_ASSERT(s.emitted == 1 && s.last->len <= 65535);
	sink_done(&s);
}

/* As `differs` above. */
static void datagram_differs(void (*change)(struct hp_packet *p), bool right, uint64_t bad)
{
	struct hp_packet *p = datagram(true, 2000, 100, 100);
	struct sink s;

	udp_sink_init(&s);
	give(&s, datagram(true, 2000, 0, 100));
	change(p);
	if (right)
		test_seal_checksums(p);
	hp_packet_dissect(p);
	give(&s, p);
	hp_coalesce_flush(&s.c);
	CU_ASSERT(s.emitted == 2 && !s.put && !s.super && s.c.bad_checksum == bad);
	sink_done(&s);
}

static void change_sport(struct hp_packet *p) { p->data[21] ^= 1; }
static void change_dport(struct hp_packet *p) { p->data[23] ^= 1; }
static void change_src(struct hp_packet *p) { p->data[14] ^= 1; }
static void change_payload(struct hp_packet *p) { p->data[p->len - 1] ^= 1; }
static void change_udp_length(struct hp_packet *p) { p->data[25]--; }
static void change_no_checksum(struct hp_packet *p) { hp_put16(p->data + 26, 0); }

static void a_datagram_that_differs_is_not_joined(void)
{
	datagram_differs(change_sport, true, 0);
	datagram_differs(change_dport, true, 0);
	datagram_differs(change_src, true, 0);
	datagram_differs(change_tos, true, 0);
	datagram_differs(change_ttl, true, 0);
	datagram_differs(change_udp_length, true, 0);
	datagram_differs(change_no_checksum, false, 0);
	datagram_differs(change_payload, false, 1);
}

/* ---- written straight to its place */

#define TRAILER 33 /* what a cipher writes behind a payload, about */

static uint8_t *spot_for(struct sink *s, const struct hp_packet *p, size_t len)
{
	struct hp_coalesce_next next = { &p->src, &p->dst, p->ttl, p->tos };

	return hp_coalesce_spot(&s->c, &next, len);
}

/* p's transport part, and a trailer, at the spot: was it joined?  Whatever the answer, p is the
 * caller's. */
static bool written(struct sink *s, const struct hp_packet *p, uint8_t proto, size_t len)
{
	uint8_t *spot = spot_for(s, p, len + TRAILER);
	bool joined;

	if (!spot)
		return false;
	memcpy(spot, p->data + p->l4_off, len);
	memset(spot + len, 0xee, TRAILER);
	joined = hp_coalesce_join(&s->c, proto, len);
	if (!joined) {
		CU_ASSERT(!memcmp(spot, p->data + p->l4_off, len)); /* "still stands there" */
		hp_coalesce_leave(&s->c);
	}
	CU_ASSERT(!s->c.at_spot);
	return joined;
}

/* As the pipeline does it. */
static bool give_written(struct sink *s, struct hp_packet *p)
{
	bool joined = written(s, p, p->proto, p->len - p->l4_off);

	if (joined)
		test_packet_free(p);
	else
		give(s, p);
	return joined;
}

static void check_same_result(bool v4, bool udp)
{
	struct test_tcp t = tcp_between(v4, 1000), psh = t;
	struct sink a, b;
	size_t joined = 0;

	psh.flags |= HP_TCP_PSH;
	udp_sink_init(&a);
	udp_sink_init(&b);
	for (size_t i = 0; i < 30; i++) {
		const struct test_tcp *h = i == 29 ? &psh : &t;
		size_t n = i == 29 ? 999 : 1000;

		give(&a, udp ? datagram(v4, 1000, i * 1000, n) : piece(h, i * 1000, n));
		joined += give_written(&b, udp ? datagram(v4, 1000, i * 1000, n) :
						 piece(h, i * 1000, n));
	}
	CU_ASSERT(joined == 29 && b.made == 1 && !b.put && b.c.joined == a.c.joined);
	CU_ASSERT(a.emitted == 1 && b.emitted == 1 && a.super == 1 && b.super == 1);
	CU_ASSERT(a.last->len == b.last->len && a.last->gso_size == b.last->gso_size);
	CU_ASSERT(!memcmp(a.last->data, b.last->data, a.last->len));
	sink_done(&a);
	sink_done(&b);
}

static void written_or_added_it_is_the_same_packet(void)
{
	stream_fill();
	for (int i = 0; i < 4; i++)
		check_same_result(i & 1, i & 2);
}

static void what_is_left_has_changed_nothing(void)
{
	struct test_tcp t = tcp_between(false, 1000);
	struct hp_packet *p = piece(&t, 1000, 1000), *kept;
	uint8_t *spot;
	struct sink s;

	stream_fill();
	for (int udp = 0; udp < 2; udp++) {
		udp_sink_init(&s);
		give(&s, udp ? datagram(false, 1000, 0, 1000) : piece(&t, 0, 1000));
		kept = test_packet_copy(s.c.latest->p);
		for (size_t n = 0; n < 1500; n++) {
			spot = spot_for(&s, p, n);
			CU_ASSERT_FATAL(spot != NULL);
			for (size_t i = 0; i < n; i++)
				spot[i] = (uint8_t)rand();
			hp_coalesce_leave(&s.c);
			CU_ASSERT(s.c.latest->p->len == kept->len);
			CU_ASSERT(!memcmp(s.c.latest->p->data, kept->data, kept->len));
			hp_coalesce_leave(&s.c); /* twice is no harm */
		}
		CU_ASSERT(!memcmp(s.c.latest->p->data, kept->data, kept->len) && !s.c.joined);
		test_packet_free(kept);
		sink_done(&s);
	}
	test_packet_free(p);
}

static void every_truncated_transport_header_is_refused_at_the_spot(void)
{
	for (int udp = 0; udp < 2; udp++) {
		struct test_tcp t = tcp_between(true, 1000);
		struct hp_packet *p = udp ? datagram(true, 1000, 1000, 1000) : piece(&t, 1000, 1000);
		size_t all = p->len - p->l4_off;
		struct sink s;

		udp_sink_init(&s);
		give(&s, udp ? datagram(true, 1000, 0, 1000) : piece(&t, 0, 1000));
		for (size_t n = 0; n < all; n++)
			CU_ASSERT(!written(&s, p, p->proto, n));
		/* What has a payload and is no datagram fails by its checksum. */
		CU_ASSERT_EQUAL(s.c.bad_checksum, udp ? 0 : all - 33);
		CU_ASSERT(written(&s, p, p->proto, all));
		test_packet_free(p);
		sink_done(&s);
	}
}

/* After a first segment, what does not continue it stays out and is added behind it. */
static void stays_out(bool udp, struct hp_packet *p, uint8_t proto, uint64_t bad)
{
	struct test_tcp t = tcp_between(true, 2000);
	struct sink s;

	udp_sink_init(&s);
	give(&s, udp ? datagram(true, 2000, 0, 1000) : piece(&t, 0, 1000));
	CU_ASSERT(!written(&s, p, proto, p->len - p->l4_off));
	CU_ASSERT(s.c.bad_checksum == bad && !s.c.joined && s.c.latest->segments == 1);
	test_packet_free(p);
	hp_coalesce_flush(&s.c);
	CU_ASSERT(s.emitted == 1 && !s.super && test_packet_right(s.last));
	sink_done(&s);
}

static struct hp_packet *changed(struct hp_packet *p, void (*change)(struct hp_packet *p),
				 bool right)
{
	change(p);
	if (right)
		test_seal_checksums(p);
	hp_packet_dissect(p);
	return p;
}

static void what_does_not_continue_stays_out_of_the_spot(void)
{
	static void (*const tcp[])(struct hp_packet *p) = {
		change_ack, change_window, change_stamp, change_fin, change_syn, change_rst,
		change_urg, change_cwr, change_ece, change_tos, change_ttl, change_sport,
		change_dport, change_src,
	};
	static void (*const udp[])(struct hp_packet *p) = { change_tos, change_ttl, change_sport,
							    change_dport, change_src,
							    change_udp_length };
	struct test_tcp t = tcp_between(true, 2000);

	for (size_t i = 0; i < sizeof(tcp) / sizeof(tcp[0]); i++)
		stays_out(false, changed(piece(&t, 1000, 1000), tcp[i], true), 6, 0);
	for (size_t i = 0; i < sizeof(udp) / sizeof(udp[0]); i++)
		stays_out(true, changed(datagram(true, 2000, 1000, 1000), udp[i], true), 17, 0);
	stays_out(true, changed(datagram(true, 2000, 1000, 1000), change_no_checksum, false), 17, 0);
	stays_out(false, changed(piece(&t, 1000, 1000), change_payload, false), 6, 1);
	stays_out(true, changed(datagram(true, 2000, 1000, 1000), change_payload, false), 17, 1);
	stays_out(false, piece(&t, 1001, 1000), 6, 0); /* a gap */
	stays_out(false, piece(&t, 999, 1000), 6, 0);
	stays_out(false, piece(&t, 1000, 1001), 6, 0); /* longer */
	stays_out(true, datagram(true, 2000, 1000, 1001), 17, 0);
	stays_out(true, datagram(true, 2000, 1000, 1000), 1, 0); /* another protocol */
	stays_out(false, datagram(true, 2000, 1000, 1000), 17, 0);
	stays_out(true, piece(&t, 1000, 900), 6, 0);
}

static bool spot_behind(bool udp, size_t payload, bool right, size_t cap_left, bool grows)
{
	struct test_tcp t = tcp_between(true, 2000);
	struct hp_packet *p = udp ? datagram(true, 2000, 0, payload) : piece(&t, 0, payload);
	bool found;
	struct sink s;

	udp_sink_init(&s);
	s.c.grow = grows ? sink_grow : NULL;
	if (!right)
		p->data[p->len - 1] ^= 1;
	p->cap = (size_t)(p->data - p->buf) + p->len + cap_left;
	give(&s, p);
	p = udp ? datagram(true, 2000, payload, payload) : piece(&t, payload, payload);
	found = spot_for(&s, p, 100);
	hp_coalesce_leave(&s.c);
	test_packet_free(p);
	sink_done(&s);
	return found;
}

static void there_is_no_spot_where_none_may_be(void)
{
	struct hp_packet *p = datagram(true, 2000, 0, 100);
	struct sink s;

	udp_sink_init(&s);
	CU_ASSERT(!spot_for(&s, p, 10)); /* nothing collected */
	hp_coalesce_leave(&s.c);
	give(&s, p);
	hp_coalesce_flush(&s.c);
	CU_ASSERT(!spot_for(&s, s.last, 10)); /* it has left */
	sink_done(&s);
	for (size_t n = 1; n < 40; n++) {
		CU_ASSERT(spot_behind(false, n, true, 2000, false) == (n >= 32));
		CU_ASSERT(spot_behind(true, n, true, 2000, false) == (n >= 8));
	}
	CU_ASSERT(!spot_behind(false, 1000, false, 2000, false)); /* a wrong checksum */
	CU_ASSERT(!spot_behind(true, 1000, false, 2000, false));
	CU_ASSERT(!spot_behind(true, 1000, true, 99, false)); /* no room */
	CU_ASSERT(spot_behind(true, 1000, true, 100, false));
	CU_ASSERT(spot_behind(true, 1000, true, 0, true));
}

static bool of_port(const struct hp_packet *p, const void *arg)
{
	return !arg || p->sport == *(const uint16_t *)arg;
}

static void purged_packets_go_back_and_are_counted(void)
{
	struct test_tcp t = tcp_between(true, 2001);
	const uint16_t port = 2002, other = 2009;
	struct sink s;

	udp_sink_init(&s);
	for (size_t i = 0; i < 5; i++) {
		give(&s, datagram(true, 2002, i * 100, 100));
		give(&s, piece(&t, i * 100, 100));
	}
	give_written(&s, piece(&t, 500, 100));
	CU_ASSERT(s.c.joined == 9 && s.put == 8);
	CU_ASSERT(hp_coalesce_purge(&s.c, of_port, &other) == 0 && s.c.used == 2);
	CU_ASSERT(hp_coalesce_purge(&s.c, of_port, &port) == 5 && s.c.used == 1 && s.put == 9);
	CU_ASSERT(hp_coalesce_purge(&s.c, of_port, NULL) == 6 && !s.c.used && s.put == 10);
	CU_ASSERT(!s.emitted && !s.c.latest && s.made == 10);
	CU_ASSERT(!hp_coalesce_purge(&s.c, of_port, NULL));
	sink_done(&s);
}

/* As arbitrary_batches_keep_every_stream; TCP and UDP, added and written. */
static void arbitrary_batches_with_spots_keep_every_stream(void)
{
	uint64_t direct = 0;

	for (int round = 0; round < 60; round++) {
		size_t at[FLOWS] = { 0 };
		uint16_t f = 0;
		struct sink s;

		stream_fill();
		udp_sink_init(&s);
		for (int i = 0; i < 400; i++) {
			size_t n = rand() % 4 ? 500 : (size_t)rand() % 700;
			struct hp_packet *p;
			struct test_tcp t;

			if (rand() % 3 == 0) /* often the same as before */
				f = (uint16_t)(rand() % (round % 2 ? FLOWS : 3));
			if (at[f] + n > 60000)
				continue;
			t = tcp_between(f & 1, (uint16_t)(1000 + f));
			if (rand() % 10 == 0)
				t.flags |= HP_TCP_PSH;
			p = f % 3 ? piece(&t, at[f], n) :
				    datagram(f & 1, (uint16_t)(1000 + f), at[f], n);
			at[f] += n;
			if (rand() % 4)
				direct += give_written(&s, p);
			else
				give(&s, p);
			if (rand() % 64 == 0)
				hp_coalesce_flush(&s.c);
		}
		hp_coalesce_flush(&s.c);
		for (int i = 0; i < FLOWS; i++)
			CU_ASSERT(s.next_seq[i] == at[i]);
		CU_ASSERT(s.super > 0 && !s.c.bad_checksum);
		sink_done(&s);
	}
	CU_ASSERT(direct > 1000);
}

static const struct hp_test tests[] = {
	HP_TEST(forty_segments_become_one),
	HP_TEST(a_first_segment_without_room_moves),
	HP_TEST(a_super_packet_stays_below_64_kilobytes),
	HP_TEST(a_segment_that_differs_is_not_joined),
	HP_TEST(push_and_a_short_segment_end_a_super_packet),
	HP_TEST(a_gap_and_a_wrong_checksum_are_not_joined),
	HP_TEST(anything_else_passes_through),
	HP_TEST(arbitrary_batches_keep_every_stream),
	HP_TEST(cut_and_joined_again_it_is_the_same_packet),
	HP_TEST(equal_datagrams_become_one),
	HP_TEST(datagrams_are_joined_only_where_it_is_wanted),
	HP_TEST(what_may_be_fragmented_stays_alone),
	HP_TEST(a_longer_datagram_begins_anew_and_a_shorter_one_ends),
	HP_TEST(a_super_packet_has_so_many_datagrams_at_most),
	HP_TEST(a_datagram_that_differs_is_not_joined),
	HP_TEST(written_or_added_it_is_the_same_packet),
	HP_TEST(what_is_left_has_changed_nothing),
	HP_TEST(every_truncated_transport_header_is_refused_at_the_spot),
	HP_TEST(what_does_not_continue_stays_out_of_the_spot),
	HP_TEST(there_is_no_spot_where_none_may_be),
	HP_TEST(purged_packets_go_back_and_are_counted),
	HP_TEST(arbitrary_batches_with_spots_keep_every_stream),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("xlat_coalesce", tests, argc, argv);
}
