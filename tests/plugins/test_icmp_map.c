/* SPDX-License-Identifier: MIT
 *
 * The icmp plugin's mapping of whole packets: golden packets, and every length.
 */
#include "../harness.h"

#include <stdlib.h>
#include <string.h>

#include <hipproxy/checksum.h>
#include <hipproxy/wire.h>

#include "../../plugins/icmp/map.h"

#define HIT_A "2001:22:8779:e036:4c5b:d383:1fe:9df9"
#define HIT_B "2001:22:be37:688f:2351:bcbb:b037:621c"

/* ---- whole packets */

static struct hp_addr addr(const char *s)
{
	struct hp_addr a;

	CU_ASSERT_FATAL(!hp_addr_parse(s, &a));
	return a;
}

static struct map_to to_legacy(void)
{
	return (struct map_to){ .src = addr("192.0.2.80"), .dst = addr("10.1.0.11"), .ttl = 61,
				.tos = 0x20, .max = MAP_MAX, .ip_id = 0x1111,
				.quoted = { .src = addr("10.1.0.11"), .dst = addr("192.0.2.80"),
					    .sport = 40000, .dport = 9999, .id = 77,
					    .ip_id = 0x2222 } };
}

static struct map_to to_peer(void)
{
	return (struct map_to){ .src = addr(HIT_A), .dst = addr(HIT_B), .ttl = 60,
				.max = MAP_MAX,
				.quoted = { .src = addr(HIT_B), .dst = addr(HIT_A), .sport = 80,
					    .dport = 50123, .id = 99 } };
}

/* l4 of len octets between src and dst, complete; returns the packet's length. */
static size_t packet(uint8_t *p, const char *src, const char *dst, uint8_t proto,
		     const uint8_t *l4, size_t len, int csum_at)
{
	struct hp_addr s = addr(src), d = addr(dst);
	bool v4 = hp_addr_is4(&s);
	size_t h = v4 ? 20 : 40;

	memset(p, 0, h);
	memcpy(p + h, l4, len);
	hp_put16(p + h + csum_at, 0);
	hp_put16(p + h + csum_at,
		 proto == 1 ? hp_csum_finish(hp_csum_add(0, p + h, len)) :
			      hp_csum_l4(&s, &d, proto, p + h, len));
	if (v4) {
		p[0] = 0x45;
		hp_put16(p + 2, (uint16_t)(20 + len));
		p[8] = 62;
		p[9] = proto;
		memcpy(p + 12, s.b + 12, 4);
		memcpy(p + 16, d.b + 12, 4);
		hp_put16(p + 10, hp_csum_finish(hp_csum_add(0, p, 20)));
	} else {
		p[0] = 0x60;
		hp_put16(p + 4, (uint16_t)len);
		p[6] = proto;
		p[7] = 62;
		memcpy(p + 8, s.b, 16);
		memcpy(p + 24, d.b, 16);
	}
	return h + len;
}

/* An error of this family that quotes n octets of quoted. */
static size_t error(uint8_t *p, bool v4, uint8_t type, uint8_t code, const uint8_t *quoted,
		    size_t n)
{
	uint8_t l4[1400] = { type, code };

	memcpy(l4 + 8, quoted, n);
	return packet(p, v4 ? "10.1.0.1" : HIT_B, v4 ? "192.0.2.80" : HIT_A, v4 ? 1 : 58, l4, 8 + n,
		      2);
}

static void check_ip4(const uint8_t *p, size_t len)
{
	CU_ASSERT_EQUAL(p[0], 0x45);
	CU_ASSERT_EQUAL(hp_get16(p + 2), len);
	CU_ASSERT_EQUAL(hp_csum_finish(hp_csum_add(0, p, 20)), 0);
	CU_ASSERT_EQUAL(hp_csum_finish(hp_csum_add(0, p + 20, len - 20)), 0);
}

