/* SPDX-License-Identifier: MIT
 *
 * Cuts a super-packet in HIT form into transport segments, as BEET's ESP carries them: no IP
 * header, whole checksum over the HITs.
 *
 * No allocation; one pass copies and sums the payload.
 */
#ifndef HP_XLAT_SEGMENT_H
#define HP_XLAT_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/packet.h>

struct hp_segmenter {
	const uint8_t *l4;       /* borrowed from the packet until the last segment */
	uint32_t hlen;           /* transport header, octets */
	uint32_t left, at;       /* payload octets to go, and done */
	uint32_t mss;
	uint32_t seq;            /* TCP, of the first octet */
	uint64_t sum_fixed;      /* pseudo header without length, and the header that stays */
	uint8_t proto, flags;
	bool cut;                /* more than one segment */
	bool verbatim;           /* one segment with a whole checksum: copied as it is */
	bool ended;
};

/* p is dissected and no fragment.  mss: most payload octets of a TCP segment, above 0 (options
 * do not count).  UDP is cut only at gso_size (several datagrams in one packet), anything else
 * never.  0, or -EBADMSG if the transport header is truncated or has no place for a checksum. */
int hp_segment_init(struct hp_segmenter *s, const struct hp_packet *p, size_t mss);
/* Writes the next segment: its octets, 0 when all are out, -ENOBUFS if cap is too small. */
int hp_segment_next(struct hp_segmenter *s, uint8_t *out, size_t cap);

#endif
