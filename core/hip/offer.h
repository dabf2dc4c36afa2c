/* SPDX-License-Identifier: MIT
 *
 * A signed R1 (RFC 7401, section 6.7.1).  r1pool.c makes and replaces them.
 */
#ifndef HP_HIP_OFFER_H
#define HP_HIP_OFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/dh.h"
#include "util/list.h"
#include "wire/hip.h"

struct hp_r1 {
	struct hp_list node; /* in the identity's r1s */
	uint8_t group, k;
	uint16_t opaque; /* names this R1 in PUZZLE and SOLUTION */
	uint64_t generation;
	uint64_t born_ms, until_ms; /* until_ms: 0 while it is offered */
	bool used;		    /* a good I2 has answered it */
	struct hp_list solved;	    /* struct hp_used: accepted solutions */
	struct hp_dh *dh;
	uint8_t secret[32];	  /* the key from which I is derived */
	uint16_t at_opaque, at_i; /* offsets into msg */
	uint16_t len;
	uint8_t msg[HP_HIP_MAX];
};

#endif
