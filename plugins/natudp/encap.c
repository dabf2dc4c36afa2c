/* SPDX-License-Identifier: MIT
 *
 * See encap.h.
 */
#include "encap.h"

#define HIP_MIN 40   /* RFC 7401, section 5.1: the fixed header */
#define HIP_MAX 2048 /* the Header Length field allows no more: (255 + 1) * 8 */
/* SPI, sequence number, and at least pad length, next header and the shortest ICV. */
#define ESP_MIN (8 + 2 + 8)
#define SPI_MIN 256

static uint32_t first_word(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

enum natudp_kind natudp_kind(const uint8_t *p, size_t len)
{
	uint32_t spi;

	if (len < NATUDP_MARKER)
		return NATUDP_RUNT;
	spi = first_word(p);
	if (!spi) {
		if (len < NATUDP_MARKER + HIP_MIN)
			return NATUDP_RUNT;
		return len > NATUDP_MARKER + HIP_MAX ? NATUDP_OVERSIZED : NATUDP_HIP;
	}
	if (len < ESP_MIN)
		return NATUDP_RUNT;
	return spi < SPI_MIN ? NATUDP_RESERVED : NATUDP_ESP;
}
