/* SPDX-License-Identifier: MIT
 *
 * Reads what left a pipeline: see struct seen in lab.h.
 */
#include "lab.h"

#include <string.h>

static bool read_l4(struct seen *s, const uint8_t *addrs, size_t addrs_len)
{
	uint8_t tail[4] = { (uint8_t)(s->l4_len >> 8), (uint8_t)s->l4_len, 0, s->proto };
	uint32_t sum = test_sum16(test_sum16(0, addrs, addrs_len), tail, 4);
	size_t head = 8;
	int at;

	if (s->more || s->frag_off)
		return true;
	/* Others have no checksum, or the test looks at it. */
	if (s->proto != 1 && s->proto != 6 && s->proto != 17 && s->proto != 58)
		return true;
	if (s->proto == 6 && s->l4_len >= 20)
		head = (size_t)(s->l4[12] >> 4) * 4;
	if (s->l4_len < head || head < 8)
		return false;
	at = s->proto == 6 ? 16 : s->proto == 17 ? 6 : 2;
	s->payload = s->l4 + head;
	s->payload_len = s->l4_len - head;
	if (s->proto == 6 || s->proto == 17) {
		s->sport = hp_get16(s->l4);
		s->dport = hp_get16(s->l4 + 2);
	} else {
		s->type = s->l4[0];
		s->code = s->l4[1];
		s->mtu = hp_get32(s->l4 + 4);
	}
	if (s->proto == 17 && hp_get16(s->l4 + 4) != s->l4_len)
		return false;
	if (s->partial)
		return hp_get16(s->l4 + at) == sum;
	return (s->proto != 17 || hp_get16(s->l4 + at)) &&
	       test_l4_sum(addrs, addrs_len, s->proto, s->l4, s->l4_len) == 0xffff;
}

static bool read4(struct seen *s)
{
	const uint8_t *d = s->data;
	size_t hlen = (d[0] & 15u) * 4u;

	s->family = 4;
	s->proto = d[9];
	s->ttl = d[8];
	s->tos = d[1];
	s->id = hp_get16(d + 4);
	s->df = d[6] & 0x40;
	s->more = d[6] & 0x20;
	s->frag_off = (hp_get16(d + 6) & 0x1fffu) * 8u;
	s->src.b[10] = s->src.b[11] = s->dst.b[10] = s->dst.b[11] = 0xff;
	memcpy(s->src.b + 12, d + 12, 4);
	memcpy(s->dst.b + 12, d + 16, 4);
	s->l4 = d + hlen;
	s->l4_len = s->len - hlen;
	return hp_get16(d + 2) == s->len && test_sum16(0, d, hlen) == 0xffff &&
	       read_l4(s, d + 12, 8);
}

static bool read6(struct seen *s)
{
	const uint8_t *d = s->data;
	size_t head = 40;

	s->family = 6;
	s->proto = d[6];
	s->ttl = d[7];
	s->tos = (uint8_t)(d[0] << 4 | d[1] >> 4);
	s->df = true;
	memcpy(s->src.b, d + 8, 16);
	memcpy(s->dst.b, d + 24, 16);
	if (s->proto == 44 && s->len >= 48) {
		s->proto = d[40];
		s->frag_off = hp_get16(d + 42) & 0xfff8u;
		s->more = d[43] & 1;
		s->id = hp_get32(d + 44);
		s->df = false;
		head = 48;
	}
	s->l4 = d + head;
	s->l4_len = s->len - head;
	return hp_get16(d + 4) + 40u == s->len && read_l4(s, d + 8, 32);
}

void seen_read(struct seen *s)
{
	if (s->len >= 20 && s->data[0] >> 4 == 4)
		s->right = read4(s);
	else if (s->len >= 40 && s->data[0] >> 4 == 6)
		s->right = read6(s);
}
