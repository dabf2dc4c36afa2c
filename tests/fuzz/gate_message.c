/* SPDX-License-Identifier: MIT
 *
 * Messages of hipproxyd to hipproxy-gate: what is accepted is built again as the same octets, and a
 * prefix that is asked for is judged without harm.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "gate/allow.h"
#include "gate/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hp_gate_msg m;
	static uint8_t out[HP_GATE_MSG_MAX];
	struct hp_gate_limits l = { .discovers = true, .host = true, .learned_max = 10,
				    .addresses_max = 10 };

	if (hp_gate_msg_parse(data, size, &m))
		return 0;
	if (hp_gate_msg_build(&m, out, sizeof(out)) != (int)size || memcmp(out, data, size))
		abort();
	for (size_t i = 0; i < m.n_prefixes; i++)
		hp_gate_refusal(&l, m.type, &m.prefixes[i], i);
	return 0;
}
