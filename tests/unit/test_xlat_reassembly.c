/* SPDX-License-Identifier: MIT
 *
 * Reassembly: order, duplicates, overlaps, limits, time.
 */
#include "../harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "xlat/reassembly.h"
#include "xlat/xlat.h"

static uint64_t now_ms;

static uint64_t mock_ms(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static const struct hp_clock mock_clock = { mock_ms, mock_ms, NULL };
static struct hp_timers timers;
static unsigned int n_put;

static void put(void *ctx, struct hp_packet *p)
{
	(void)ctx;
	n_put++;
	test_packet_free(p);
}

static struct hp_reassembly *table(size_t max)
{
	struct hp_reassembly_config cfg = { .max_datagrams = max, .timeout_ms = 30000,
					    .put = put };

	now_ms = 1000;
	n_put = 0;
	hp_timers_init(&timers, now_ms);
	return hp_reassembly_new(&cfg, &timers, &mock_clock);
}

static struct hp_packet *datagram(bool v6, size_t len)
{
	static uint8_t payload[65536];
	struct hp_addr a = test_addr(v6 ? "2001:20::1" : "10.0.0.1");
	struct hp_addr b = test_addr(v6 ? "2001:20::2" : "10.0.0.2");

	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)rand();
	return test_udp(&a, 5000, &b, 53, payload, len);
}

/* Octets at .. at + n of whole's transport part. */
static struct hp_packet *cut(const struct hp_packet *whole, uint32_t id, size_t at, size_t n)
{
	struct hp_packet *p = test_packet_new();
	bool v4 = whole->data[0] >> 4 == 4;
	size_t hlen = v4 ? 20 : 40, l4_len = whole->len - hlen;
	bool more = at + n < l4_len;

	memcpy(p->data, whole->data, hlen);
	if (v4) {
		hp_put16(p->data + 4, (uint16_t)id);
		hp_put16(p->data + 6, (uint16_t)(at / 8 | (more ? 0x2000 : 0)));
		hp_put16(p->data + 2, (uint16_t)(hlen + n));
		hp_put16(p->data + 10, 0);
		hp_put16(p->data + 10, (uint16_t)~test_sum16(0, p->data, 20));
	} else {
		p->data[6] = 44;
		p->data[40] = 17;
		hp_put16(p->data + 42, (uint16_t)(at | more));
		hp_put32(p->data + 44, id);
		hlen = 48;
		hp_put16(p->data + 4, (uint16_t)(8 + n));
	}
	memcpy(p->data + hlen, whole->data + (v4 ? 20 : 40) + at, n);
	p->len = hlen + n;
	CU_ASSERT(!hp_packet_dissect(p));
	return p;
}

static bool same_transport(const struct hp_packet *a, const struct hp_packet *b)
{
	size_t hlen = a->data[0] >> 4 == 4 ? 20 : 40;

	return a->len == b->len && !memcmp(a->data + hlen, b->data + hlen, a->len - hlen) &&
	       !memcmp(a->data + hlen - 8, b->data + hlen - 8, 8);
}

static void in_order(bool v6, size_t len, size_t step, unsigned int shuffle)
{
	struct hp_reassembly *r = table(4);
	struct hp_packet *whole = datagram(v6, len), *out = NULL, *pieces[80];
	size_t l4 = len + 8, n = 0;

	for (size_t at = 0; at < l4; at += step)
		pieces[n++] = cut(whole, 99, at, l4 - at < step ? l4 - at : step);
	for (size_t i = n; shuffle && i > 1; i--) {
		size_t j = (size_t)rand() % i;
		struct hp_packet *t = pieces[i - 1];

		pieces[i - 1] = pieces[j];
		pieces[j] = t;
	}
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT(!out);
		CU_ASSERT(!hp_reassembly_add(r, pieces[i], &out));
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT(same_transport(out, whole) && test_packet_right(out));
	CU_ASSERT(!out->df && !out->frag_more && out->sport == 5000 && out->ttl == 61);
	CU_ASSERT(n_put == n - 1 && !hp_reassembly_count(r));
	CU_ASSERT((size_t)(out->data - out->buf) >= HP_PACKET_HEADROOM);
	test_packet_free(out);
	test_packet_free(whole);
	hp_reassembly_free(r);
}

static void fragments_in_any_order_make_the_datagram(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		in_order(v6, 3000, 1480, 0);
		in_order(v6, 65507, 1480, 0);
		in_order(v6, 9, 8, 0);
		for (int i = 0; i < 50; i++)
			in_order(v6, 1000 + (size_t)rand() % 15000, 1000, 1);
	}
}