static void a_closed_port_is_told_to_the_legacy_client(void)
{
	static const uint8_t udp[] = { 0x9c, 0x41, 0x27, 0x0f, 0, 12, 0, 0, 1, 2, 3, 4 };
	uint8_t quoted[100], in[1500], out[MAP_MAX];
	struct hp_addr s = addr("10.1.0.11"), d = addr("192.0.2.80");
	struct map_to to = to_legacy();
	size_t n = packet(quoted, HIT_A, HIT_B, 17, udp, sizeof(udp), 6), len;

	n = error(in, false, 1, 4, quoted, n);
	CU_ASSERT_EQUAL_FATAL(map_error(in, n, 40, &to, out, &len), MAP_OK);
	check_ip4(out, len);
	CU_ASSERT_EQUAL(len, 20 + 8 + 20 + sizeof(udp));
	CU_ASSERT(out[8] == 61 && out[1] == 0x20 && out[9] == 1);
	CU_ASSERT(out[20] == 3 && out[21] == 3);
	/* The client finds what it has sent. */
	CU_ASSERT(!memcmp(out + 28 + 12, s.b + 12, 4) && !memcmp(out + 28 + 16, d.b + 12, 4));
	CU_ASSERT_EQUAL(hp_csum_finish(hp_csum_add(0, out + 28, 20)), 0);
	CU_ASSERT(hp_get16(out + 48) == 40000 && hp_get16(out + 50) == 9999);
	CU_ASSERT_EQUAL(hp_csum_l4(&s, &d, 17, out + 48, sizeof(udp)), 0);
}

static void a_narrow_link_is_told_to_the_peer(void)
{
	uint8_t tcp[40] = { 0, 80, 0x9c, 0x40, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10 };
	uint8_t quoted[100], in[1500], out[MAP_MAX];
	struct hp_addr s = addr(HIT_B), d = addr(HIT_A);
	struct map_to to = to_peer();
	size_t n = packet(quoted, "192.0.2.80", "10.1.0.11", 6, tcp, sizeof(tcp), 16), len;

	n = error(in, true, 3, 4, quoted, n);
	hp_put16(in + 26, 1300);
	hp_put16(in + 22, 0);
	hp_put16(in + 22, hp_csum_finish(hp_csum_add(0, in + 20, n - 20)));
	CU_ASSERT_EQUAL_FATAL(map_error(in, n, 20, &to, out, &len), MAP_OK);
	CU_ASSERT_EQUAL(len, 40 + 8 + 40 + sizeof(tcp));
	CU_ASSERT(out[40] == 2 && out[41] == 0 && hp_get32(out + 44) == 1320);
	CU_ASSERT_EQUAL(hp_csum_l4(&d, &s, 58, out + 40, len - 40), 0);
	CU_ASSERT(!memcmp(out + 48 + 8, s.b, 16) && !memcmp(out + 48 + 24, d.b, 16));
	CU_ASSERT(hp_get16(out + 88) == 80 && hp_get16(out + 90) == 50123);
	CU_ASSERT_EQUAL(hp_csum_l4(&s, &d, 6, out + 88, sizeof(tcp)), 0);
}

static void a_quoted_ping_keeps_its_checksum_right(void)
{
	static const uint8_t echo[] = { 128, 0, 0, 0, 0, 200, 0, 1, 'h', 'e', 'l', 'l', 'o', '!' };
	uint8_t quoted[100], in[1500], out[MAP_MAX];
	struct map_to to = to_legacy();
	size_t n = packet(quoted, HIT_A, HIT_B, 58, echo, sizeof(echo), 2), len;

	n = error(in, false, 3, 0, quoted, n);
	CU_ASSERT_EQUAL_FATAL(map_error(in, n, 40, &to, out, &len), MAP_OK);
	check_ip4(out, len);
	CU_ASSERT(out[20] == 11 && out[28 + 9] == 1);
	CU_ASSERT(out[48] == 8 && hp_get16(out + 52) == 77);
	CU_ASSERT_EQUAL(hp_csum_finish(hp_csum_add(0, out + 48, sizeof(echo))), 0);
}

