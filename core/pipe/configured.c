/* SPDX-License-Identifier: MIT
 *
 * Peers that the configuration names.
 */
#include "pipe/configured.h"

/* How exactly p covers dst: bits, or -1. */
static int covers(const struct hp_conf_peer *p, const struct hp_addr *dst)
{
	int best = -1;

	if (hp_addr_eq(&p->hit, dst))
		return 128;
	for (size_t i = 0; i < p->serves.n; i++)
		if (hp_prefix_contains(&p->serves.at[i], dst) && p->serves.at[i].bits > best)
			best = p->serves.at[i].bits;
	for (size_t i = 0; !p->serves.n && i < p->addresses.n; i++)
		if (hp_addr_eq(&p->addresses.at[i], dst))
			best = 128;
	return best;
}

const struct hp_conf_peer *hp_pipe_configured(const struct hp_pipe *pipe,
					      const struct hp_addr *dst)
{
	const struct hp_conf_peer *found = NULL;
	int best = -1;

	for (size_t i = 0; i < pipe->conf->peers.n; i++) {
		int bits = covers(&pipe->conf->peers.at[i], dst);

		if (bits > best) {
			best = bits;
			found = &pipe->conf->peers.at[i];
		}
	}
	return found;
}
