/* SPDX-License-Identifier: MIT
 *
 * Text forms of addresses and prefixes (RFC 4291, section 2.2; RFC 5952).
 */
#include "util/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int hp_addr_parse(const char *s, struct hp_addr *out)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, s, &v4) == 1)
		*out = hp_addr_from4(v4.s_addr);
	else if (inet_pton(AF_INET6, s, &v6) == 1)
		*out = hp_addr_from6(&v6);
	else
		return -EINVAL;
	return 0;
}

const char *hp_addr_format(const struct hp_addr *a, char buf[HP_ADDR_STRLEN])
{
	if (hp_addr_is4(a))
		inet_ntop(AF_INET, a->b + 12, buf, HP_ADDR_STRLEN);
	else
		inet_ntop(AF_INET6, a->b, buf, HP_ADDR_STRLEN);
	return buf;
}

/* Decimal 0..most without sign or spaces, or -EINVAL. */
static int bits_parse(const char *s, int most)
{
	int v = 0;

	if (!*s || strlen(s) > 3)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		v = v * 10 + *s - '0';
	}
	return v <= most ? v : -EINVAL;
}

static bool host_bits_zero(const struct hp_addr *a, unsigned bits)
{
	if (bits < 128 && bits % 8 && a->b[bits / 8] & (0xff >> bits % 8))
		return false;
	for (unsigned i = (bits + 7) / 8; i < 16; i++)
		if (a->b[i])
			return false;
	return true;
}

int hp_prefix_parse(const char *s, struct hp_prefix *out)
{
	char text[HP_ADDR_STRLEN];
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	struct hp_prefix p;
	int bits, most;

	if (n >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = 0;
	if (hp_addr_parse(text, &p.addr))
		return -EINVAL;
	/* A mapped address written in IPv6's form counts its bits as IPv6. */
	most = strchr(text, ':') ? 128 : 32;
	bits = slash ? bits_parse(slash + 1, most) : most;
	if (bits < 0)
		return -EINVAL;
	p.bits = (uint8_t)(bits + 128 - most);
	if (!host_bits_zero(&p.addr, p.bits))
		return -EINVAL;
	*out = p;
	return 0;
}

const char *hp_prefix_format(const struct hp_prefix *p, char buf[HP_PREFIX_STRLEN])
{
	char text[HP_ADDR_STRLEN];
	bool v4 = hp_addr_is4(&p->addr) && p->bits >= 96;

	/* inet_ntop writes a mapped address with its colons: the bits stay unambiguous. */
	if (v4)
		hp_addr_format(&p->addr, text);
	else
		inet_ntop(AF_INET6, p->addr.b, text, sizeof(text));
	snprintf(buf, HP_PREFIX_STRLEN, "%s/%u", text, v4 ? p->bits - 96u : p->bits);
	return buf;
}

bool hp_prefix_contains(const struct hp_prefix *p, const struct hp_addr *a)
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (memcmp(p->addr.b, a->b, whole))
		return false;
	return !rest || !((p->addr.b[whole] ^ a->b[whole]) >> (8 - rest));
}
