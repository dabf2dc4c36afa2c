/* SPDX-License-Identifier: MIT
 *
 * What tun.c and tundev.c share.
 */
#ifndef HP_IO_TUN_INTERNAL_H
#define HP_IO_TUN_INTERNAL_H

#include "io/tun.h"

#include <net/if.h>

struct hp_tun {
	struct hp_loop *loop;
	struct hp_pool *pool;
	struct hp_watch watch;
	hp_tun_fn on_packet;
	void *ctx;
	int fd, ifindex;
	char name[IFNAMSIZ];
	struct hp_tun_counts counts;
};

/* The loop's callback: reads packets. */
void tun_ready(void *ctx, uint32_t events);

#endif
