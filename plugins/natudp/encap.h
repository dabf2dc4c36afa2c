/* SPDX-License-Identifier: MIT
 *
 * What is in a UDP datagram on HIP's port: a HIP control message behind 32 zero bits, or ESP
 * (RFC 5770, section 5.1; RFC 3948, section 2.1).
 *
 * An SPI is never 0, so the first four octets tell.  SPIs 1 to 255 are reserved (RFC 4303,
 * section 2.1) and belong to nobody.
 */
#ifndef NATUDP_ENCAP_H
#define NATUDP_ENCAP_H

#include <stddef.h>
#include <stdint.h>

#define NATUDP_PORT   10500 /* RFC 5770, section 8 */
#define NATUDP_MARKER 4     /* octets of zero in front of a HIP message */

enum natudp_kind {
	NATUDP_HIP,       /* a message begins behind the marker */
	NATUDP_ESP,
	NATUDP_RUNT,      /* too short for either; a NAT's keepalive of one octet too */
	NATUDP_RESERVED,  /* SPI 1 to 255 */
	NATUDP_OVERSIZED, /* longer than any HIP message */
	NATUDP_KINDS
};

/* What the len octets of a datagram's payload are. */
enum natudp_kind natudp_kind(const uint8_t *p, size_t len);

#endif
