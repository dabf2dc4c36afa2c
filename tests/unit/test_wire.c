/* SPDX-License-Identifier: MIT
 *
 * core/wire without HIP: cursor, checksum, IP, ICMP, TCP, UDP.
 */
#include "../harness.h"

#include <stdlib.h>
#include <string.h>

#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "wire/udp.h"

static struct hp_addr addr(const char *s)
{
	struct hp_addr a = { { 0 } };

	CU_ASSERT(!hp_addr_parse(s, &a));
	return a;
}

static void a_reader_past_its_end_stays_bad(void)
{
	static const uint8_t p[] = { 1, 2, 3, 4, 5, 6, 7 };
	struct hp_rd r = hp_rd_init(p, sizeof(p));

	CU_ASSERT(hp_rd_u8(&r) == 1 && hp_rd_u16(&r) == 0x0203 && hp_rd_u24(&r) == 0x040506);
	CU_ASSERT(hp_rd_left(&r) == 1 && hp_rd_end(&r) == -EBADMSG && !hp_rd_done(&r));
	CU_ASSERT(hp_rd_u32(&r) == 0 && hp_rd_done(&r) == -EBADMSG);
	CU_ASSERT(hp_rd_u8(&r) == 0 && hp_rd_bytes(&r, 0) == NULL && hp_rd_left(&r) == 0);
}

static void a_writer_without_room_writes_nothing(void)
{
	uint8_t p[8] = { 0 };
	struct hp_wr w = hp_wr_init(p, 7);

	hp_wr_u16(&w, 0x0102);
	hp_wr_u32(&w, 0x03040506);
	hp_wr_u16(&w, 0x0708);
	hp_wr_u8(&w, 9);
	CU_ASSERT(hp_wr_done(&w) == -EMSGSIZE && hp_wr_len(&w) == 6);
	CU_ASSERT(!memcmp(p, "\1\2\3\4\5\6\0\0", 8));
}

