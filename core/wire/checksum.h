/* SPDX-License-Identifier: MIT
 *
 * Internet checksums (RFC 1071) and their incremental update (RFC 1624).
 *
 * A running sum is a 64-bit number that has not been folded or complemented; it is independent
 * of the machine's byte order because it is only ever combined with sums made here.
 * Checksum fields are read and written through pointers into the packet.
 */
#ifndef HP_WIRE_CHECKSUM_H
#define HP_WIRE_CHECKSUM_H

#include <hipproxy/checksum.h>

#endif
