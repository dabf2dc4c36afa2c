/* SPDX-License-Identifier: MIT
 *
 * Part of an association: addresses that the peer has announced by LOCATOR_SET, and the
 * verification of an address under way (RFC 8046, sections 5.1 to 5.5).
 */
#ifndef HP_HIP_LOCATOR_H
#define HP_HIP_LOCATOR_H

#include "hip/engine.h"
#include "wire/hip.h"

enum hp_verify {
	HP_VERIFY_NONE,
	HP_VERIFY_ANNOUNCED, /* an announced address: the answer may come from elsewhere */
	HP_VERIFY_PATH,	     /* where packets came from: the answer must come from there too */
};

struct hp_locators;

struct hp_addresses {
	enum hp_verify verify;
	struct hp_path path; /* being verified */
	uint8_t echo[HP_ECHO_LEN];
	struct hp_locators *announced; /* NULL: none were */
};

/* Begins the verification of path: the echo is new.  0 or a reason. */
int hp_verify_begin(struct hp_assoc *a, const struct hp_path *path, enum hp_verify how);
/* Is m, received by path, the answer?  True: the path is verified, and the association's. */
bool hp_verify_answered(struct hp_assoc *a, const struct hp_hip_msg *m,
			const struct hp_path *path);

/* Takes the LOCATOR_SET of a verified UPDATE, if it has one.  0 or a reason. */
int hp_locator_input(struct hp_assoc *a, const struct hp_hip_msg *m);
/* The announced address that is to be verified next; NULL: none. */
const struct hp_addr *hp_locator_wanted(struct hp_assoc *a);
/* The announced address that should be used instead of the present one, and was verified before;
 * NULL: none. */
const struct hp_addr *hp_locator_better(struct hp_assoc *a);
/* Nobody answered at addr. */
void hp_locator_silent(struct hp_assoc *a, const struct hp_addr *addr);
void hp_locator_forget(struct hp_assoc *a);
/* The preferred locator of an R1.  False: it has none. */
bool hp_locator_of_r1(const struct hp_hip_msg *m, struct hp_addr *out);

#endif
