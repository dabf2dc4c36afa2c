/* SPDX-License-Identifier: MIT
 *
 * What a plugin may know of a HIP association.
 */
#ifndef HIPPROXY_ASSOC_H
#define HIPPROXY_ASSOC_H

#include <stdint.h>

#include <hipproxy/addr.h>

struct hp_assoc;

/* Where control and ESP packets travel.  sport and dport are host order UDP ports, both 0 for
 * native IP protocols 139 and 50.  src may be all zero: the kernel chooses. */
struct hp_path {
	struct hp_addr src, dst;
	uint16_t sport, dport;
};

/* RFC 7401, section 4.4.2. */
enum hp_assoc_state {
	HP_UNASSOCIATED,
	HP_I1_SENT,
	HP_I2_SENT,
	HP_R2_SENT,
	HP_ESTABLISHED,
	HP_CLOSING,
	HP_CLOSED,
	HP_E_FAILED,
	HP_ASSOC_STATES
};

const struct hp_addr *hp_assoc_local_hit(const struct hp_assoc *a);
const struct hp_addr *hp_assoc_peer_hit(const struct hp_assoc *a);
const struct hp_path *hp_assoc_path(const struct hp_assoc *a);
enum hp_assoc_state hp_assoc_state(const struct hp_assoc *a);
const char *hp_assoc_state_name(enum hp_assoc_state s);

#endif
