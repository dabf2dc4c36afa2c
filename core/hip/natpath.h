/* SPDX-License-Identifier: MIT
 *
 * Part of an association: UDP encapsulation (RFC 5770), and the choice between native and UDP
 * paths.
 */
#ifndef HP_HIP_NATPATH_H
#define HP_HIP_NATPATH_H

#include "hip/rx.h"

struct hp_nat_assoc {
	uint64_t keepalive_ms, check_ms, claim_ms, changed_ms; /* when last */
	struct hp_timer t_r1; /* the R1 below has waited for a better one */
	struct hp_path r1_path;
	uint8_t *r1;
	size_t r1_len;
	hp_rx_fn then; /* takes that R1 */
};

bool hp_nat_same(const struct hp_path *a, const struct hp_path *b); /* the peer's end */
/* Towards dst as the mode says; in mode AUTO the native one. */
struct hp_path hp_nat_path(const struct hp_hip *hip, const struct hp_addr *dst);
/* Does a's I1 reach path's end? */
bool hp_nat_reaches(const struct hp_assoc *a, const struct hp_path *path);
/* The second path on which a's I1 leaves.  False: there is none. */
bool hp_nat_other(const struct hp_assoc *a, struct hp_path *other);
/* Adapts a->path to the mode, before an exchange. */
void hp_nat_fit(struct hp_assoc *a);
/* Forgets the R1 that waits for a better one. */
void hp_nat_wait_clear(struct hp_assoc *a);

#endif
