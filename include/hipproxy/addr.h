/* SPDX-License-Identifier: MIT
 *
 * Addresses and prefixes.
 *
 * One form for everything: 16 octets in network order; IPv4 is ::ffff:a.b.c.d (RFC 4291,
 * section 2.5.5.2), as HIP's locators write it.  A HIT is an address too (RFC 7343).
 */
#ifndef HIPPROXY_ADDR_H
#define HIPPROXY_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hp_addr {
	uint8_t b[16];
};

/* Room for any formatted address, and for any formatted prefix, with the ending zero. */
#define HP_ADDR_STRLEN   46
#define HP_PREFIX_STRLEN 50

/* A set of addresses: those that share addr's first bits bits.  An IPv4 /n has 96 + n. */
struct hp_prefix {
	struct hp_addr addr; /* bits beyond the prefix are zero */
	uint8_t bits;        /* 0..128 */
};

static inline bool hp_addr_is4(const struct hp_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a->b, mapped, sizeof(mapped));
}

/* be32: the address as in struct in_addr, network order. */
static inline struct hp_addr hp_addr_from4(uint32_t be32)
{
	struct hp_addr a = { .b = { [10] = 0xff, [11] = 0xff } };

	memcpy(a.b + 12, &be32, 4);
	return a;
}

/* Network order; meaningful only when hp_addr_is4. */
static inline uint32_t hp_addr_to4(const struct hp_addr *a)
{
	uint32_t be32;

	memcpy(&be32, a->b + 12, 4);
	return be32;
}

static inline struct hp_addr hp_addr_from6(const void *octets16)
{
	struct hp_addr a;

	memcpy(a.b, octets16, 16);
	return a;
}

static inline bool hp_addr_eq(const struct hp_addr *a, const struct hp_addr *b)
{
	return !memcmp(a->b, b->b, 16);
}

/* As unsigned big-endian numbers: below, equal or above zero. */
static inline int hp_addr_cmp(const struct hp_addr *a, const struct hp_addr *b)
{
	return memcmp(a->b, b->b, 16);
}

/* RFC 7343, section 2: ORCHIDv2 is 2001:20::/28. */
static inline bool hp_addr_is_hit(const struct hp_addr *a)
{
	return a->b[0] == 0x20 && a->b[1] == 0x01 && a->b[2] == 0x00 &&
	       (a->b[3] & 0xf0) == 0x20;
}

/* RFC 4380, section 2.6: Teredo is 2001::/32, beside the HITs.  Such an address is a tunnel through
 * a NAT, which HIP and ESP in UDP pass themselves: it is no locator. */
static inline bool hp_addr_is_teredo(const struct hp_addr *a)
{
	return a->b[0] == 0x20 && a->b[1] == 0x01 && !a->b[2] && !a->b[3];
}

static inline bool hp_addr_is_zero(const struct hp_addr *a)
{
	static const struct hp_addr zero;

	return hp_addr_eq(a, &zero);
}

/* ff00::/8, 224.0.0.0/4 and 255.255.255.255. */
static inline bool hp_addr_is_multicast(const struct hp_addr *a)
{
	if (!hp_addr_is4(a))
		return a->b[0] == 0xff;
	return (a->b[12] & 0xf0) == 0xe0 || hp_addr_to4(a) == UINT32_MAX;
}

/* "192.0.2.1" or "2001:db8::1".  0, or -EINVAL (out is untouched). */
int hp_addr_parse(const char *s, struct hp_addr *out);
/* Writes the usual text form, IPv4 dotted; returns buf. */
const char *hp_addr_format(const struct hp_addr *a, char buf[HP_ADDR_STRLEN]);

/* "192.0.2.0/24", "2001:db8::/32", or a bare address (all bits).  Host bits must be zero.
 * 0, or -EINVAL (out is untouched). */
int hp_prefix_parse(const char *s, struct hp_prefix *out);
const char *hp_prefix_format(const struct hp_prefix *p, char buf[HP_PREFIX_STRLEN]);
bool hp_prefix_contains(const struct hp_prefix *p, const struct hp_addr *a);

#endif
