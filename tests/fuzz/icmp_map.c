/* SPDX-License-Identifier: MIT
 *
 * ICMP errors from the wire through the icmp plugin's mapping, to both families.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <hipproxy/checksum.h>
#include <hipproxy/wire.h>

#include "../../plugins/icmp/map.h"

static struct hp_addr some(uint8_t first, bool v4)
{
	struct hp_addr a = { .b = { first } };

	a.b[15] = first;
	if (v4) {
		a.b[0] = 0;
		a.b[10] = a.b[11] = 0xff;
		a.b[12] = 10;
	}
	return a;
}

/* The last octet gives the room. */
static void map(const uint8_t *data, size_t size, size_t l4_off)
{
	uint8_t out[MAP_MAX];
	size_t len;

	for (int v4 = 0; v4 < 2; v4++) {
		struct map_to to = { .src = some(1, v4), .dst = some(2, v4), .ttl = 64,
				     .max = MAP_MIN + (MAP_MAX - MAP_MIN) * data[size - 1] / 255u,
				     .quoted = { .src = some(2, v4), .dst = some(1, v4),
						 .sport = 1, .dport = 2, .id = 3 } };

		if (map_error(data, size, l4_off, &to, out, &len) == MAP_OK)
			HP_FUZZ_HOLDS(len <= to.max && (!v4 || len <= 576));
	}
}

/* What is behind the checksum is seldom reached otherwise. */
static void make_right(uint8_t *p, size_t size, size_t l4_off)
{
	struct hp_addr src, dst;

	hp_put16(p + l4_off + 2, 0);
	if (p[0] >> 4 == 4) {
		hp_put16(p + l4_off + 2, hp_csum_finish(hp_csum_add(0, p + l4_off, size - l4_off)));
		return;
	}
	src = hp_addr_from6(p + 8);
	dst = hp_addr_from6(p + 24);
	hp_put16(p + l4_off + 2, hp_csum_l4(&src, &dst, 58, p + l4_off, size - l4_off));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t l4_off;
	uint8_t *p;

	if (size < 1 || size > 65535)
		return 0;
	l4_off = data[0] >> 4 == 4 ? (data[0] & 15) * 4u : 40;
	map(data, size, l4_off);
	if (size < l4_off + 8 || size < 40)
		return 0;
	p = malloc(size);
	if (!p)
		return 0;
	memcpy(p, data, size);
	make_right(p, size, l4_off);
	map(p, size, l4_off);
	free(p);
	return 0;
}