/* Of a protocol without ports only the addresses change; UDP-Lite's checksum covers them. */
static void quoted_protocols_without_ports_keep_their_octets(void)
{
	static const uint8_t sctp[] = { 0x9c, 0x41, 0x27, 0x0f, 9, 8, 7, 6, 1, 2, 3, 4 };
	static const uint8_t lite[] = { 0x9c, 0x41, 0x27, 0x0f, 0, 12, 0, 0, 1, 2, 3, 4 };
	uint8_t quoted[100], in[1500], out[MAP_MAX];
	struct hp_addr s = addr(HIT_B), d = addr(HIT_A);
	struct map_to to = to_legacy();
	size_t n = packet(quoted, HIT_A, HIT_B, 132, sctp, sizeof(sctp), 6), len;

	memcpy(quoted + 40, sctp, sizeof(sctp));
	n = error(in, false, 4, 1, quoted, n);
	hp_put32(in + 44, 6); /* the next header */
	hp_put16(in + 42, 0);
	hp_put16(in + 42, hp_csum_l4(&s, &d, 58, in + 40, n - 40));
	CU_ASSERT_EQUAL_FATAL(map_error(in, n, 40, &to, out, &len), MAP_OK);
	CU_ASSERT(out[20] == 3 && out[21] == 2 && out[28 + 9] == 132);
	CU_ASSERT(!memcmp(out + 48, sctp, sizeof(sctp)));
	n = packet(quoted, HIT_A, HIT_B, 136, lite, sizeof(lite), 6);
	n = error(in, false, 1, 0, quoted, n);
	CU_ASSERT_EQUAL_FATAL(map_error(in, n, 40, &to, out, &len), MAP_OK);
	s = addr("10.1.0.11");
	d = addr("192.0.2.80");
	CU_ASSERT(!memcmp(out + 48, lite, 6));
	CU_ASSERT_EQUAL(hp_csum_l4(&s, &d, 136, out + 48, sizeof(lite)), 0);
}

static void an_ipv6_client_gets_its_own_addresses(void)
{
	static const uint8_t udp[] = { 0x9c, 0x41, 0x27, 0x0f, 0, 12, 0, 0, 1, 2, 3, 4 };
	uint8_t quoted[100], in[1500], out[MAP_MAX];
	struct map_to to = to_legacy();
	struct hp_addr s = addr("fd01::11"), d = addr("2001:db8::80");
	size_t n = packet(quoted, HIT_A, HIT_B, 17, udp, sizeof(udp), 6), len;

	to.src = d;
	to.dst = s;
	to.quoted.src = s;
	to.quoted.dst = d;
	n = error(in, false, 1, 4, quoted, n);
	CU_ASSERT_EQUAL_FATAL(map_error(in, n, 40, &to, out, &len), MAP_OK);
	CU_ASSERT(len == n && out[40] == 1 && out[41] == 4);
	CU_ASSERT_EQUAL(hp_csum_l4(&d, &s, 58, out + 40, len - 40), 0);
	CU_ASSERT_EQUAL(hp_csum_l4(&s, &d, 17, out + 88, sizeof(udp)), 0);
}

/* From nothing to the whole: all that quotes less than eight octets of transport is refused, all
 * else is right however much is missing, and nothing is read or written beyond. */
static void every_truncated_length(void)
{
	uint8_t tcp[60] = { 0, 80, 0x9c, 0x40 }, quoted[200], in[1500];
	struct map_to to = to_legacy();
	size_t whole = packet(quoted, HIT_A, HIT_B, 6, tcp, sizeof(tcp), 16);

	for (size_t n = 0; n <= whole; n++) {
		size_t total = error(in, false, 1, 0, quoted, n), len;
		uint8_t *exact = malloc(total), *out = malloc(MAP_MAX);

		CU_ASSERT_FATAL(exact && out);
		memcpy(exact, in, total);
		if (n < 40 + 8) {
			CU_ASSERT_NOT_EQUAL(map_error(exact, total, 40, &to, out, &len), MAP_OK);
		} else {
			CU_ASSERT_EQUAL(map_error(exact, total, 40, &to, out, &len), MAP_OK);
			check_ip4(out, len);
			CU_ASSERT_EQUAL(len, 20 + 8 + 20 + n - 40);
		}
		free(exact);
		free(out);
	}
	for (size_t n = 0; n < 48; n++) {
		uint8_t out[MAP_MAX];
		size_t len;

		CU_ASSERT_NOT_EQUAL(map_error(in, n, n < 40 ? 0 : 40, &to, out, &len), MAP_OK);
	}
}

