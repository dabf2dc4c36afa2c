/* SPDX-License-Identifier: MIT
 *
 * ICMP errors from the wire through the icmp plugin's mapping, to both families.
 */
#include "fuzz.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[MAP_MAX];
	size_t len;

	if (size < 1)
		return 0;
	for (int v4 = 0; v4 < 2; v4++) {
		struct map_to to = { .src = some(1, v4), .dst = some(2, v4), .ttl = 64,
				     .quoted = { .src = some(2, v4), .dst = some(1, v4),
						 .sport = 1, .dport = 2, .id = 3 } };
		size_t l4_off = data[0] >> 4 == 4 ? (data[0] & 15) * 4u : 40;

		if (map_error(data, size, l4_off, &to, out, &len) == MAP_OK)
			HP_FUZZ_HOLDS(len <= (v4 ? 576 : MAP_MAX));
	}
	return 0;
}
