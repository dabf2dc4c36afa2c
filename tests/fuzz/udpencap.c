/* SPDX-License-Identifier: MIT
 *
 * Any octets as a datagram on HIP's UDP port: what it is, and then read as that.
 */
#include "fuzz.h"

#include "wire/esp.h"
#include "wire/hip.h"
#include "wire/udpencap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum hp_udpencap kind = hp_udpencap_kind(data, size);
	struct hp_u16list modes;
	struct hp_hip_msg m;
	struct hp_esp esp;

	HP_FUZZ_HOLDS(kind < HP_UDPENCAP_KINDS);
	if (kind == HP_UDPENCAP_ESP) {
		HP_FUZZ_HOLDS(!hp_esp_parse(data, size, &esp) && esp.spi >= HP_SPI_MIN);
	} else if (kind == HP_UDPENCAP_HIP) {
		data += HP_UDPENCAP_MARKER;
		size -= HP_UDPENCAP_MARKER;
		HP_FUZZ_HOLDS(size >= HP_HIP_HLEN && size <= HP_HIP_MAX);
		if (!hp_hip_parse(data, size, &m) &&
		    !hp_hip_read_u16list(hp_hip_param_find(&m, HP_PARAM_NAT_TRAVERSAL_MODE, 0),
					 &modes))
			for (size_t i = 0; i < modes.n; i++)
				(void)hp_u16list_at(&modes, i);
	}
	return 0;
}
