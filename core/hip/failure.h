/* SPDX-License-Identifier: MIT
 *
 * Part of an association: why the last exchange failed, as far as it is known.
 */
#ifndef HP_HIP_FAILURE_H
#define HP_HIP_FAILURE_H

#include "hip/engine.h"

struct hp_failure {
	int error;
	enum hp_hip_why why;   /* of the last failure; none once it is up */
	enum hp_hip_why heard; /* during this exchange: by ICMP, NOTIFY, or from the kernel */
	struct hp_addr shown;  /* the HIT that the address has instead; zero: not known */
	struct hp_list asking; /* hip->asking: the address is asked for its HIT */
	uint64_t asked_ms;
};

/* The exchange has failed: notes error and the reason for it. */
void hp_failure_note(struct hp_assoc *a, int error);
/* The exchange was a success: no failure is known any more. */
void hp_failure_clear(struct hp_assoc *a);
/* The address is asked for its HIT, or is no longer. */
void hp_failure_ask(struct hp_assoc *a);
void hp_failure_unask(struct hp_assoc *a);

#endif
