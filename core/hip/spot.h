/* SPDX-License-Identifier: MIT
 *
 * Spots: addresses at which a peer is expected, by configuration or because it was met there.
 */
#ifndef HP_HIP_SPOT_H
#define HP_HIP_SPOT_H

#include "hip/engine.h"

struct hp_spot {
	struct hp_hnode node;
	struct hp_addr addr, peer;
	struct hp_addr local; /* the identity with which it was met; zero: by configuration only */
	uint16_t port;	      /* in UDP, where it was met; 0: native, or not met */
};

/* local NULL: by configuration only. */
void hp_spot_add(struct hp_hip *hip, const struct hp_addr *addr, const struct hp_addr *local,
		 const struct hp_addr *peer, uint16_t port);
void hp_spot_del(struct hp_hip *hip, const struct hp_addr *addr, const struct hp_addr *local,
		 const struct hp_addr *peer);
bool hp_spot_has(const struct hp_hip *hip, const struct hp_addr *addr,
		 const struct hp_addr *local, const struct hp_addr *peer);
/* The first spot of the address, then the next one; NULL: no more. */
const struct hp_spot *hp_spot_first(const struct hp_hip *hip, const struct hp_addr *addr);
const struct hp_spot *hp_spot_next(const struct hp_spot *s);
void hp_spot_forget(struct hp_hip *hip);

#endif
