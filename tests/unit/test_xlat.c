/* SPDX-License-Identifier: MIT
 *
 * Translation between legacy and HIT form; every result is checked by a checksum made anew.
 */
#include "../harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "wire/tcp.h"
#include "xlat/xlat.h"

static struct hp_flow_key key(bool v6, uint8_t proto)
{
	return (struct hp_flow_key){
		.legacy = test_addr(v6 ? "2001:db8::1" : "10.0.0.1"),
		.far = test_addr(v6 ? "2001:db8:1::80" : "192.0.2.80"),
		.local_hit = test_addr("2001:2b:1234:5678:9abc:def0:1234:5678"),
		.peer_hit = test_addr("2001:21:aaaa:bbbb:cccc:dddd:eeee:ffff"),
		.legacy_port = 4000,
		.far_port = 80,
		.local_port = 50001,
		.peer_port = 8080,
		.proto = proto,
	};
}

static struct hp_packet *tcp_of(const struct hp_flow_key *k, uint8_t flags, size_t len)
{
	static const uint8_t mss[] = { 2, 4, 5, 180, 1, 1, 1, 0 };
	struct test_tcp t = { k->legacy, k->far, k->legacy_port, k->far_port, 1000, 2000, flags,
			      mss, flags & HP_TCP_SYN ? sizeof(mss) : 0 };
	uint8_t payload[4096];

	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(i * 7 + 3);
	return test_tcp(&t, payload, len);
}

static struct hp_packet *udp_of(const struct hp_flow_key *k, size_t len)
{
	uint8_t payload[4096];

	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)rand();
	return test_udp(&k->legacy, k->legacy_port, &k->far, k->far_port, payload, len);
}

static bool is_hit_form(const struct hp_packet *p, const struct hp_flow_key *k)
{
	const uint8_t *d = p->data;

	return d[0] >> 4 == 6 && !memcmp(d + 8, k->local_hit.b, 16) &&
	       !memcmp(d + 24, k->peer_hit.b, 16) && d[6] == k->proto &&
	       hp_get16(d + 40) == k->local_port && hp_get16(d + 42) == k->peer_port &&
	       p->l4_off == 40 && p->family == 6 && p->sport == k->local_port;
}

/* As the peer's answer would look: the same transport, ends exchanged. */
static struct hp_flow_key reversed(const struct hp_flow_key *k)
{
	struct hp_flow_key r = *k;

	r.legacy = k->far;
	r.far = k->legacy;
	r.legacy_port = k->far_port;
	r.far_port = k->legacy_port;
	r.local_hit = k->peer_hit;
	r.peer_hit = k->local_hit;
	r.local_port = k->peer_port;
	r.peer_port = k->local_port;
	return r;
}

static void round_trip(bool v6, struct hp_packet *p, const struct hp_flow_key *k)
{
	struct hp_xlat x = { .ip_id = 77 };
	struct hp_packet *orig = test_packet_copy(p);
	struct hp_flow_key r = reversed(k);
	size_t head = v6 ? 40 : 20;

	CU_ASSERT(!hp_packet_dissect(p) && test_packet_right(p));
	CU_ASSERT(!hp_xlat_to_hit(&x, p, k));
	CU_ASSERT(is_hit_form(p, k) && test_packet_right(p));
	CU_ASSERT(p->data[7] == 61 && p->ttl == 61 && p->tos == 0xb9);
	CU_ASSERT((hp_get16(p->data) & 0x0ff0) >> 4 == 0xb9);
	/* r's legacy side receives what k's sent: the very packet. */
	CU_ASSERT(!hp_xlat_to_legacy(&x, p, &r));
	CU_ASSERT(test_packet_right(p) && p->len == orig->len);
	CU_ASSERT(!memcmp(p->data + head, orig->data + head, p->len - head));
	CU_ASSERT(!memcmp(p->data + head - (v6 ? 32 : 8), orig->data + head - (v6 ? 32 : 8),
			  v6 ? 32 : 8));
	if (!v6) {
		CU_ASSERT(p->data[8] == 61 && p->data[1] == 0xb9 && hp_get16(p->data + 4) == 77);
		CU_ASSERT(p->data[6] == (p->len > 1260 ? 0x40 : 0));
	}
	test_packet_free(p);
	test_packet_free(orig);
}