static void checksum_of_rfc1071_example(void)
{
	static const uint8_t p[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	CU_ASSERT(hp_csum_fold(hp_csum_add(0, p, 8)) == 0xddf2);
	CU_ASSERT(hp_csum_finish(hp_csum_add(0, p, 8)) == 0x220d);
}

static uint16_t slow_sum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static void checksum_agrees_with_a_slow_one_at_every_length(void)
{
	uint8_t p[300];

	srand(7);
	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = (uint8_t)rand();
	for (size_t n = 0; n < sizeof(p) - 3; n++)
		for (size_t at = 0; at < 3; at++)
			CU_ASSERT(hp_csum_fold(hp_csum_add(0, p + at, n)) ==
				  slow_sum(p + at, n));
}

/* The copy ends where its memory ends, and nothing before or behind it is touched. */
static void copy_and_sum(const uint8_t *p, size_t n, size_t at)
{
	uint8_t *out = malloc(at + n + 1);
	uint64_t start = 0xfffffffffffffff0u + n, want = hp_csum_add(start, p, n);

	memset(out, 0xee, at + n + 1);
	CU_ASSERT_EQUAL(hp_csum_fold(hp_csum_copy(start, out + at, p, n)), hp_csum_fold(want));
	CU_ASSERT(!memcmp(out + at, p, n) && out[at + n] == 0xee);
	memset(out, 0xee, at + n + 1);
	CU_ASSERT_EQUAL(hp_csum_fold(hp_csum_portable(start, out + at, p, n)),
			hp_csum_fold(want));
	CU_ASSERT(!memcmp(out + at, p, n) && out[at + n] == 0xee);
	CU_ASSERT(!at || out[at - 1] == 0xee);
	CU_ASSERT_EQUAL(hp_csum_fold(hp_csum_portable(start, NULL, p, n)), hp_csum_fold(want));
	free(out);
}

/* Octets as they come, and nothing but the ones that carry most. */
static void wide_and_portable_sums_agree_at_every_length_and_alignment(void)
{
	static uint8_t p[2048 + 64];

	for (int full = 0; full < 2; full++) {
		for (size_t i = 0; i < sizeof(p); i++)
			p[i] = full ? 0xff : (uint8_t)(i * 2654435761u >> 13);
		for (size_t n = 0; n < 2048; n += n < 300 ? 1 : 13)
			for (size_t at = 0; at < 64; at += 1 + at / 9) {
				uint8_t *exact = malloc(n + at);

				memcpy(exact + at, p + at, n);
				CU_ASSERT_EQUAL(hp_csum_fold(hp_csum_add(0, exact + at, n)),
						slow_sum(p + at, n));
				copy_and_sum(exact + at, n, (at * 7) % 33);
				free(exact);
			}
	}
}

static void the_sum_of_64_kilobytes_does_not_overflow(void)
{
	uint8_t *p = malloc(1 << 20);

	memset(p, 0xff, 1 << 20);
	for (size_t n = 65500; n <= 1 << 20; n = n * 2 - 37)
		CU_ASSERT_EQUAL(hp_csum_fold(hp_csum_add(UINT64_MAX, p, n)),
				n % 2 ? 0xff00 : 0xffff);
	free(p);
	CU_ASSERT_EQUAL(hp_csum_fold(hp_csum_add(0, (uint8_t[200]){ 0 }, 200)), 0);
}

static void incremental_update_equals_full_computation(void)
{
	uint8_t p[64];

	srand(3);
	for (int round = 0; round < 20000; round++) {
		size_t at = 2 + (size_t)(rand() % 31) * 2 / 4 * 4;
		uint32_t was, now = (uint32_t)rand() << 1;

		for (size_t i = 0; i < sizeof(p); i++)
			p[i] = (uint8_t)(rand() % 5 ? rand() : 0xff);
		hp_put16(p, 0);
		hp_put16(p, hp_csum_finish(hp_csum_add(0, p, sizeof(p))));
		if (at + 4 > sizeof(p))
			at = 2;
		was = hp_get32(p + at);
		if (round & 1) {
			hp_put16(p + at, (uint16_t)now);
			hp_csum_update16(p, (uint16_t)(was >> 16), (uint16_t)now);
		} else {
			hp_put32(p + at, now);
			hp_csum_update32(p, was, now);
		}
		CU_ASSERT(hp_csum_fold(hp_csum_add(0, p, sizeof(p))) == 0xffff);
	}
}

static void a_pseudo_header_may_change_family(void)
{
	struct hp_addr s4 = addr("192.0.2.1"), d4 = addr("198.51.100.7");
	struct hp_addr s6 = addr("2001:20::1"), d6 = addr("2001:2f:1234::9");
	uint8_t udp[13] = { 0x10, 0, 0x20, 0, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o' };

	hp_put16(udp + 6, hp_csum_l4(&s4, &d4, 17, udp, sizeof(udp)));
	CU_ASSERT(hp_csum_l4(&s4, &d4, 17, udp, sizeof(udp)) == 0);
	hp_csum_update_addr(udp + 6, &s4, &s6);
	hp_csum_update_addr(udp + 6, &d4, &d6);
	CU_ASSERT(hp_csum_l4(&s6, &d6, 17, udp, sizeof(udp)) == 0);
	/* A partial sum, moved the same way, is the new pseudo header's. */
	hp_put16(udp + 6, hp_csum_fold(hp_csum_pseudo(&s4, &d4, 17, 13)));
	hp_csum_update_partial(udp + 6, hp_csum_add(hp_csum_add(0, &s4, 16), &d4, 16),
			       hp_csum_add(hp_csum_add(0, &s6, 16), &d6, 16));
	CU_ASSERT(hp_get16(udp + 6) == hp_csum_fold(hp_csum_pseudo(&s6, &d6, 17, 13)));
}

/* A TCP SYN with MSS 1460, SACK permitted, timestamps, NOP, window scale 7. */
static size_t make_syn(uint8_t *p, bool v6)
{
	static const uint8_t opts[20] = { 2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8, 1, 3, 3, 7 };
	struct hp_ip_head h = { .payload_len = 40, .proto = 6, .ttl = 64, .tos = 0x28,
				.flow_label = 0xabcde, .id = 77, .df = true };
	uint8_t *t;

	h.src = addr(v6 ? "2001:db8::1" : "192.0.2.1");
	h.dst = addr(v6 ? "2001:db8::2" : "192.0.2.2");
	t = p + hp_ip_build(p, &h);
	memset(t, 0, 40);
	hp_put16(t, 1025);
	hp_put16(t + 2, 80);
	t[12] = 0xa0;
	t[13] = HP_TCP_SYN;
	memcpy(t + 20, opts, 20);
	hp_put16(t + 16, hp_csum_l4(&h.src, &h.dst, 6, t, 40));
	return (size_t)(t - p) + 40;
}

static void built_headers_dissect_to_what_was_asked(void)
{
	uint8_t p[100];
	struct hp_ip ip;

	for (int v6 = 0; v6 < 2; v6++) {
		size_t n = make_syn(p, v6);

		CU_ASSERT(!hp_ip_parse(p, n, &ip));
		CU_ASSERT(ip.family == (v6 ? 6 : 4) && ip.total_len == n && ip.l4_len == 40);
		CU_ASSERT(ip.sport == 1025 && ip.dport == 80 && ip.tcp_flags == HP_TCP_SYN);
		CU_ASSERT(ip.ttl == 64 && ip.tos == 0x28 && ip.df && ip.l4_ok);
		CU_ASSERT(v6 ? ip.flow_label == 0xabcde : ip.frag_id == 77);
		CU_ASSERT(v6 || hp_ip4_csum_ok(p));
		CU_ASSERT(hp_ip_ttl_dec(p) == 63 && (v6 || hp_ip4_csum_ok(p)));
	}
}

static void every_truncated_packet_is_refused(void)
{
	uint8_t p[100];
	struct hp_ip ip;

	for (int v6 = 0; v6 < 2; v6++) {
		size_t n = make_syn(p, v6);

		for (size_t len = 0; len < n; len++) {
			uint8_t *exact = malloc(len ? len : 1);

			memcpy(exact, p, len);
			CU_ASSERT(hp_ip_parse(exact, len, &ip) == -EBADMSG && ip.why);
			free(exact);
		}
	}
}

static void insane_ipv4_headers_are_refused(void)
{
	uint8_t p[100];
	struct hp_ip ip;
	size_t n = make_syn(p, false);

	p[0] = 0x44;
	CU_ASSERT(hp_ip_parse(p, n, &ip) && ip.why == HP_IP_BAD_HLEN);
	p[0] = 0x55;
	CU_ASSERT(hp_ip_parse(p, n, &ip) && ip.why == HP_IP_BAD_VERSION);
	p[0] = 0x45;
	hp_put16(p + 2, 19);
	CU_ASSERT(hp_ip_parse(p, n, &ip) && ip.why == HP_IP_BAD_TOTLEN);
	hp_put16(p + 2, (uint16_t)n);
	hp_put16(p + 6, 0x3fff); /* last possible offset with more to come */
	CU_ASSERT(hp_ip_parse(p, n, &ip) && ip.why == HP_IP_BAD_FRAG);
}

static void extension_headers_are_walked(void)
{
	uint8_t p[100];
	struct hp_ip ip;
	size_t n = make_syn(p, true);

	memmove(p + 56, p + 40, n - 40);
	memset(p + 40, 0, 16);
	p[6] = HP_PROTO_DSTOPTS;
	p[40] = HP_PROTO_FRAGMENT;
	hp_ip6_frag_build(p + 48, HP_PROTO_TCP, 0, true, 0x01020304);
	hp_put16(p + 4, (uint16_t)(n + 16 - 40));
	CU_ASSERT(!hp_ip_parse(p, n + 16, &ip));
	CU_ASSERT(ip.proto == 6 && ip.l4_off == 56 && ip.frag_more && ip.frag_hdr_off == 48);
	CU_ASSERT(ip.frag_id == 0x01020304 && ip.has_options && ip.nh_off == 48);
	CU_ASSERT(ip.dport == 80);
	hp_ip6_frag_build(p + 48, HP_PROTO_DSTOPTS, 8, true, 1);
	CU_ASSERT(!hp_ip_parse(p, n + 16, &ip) && ip.proto == HP_PROTO_DSTOPTS && !ip.l4_ok);
	p[41] = 200; /* runs past the end */
	CU_ASSERT(hp_ip_parse(p, n + 16, &ip) && ip.why == HP_IP_BAD_SHORT);
}

static void tcp_options_are_found(void)
{
	uint8_t p[100];
	struct hp_tcp_optinfo o;
	struct hp_tcp t;

	make_syn(p, false);
	CU_ASSERT(!hp_tcp_parse(p + 20, 40, &t) && t.hlen == 40);
	for (size_t len = 0; len < 40; len++)
		CU_ASSERT(hp_tcp_parse(p + 20, len, &t) == -EBADMSG);
	CU_ASSERT(!hp_tcp_optinfo(p + 20, 40, &o));
	CU_ASSERT(o.mss == 1460 && o.sack_ok && o.has_wscale && o.wscale == 7);
	CU_ASSERT(o.has_ts && o.ts_val == 9 && o.ts_ecr == 8 && o.ts_off == 26);
	p[20 + 21] = 0; /* an option of length 0 would never end */
	CU_ASSERT(hp_tcp_optinfo(p + 20, 40, &o) == -EBADMSG);
	p[20 + 21] = 41;
	CU_ASSERT(hp_tcp_optinfo(p + 20, 40, &o) == -EBADMSG);
}

static void mss_is_only_lowered(void)
{
	struct hp_addr s = addr("192.0.2.1"), d = addr("192.0.2.2");
	struct hp_tcp_optinfo o;
	uint8_t p[100], *t = p + 20;

	make_syn(p, false);
	CU_ASSERT(!hp_tcp_mss_clamp(t, 40, 1460, false) && !hp_tcp_mss_clamp(t, 40, 9000, false));
	CU_ASSERT(hp_tcp_mss_clamp(t, 40, 1221, false));
	CU_ASSERT(!hp_tcp_optinfo(t, 40, &o) && o.mss == 1221);
	CU_ASSERT(hp_csum_l4(&s, &d, 6, t, 40) == 0);
	t[13] = HP_TCP_ACK;
	CU_ASSERT(!hp_tcp_mss_clamp(t, 40, 500, false));
	/* At an odd offset the checksum must come out right as well. */
	make_syn(p, false);
	memmove(t + 21, t + 20, 19);
	t[20] = HP_TCPOPT_NOP;
	t[39] = 0;
	hp_put16(t + 16, 0);
	hp_put16(t + 16, hp_csum_l4(&s, &d, 6, t, 40));
	CU_ASSERT(hp_tcp_mss_clamp(t, 40, 1221, false));
	CU_ASSERT(hp_get16(t + 23) == 1221 && hp_csum_l4(&s, &d, 6, t, 40) == 0);
}

static void sack_edges_are_rewritten_with_the_checksum(void)
{
	struct hp_addr s = addr("192.0.2.1"), d = addr("192.0.2.2");
	uint8_t t[40] = { [12] = 0xa0, [13] = HP_TCP_ACK, [20] = 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2,
			  0, 0, 0, 3, 0, 0, 0, 4 };
	struct hp_tcp_optinfo o;
	uint32_t l, r;

	hp_put16(t + 16, hp_csum_l4(&s, &d, 6, t, 40));
	CU_ASSERT(!hp_tcp_optinfo(t, 40, &o) && o.sack_blocks == 2 && o.sack_off == 21);
	hp_tcp_sack_set(t, o.sack_off, 1, 0xdeadbeef, 0xfeedface);
	hp_tcp_sack_get(t + o.sack_off, 1, &l, &r);
	CU_ASSERT(l == 0xdeadbeef && r == 0xfeedface);
	CU_ASSERT(hp_csum_l4(&s, &d, 6, t, 40) == 0);
}

static void udp_lengths_are_checked(void)
{
	uint8_t p[12];
	struct hp_udp u;

	memset(p, 0, sizeof(p));
	hp_udp_build(p, 5, 6, 4);
	CU_ASSERT(!hp_udp_parse(p, 12, &u) && u.sport == 5 && u.dport == 6 && u.len == 12);
	for (size_t n = 0; n < 12; n++)
		CU_ASSERT(hp_udp_parse(p, n, &u) == -EBADMSG);
	p[5] = 7;
	CU_ASSERT(hp_udp_parse(p, 12, &u) == -EBADMSG);
}

static void icmp_errors_are_right_and_bounded(void)
{
	struct hp_addr from4 = addr("192.0.2.254"), from6 = addr("2001:db8::fe");
	uint8_t p[3000] = { 0 }, out[HP_ICMP6_ERR_MAX];
	struct hp_ip ip, e;
	struct hp_icmp ic;
	size_t n;

	for (int v6 = 0; v6 < 2; v6++) {
		make_syn(p, v6);
		hp_put16(p + (v6 ? 4 : 2), 2800);
		CU_ASSERT(!hp_ip_parse(p, sizeof(p), &ip));
		n = hp_icmp_error_build(out, sizeof(out), HP_ICMP_ERR_TOO_BIG, 1380,
					v6 ? &from6 : &from4, &ip, p, sizeof(p));
		CU_ASSERT(n == (v6 ? 1280u : 576u));
		CU_ASSERT(!hp_ip_parse(out, n, &e) && e.total_len == n);
		CU_ASSERT(hp_addr_eq(&e.dst, &ip.src));
		CU_ASSERT(!hp_icmp_parse(e.family, out + e.l4_off, e.l4_len, &ic));
		CU_ASSERT(ic.is_error && ic.mtu == 1380 && ic.inner_off == 8);
		CU_ASSERT(!memcmp(out + e.l4_off + 8, p, 100));
		if (v6)
			CU_ASSERT(!hp_csum_l4(&e.src, &e.dst, 58, out + 40, e.l4_len));
		if (!v6)
			CU_ASSERT(hp_csum_fold(hp_csum_add(0, out + 20, e.l4_len)) == 0xffff);
		CU_ASSERT(!hp_icmp_error_build(out, 64, HP_ICMP_ERR_PORT, 0,
					       v6 ? &from6 : &from4, &ip, p, sizeof(p)));
	}
}

/* As long as the caller has room for, down to what names the packet it is about. */
static void icmp_errors_are_as_long_as_their_room(void)
{
	struct hp_addr from = addr("2001:db8::fe");
	uint8_t p[3000] = { 0 }, out[HP_ICMP6_ERR_MAX];
	struct hp_ip ip, e;

	make_syn(p, true);
	hp_put16(p + 4, 2800);
	CU_ASSERT(!hp_ip_parse(p, sizeof(p), &ip));
	for (size_t room = 0; room <= sizeof(out); room++) {
		size_t n = hp_icmp_error_build(out, room, HP_ICMP_ERR_TTL, 0, &from, &ip, p,
					       sizeof(p));

		CU_ASSERT_EQUAL(n, room < HP_ICMP6_ERR_MIN ? 0 : room);
		if (n)
			CU_ASSERT(!hp_ip_parse(out, n, &e) &&
				  !hp_csum_l4(&e.src, &e.dst, 58, out + 40, e.l4_len));
	}
}

/* RFC 7915, 4.1 and 5.1: type 3 code 5; type 4 code 0, which points at Segments Left. */
static void routes_with_places_left_are_named(void)
{
	static const uint8_t lsrr[] = { 131, 7, 4, 10, 9, 9, 9, 0 };
	/* Hop-by-hop, then a routing header with two segments left. */
	static const uint8_t ext[] = { 43, 0, 1, 4, 0, 0, 0, 0, 59, 0, 0, 2, 0, 0, 0, 0 };
	struct hp_addr from4 = addr("192.0.2.254"), from6 = addr("2001:db8::fe");
	uint8_t p[200] = { 0 }, out[HP_ICMP6_ERR_MAX];
	struct hp_ip ip;
	size_t n;

	make_syn(p, false);
	memmove(p + 28, p + 20, 20);
	memcpy(p + 20, lsrr, sizeof(lsrr));
	p[0] = 0x47;
	hp_put16(p + 2, 48);
	CU_ASSERT(!hp_ip_parse(p, 48, &ip) && ip.has_routing && ip.l4_off == 28);
	n = hp_icmp_error_build(out, sizeof(out), HP_ICMP_ERR_ROUTE, 0, &from4, &ip, p, 48);
	CU_ASSERT(n == 28 + 48 && out[20] == 3 && out[21] == 5 && !hp_get32(out + 24));
	hp_ip4_id_set(out, 0xabcd);
	CU_ASSERT(hp_get16(out + 4) == 0xabcd && hp_ip4_csum_ok(out));

	make_syn(p, true);
	p[6] = 0;
	hp_put16(p + 4, sizeof(ext));
	memcpy(p + 40, ext, sizeof(ext));
	CU_ASSERT(!hp_ip_parse(p, 56, &ip) && ip.has_routing && ip.route_off == 51);
	n = hp_icmp_error_build(out, sizeof(out), HP_ICMP_ERR_ROUTE, 0, &from6, &ip, p, 56);
	CU_ASSERT(n == 48 + 56 && out[40] == 4 && out[41] == 0 && hp_get32(out + 44) == 51);
	p[51] = 0;
	CU_ASSERT(!hp_ip_parse(p, 56, &ip) && !ip.has_routing);
}

static void some_packets_are_never_answered(void)
{
	uint8_t p[100], out[1280];
	struct hp_addr from = addr("192.0.2.254");
	struct hp_ip ip;
	size_t n = make_syn(p, false);

	CU_ASSERT(!hp_ip_parse(p, n, &ip) && hp_icmp_may_answer(&ip, p, 3));
	ip.frag_off = 8;
	CU_ASSERT(!hp_icmp_may_answer(&ip, p, 3));
	ip.frag_off = 0;
	ip.dst = addr("224.0.0.1");
	CU_ASSERT(!hp_icmp_may_answer(&ip, p, 3));
	hp_ip_parse(p, n, &ip);
	ip.src = addr("0.0.0.0");
	CU_ASSERT(!hp_icmp_may_answer(&ip, p, 3));
	hp_ip_parse(p, n, &ip);
	n = hp_icmp_error_build(out, sizeof(out), HP_ICMP_ERR_ADMIN, 0, &from, &ip, p, n);
	CU_ASSERT(n > 0 && !hp_ip_parse(out, n, &ip) && !hp_icmp_may_answer(&ip, out, 3));
	out[20] = HP_ICMP4_ECHO;
	CU_ASSERT(hp_icmp_may_answer(&ip, out, 3));
}

static const struct hp_test tests[] = {
	HP_TEST(a_reader_past_its_end_stays_bad),
	HP_TEST(a_writer_without_room_writes_nothing),
	HP_TEST(checksum_of_rfc1071_example),
	HP_TEST(checksum_agrees_with_a_slow_one_at_every_length),
	HP_TEST(wide_and_portable_sums_agree_at_every_length_and_alignment),
	HP_TEST(the_sum_of_64_kilobytes_does_not_overflow),
	HP_TEST(incremental_update_equals_full_computation),
	HP_TEST(a_pseudo_header_may_change_family),
	HP_TEST(built_headers_dissect_to_what_was_asked),
	HP_TEST(every_truncated_packet_is_refused),
	HP_TEST(insane_ipv4_headers_are_refused),
	HP_TEST(extension_headers_are_walked),
	HP_TEST(tcp_options_are_found),
	HP_TEST(mss_is_only_lowered),
	HP_TEST(sack_edges_are_rewritten_with_the_checksum),
	HP_TEST(udp_lengths_are_checked),
	HP_TEST(icmp_errors_are_right_and_bounded),
	HP_TEST(icmp_errors_are_as_long_as_their_room),
	HP_TEST(routes_with_places_left_are_named),
	HP_TEST(some_packets_are_never_answered),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("wire", tests, argc, argv);
}
