/* SPDX-License-Identifier: MIT
 *
 * Internet checksums (RFC 1071, RFC 1624).
 *
 * Sums are made of words as the machine loads them; only folding turns them round.
 */
#include "wire/checksum.h"

#include <arpa/inet.h>

uint64_t hp_csum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t a = 0, b = 0;
	uint32_t w[8];
	uint16_t h;

	/* 2^27 rounds could not overflow: 32-bit words in 64-bit accumulators. */
	for (; len >= 32; p += 32, len -= 32) {
		memcpy(w, p, 32);
		a += (uint64_t)w[0] + w[1] + w[2] + w[3];
		b += (uint64_t)w[4] + w[5] + w[6] + w[7];
	}
	for (; len >= 4; p += 4, len -= 4) {
		memcpy(w, p, 4);
		a += w[0];
	}
	for (; len >= 2; p += 2, len -= 2) {
		memcpy(&h, p, 2);
		b += h;
	}
	if (len) {
		h = 0;
		memcpy(&h, p, 1);
		b += h;
	}
	a += b;
	sum += a;
	return sum + (sum < a);
}

/* 16 bits, in the machine's order. */
static uint16_t fold_raw(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint16_t hp_csum_fold(uint64_t sum)
{
	return ntohs(fold_raw(sum));
}

uint64_t hp_csum_add16(uint64_t sum, uint16_t v)
{
	sum += htons(v);
	return sum + (sum < htons(v));
}

uint64_t hp_csum_add32(uint64_t sum, uint32_t v)
{
	uint32_t be = htonl(v);

	return hp_csum_add(sum, &be, 4);
}

uint64_t hp_csum_pseudo(const struct hp_addr *src, const struct hp_addr *dst, uint8_t proto,
			uint32_t len)
{
	/* The ffff of a mapped address is a zero in ones' complement, and IPv4's and IPv6's
	 * length and protocol add up to the same: one sum serves both. */
	uint64_t sum = hp_csum_add(0, src->b, 16);

	sum = hp_csum_add(sum, dst->b, 16);
	sum = hp_csum_add32(sum, len);
	return hp_csum_add16(sum, proto);
}

uint16_t hp_csum_l4(const struct hp_addr *src, const struct hp_addr *dst, uint8_t proto,
		    const void *data, size_t len)
{
	uint64_t sum = hp_csum_pseudo(src, dst, proto, (uint32_t)len);

	return hp_csum_finish(hp_csum_add(sum, data, len));
}

void hp_csum_update(uint8_t *csum, uint64_t from, uint64_t to)
{
	uint16_t field;
	uint64_t sum;

	memcpy(&field, csum, 2);
	sum = (uint64_t)(uint16_t)~field + (uint16_t)~fold_raw(from) + fold_raw(to);
	field = (uint16_t)~fold_raw(sum);
	memcpy(csum, &field, 2);
}

void hp_csum_update_partial(uint8_t *csum, uint64_t from, uint64_t to)
{
	uint16_t field;

	memcpy(&field, csum, 2);
	field = fold_raw((uint64_t)field + (uint16_t)~fold_raw(from) + fold_raw(to));
	memcpy(csum, &field, 2);
}

void hp_csum_update16(uint8_t *csum, uint16_t from, uint16_t to)
{
	hp_csum_update(csum, hp_csum_add16(0, from), hp_csum_add16(0, to));
}

void hp_csum_update32(uint8_t *csum, uint32_t from, uint32_t to)
{
	hp_csum_update(csum, hp_csum_add32(0, from), hp_csum_add32(0, to));
}

void hp_csum_update_addr(uint8_t *csum, const struct hp_addr *from, const struct hp_addr *to)
{
	hp_csum_update(csum, hp_csum_add(0, from->b, 16), hp_csum_add(0, to->b, 16));
}