static void tcp_and_udp_come_back_as_they_were(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct hp_flow_key t = key(v6, 6), u = key(v6, 17);

		for (size_t len = 0; len < 1500; len += 1 + len / 7) {
			round_trip(v6, tcp_of(&t, HP_TCP_ACK, len), &t);
			round_trip(v6, udp_of(&u, len), &u);
		}
		for (int i = 0; i < 2000; i++)
			round_trip(v6, udp_of(&u, (size_t)rand() % 40), &u);
	}
}

static void a_partial_checksum_stays_partial(void)
{
	struct hp_flow_key k = key(false, 6);
	struct hp_xlat x = { 0 };
	struct hp_packet *p = tcp_of(&k, HP_TCP_ACK, 333);

	hp_packet_dissect(p);
	hp_put16(p->data + 20 + 16, 0xdead); /* whatever: it is made anew */
	p->csum_partial = true;
	CU_ASSERT(hp_packet_checksum_ok(p));
	CU_ASSERT(!hp_xlat_to_hit(&x, p, &k) && p->csum_partial && !test_packet_right(p));
	{
		uint8_t tail[4] = { 0, 0, 0, 6 };
		uint32_t sum = test_sum16(0, p->data + 8, 32);

		hp_put16(tail, (uint16_t)(p->len - 40));
		CU_ASSERT(hp_get16(p->data + 40 + 16) == test_sum16(sum, tail, 4));
	}
	CU_ASSERT(!hp_packet_complete_checksum(p) && !p->csum_partial && test_packet_right(p));
	test_packet_free(p);
}

static void udp_without_checksum_gets_one(void)
{
	struct hp_flow_key k = key(false, 17);
	struct hp_xlat x = { 0 };
	struct hp_packet *p = udp_of(&k, 101);

	hp_put16(p->data + 26, 0);
	hp_packet_dissect(p);
	CU_ASSERT(hp_packet_checksum_ok(p));
	CU_ASSERT(!hp_xlat_to_hit(&x, p, &k) && hp_get16(p->data + 46) && test_packet_right(p));
	/* IPv6 knows no such thing. */
	hp_put16(p->data + 46, 0);
	CU_ASSERT(hp_xlat_to_legacy(&x, p, &k) == -EBADMSG && !hp_packet_checksum_ok(p));
	test_packet_free(p);
}

static void a_wrong_checksum_stays_wrong(void)
{
	struct hp_flow_key k = key(false, 6);
	struct hp_xlat x = { 0 };
	struct hp_packet *p = tcp_of(&k, HP_TCP_ACK, 100);

	p->data[50] ^= 4;
	hp_packet_dissect(p);
	CU_ASSERT(!hp_packet_checksum_ok(p));
	CU_ASSERT(!hp_xlat_to_hit(&x, p, &k) && !test_packet_right(p) && !hp_packet_checksum_ok(p));
	test_packet_free(p);
}

static void echo_changes_type_and_identifier(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		uint8_t msg[] = { v6 ? 128 : 8, 0, 0, 0, 0x0f, 0xa0, 0, 1, 'h', 'i', '!' };
		struct hp_flow_key k = key(v6, v6 ? 58 : 1);
		struct hp_packet *p = test_packet_l4(&k.legacy, &k.far, k.proto, msg, sizeof(msg));
		struct hp_xlat x = { 0 };
		uint8_t *d;

		CU_ASSERT(!hp_packet_dissect(p) && p->sport == 4000 && test_packet_right(p));
		CU_ASSERT(!hp_xlat_to_hit(&x, p, &k) && test_packet_right(p));
		d = p->data;
		CU_ASSERT(d[6] == 58 && d[40] == 128 && hp_get16(d + 44) == 50001);
		CU_ASSERT(p->sport == 50001 && p->dport == 50001 && p->proto == 58);
		/* The reply: ends exchanged, type 129. */
		for (int i = 0; i < 16; i++) {
			uint8_t t = d[8 + i];

			d[8 + i] = d[24 + i];
			d[24 + i] = t;
		}
		d[40] = 129;
		test_seal_checksums(p);
		hp_packet_dissect(p);
		CU_ASSERT(!hp_xlat_to_legacy(&x, p, &k) && test_packet_right(p));
		CU_ASSERT(p->data[p->l4_off] == (v6 ? 129 : 0) && p->sport == 4000);
		CU_ASSERT(hp_get16(p->data + p->l4_off + 4) == 4000 && p->proto == k.proto);
		test_packet_free(p);
	}
}