static void two_datagrams_do_not_mix(void)
{
	struct hp_reassembly *r = table(4);
	struct hp_packet *a = datagram(false, 1992), *b = datagram(false, 1992), *out;

	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 0, 1000), &out) && !out);
	CU_ASSERT(!hp_reassembly_add(r, cut(b, 2, 1000, 1000), &out) && !out);
	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 1000, 1000), &out) && out);
	CU_ASSERT(same_transport(out, a));
	test_packet_free(out);
	CU_ASSERT(!hp_reassembly_add(r, cut(b, 2, 0, 1000), &out) && out);
	CU_ASSERT(same_transport(out, b));
	test_packet_free(out);
	test_packet_free(a);
	test_packet_free(b);
	hp_reassembly_free(r);
}

static void a_whole_packet_comes_back_at_once(void)
{
	struct hp_reassembly *r = table(4);
	struct hp_packet *a = datagram(false, 100), *out;

	hp_packet_dissect(a);
	CU_ASSERT(!hp_reassembly_add(r, a, &out) && out == a);
	test_packet_free(a);
	hp_reassembly_free(r);
}

static void an_atomic_fragment_is_no_fragment(void)
{
	struct hp_reassembly *r = table(4);
	struct hp_flow_key k = { .legacy = test_addr("2001:db8::1"), .far = test_addr("2001:db8::2"),
				 .local_hit = test_addr("2001:20::1"),
				 .peer_hit = test_addr("2001:20::2"), .proto = 17 };
	struct hp_packet *a = datagram(true, 100), *p = cut(a, 7, 0, 108), *out;
	struct hp_xlat x = { 0 };

	CU_ASSERT(!hp_reassembly_add(r, p, &out) && out == p);
	CU_ASSERT(!hp_xlat_to_legacy(&x, p, &k) && p->len == 148 && test_packet_right(p));
	test_packet_free(p);
	test_packet_free(a);
	hp_reassembly_free(r);
}

static void a_duplicate_is_ignored(void)
{
	struct hp_reassembly *r = table(4);
	struct hp_packet *a = datagram(false, 2992), *out;

	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 0, 1000), &out) && !out);
	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 1000, 1000), &out) && !out);
	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 0, 1000), &out) && !out);
	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 1000, 1000), &out) && !out);
	CU_ASSERT(hp_reassembly_counters(r)[HP_REASMC_DUPLICATES] == 2);
	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 2000, 1000), &out) && out);
	CU_ASSERT(same_transport(out, a));
	test_packet_free(out);
	test_packet_free(a);
	hp_reassembly_free(r);
}

static void an_overlap_ends_the_datagram(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct hp_reassembly *r = table(4);
		struct hp_packet *a = datagram(v6, 2992), *p, *out;

		CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 0, 1000), &out) && !out);
		p = cut(a, 1, 992, 1000); /* one block twice */
		CU_ASSERT(hp_reassembly_add(r, p, &out) == -EBADMSG && !out);
		CU_ASSERT(!hp_reassembly_count(r) && n_put == 1);
		test_packet_free(p);
		CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 0, 1000), &out) && !out);
		p = cut(a, 1, 0, 1000); /* the same place, other bytes */
		p->data[500] ^= 1;
		CU_ASSERT(hp_reassembly_add(r, p, &out) == -EBADMSG);
		CU_ASSERT(hp_reassembly_counters(r)[HP_REASMC_OVERLAPS] == 2);
		test_packet_free(p);
		test_packet_free(a);
		hp_reassembly_free(r);
	}
}

static void bytes_behind_the_end_end_the_datagram(void)
{
	struct hp_reassembly *r = table(4);
	struct hp_packet *a = datagram(false, 1992), *b = datagram(false, 4992), *p, *out;

	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 1000, 1000), &out) && !out);
	p = cut(b, 1, 3000, 1000);
	CU_ASSERT(hp_reassembly_add(r, p, &out) == -EBADMSG && !hp_reassembly_count(r));
	test_packet_free(p);
	CU_ASSERT(!hp_reassembly_add(r, cut(b, 1, 3000, 1000), &out) && !out);
	p = cut(a, 1, 1000, 1000);
	CU_ASSERT(hp_reassembly_add(r, p, &out) == -EBADMSG && !hp_reassembly_count(r));
	test_packet_free(p);
	test_packet_free(a);
	test_packet_free(b);
	hp_reassembly_free(r);
}

/* Fragments of n octets in an order that leaves as many holes as there can be. */
static void with_holes(bool v6, size_t len, size_t n)
{
	struct hp_reassembly *r = table(4);
	struct hp_packet *a = datagram(v6, len), *out = NULL;
	size_t l4 = len + 8;

	for (size_t odd = 0; odd < 2; odd++)
		for (size_t at = odd * n; at < l4; at += 2 * n) {
			CU_ASSERT(!out);
			CU_ASSERT_FATAL(!hp_reassembly_add(
				r, cut(a, 1, at, l4 - at < n ? l4 - at : n), &out));
		}
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT(same_transport(out, a) && test_packet_right(out) && out->frag_id == 1);
	CU_ASSERT(!hp_reassembly_count(r));
	test_packet_free(out);
	test_packet_free(a);
	hp_reassembly_free(r);
}

