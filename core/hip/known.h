/* SPDX-License-Identifier: MIT
 *
 * Known peers: those of the configuration, and those met before the start.
 */
#ifndef HP_HIP_KNOWN_H
#define HP_HIP_KNOWN_H

#include "hip/engine.h"

struct hp_known {
	struct hp_hnode node;
	struct hp_addr hit;
	struct hp_addr addrs[HP_HIP_LOCATORS];
	size_t n;
	bool no_esn_icv;
	uint16_t port; /* where addrs[0] was met in UDP; 0: not */
	struct hp_addr met; /* where an association was up; zero: nowhere */
	bool reserved;	    /* the configuration names it: there is room for it */
};

const struct hp_known *hp_known_find(const struct hp_hip *hip, const struct hp_addr *hit);
/* Does the configuration name the peer? */
bool hp_known_is_reserved(const struct hp_hip *hip, const struct hp_addr *hit);
/* The configuration names it.  False: it is not known, or was reserved before. */
bool hp_known_reserve(struct hp_hip *hip, const struct hp_addr *hit);
/* Does the peer's ICV leave out the high half of sequence numbers? */
bool hp_known_no_esn_icv(const struct hp_hip *hip, const struct hp_addr *hit);
void hp_known_forget(struct hp_hip *hip);

#endif