static void other_protocols_are_a_plugins_business(void)
{
	uint8_t msg[64] = { 3, 1 };
	struct hp_flow_key k = key(false, 1);
	struct hp_xlat x = { 0 };
	struct hp_packet *p = test_packet_l4(&k.legacy, &k.far, 1, msg, sizeof(msg));

	hp_packet_dissect(p);
	CU_ASSERT(hp_xlat_to_hit(&x, p, &k) == -EPROTONOSUPPORT);
	test_packet_free(p);
	p = test_packet_l4(&k.legacy, &k.far, 6, msg, sizeof(msg));
	p->data[9] = 47;
	hp_packet_dissect(p);
	CU_ASSERT(hp_xlat_to_hit(&x, p, &k) == -EPROTONOSUPPORT);
	test_packet_free(p);
}

/* Puts n octets of options or extension headers behind the IP header. */
static void insert(struct hp_packet *p, size_t at, const uint8_t *ext, size_t n)
{
	memmove(p->data + at + n, p->data + at, p->len - at);
	memcpy(p->data + at, ext, n);
	p->len += n;
	if (p->data[0] >> 4 == 4) {
		p->data[0] = (uint8_t)(0x45 + n / 4);
		test_seal_checksums(p);
	} else {
		hp_put16(p->data + 4, (uint16_t)(p->len - 40));
	}
}

static void options_are_left_out_and_source_routes_refused(void)
{
	static const uint8_t alert[] = { 148, 4, 0, 0 };
	static const uint8_t lsrr[] = { 131, 7, 4, 10, 9, 9, 9, 0 };
	/* Pointer, and whether there is still an address (RFC 791: greater than the length: none). */
	static const struct { uint8_t type, pointer; bool left; } rows[] = {
		{ 131, 4, true }, { 131, 7, true }, { 131, 8, false }, { 137, 4, true },
		{ 137, 8, false }, { 137, 255, false }, { 7, 4, false }, { 68, 4, false },
	};
	struct hp_flow_key k = key(false, 17);
	struct hp_xlat x = { 0 };
	struct hp_packet *p = udp_of(&k, 30), *before;

	insert(p, 20, alert, sizeof(alert));
	CU_ASSERT(!hp_packet_dissect(p) && p->l4_off == 24 && !hp_xlat_to_hit(&x, p, &k));
	CU_ASSERT(is_hit_form(p, &k) && test_packet_right(p) && p->len == 78);
	test_packet_free(p);

	p = udp_of(&k, 30);
	insert(p, 20, lsrr, sizeof(lsrr));
	CU_ASSERT(!hp_packet_dissect(p));
	before = test_packet_copy(p);
	CU_ASSERT(hp_xlat_to_hit(&x, p, &k) == -EINVAL);
	CU_ASSERT(p->len == before->len && !memcmp(p->buf, before->buf, p->cap));
	test_packet_free(p);
	test_packet_free(before);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		p = udp_of(&k, 30);
		insert(p, 20, lsrr, sizeof(lsrr));
		p->data[20] = rows[i].type;
		p->data[22] = rows[i].pointer;
		test_seal_checksums(p);
		CU_ASSERT(!hp_packet_dissect(p));
		CU_ASSERT_EQUAL(hp_xlat_to_hit(&x, p, &k), rows[i].left ? -EINVAL : 0);
		test_packet_free(p);
	}
}

