/* SPDX-License-Identifier: MIT
 *
 * What an ICMP error quotes of an ESP packet (RFC 792; RFC 4443, section 3): enough to tell whether
 * the error is about a packet that was sent.
 */
#ifndef HP_WIRE_QUOTE_H
#define HP_WIRE_QUOTE_H

#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

struct hp_quote {
	struct hp_addr src, dst; /* of the quoted packet */
	uint16_t sport, dport;   /* of UDP, host order; both 0: ESP is native */
	uint32_t spi, seq;       /* seq: the low half of the sequence number */
	uint32_t total_len;      /* of the quoted packet with its IP header, octets */
};

/* Reads the len octets that are quoted of a packet of this family (4 or 6).  A native ESP packet
 * needs eight octets behind the IP header, one in UDP sixteen (RFC 3948, section 2.1).  0;
 * -EBADMSG: malformed, or fewer; -ENOMSG: it is no ESP packet, or a later fragment of one. */
int hp_quote_esp(uint8_t family, const uint8_t *p, size_t len, struct hp_quote *out);

#endif
