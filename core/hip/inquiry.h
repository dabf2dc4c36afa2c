/* SPDX-License-Identifier: MIT
 *
 * Which HIT does an address have?  An opportunistic I1 (RFC 7401, section 4.1.8) and what
 * comes back, without an association: nothing follows from the answer, it is only shown.
 *
 * An address that does not answer opportunistic I1s stays silent.
 */
#ifndef HP_HIP_INQUIRY_H
#define HP_HIP_INQUIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>
#include <hipproxy/assoc.h>

#define HP_INQUIRY_MAX 128 /* octets of the I1 */

/* An I1 from local_hit to peer_hit, or, NULL, to whoever is there.  Its checksum is zero.
 * Octets, or -errno. */
int hp_inquiry_build(uint8_t buf[HP_INQUIRY_MAX], const struct hp_addr *local_hit,
		     const struct hp_addr *peer_hit);

struct hp_inquiry_answer {
	struct hp_addr hit; /* of the sender */
	uint16_t notify;    /* 0: it is an R1; else a NOTIFY's type */
};

/* Reads R1 or NOTIFY to local_hit that came by path and carries the sender's Host Identity:
 * HIT and signature are verified, which takes the time of one verification.  0; -ENOMSG: it
 * is something else; -EBADMSG: malformed, or not authentic. */
int hp_inquiry_read(const uint8_t *msg, size_t len, const struct hp_path *path,
		    const struct hp_addr *local_hit, struct hp_inquiry_answer *out);

#endif