static void extension_headers_are_left_out_unless_a_route_is_open(void)
{
	static const uint8_t hbh[] = { 17, 0, 1, 4, 0, 0, 0, 0 };
	uint8_t routing[24] = { 17, 2, 0, 0 };
	struct hp_flow_key k = key(true, 17);
	struct hp_xlat x = { 0 };

	for (int left = 0; left < 2; left++) {
		struct hp_packet *p = udp_of(&k, 30);

		p->data[6] = 43;
		routing[3] = (uint8_t)left;
		insert(p, 40, routing, sizeof(routing));
		CU_ASSERT(!hp_packet_dissect(p));
		CU_ASSERT(hp_xlat_to_hit(&x, p, &k) == (left ? -EINVAL : 0));
		CU_ASSERT(left || (is_hit_form(p, &k) && test_packet_right(p)));
		test_packet_free(p);
		if (left)
			continue;
		p = udp_of(&k, 30);
		p->data[6] = 0;
		insert(p, 40, hbh, sizeof(hbh));
		CU_ASSERT(!hp_packet_dissect(p) && !hp_xlat_to_hit(&x, p, &k));
		CU_ASSERT(is_hit_form(p, &k) && test_packet_right(p));
		test_packet_free(p);
	}
}

static void ttl_is_lowered_when_asked_and_ends_at_one(void)
{
	struct hp_flow_key k = key(false, 17);
	struct hp_xlat x = { .decrement_ttl = true };
	struct hp_packet *p = udp_of(&k, 30);

	hp_packet_dissect(p);
	CU_ASSERT(!hp_xlat_to_hit(&x, p, &k) && p->data[7] == 60 && p->ttl == 60);
	p->data[7] = p->ttl = 1;
	CU_ASSERT(hp_xlat_to_legacy(&x, p, &k) == -ETIME);
	test_packet_free(p);
}

static void a_packet_that_was_in_fragments_may_be_again(void)
{
	struct hp_flow_key k = key(false, 17), r = reversed(&k);
	struct hp_xlat x = { .ip_id = 0xffff };
	struct hp_packet *p = udp_of(&k, 3000);

	hp_packet_dissect(p);
	CU_ASSERT(p->df);
	p->df = false;
	CU_ASSERT(!hp_xlat_to_hit(&x, p, &k) && !p->df);
	CU_ASSERT(!hp_xlat_to_legacy(&x, p, &r) && !(p->data[6] & 0x40) && test_packet_right(p));
	test_packet_free(p);
}

/* RFC 768: the datagram ends where its own length says. */
static void what_stands_behind_a_datagram_is_cut(void)
{
	for (int v6 = 0; v6 < 2; v6++)
		for (size_t surplus = 1; surplus < 40; surplus += 13) {
			struct hp_flow_key k = key(v6, 17), r = reversed(&k);
			struct hp_packet *p = udp_of(&k, 100);
			struct hp_xlat x = { 0 };
			size_t len = p->len;

			memset(p->data + p->len, 0xee, surplus);
			p->len += surplus;
			if (v6)
				hp_put16(p->data + 4, (uint16_t)(p->len - 40));
			else
				hp_put16(p->data + 2, (uint16_t)p->len);
			CU_ASSERT(!hp_packet_dissect(p) && p->len == len + surplus);
			CU_ASSERT(!hp_xlat_to_hit(&x, p, &k));
			CU_ASSERT(is_hit_form(p, &k) && test_packet_right(p));
			CU_ASSERT_EQUAL(p->len, 40 + 8 + 100);
			CU_ASSERT(!hp_xlat_to_legacy(&x, p, &r));
			CU_ASSERT(test_packet_right(p) && p->len == len);
			test_packet_free(p);
		}
}