static void any_number_of_holes_is_filled(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		with_holes(v6, 32000, 800); /* 41 fragments */
		with_holes(v6, 65507, 1480);
		with_holes(v6, 4000, 8);
		with_holes(v6, 1001, 24);
		with_holes(v6, 512 * 8 - 8, 512);
	}
	with_holes(false, 65507, 8); /* 8190 of the shortest */
}

/* What comes after nearly everything has, is still told from an overlap. */
static void an_overlap_is_found_wherever_it_is(void)
{
	for (size_t at = 0; at < 2000; at += 8)
		for (size_t n = 8; n <= 2000 - at; n += 8 + (n / 2 & ~(size_t)7)) {
			struct hp_reassembly *r = table(4);
			struct hp_packet *a = datagram(true, 1992), *p = cut(a, 1, at, n), *out;
			/* 504 .. 1000 is there: the same, a part of it, or something else? */
			bool apart = at + n <= 504 || at >= 1000, within = at >= 504 && at + n <= 1000;

			CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 504, 496), &out) && !out);
			if (apart || within) {
				CU_ASSERT(!hp_reassembly_add(r, p, &out) && !out);
				CU_ASSERT_EQUAL(hp_reassembly_counters(r)[HP_REASMC_DUPLICATES],
						within);
			} else {
				CU_ASSERT(hp_reassembly_add(r, p, &out) == -EBADMSG);
				CU_ASSERT_EQUAL(hp_reassembly_counters(r)[HP_REASMC_OVERLAPS], 1);
				CU_ASSERT(!hp_reassembly_count(r));
				test_packet_free(p);
			}
			test_packet_free(a);
			hp_reassembly_free(r);
		}
}

/* RFC 791: the option is copied into every fragment; its end would be lost in the datagram. */
static void a_source_route_is_refused(void)
{
	static const uint8_t lsrr[] = { 131, 7, 4, 10, 9, 9, 9, 0 };
	struct hp_reassembly *r = table(4);
	struct hp_packet *a = datagram(false, 1992), *p = cut(a, 1, 0, 1000), *out;

	memmove(p->data + 28, p->data + 20, p->len - 20);
	memcpy(p->data + 20, lsrr, sizeof(lsrr));
	p->data[0] = 0x47;
	p->len += 8;
	hp_put16(p->data + 2, (uint16_t)p->len);
	CU_ASSERT(!hp_packet_dissect(p));
	CU_ASSERT(hp_reassembly_add(r, p, &out) == -EINVAL && !hp_reassembly_count(r));
	p->data[22] = 8; /* at its end */
	CU_ASSERT(!hp_reassembly_add(r, p, &out) && hp_reassembly_count(r) == 1);
	test_packet_free(a);
	hp_reassembly_free(r);
}

static unsigned int n_grown;

static struct hp_packet *grow(void *ctx, struct hp_packet *p)
{
	struct hp_packet *big = test_packet_new();

	(void)ctx;
	n_grown++;
	memcpy(big->data, p->data, p->len);
	big->len = p->len;
	hp_packet_dissect(big);
	test_packet_free(p);
	return big;
}

static struct hp_packet *no_room(void *ctx, struct hp_packet *p)
{
	(void)ctx, (void)p;
	return NULL;
}

static struct hp_packet *small(struct hp_packet *p)
{
	p->buf = realloc(p->buf, 2048);
	p->cap = 2048;
	p->data = p->buf + HP_PACKET_HEADROOM;
	return p;
}

/* Only the first fragment's buffer has to hold the datagram. */
static void one_buffer_grows(void)
{
	struct hp_reassembly_config cfg = { .max_datagrams = 4, .timeout_ms = 30000, .put = put,
					    .grow = grow };
	struct hp_packet *a = datagram(true, 65000), *out = NULL, *p;
	struct hp_reassembly *r = hp_reassembly_new(&cfg, &timers, &mock_clock);

	n_grown = 0;
	for (size_t at = 0; at < 65008; at += 1000)
		CU_ASSERT(!hp_reassembly_add(
			r, small(cut(a, 1, at, at + 1000 < 65008 ? 1000 : 65008 - at)), &out));
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT(n_grown == 1 && same_transport(out, a));
	test_packet_free(out);
	hp_reassembly_free(r);
	cfg.grow = no_room;
	r = hp_reassembly_new(&cfg, &timers, &mock_clock);
	p = small(cut(a, 1, 0, 1000));
	CU_ASSERT(hp_reassembly_add(r, p, &out) == -ENOBUFS && !hp_reassembly_count(r));
	test_packet_free(p);
	test_packet_free(a);
	hp_reassembly_free(r);
}

