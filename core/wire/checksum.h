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

/* As hp_csum_add, and the octets are copied to `to` (not overlapping) in the same pass. */
uint64_t hp_csum_copy(uint64_t sum, void *to, const void *from, size_t len);
/* Both (to NULL: only the sum) without what only some processors have, for comparison. */
uint64_t hp_csum_portable(uint64_t sum, void *to, const void *from, size_t len);

#endif