/* RFC 7915, 5.1: DF goes by the length of each packet on the wire, in a super-packet too. */
static void df_goes_by_the_length_of_one_packet(void)
{
	static const struct { uint16_t gso; size_t payload; bool df; } rows[] = {
		{ 0, 1220, false }, { 0, 1221, true }, { 1220, 3000, false }, { 1221, 3000, true },
		{ 536, 3000, false }, { 1400, 2000, true }, { 1400, 600, false },
	};

	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		struct hp_flow_key k = key(false, i & 1 ? 17 : 6), r = reversed(&k);
		size_t more = i & 1 ? 12 : 0; /* UDP's header is shorter than TCP's */
		struct hp_packet *p = i & 1 ? udp_of(&k, rows[i / 2].payload + more) :
					      tcp_of(&k, HP_TCP_ACK, rows[i / 2].payload);
		struct hp_xlat x = { 0 };

		hp_packet_dissect(p);
		CU_ASSERT(!hp_xlat_to_hit(&x, p, &k));
		p->gso_size = rows[i / 2].gso ? (uint16_t)(rows[i / 2].gso + more) : 0;
		p->df = true;
		CU_ASSERT(!hp_xlat_to_legacy(&x, p, &r));
		CU_ASSERT_EQUAL(!!(p->data[6] & 0x40), rows[i / 2].df);
		test_packet_free(p);
	}
}

/* RFC 6946 and RFC 7915, 5.1.1: DF is clear, and the identification is the fragment header's. */
static void an_atomic_fragment_may_be_fragmented(void)
{
	static const size_t lengths[] = { 10, 1232, 1233, 1400 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		uint8_t head[8] = { 17, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef };
		struct hp_flow_key k = key(true, 17), to = key(false, 17);
		struct hp_xlat x = { .ip_id = 9 };
		struct hp_packet *p = udp_of(&k, lengths[i]);

		p->data[6] = 44;
		insert(p, 40, head, sizeof(head));
		CU_ASSERT(!hp_packet_dissect(p) && !p->df && p->frag_id == 0xdeadbeef);
		CU_ASSERT(!hp_xlat_to_legacy(&x, p, &to) && test_packet_right(p));
		CU_ASSERT_EQUAL(p->len, 28 + lengths[i]);
		CU_ASSERT(!hp_get16(p->data + 6) && hp_get16(p->data + 4) == 0xbeef && x.ip_id == 9);
		test_packet_free(p);
	}
}

/* RFC 6864: the kernel counts on when it cuts a super-packet; the next packet comes behind. */
static void a_super_packet_uses_up_identifications(void)
{
	struct hp_flow_key k = key(false, 6), r = reversed(&k);
	struct hp_xlat x = { .ip_id = 100 };
	struct hp_packet *p = tcp_of(&k, HP_TCP_ACK, 3000);

	hp_packet_dissect(p);
	CU_ASSERT(!hp_xlat_to_hit(&x, p, &k));
	p->df = true;
	p->gso_size = 500;
	CU_ASSERT(!hp_xlat_to_legacy(&x, p, &r) && hp_get16(p->data + 4) == 100);
	CU_ASSERT(x.ip_id >= 106 && x.ip_id <= 108);
	test_packet_free(p);
}

static void fragments_are_not_translated(void)
{
	struct hp_flow_key k = key(false, 17);
	struct hp_xlat x = { 0 };
	struct hp_packet *p = udp_of(&k, 32);

	p->data[6] = 0x20;
	CU_ASSERT(!hp_packet_dissect(p) && p->frag_more);
	CU_ASSERT(hp_xlat_to_hit(&x, p, &k) == -EOPNOTSUPP);
	test_packet_free(p);
}

static void no_headroom_is_no_crash(void)
{
	struct hp_flow_key k = key(false, 17);
	struct hp_xlat x = { 0 };
	struct hp_packet *p = udp_of(&k, 32);

	hp_packet_dissect(p);
	memmove(p->buf + 19, p->data, p->len);
	p->data = p->buf + 19;
	CU_ASSERT(hp_xlat_to_hit(&x, p, &k) == -ENOBUFS);
	memmove(p->buf + 20, p->data, p->len);
	p->data = p->buf + 20;
	CU_ASSERT(!hp_xlat_to_hit(&x, p, &k) && p->data == p->buf);
	CU_ASSERT(!hp_packet_push(p, 1) && !hp_packet_pull(p, p->len + 1));
	CU_ASSERT(hp_packet_pull(p, 5) == p->buf + 5 && hp_packet_push(p, 5) == p->buf);
	test_packet_free(p);
}

