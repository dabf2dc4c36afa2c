/* SPDX-License-Identifier: MIT
 *
 * HIT construction (RFC 7343, section 2; RFC 7401, section 3.2).
 */
#include "crypto/hit.h"

#include <errno.h>
#include <string.h>

#include "crypto/hash.h"

static const uint8_t context_id[16] = {
	0xf0, 0xef, 0xf0, 0x2f, 0xbf, 0xf4, 0x3d, 0x0f,
	0xe7, 0x93, 0x0c, 0x3c, 0x6e, 0x61, 0x74, 0xea,
};

int hp_hit_from_hi(uint8_t suite, const uint8_t *hi, size_t len, struct hp_addr *hit)
{
	struct hp_seg segs[] = {{context_id, sizeof(context_id)}, {hi, len}};
	enum hp_rhash alg = hp_rhash_of_suite(suite);
	uint8_t h[HP_RHASH_MAX];
	int err = hp_digest(alg, segs, 2, h);

	if (err)
		return err;
	hit->b[0] = 0x20;
	hit->b[1] = 0x01;
	hit->b[2] = 0x00;
	hit->b[3] = 0x20 | suite;
	/* Encode_96: the middle 96 bits. */
	memcpy(hit->b + 4, h + (hp_rhash_len(alg) - 12) / 2, 12);
	return 0;
}
