/* SPDX-License-Identifier: MIT
 *
 * UDP header (RFC 768).
 */
#ifndef HP_WIRE_UDP_H
#define HP_WIRE_UDP_H

#include <stddef.h>
#include <stdint.h>

#include <hipproxy/wire.h>

#define HP_UDP_HLEN     8
#define HP_UDP_OFF_LEN  4
#define HP_UDP_OFF_CSUM 6

struct hp_udp {
	uint16_t sport, dport; /* host order */
	uint16_t len;          /* octets with header; checked against the buffer */
	uint16_t csum;         /* 0: none (IPv4) */
};

/* 0, or -EBADMSG when fewer than 8 octets or the length is below 8 or beyond len. */
int hp_udp_parse(const uint8_t *p, size_t len, struct hp_udp *out);
/* Writes 8 octets; checksum 0. */
void hp_udp_build(uint8_t *p, uint16_t sport, uint16_t dport, uint16_t payload_len);

#endif
