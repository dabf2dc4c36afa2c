/* SPDX-License-Identifier: MIT
 *
 * Host Identity Tags (RFC 7343): 2001:20::/28, four bits of HIT suite, 96 bits of hash.
 */
#ifndef HP_CRYPTO_HIT_H
#define HP_CRYPTO_HIT_H

#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

/* hi: the Host Identity exactly as HOST_ID carries it.  0, -EINVAL for an unknown suite,
 * -ENOMEM. */
int hp_hit_from_hi(uint8_t suite, const uint8_t *hi, size_t len, struct hp_addr *hit);

static inline uint8_t hp_hit_suite(const struct hp_addr *hit)
{
	return hit->b[3] & 0x0f;
}

#endif
