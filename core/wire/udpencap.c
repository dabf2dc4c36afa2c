/* SPDX-License-Identifier: MIT
 *
 * See udpencap.h.
 */
#include "wire/udpencap.h"

#include "wire/esp.h"
#include "wire/hip.h"

/* SPI, sequence number, and at least pad length, next header and the shortest ICV. */
#define ESP_MIN (HP_ESP_HLEN + 2 + 8)

enum hp_udpencap hp_udpencap_kind(const uint8_t *p, size_t len)
{
	struct hp_rd r = hp_rd_init(p, len);
	uint32_t spi = hp_rd_u32(&r);

	if (hp_rd_done(&r))
		return HP_UDPENCAP_RUNT;
	if (!spi) {
		if (len < HP_UDPENCAP_MARKER + HP_HIP_HLEN)
			return HP_UDPENCAP_RUNT;
		return len > HP_UDPENCAP_MARKER + HP_HIP_MAX ? HP_UDPENCAP_OVERSIZED :
							       HP_UDPENCAP_HIP;
	}
	if (len < ESP_MIN)
		return HP_UDPENCAP_RUNT;
	return spi < HP_SPI_MIN ? HP_UDPENCAP_RESERVED : HP_UDPENCAP_ESP;
}
