/* SPDX-License-Identifier: MIT
 *
 * UDP header (RFC 768).
 */
#include "wire/udp.h"

int hp_udp_parse(const uint8_t *p, size_t len, struct hp_udp *out)
{
	struct hp_rd r = hp_rd_init(p, len);

	out->sport = hp_rd_u16(&r);
	out->dport = hp_rd_u16(&r);
	out->len = hp_rd_u16(&r);
	out->csum = hp_rd_u16(&r);
	if (hp_rd_done(&r) || out->len < HP_UDP_HLEN || out->len > len)
		return -EBADMSG;
	return 0;
}

void hp_udp_build(uint8_t *p, uint16_t sport, uint16_t dport, uint16_t payload_len)
{
	hp_put16(p, sport);
	hp_put16(p + 2, dport);
	hp_put16(p + 4, (uint16_t)(payload_len + HP_UDP_HLEN));
	hp_put16(p + HP_UDP_OFF_CSUM, 0);
}
