/* SPDX-License-Identifier: MIT
 *
 * Negotiation of UDP encapsulation.
 */
#include "hip/natmodes.h"

#include "hip/hip.h"

#define MODES_MAX 6 /* RFC 5770, section 5.4: a receiver drops the modes behind these */

bool hp_nat_offers_udp(const struct hp_hip_msg *m)
{
	struct hp_u16list l;

	if (hp_hip_read_u16list(hp_hip_param_find(m, HP_PARAM_NAT_TRAVERSAL_MODE, 0), &l))
		return false;
	for (size_t i = 0; i < l.n && i < MODES_MAX; i++)
		if (hp_u16list_at(&l, i) == HP_NATMODE_UDP_ENCAPSULATION)
			return true;
	return false;
}

void hp_nat_add_modes(struct hp_hip_builder *b)
{
	static const uint16_t udp = HP_NATMODE_UDP_ENCAPSULATION;

	hp_hip_add_u16list(b, HP_PARAM_NAT_TRAVERSAL_MODE, &udp, 1);
}

/* Peers that say nothing and come in UDP mean this mode: there is no other without a relay. */
int hp_nat_check_modes(const struct hp_hip_msg *m, const struct hp_path *path)
{
	if (!path->dport || !hp_hip_param_find(m, HP_PARAM_NAT_TRAVERSAL_MODE, 0))
		return 0;
	return hp_nat_offers_udp(m) ? 0 : HP_HIPD_NAT_MODE;
}
