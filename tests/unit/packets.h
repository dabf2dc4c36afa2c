/* SPDX-License-Identifier: MIT
 *
 * Packets for tests: made, and checked, by code that shares nothing with the product's.
 */
#ifndef HP_TESTS_PACKETS_H
#define HP_TESTS_PACKETS_H

#include <stdlib.h>
#include <string.h>

#include <hipproxy/packet.h>
#include <hipproxy/wire.h>

static inline struct hp_addr test_addr(const char *s)
{
	struct hp_addr a = { { 0 } };

	if (hp_addr_parse(s, &a))
		abort();
	return a;
}

static inline struct hp_packet *test_packet_new(void)
{
	struct hp_packet *p = calloc(1, sizeof(*p));

	p->buf = calloc(1, HP_PACKET_CAP);
	p->cap = HP_PACKET_CAP;
	p->data = p->buf + HP_PACKET_HEADROOM;
	return p;
}

static inline void test_packet_free(struct hp_packet *p)
{
	if (p)
		free(p->buf);
	free(p);
}

static inline struct hp_packet *test_packet_copy(const struct hp_packet *p)
{
	struct hp_packet *q = test_packet_new();
	uint8_t *buf = q->buf;

	*q = *p;
	q->buf = buf;
	q->data = buf + (p->data - p->buf);
	memcpy(buf, p->buf, p->cap);
	return q;
}

static inline uint32_t test_sum16(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* Sum over pseudo header and transport part: 0xffff if the checksum in it is right. */
static inline uint32_t test_l4_sum(const uint8_t *addrs, size_t addrs_len, uint8_t proto,
				   const uint8_t *l4, size_t len)
{
	uint8_t tail[4] = { (uint8_t)(len >> 8), (uint8_t)len, 0, proto };
	uint32_t sum = proto == 1 ? 0 : test_sum16(0, addrs, addrs_len);

	if (proto != 1)
		sum = test_sum16(sum, tail, 4);
	return test_sum16(sum, l4, len);
}

/* Reads the bytes anew: are lengths and all checksums right? */
static inline bool test_packet_right(const struct hp_packet *p)
{
	const uint8_t *d = p->data;

	if (d[0] >> 4 == 4) {
		size_t hlen = (d[0] & 15u) * 4u;

		return hp_get16(d + 2) == p->len && test_sum16(0, d, hlen) == 0xffff &&
		       test_l4_sum(d + 12, 8, d[9], d + hlen, p->len - hlen) == 0xffff;
	}
	return d[0] >> 4 == 6 && hp_get16(d + 4) + 40u == p->len &&
	       test_l4_sum(d + 8, 32, d[6], d + 40, p->len - 40) == 0xffff;
}

/* Checksum field offsets: TCP 16, UDP 6, ICMP 2. */
static inline uint8_t *test_csum_field(uint8_t proto, uint8_t *l4)
{
	return l4 + (proto == 6 ? 16 : proto == 17 ? 6 : 2);
}

static inline void test_seal_checksums(struct hp_packet *p)
{
	uint8_t *d = p->data, *l4, *field, proto;
	size_t hlen, len;
	uint32_t sum;

	hlen = d[0] >> 4 == 4 ? (d[0] & 15u) * 4u : 40;
	proto = d[0] >> 4 == 4 ? d[9] : d[6];
	l4 = d + hlen;
	len = p->len - hlen;
	if (d[0] >> 4 == 4) {
		hp_put16(d + 2, (uint16_t)p->len);
		hp_put16(d + 10, 0);
		hp_put16(d + 10, (uint16_t)~test_sum16(0, d, hlen));
	} else {
		hp_put16(d + 4, (uint16_t)len);
	}
	field = test_csum_field(proto, l4);
	hp_put16(field, 0);
	sum = test_l4_sum(d[0] >> 4 == 4 ? d + 12 : d + 8, d[0] >> 4 == 4 ? 8 : 32, proto, l4, len);
	sum = ~sum & 0xffff;
	hp_put16(field, (uint16_t)(sum || proto != 17 ? sum : 0xffff));
}

/* A whole packet with l4 (header and payload) of proto; not dissected. */
static inline struct hp_packet *test_packet_l4(const struct hp_addr *src,
					       const struct hp_addr *dst, uint8_t proto,
					       const void *l4, size_t len)
{
	struct hp_packet *p = test_packet_new();
	uint8_t *d = p->data;

	if (hp_addr_is4(src)) {
		p->len = 20 + len;
		d[0] = 0x45;
		d[1] = 0xb9;
		hp_put16(d + 4, 0x1234);
		d[6] = 0x40;
		d[8] = 61;
		d[9] = proto;
		memcpy(d + 12, src->b + 12, 4);
		memcpy(d + 16, dst->b + 12, 4);
		memcpy(d + 20, l4, len);
	} else {
		p->len = 40 + len;
		hp_put32(d, 0x6b900000);
		d[6] = proto;
		d[7] = 61;
		memcpy(d + 8, src->b, 16);
		memcpy(d + 24, dst->b, 16);
		memcpy(d + 40, l4, len);
	}
	test_seal_checksums(p);
	return p;
}

static inline struct hp_packet *test_udp(const struct hp_addr *src, uint16_t sport,
					 const struct hp_addr *dst, uint16_t dport,
					 const void *payload, size_t len)
{
	static uint8_t l4[65536];

	hp_put16(l4, sport);
	hp_put16(l4 + 2, dport);
	hp_put16(l4 + 4, (uint16_t)(8 + len));
	memcpy(l4 + 8, payload, len);
	return test_packet_l4(src, dst, 17, l4, 8 + len);
}

struct test_tcp {
	struct hp_addr src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
	const uint8_t *opts; /* a multiple of 4 octets */
	size_t opts_len;
};

static inline struct hp_packet *test_tcp(const struct test_tcp *t, const void *payload,
					 size_t len)
{
	static uint8_t l4[65536];
	size_t hlen = 20 + t->opts_len;

	memset(l4, 0, 20);
	hp_put16(l4, t->sport);
	hp_put16(l4 + 2, t->dport);
	hp_put32(l4 + 4, t->seq);
	hp_put32(l4 + 8, t->ack);
	l4[12] = (uint8_t)(hlen / 4 << 4);
	l4[13] = t->flags;
	hp_put16(l4 + 14, 5000);
	if (t->opts_len)
		memcpy(l4 + 20, t->opts, t->opts_len);
	if (len)
		memcpy(l4 + hlen, payload, len);
	return test_packet_l4(&t->src, &t->dst, 6, l4, hlen + len);
}

#endif
