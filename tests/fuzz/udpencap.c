/* SPDX-License-Identifier: MIT
 *
 * Any octets as a datagram on HIP's UDP port: what it is, and then read as that.
 */
#include "fuzz.h"

#include "wire/esp.h"
#include "wire/hip.h"
#include "../../plugins/natudp/encap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum natudp_kind kind = natudp_kind(data, size);
	struct hp_u16list modes;
	struct hp_hip_msg m;
	struct hp_esp esp;

	HP_FUZZ_HOLDS(kind < NATUDP_KINDS);
	if (kind == NATUDP_ESP) {
		HP_FUZZ_HOLDS(!hp_esp_parse(data, size, &esp) && esp.spi >= HP_SPI_MIN);
	} else if (kind == NATUDP_HIP) {
		data += NATUDP_MARKER;
		size -= NATUDP_MARKER;
		HP_FUZZ_HOLDS(size >= HP_HIP_HLEN && size <= HP_HIP_MAX);
		if (!hp_hip_parse(data, size, &m) &&
		    !hp_hip_read_u16list(hp_hip_param_find(&m, HP_PARAM_NAT_TRAVERSAL_MODE, 0),
					 &modes))
			for (size_t i = 0; i < modes.n; i++)
				(void)hp_u16list_at(&modes, i);
	}
	return 0;
}
