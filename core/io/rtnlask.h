/* SPDX-License-Identifier: MIT
 *
 * What the kernel's routing would do with a packet, asked by rtnetlink.  Nothing is sent.
 */
#ifndef HP_IO_RTNLASK_H
#define HP_IO_RTNLASK_H

#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/addr.h>

struct hp_rtnl_ask {
	struct hp_addr dst;
	struct hp_addr src; /* zero: none; needed with iif */
	int iif;            /* the packet has come in there and is forwarded; 0: our own */
	uint32_t mark;
};

struct mnl_socket;

struct hp_rtnl_way {
	int oif;
	bool local;         /* dst is this machine, or a broadcast address */
	struct hp_addr src; /* that our own packets would have; zero: not told */
	bool gateway;       /* through a router; else dst is on the link */
};

/* 0 and *out, or what routing says: -ENETUNREACH no route, -EHOSTUNREACH and -EACCES a route that
 * refuses, or (with iif) forwarding is off there, -EXDEV the reverse path filter drops a packet
 * from src on iif, -EINVAL a blackhole, or src is one of our own addresses. */
int hp_rtnl_ask(const struct hp_rtnl_ask *q, struct hp_rtnl_way *out);

/* For hp_rtnl_link_mtu; mnl_socket_close ends it.  NULL with errno. */
struct mnl_socket *hp_rtnl_ask_open(void);
/* The MTU of the way to q->dst (q->iif is 0): of the link, or of the route if that names a smaller
 * one.  What the kernel has heard of the path does not count.  0 and *mtu, or -errno. */
int hp_rtnl_link_mtu(struct mnl_socket *nl, const struct hp_rtnl_ask *q, unsigned int *mtu);

#endif
