/* SPDX-License-Identifier: MIT
 *
 * Plugin natudp between two engines in one process: what the daemon does for it is done here.
 */
#ifndef HP_EXCHANGE_NAT_H
#define HP_EXCHANGE_NAT_H

#include "world.h"

#include "../../plugins/natudp/natudp.h"


/* Before world_start: the side has the plugin, with these settings. */
void nat_plug(struct world *w, int at, enum natudp_mode mode, uint16_t port,
	      uint32_t keepalive_ms);
/* Another mode, as `hipproxyctl nat` sets it.  0 or -errno. */
int nat_mode(struct world *w, int at, enum natudp_mode mode);
/* Associations whose path is in UDP. */
size_t nat_count(struct world *w, int at);
/* Is a port open there? */
bool nat_is_open(const struct world *w, int at);

#endif
