/* SPDX-License-Identifier: MIT
 *
 * Internet checksums (RFC 1071) and their incremental update (RFC 1624).
 *
 * A running sum is a 64-bit number that has not been folded or complemented; it is independent
 * of the machine's byte order because it is only ever combined with sums made here.
 * Checksum fields are read and written through pointers into the packet.
 */
#ifndef HIPPROXY_CHECKSUM_H
#define HIPPROXY_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>
#include <hipproxy/wire.h>

/* Adds a buffer to a running sum (start with 0).  Only the last buffer may be of odd length. */
uint64_t hp_csum_add(uint64_t sum, const void *data, size_t len);

/* 0..0xffff, not complemented, host order of the big-endian words. */
uint16_t hp_csum_fold(uint64_t sum);

/* The value for a checksum field: complement of the folded sum. */
static inline uint16_t hp_csum_finish(uint64_t sum)
{
	return (uint16_t)~hp_csum_fold(sum);
}

/* Adds a host-order 16- or 32-bit number as it stands on the wire. */
uint64_t hp_csum_add16(uint64_t sum, uint16_t v);
uint64_t hp_csum_add32(uint64_t sum, uint32_t v);

/* The pseudo header of protocol proto and len octets: IPv4's (RFC 768) if both addresses are
 * IPv4, else IPv6's (RFC 8200, section 8.1). */
uint64_t hp_csum_pseudo(const struct hp_addr *src, const struct hp_addr *dst, uint8_t proto,
			uint32_t len);

/* The whole transport checksum over data, whose checksum field is zero (to build) or filled
 * (then 0 comes out if it is right). */
uint16_t hp_csum_l4(const struct hp_addr *src, const struct hp_addr *dst, uint8_t proto,
		    const void *data, size_t len);

/* The field at csum was right for from and shall be right for to (RFC 1624, equation 3).
 * from and to are host order. */
void hp_csum_update16(uint8_t *csum, uint16_t from, uint16_t to);
void hp_csum_update32(uint8_t *csum, uint32_t from, uint32_t to);
/* An address in the pseudo header changes, perhaps also its family. */
void hp_csum_update_addr(uint8_t *csum, const struct hp_addr *from, const struct hp_addr *to);
/* The same by running sums: what goes out, what comes in. */
void hp_csum_update(uint8_t *csum, uint64_t from, uint64_t to);
/* As hp_csum_update for a field that holds an unfinished pseudo header sum (not
 * complemented), as packets do whose checksum the network card was to complete. */
void hp_csum_update_partial(uint8_t *csum, uint64_t from, uint64_t to);

#endif
