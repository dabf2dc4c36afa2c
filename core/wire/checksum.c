/* SPDX-License-Identifier: MIT
 *
 * Internet checksums (RFC 1071, RFC 1624).
 *
 * Sums are made of words as the machine loads them; only folding turns them round.
 */
#include "wire/checksum.h"

#include <arpa/inet.h>

/* One step of the long loops: compilers make it what the machine has. */
typedef uint64_t hp_wide __attribute__((vector_size(32)));
#define STEP sizeof(hp_wide)

/* Shorter than this, calling the wide functions does not pay. */
#define WIDE_MIN (4 * STEP)

#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE uint64_t add(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

/* Sums words of 64 bits in lanes that wrap, and their upper halves: both together tell
 * what the lower halves were.  2^32 rounds could not overflow.  to: where the octets go
 * too, or NULL. */
static ALWAYS_INLINE uint64_t sum_steps(const uint8_t *p, size_t steps, uint8_t *to)
{
	hp_wide a = {0}, b = {0}, c = {0}, d = {0}, v, w;

	for (; steps >= 2; steps -= 2, p += 2 * STEP) {
		memcpy(&v, p, STEP);
		memcpy(&w, p + STEP, STEP);
		if (to) {
			memcpy(to, &v, STEP);
			memcpy(to + STEP, &w, STEP);
			to += 2 * STEP;
		}
		a += v;
		b += v >> 32;
		c += w;
		d += w >> 32;
	}
	if (steps) {
		memcpy(&v, p, STEP);
		if (to)
			memcpy(to, &v, STEP);
		a += v;
		b += v >> 32;
	}
	a += c;
	b += d;
	a -= b << 32;
	a = (a & UINT32_MAX) + (a >> 32) + (b & UINT32_MAX) + (b >> 32);
	return a[0] + a[1] + a[2] + a[3];
}

static uint64_t sum_any(const uint8_t *p, size_t steps, uint8_t *to)
{
	return to ? sum_steps(p, steps, to) : sum_steps(p, steps, NULL);
}

/* Chosen at each call: resolvers of the dynamic linker and sanitizers do not go together.
 */
#if defined(__x86_64__) && !defined(__AVX2__)
__attribute__((target("avx2"))) static uint64_t sum_avx2(const uint8_t *p, size_t steps,
							 uint8_t *to)
{
	return to ? sum_steps(p, steps, to) : sum_steps(p, steps, NULL);
}

static uint64_t sum_wide(const uint8_t *p, size_t steps, uint8_t *to)
{
	return __builtin_cpu_supports("avx2") ? sum_avx2(p, steps, to)
					      : sum_any(p, steps, to);
}
#else
static uint64_t sum_wide(const uint8_t *p, size_t steps, uint8_t *to)
{
	return sum_any(p, steps, to);
}
#endif

/* What is less than a step, or short: octet by octet only at the end. */
static ALWAYS_INLINE uint64_t sum_rest(uint64_t sum, const uint8_t *p, size_t len)
{
	uint64_t v, q[4];
	uint32_t w;
	uint16_t h;

	for (; len >= 32; p += 32, len -= 32) {
		memcpy(q, p, 32);
		sum = add(sum, add(add(q[0], q[1]), add(q[2], q[3])));
	}
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&v, p, 8);
		sum = add(sum, v);
	}
	if (len & 4) {
		memcpy(&w, p, 4);
		sum = add(sum, w);
		p += 4;
	}
	if (len & 2) {
		memcpy(&h, p, 2);
		sum = add(sum, h);
		p += 2;
	}
	if (len & 1) {
		h = 0;
		memcpy(&h, p, 1);
		sum = add(sum, h);
	}
	return sum;
}

uint64_t hp_csum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	if (len >= WIDE_MIN) {
		sum = add(sum, sum_wide(p, len / STEP, NULL));
		p += len / STEP * STEP;
		len %= STEP;
	}
	return sum_rest(sum, p, len);
}

uint64_t hp_csum_copy(uint64_t sum, void *to, const void *from, size_t len)
{
	const uint8_t *p = from;
	uint8_t *out = to;
	size_t wide = len >= WIDE_MIN ? len / STEP * STEP : 0;

	if (wide)
		sum = add(sum, sum_wide(p, wide / STEP, out));
	if (len > wide)
		memcpy(out + wide, p + wide, len - wide);
	return sum_rest(sum, p + wide, len - wide);
}

uint64_t hp_csum_portable(uint64_t sum, void *to, const void *from, size_t len)
{
	const uint8_t *p = from;
	size_t wide = len / STEP * STEP;

	if (to && len > wide)
		memcpy((uint8_t *)to + wide, p + wide, len - wide);
	sum = add(sum, sum_any(p, wide / STEP, to));
	return sum_rest(sum, p + wide, len - wide);
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
	return add(sum, htons(v));
}

uint64_t hp_csum_add32(uint64_t sum, uint32_t v)
{
	return add(sum, htonl(v));
}

uint64_t hp_csum_pseudo(const struct hp_addr *src, const struct hp_addr *dst,
			uint8_t proto, uint32_t len)
{
	/* The ffff of a mapped address is a zero in ones' complement, and IPv4's and
	 * IPv6's length and protocol add up to the same: one sum serves both. */
	uint64_t sum = sum_rest(sum_rest(0, src->b, 16), dst->b, 16);

	return add(add(sum, htonl(len)), htons(proto));
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

void hp_csum_update_addr(uint8_t *csum, const struct hp_addr *from,
			 const struct hp_addr *to)
{
	hp_csum_update(csum, sum_rest(0, from->b, 16), sum_rest(0, to->b, 16));
}