static void errors_are_no_longer_than_they_may_be(void)
{
	uint8_t big[1300] = { 0x9c, 0x41, 0x27, 0x0f, 5, 20 }, quoted[1400], in[1500], out[MAP_MAX];
	struct map_to to = to_legacy();
	size_t n = packet(quoted, HIT_A, HIT_B, 17, big, sizeof(big), 6), len;

	n = error(in, false, 1, 4, quoted, n);
	CU_ASSERT_EQUAL_FATAL(map_error(in, n, 40, &to, out, &len), MAP_OK);
	CU_ASSERT_EQUAL(len, 576);
	check_ip4(out, len);
	to = to_peer();
	n = packet(quoted, "192.0.2.80", "10.1.0.11", 17, big, sizeof(big), 6);
	n = error(in, true, 3, 3, quoted, n);
	CU_ASSERT_EQUAL_FATAL(map_error(in, n, 20, &to, out, &len), MAP_OK);
	CU_ASSERT_EQUAL(len, MAP_MAX);
}

static void what_is_damaged_is_refused(void)
{
	static const uint8_t udp[] = { 0x9c, 0x41, 0x27, 0x0f, 0, 8, 0, 0 };
	uint8_t quoted[100], in[1500], out[MAP_MAX];
	struct map_to to = to_legacy();
	size_t q = packet(quoted, HIT_A, HIT_B, 17, udp, sizeof(udp), 6), n, len;

	n = error(in, false, 1, 4, quoted, q);
	in[n - 1] ^= 1;
	CU_ASSERT_EQUAL(map_error(in, n, 40, &to, out, &len), MAP_CHECKSUM);
	quoted[0] = 0x50;
	n = error(in, false, 1, 4, quoted, q);
	CU_ASSERT_EQUAL(map_error(in, n, 40, &to, out, &len), MAP_QUOTED);
}

/* RFC 4884: the length attribute tells where the extension begins, in 32-bit words in ICMP, in 64-bit
 * words in ICMPv6; its octets stay as they are. */
static void extensions_follow_the_quoted_packet(void)
{
	static const uint8_t ext[8] = { 0x20, 0, 0xde, 0xad, 0, 4, 2, 1 };
	uint8_t udp[88] = { 0x9c, 0x41, 0x27, 0x0f, 0, 88 }, quoted[200] = { 0 }, in[1500];
	uint8_t l4[300] = { 3, 0, 0, 0, 16 }, out[MAP_MAX];
	struct map_to to = to_legacy();
	size_t n = packet(quoted, HIT_A, HIT_B, 17, udp, sizeof(udp), 6), len;

	CU_ASSERT_EQUAL_FATAL(n, 128);
	memcpy(l4 + 8, quoted, n);
	memcpy(l4 + 8 + n, ext, sizeof(ext));
	n = packet(in, HIT_B, HIT_A, 58, l4, 8 + n + sizeof(ext), 2);
	CU_ASSERT_EQUAL_FATAL(map_error(in, n, 40, &to, out, &len), MAP_OK);
	check_ip4(out, len);
	/* 108 octets are padded to 128. */
	CU_ASSERT_EQUAL(len, 20 + 8 + 128 + sizeof(ext));
	CU_ASSERT(out[20] == 11 && out[24] == 0 && out[25] == 32);
	CU_ASSERT(!memcmp(out + 28 + 128, ext, sizeof(ext)));

	memset(l4, 0, sizeof(l4));
	l4[0] = 11;
	l4[5] = 32;
	n = packet(quoted, "192.0.2.80", "10.1.0.11", 17, udp, sizeof(udp), 6);
	memcpy(l4 + 8, quoted, n);
	memcpy(l4 + 8 + 128, ext, sizeof(ext));
	n = packet(in, "10.1.0.1", "192.0.2.80", 1, l4, 8 + 128 + sizeof(ext), 2);
	to = to_peer();
	CU_ASSERT_EQUAL_FATAL(map_error(in, n, 20, &to, out, &len), MAP_OK);
	/* 148 octets are padded to 152. */
	CU_ASSERT_EQUAL(len, 40 + 8 + 152 + sizeof(ext));
	CU_ASSERT(out[40] == 3 && out[44] == 19 && out[45] == 0);
	CU_ASSERT(!memcmp(out + 48 + 152, ext, sizeof(ext)));
	CU_ASSERT_EQUAL(hp_csum_l4(&to.src, &to.dst, 58, out + 40, len - 40), 0);
}

