/* SPDX-License-Identifier: MIT
 *
 * The plain part of an ESP packet (RFC 4303, section 2).
 */
#ifndef HP_WIRE_ESP_H
#define HP_WIRE_ESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/wire.h>

#define HP_ESP_HLEN 8
/* RFC 4303, section 2.1: 0 is local, 1..255 are reserved. */
#define HP_SPI_MIN 256

struct hp_esp {
	uint32_t spi, seq; /* host order */
};

/* 0, or -EBADMSG when fewer than 8 octets.  Reserved SPIs are returned as they are. */
static inline int hp_esp_parse(const uint8_t *p, size_t len, struct hp_esp *out)
{
	struct hp_rd r = hp_rd_init(p, len);

	out->spi = hp_rd_u32(&r);
	out->seq = hp_rd_u32(&r);
	return hp_rd_done(&r);
}

/* Writes 8 octets. */
static inline void hp_esp_build(uint8_t *p, uint32_t spi, uint32_t seq)
{
	hp_put32(p, spi);
	hp_put32(p + 4, seq);
}

#endif