/* The packet in memory of exactly its length, so that a sanitizer sees a step beyond it. */
static void translate_exact(const struct hp_packet *p, size_t len, const struct hp_flow_key *k)
{
	struct hp_packet q = *p;
	struct hp_xlat x = { 0 };

	q.buf = malloc(64 + len);
	q.cap = 64 + len;
	q.data = q.buf + 64;
	q.len = len;
	memcpy(q.data, p->data, len);
	if (!hp_packet_dissect(&q))
		CU_FAIL("a truncated packet was accepted");
	/* As if a length had been believed. */
	if (q.data[0] >> 4 == 4)
		hp_put16(q.data + 2, (uint16_t)len);
	else if (len >= 40)
		hp_put16(q.data + 4, (uint16_t)(len - 40));
	if (!hp_packet_dissect(&q)) {
		hp_xlat_clamp_mss(&q, 1000);
		hp_packet_checksum_ok(&q);
		if (!hp_xlat_to_hit(&x, &q, k))
			hp_xlat_to_legacy(&x, &q, k);
	}
	free(q.buf);
}

static void every_truncated_length_is_refused(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct hp_flow_key t = key(v6, 6), u = key(v6, 17);
		struct hp_packet *p = tcp_of(&t, HP_TCP_SYN, 20), *q = udp_of(&u, 20);

		for (size_t len = 4; len < p->len; len++)
			translate_exact(p, len, &t);
		for (size_t len = 4; len < q->len; len++)
			translate_exact(q, len, &u);
		test_packet_free(p);
		test_packet_free(q);
	}
}

static void the_mss_is_lowered_never_raised(void)
{
	struct hp_flow_key k = key(false, 6);
	struct hp_packet *p = tcp_of(&k, HP_TCP_SYN, 0);

	hp_packet_dissect(p);
	CU_ASSERT(hp_xlat_clamp_mss(p, 1460) == 1460 && test_packet_right(p));
	CU_ASSERT(hp_xlat_clamp_mss(p, 1301) == 1460 && test_packet_right(p));
	CU_ASSERT(hp_get16(p->data + 42) == 1301 && hp_xlat_clamp_mss(p, 1400) == 1301);
	CU_ASSERT(hp_get16(p->data + 42) == 1301 && test_packet_right(p));
	test_packet_free(p);
	p = tcp_of(&k, HP_TCP_ACK, 0);
	hp_packet_dissect(p);
	CU_ASSERT(!hp_xlat_clamp_mss(p, 100));
	test_packet_free(p);
}

static const struct hp_test tests[] = {
	HP_TEST(tcp_and_udp_come_back_as_they_were),
	HP_TEST(a_partial_checksum_stays_partial),
	HP_TEST(udp_without_checksum_gets_one),
	HP_TEST(a_wrong_checksum_stays_wrong),
	HP_TEST(echo_changes_type_and_identifier),
	HP_TEST(other_protocols_are_a_plugins_business),
	HP_TEST(options_are_left_out_and_source_routes_refused),
	HP_TEST(extension_headers_are_left_out_unless_a_route_is_open),
	HP_TEST(ttl_is_lowered_when_asked_and_ends_at_one),
	HP_TEST(a_packet_that_was_in_fragments_may_be_again),
	HP_TEST(what_stands_behind_a_datagram_is_cut),
	HP_TEST(df_goes_by_the_length_of_one_packet),
	HP_TEST(an_atomic_fragment_may_be_fragmented),
	HP_TEST(a_super_packet_uses_up_identifications),
	HP_TEST(fragments_are_not_translated),
	HP_TEST(no_headroom_is_no_crash),
	HP_TEST(every_truncated_length_is_refused),
	HP_TEST(the_mss_is_lowered_never_raised),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("xlat", tests, argc, argv);
}
