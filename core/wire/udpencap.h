/* SPDX-License-Identifier: MIT
 *
 * What is in a UDP datagram on HIP's port: a HIP control message behind 32 zero bits, or ESP
 * (RFC 5770, section 5.1; RFC 3948, section 2.1).
 *
 * An SPI is never 0, so the first four octets tell.  SPIs 1 to 255 are reserved (RFC 4303,
 * section 2.1) and belong to nobody.
 */
#ifndef HP_WIRE_UDPENCAP_H
#define HP_WIRE_UDPENCAP_H

#include <stddef.h>
#include <stdint.h>

#define HP_UDPENCAP_PORT   10500 /* RFC 5770, section 8 */
#define HP_UDPENCAP_MARKER 4     /* octets of zero in front of a HIP message */
/* The kernel's limits on UDP_SEGMENT. */
#define HP_UDPENCAP_SEGMENTS 64
#define HP_UDPENCAP_BYTES    65000

enum hp_udpencap {
	HP_UDPENCAP_HIP,       /* a message begins behind the marker */
	HP_UDPENCAP_ESP,
	HP_UDPENCAP_RUNT,      /* too short for either; a NAT's keepalive of one octet too */
	HP_UDPENCAP_RESERVED,  /* SPI 1 to 255 */
	HP_UDPENCAP_OVERSIZED, /* longer than any HIP message */
	HP_UDPENCAP_KINDS
};

/* What the len octets of a datagram's payload are. */
enum hp_udpencap hp_udpencap_kind(const uint8_t *p, size_t len);

#endif
