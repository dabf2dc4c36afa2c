/* SPDX-License-Identifier: MIT
 *
 * What tun.c and tundev.c share.
 */
#ifndef HP_IO_TUN_INTERNAL_H
#define HP_IO_TUN_INTERNAL_H

#include "io/tun.h"

#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>

/* Linux 6.2; headers may be older. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

struct hp_tun {
	struct hp_loop *loop;
	struct hp_pool *pool;
	struct hp_watch watch;
	hp_tun_fn on_packet;
	void *ctx;
	int fd, ifindex;
	bool uso; /* super-packets of datagrams */
	char name[IFNAMSIZ];
	unsigned int mtu, txqueuelen;
	struct hp_addr *addrs; /* of the device, to make it again */
	size_t n_addrs;
	struct hp_tun_counts counts;
};

/* The loop's callback: reads packets. */
void tun_ready(void *ctx, uint32_t events);

#endif