static void time_ends_what_stays_unfinished(void)
{
	struct hp_reassembly *r = table(4);
	struct hp_packet *a = datagram(false, 1992), *out;

	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 0, 1000), &out) && !out);
	now_ms += 29999;
	hp_timers_run(&timers, now_ms);
	CU_ASSERT(hp_reassembly_count(r) == 1);
	now_ms++;
	hp_timers_run(&timers, now_ms);
	CU_ASSERT(!hp_reassembly_count(r) && n_put == 1);
	CU_ASSERT(hp_reassembly_counters(r)[HP_REASMC_TIMEOUTS] == 1);
	test_packet_free(a);
	hp_reassembly_free(r);
}

static struct hp_packet *cut_of(const struct hp_packet *whole, const char *src, uint32_t id)
{
	struct hp_packet *f = cut(whole, id, 0, 1000);

	f->src = test_addr(src);
	return f;
}

/* One source begins datagrams and never ends them: others' are put together all the same. */
static void one_source_has_its_share(void)
{
	struct hp_reassembly *r = table(8);
	struct hp_packet *a = datagram(false, 1992), *out;

	hp_reassembly_reconfigure(r, 8, 4, 30000);
	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 0, 1000), &out) && !out);
	for (uint32_t id = 100; id < 200; id++)
		CU_ASSERT(!hp_reassembly_add(r, cut_of(a, "10.9.9.9", id), &out) && !out);
	CU_ASSERT_EQUAL(hp_reassembly_count(r), 5);
	CU_ASSERT_EQUAL(hp_reassembly_counters(r)[HP_REASMC_SHARE], 96);
	CU_ASSERT_EQUAL(hp_reassembly_counters(r)[HP_REASMC_EVICTED], 0);
	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 1000, 1000), &out) && out);
	test_packet_free(out);
	test_packet_free(a);
	hp_reassembly_free(r);
}

static void the_oldest_makes_room(void)
{
	struct hp_reassembly *r = table(2);
	struct hp_packet *a = datagram(false, 1992), *out;

	for (uint32_t id = 1; id <= 3; id++)
		CU_ASSERT(!hp_reassembly_add(r, cut(a, id, 0, 1000), &out) && !out);
	CU_ASSERT(hp_reassembly_count(r) == 2 && n_put == 1);
	CU_ASSERT(hp_reassembly_counters(r)[HP_REASMC_EVICTED] == 1);
	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 1000, 1000), &out) && !out); /* 1 is gone */
	CU_ASSERT(!hp_reassembly_add(r, cut(a, 3, 1000, 1000), &out) && out);
	test_packet_free(out);
	test_packet_free(a);
	hp_reassembly_free(r);
	CU_ASSERT(n_put == 4);
}

static void congestion_seen_once_is_kept(void)
{
	struct hp_reassembly *r = table(2);
	struct hp_packet *a = datagram(true, 1992), *p, *out;

	hp_put32(a->data, 0x60200000); /* ECT(0) */
	p = cut(a, 1, 1000, 1000);
	hp_put32(p->data, 0x60300000); /* CE */
	hp_packet_dissect(p);
	CU_ASSERT(!hp_reassembly_add(r, p, &out) && !out);
	CU_ASSERT(!hp_reassembly_add(r, cut(a, 1, 0, 1000), &out) && out);
	CU_ASSERT((out->tos & 3) == 3);
	test_packet_free(out);
	test_packet_free(a);
	hp_reassembly_free(r);
}

static const struct hp_test tests[] = {
	HP_TEST(fragments_in_any_order_make_the_datagram),
	HP_TEST(two_datagrams_do_not_mix),
	HP_TEST(a_whole_packet_comes_back_at_once),
	HP_TEST(an_atomic_fragment_is_no_fragment),
	HP_TEST(a_duplicate_is_ignored),
	HP_TEST(an_overlap_ends_the_datagram),
	HP_TEST(bytes_behind_the_end_end_the_datagram),
	HP_TEST(any_number_of_holes_is_filled),
	HP_TEST(an_overlap_is_found_wherever_it_is),
	HP_TEST(a_source_route_is_refused),
	HP_TEST(one_buffer_grows),
	HP_TEST(time_ends_what_stays_unfinished),
	HP_TEST(the_oldest_makes_room),
	HP_TEST(one_source_has_its_share),
	HP_TEST(congestion_seen_once_is_kept),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("xlat_reassembly", tests, argc, argv);
}