static void a_first_fragment_is_quoted_without_its_header(void)
{
	uint8_t l4[48] = { 17, 0, 0, 1, 0, 0, 0, 9, 0x9c, 0x41, 0x27, 0x0f, 0, 40 };
	uint8_t quoted[100], in[1500], out[MAP_MAX];
	struct map_to to = to_legacy();
	size_t n = packet(quoted, HIT_A, HIT_B, 44, l4, sizeof(l4), 14), total, len;

	total = error(in, false, 1, 4, quoted, n);
	CU_ASSERT_EQUAL_FATAL(map_error(in, total, 40, &to, out, &len), MAP_OK);
	check_ip4(out, len);
	CU_ASSERT(out[28 + 9] == 17 && hp_get16(out + 28 + 2) == 20 + 40);
	CU_ASSERT(hp_get16(out + 48) == 40000 && hp_get16(out + 50) == 9999);
	for (size_t cut = 40 + 8; cut < 40 + 8 + 8; cut++) {
		total = error(in, false, 1, 4, quoted, cut);
		CU_ASSERT_EQUAL(map_error(in, total, 40, &to, out, &len), MAP_SHORT);
	}
	quoted[43] = 9; /* a later one */
	total = error(in, false, 1, 4, quoted, n);
	CU_ASSERT_EQUAL(map_error(in, total, 40, &to, out, &len), MAP_QUOTED);
}

/* ---- identifications and DF (RFC 7915, 5.1 and 5.1.1) */

/* The IPv4 headers of an error about a datagram of len octets: outer, and quoted. */
static void heads_of(const uint8_t *quoted, size_t n, const uint8_t **outer, const uint8_t **inner)
{
	static uint8_t in[1500], out[MAP_MAX];
	struct map_to to = to_legacy();
	size_t len;

	n = error(in, false, 1, 4, quoted, n);
	CU_ASSERT_EQUAL_FATAL(map_error(in, n, 40, &to, out, &len), MAP_OK);
	check_ip4(out, len);
	CU_ASSERT_EQUAL(hp_csum_finish(hp_csum_add(0, out + 28, 20)), 0);
	*outer = out;
	*inner = out + 28;
}

static void headers_have_identifications_and_df_by_their_length(void)
{
	static const struct { size_t whole; bool df; } rows[] = {
		{ 100, false }, { 1260, false }, { 1261, true }, { 1480, true },
	};
	uint8_t udp[1500] = { 0x9c, 0x41, 0x27, 0x0f }, quoted[1600];
	const uint8_t *outer, *inner;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = packet(quoted, HIT_A, HIT_B, 17, udp, rows[i].whole - 20, 6);

		heads_of(quoted, n > 1200 ? 1200 : n, &outer, &inner);
		CU_ASSERT(hp_get16(outer + 4) == 0x1111 && !hp_get16(outer + 6));
		CU_ASSERT_EQUAL(hp_get16(inner + 4), 0x2222);
		CU_ASSERT_EQUAL(hp_get16(inner + 6), rows[i].df ? 0x4000 : 0);
		CU_ASSERT_EQUAL(hp_get16(inner + 2), rows[i].whole);
	}
}

static void a_fragment_header_gives_the_identification(void)
{
	uint8_t l4[1408] = { 17, 0, 0, 1, 0xab, 0xcd, 0x12, 0x34, 0x9c, 0x41, 0x27, 0x0f, 0, 40 };
	struct map_head in = { 2, 0, 1280 }, out;
	uint8_t quoted[1500];
	const uint8_t *outer, *inner;
	size_t n = packet(quoted, HIT_A, HIT_B, 44, l4, sizeof(l4), 14);

	heads_of(quoted, n > 1200 ? 1200 : n, &outer, &inner);
	CU_ASSERT(hp_get16(inner + 4) == 0x1234 && !hp_get16(inner + 6));
	CU_ASSERT_EQUAL(hp_get16(inner + 2), 20 + 1400);
	/* 5.2: the MTU is that of a packet without it. */
	CU_ASSERT(map_head64(&in, true, &out) == MAP_OK && out.rest == 1252);
	in.rest = 90;
	CU_ASSERT(map_head64(&in, true, &out) == MAP_OK && out.rest == 68);
}

