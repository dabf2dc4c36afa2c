/* SPDX-License-Identifier: MIT
 *
 * Any datagram through the plugin tftp: it reads two octets at most, changes nothing, and announces
 * requests of clients only.  The plugin's file is compiled in; the core is played.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../../plugins/tftp/tftp.c"

static struct hp_expectation last;
static unsigned int announced;

int hp_expect(struct hp_instance *self, struct hp_flow *f, struct hp_expectation *e)
{
	(void)self, (void)f;
	last = *e;
	announced++;
	return 0;
}

uint32_t hp_flow_flags(const struct hp_flow *f)
{
	(void)f;
	return 0;
}

/* The first octet says who sends it, and on which side we are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t values[4];
	static const struct settings settings = { .timeout_s = 30 };
	static const struct hp_flow_key key = { .legacy_port = 1, .far_port = 2, .local_port = 3,
						.peer_port = 4 };
	struct hp_instance self = { .settings = &settings,
				    .counters = { .table = counters, .n = 4, .values = values } };
	struct hp_alg_call c = { .self = &self, .key = &key };
	struct hp_alg_out out = { .replace = false };
	bool is_request;
	uint8_t *copy;

	if (!size)
		return 0;
	c.from_client = data[0] & 1;
	c.outbound = data[0] & 2;
	announced = 0;
	copy = malloc(size); /* exactly as long: a sanitizer sees who reads on */
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	HP_FUZZ_HOLDS(datagram(&c, copy, size - 1, &out) == HP_NEXT && !out.replace);
	is_request = c.from_client && size > 2 && !copy[0] && (copy[1] == 1 || copy[1] == 2);
	HP_FUZZ_HOLDS(announced == is_request);
	if (announced)
		HP_FUZZ_HOLDS(last.port == (c.outbound ? 1 : 2) && last.hip_port == (c.outbound ? 3 : 4) &&
			      last.kind == (c.outbound ? HP_EXPECT_PEER : HP_EXPECT_LEGACY));
	free(copy);
	return 0;
}
