/* SPDX-License-Identifier: MIT
 *
 * NAT_TRAVERSAL_MODE (RFC 5770, sections 4.3 and 5.4): the only mode here is
 * UDP-ENCAPSULATION.
 */
#ifndef HP_HIP_NATMODES_H
#define HP_HIP_NATMODES_H

#include <stdbool.h>

#include <hipproxy/assoc.h>

#include "wire/hip.h"

void hp_nat_add_modes(struct hp_hip_builder *b);
/* Does the message's list contain UDP-ENCAPSULATION?  False without a list. */
bool hp_nat_offers_udp(const struct hp_hip_msg *m);
/* NAT_TRAVERSAL_MODE of an R1 or I2 received by path: 0 or HP_HIPD_NAT_MODE. */
int hp_nat_check_modes(const struct hp_hip_msg *m, const struct hp_path *path);

#endif