/* ---- lengths */

/* The quoted packet's own length may be anything: 0, without the header, with octets exchanged. */
static void a_quoted_length_is_not_believed(void)
{
	static const uint16_t lengths[] = { 0, 1, 8, 19, 20, 27, 0x1c00, 0xffff };
	uint8_t udp[8] = { 0, 80, 0x9c, 0x40, 0, 8 }, quoted[100], in[1500], out[MAP_MAX];
	struct map_to to = to_peer();
	size_t n = packet(quoted, "192.0.2.80", "10.1.0.11", 17, udp, sizeof(udp), 6), len;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		size_t total, want = lengths[i] < 28 ? 8 : lengths[i] - 20u;

		hp_put16(quoted + 2, lengths[i]);
		total = error(in, true, 3, 3, quoted, n);
		CU_ASSERT_EQUAL_FATAL(map_error(in, total, 20, &to, out, &len), MAP_OK);
		CU_ASSERT_EQUAL(len, 40 + 8 + 40 + 8);
		CU_ASSERT_EQUAL(hp_get16(out + 48 + 4), want);
		CU_ASSERT(hp_get16(out + 88) == 80 && hp_get16(out + 90) == 50123);
		CU_ASSERT_EQUAL(hp_csum_l4(&to.src, &to.dst, 58, out + 40, len - 40), 0);
	}
	to = to_legacy();
	n = packet(quoted, HIT_A, HIT_B, 17, udp, sizeof(udp), 6);
	hp_put16(quoted + 4, 0);
	n = error(in, false, 1, 4, quoted, n);
	CU_ASSERT_EQUAL_FATAL(map_error(in, n, 40, &to, out, &len), MAP_OK);
	CU_ASSERT_EQUAL(hp_get16(out + 28 + 2), 28);
}

/* An error with n octets of quoted packet and an extension of these objects, each of size octets. */
static size_t with_extension(uint8_t *in, bool v4, size_t n, size_t objects, size_t size)
{
	uint8_t l4[1400] = { v4 ? 11 : 3 }, quoted[1400], udp[1300] = { 0x9c, 0x41, 0x27, 0x0f };
	size_t unit = v4 ? 4 : 8, padded = n < 128 ? 128 : (n + unit - 1) / unit * unit;
	uint8_t *ext = l4 + 8 + padded;
	size_t len = 4 + objects * size;

	packet(quoted, v4 ? "192.0.2.80" : HIT_A, v4 ? "10.1.0.11" : HIT_B, 17, udp, sizeof(udp), 6);
	memcpy(l4 + 8, quoted, n);
	l4[v4 ? 5 : 4] = (uint8_t)(padded / unit);
	memset(ext, 0, len);
	ext[0] = 0x20;
	for (size_t i = 0; i < objects; i++) {
		memset(ext + 4 + i * size, (int)(i + 1), size);
		hp_put16(ext + 4 + i * size, (uint16_t)size);
	}
	hp_put16(ext + 2, hp_csum_finish(hp_csum_add(0, ext, len)));
	return packet(in, v4 ? "10.1.0.1" : HIT_B, v4 ? "192.0.2.80" : HIT_A, v4 ? 1 : 58, l4,
		      8 + padded + len, 2);
}

/* The extension in an error of this family: its place and length, looked for as RFC 4884 says. */
static size_t extension_of(const uint8_t *out, size_t len, bool v4, const uint8_t **ext)
{
	size_t head = v4 ? 28 : 48, quote = v4 ? out[25] * 4u : out[44] * 8u;

	if (!quote)
		return 0;
	CU_ASSERT_FATAL(quote >= 128 && head + quote <= len);
	*ext = out + head + quote;
	CU_ASSERT_EQUAL(hp_csum_finish(hp_csum_add(0, *ext, len - head - quote)), 0);
	return len - head - quote;
}

