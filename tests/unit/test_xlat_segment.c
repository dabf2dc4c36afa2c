/* SPDX-License-Identifier: MIT
 *
 * Segmenting: whatever is cut, the byte stream is the same.
 */
#include "../harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"
#include "xlat/segment.h"
#include "xlat/xlat.h"

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

/* RFC 9293, 3.1: it counts from the segment's own number, and ends with the urgent octets. */
static void each_segment_points_to_the_same_urgent_octet(void)
{
	struct test_tcp t = tcp_between(false, 1234);
	uint8_t out[300];
	struct hp_segmenter s;
	struct hp_packet *p;
	uint32_t at = 0;
	int n;

	t.flags = HP_TCP_ACK | HP_TCP_URG;
	p = test_tcp(&t, stream, 1000);
	hp_put16(p->data + 58, 450);
	test_seal_checksums(p);
	hp_packet_dissect(p);
	CU_ASSERT(!hp_segment_init(&s, p, 200));
	for (; (n = hp_segment_next(&s, out, sizeof(out))) > 0; at += (uint32_t)n - 32) {
		check_segment(&t, out, (size_t)n, at, at + (uint32_t)n - 32 == 1000);
		CU_ASSERT_EQUAL(!!(out[13] & HP_TCP_URG), at < 450);
		CU_ASSERT_EQUAL(hp_get16(out + 18), at < 450 ? 450 - at : 0);
	}
	CU_ASSERT_EQUAL(at, 1000);
	test_packet_free(p);
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

static const struct hp_test tests[] = {
	HP_TEST(segments_are_the_stream_with_right_checksums),
	HP_TEST(each_segment_points_to_the_same_urgent_octet),
	HP_TEST(a_single_whole_segment_keeps_its_checksum),
	HP_TEST(a_udp_super_packet_becomes_datagrams),
	HP_TEST(every_truncated_segment_is_refused),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("xlat_segment", tests, argc, argv);
}
