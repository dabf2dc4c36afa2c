/* SPDX-License-Identifier: MIT
 *
 * Part of an association: what the plugin that chooses paths keeps for it.  And what that plugin
 * (hipproxy/outer.h) is asked and told; without one every path is native.
 */
#ifndef HP_HIP_PATHS_H
#define HP_HIP_PATHS_H

#include <hipproxy/outer.h>

#include "hip/rx.h"

struct hp_paths {
	bool has_area; /* of the plugin's, behind struct hp_assoc */
};

/* ---- the choice */

/* By which an exchange begins that wants to go by *wanted. */
struct hp_path hp_path_first(const struct hp_hip *hip, const struct hp_path *wanted);
static inline struct hp_path hp_path_to(const struct hp_hip *hip, const struct hp_addr *dst)
{
	struct hp_path native = {.dst = *dst};

	return hp_path_first(hip, &native);
}
/* Does an I1 sent by path leave by another one too? */
bool hp_path_other(const struct hp_hip *hip, const struct hp_path *path, struct hp_path *other);
/* Does a's I1 reach path's end? */
bool hp_path_reaches(const struct hp_assoc *a, const struct hp_path *path);

/* ---- messages */

/* The parameter that an R1 (path NULL) or I2 has besides; type 0: none. */
struct hp_outer_offer hp_path_offer(const struct hp_hip *hip, uint8_t type,
				    const struct hp_path *path);
/* Does the plugin let the exchange go on?  0 or HP_HIPD_NAT_MODE. */
int hp_path_judge(const struct hp_rx *rx);
/* True: the plugin has taken the message. */
bool hp_path_taken(const struct hp_rx *rx);

/* ---- associations */

/* An authentic packet came by path; asked: a message that asks whether we are there. */
void hp_path_heard(struct hp_assoc *a, const struct hp_path *path, bool asked);
/* The exchange has ended or begins anew. */
void hp_path_anew(struct hp_assoc *a);
/* The association is about to be freed. */
void hp_path_gone(struct hp_assoc *a);
/* Octets of memory for an association of so many octets with the plugin's area. */
size_t hp_path_with_area(const struct hp_hip *hip, size_t bytes);

#endif