static void check_extension(bool v4, size_t n, size_t objects, size_t size, size_t max)
{
	uint8_t in[1500], out[MAP_MAX];
	struct map_to to = v4 ? to_peer() : to_legacy();
	size_t total = with_extension(in, v4, n, objects, size), most, fit, len, got;
	const uint8_t *ext = NULL;

	to.max = max;
	CU_ASSERT_EQUAL_FATAL(map_error(in, total, v4 ? 20 : 40, &to, out, &len), MAP_OK);
	if (!v4)
		check_ip4(out, len);
	else
		CU_ASSERT_EQUAL(hp_csum_l4(&to.src, &to.dst, 58, out + 40, len - 40), 0);
	most = v4 ? max : max < 576 ? max : 576;
	CU_ASSERT(len <= most);
	most -= v4 ? 48 : 28;
	/* Whole objects beside 128 octets of quoted packet. */
	fit = most < 128 + 4 + size ? 0 : (most - 128 - 4) / size;
	fit = fit < objects ? fit : objects;
	got = extension_of(out, len, !v4, &ext);
	CU_ASSERT_EQUAL(got, fit ? 4 + fit * size : 0);
	for (size_t i = 0; i < fit; i++)
		CU_ASSERT(ext[4 + i * size + 2] == i + 1 && ext[4 + i * size + size - 1] == i + 1);
}

/* RFC 7915, 4.2 and 5.2, and RFC 4884, section 3: whatever the lengths, the quoted packet gives way
 * before the extension, and the extension before the packet's first 128 octets. */
static void extensions_of_every_length_keep_what_fits(void)
{
	static const size_t maxima[] = { 200, 300, 576, 577, 1000, 1279, 1280 };

	for (size_t m = 0; m < sizeof(maxima) / sizeof(*maxima); m++)
		for (size_t n = 48; n <= 1100; n += 13)
			for (size_t objects = 1; objects < 60; objects += objects < 4 ? 1 : 11)
				for (int v4 = 0; v4 < 2; v4++)
					if (n + 16 * objects < 1200 && (!v4 || n <= 1020))
						check_extension(v4, n, objects, 16, maxima[m]);
}

/* Errors are as short as the way to the peer demands, and say what they are about. */
static void errors_of_every_length_fit(void)
{
	uint8_t udp[1300] = { 0, 80, 0x9c, 0x40, 5, 20 }, quoted[1400], in[1500], out[MAP_MAX];
	struct map_to to = to_peer();
	size_t n = packet(quoted, "192.0.2.80", "10.1.0.11", 17, udp, sizeof(udp), 6), len;
	size_t total = error(in, true, 3, 3, quoted, n);

	for (to.max = MAP_MIN; to.max <= MAP_MAX; to.max++) {
		CU_ASSERT_EQUAL_FATAL(map_error(in, total, 20, &to, out, &len), MAP_OK);
		CU_ASSERT_EQUAL(len, to.max);
		CU_ASSERT_EQUAL(hp_csum_l4(&to.src, &to.dst, 58, out + 40, len - 40), 0);
		CU_ASSERT(hp_get16(out + 88) == 80 && hp_get16(out + 90) == 50123);
		CU_ASSERT_EQUAL(hp_get16(out + 48 + 4), sizeof(udp));
	}
}

static const struct hp_test tests[] = {
	HP_TEST(a_closed_port_is_told_to_the_legacy_client),
	HP_TEST(a_narrow_link_is_told_to_the_peer),
	HP_TEST(a_quoted_ping_keeps_its_checksum_right),
	HP_TEST(quoted_protocols_without_ports_keep_their_octets),
	HP_TEST(an_ipv6_client_gets_its_own_addresses),
	HP_TEST(every_truncated_length),
	HP_TEST(errors_are_no_longer_than_they_may_be),
	HP_TEST(what_is_damaged_is_refused),
	HP_TEST(extensions_follow_the_quoted_packet),
	HP_TEST(a_first_fragment_is_quoted_without_its_header),
	HP_TEST(headers_have_identifications_and_df_by_their_length),
	HP_TEST(a_fragment_header_gives_the_identification),
	HP_TEST(a_quoted_length_is_not_believed),
	HP_TEST(extensions_of_every_length_keep_what_fits),
	HP_TEST(errors_of_every_length_fit),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("icmp map", tests, argc, argv);
}
