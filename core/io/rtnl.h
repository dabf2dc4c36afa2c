/* SPDX-License-Identifier: MIT
 *
 * The few things of rtnetlink that the TUN device and diverting (divert.h) need.
 */
#ifndef HP_IO_RTNL_H
#define HP_IO_RTNL_H

#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/addr.h>

/* Each is one request and its answer; 0 or -errno. */

/* Sets MTU and queue length, and takes the link up. */
int hp_rtnl_link_up(int ifindex, unsigned int mtu, unsigned int txqueuelen);
/* The kernel makes no link-local IPv6 address of its own. */
int hp_rtnl_link_no_autoaddr(int ifindex);
/* A /128 (or /32), without duplicate address detection.  -EEXIST, -EADDRNOTAVAIL as the
 * kernel says. */
int hp_rtnl_addr(int ifindex, const struct hp_addr *addr, bool add);
int hp_rtnl_route_add(int ifindex, const struct hp_prefix *to);
/* A default route in a table of its own: to a device, or (ifindex 0) a blackhole.  Deleting: the
 * first of that table, whatever it says; -ESRCH when there is none. */
struct hp_rtnl_default {
	int family; /* AF_INET, AF_INET6 */
	uint32_t table, metric;
	int ifindex;
	uint32_t mtu; /* 0: the device's */
};
int hp_rtnl_default(const struct hp_rtnl_default *d, bool add);
/* Packets with all bits of mark look up table.  table 0: those this host has made go on behind the
 * rule of priority local_skip_to, or (that 0 too) nothing happens to them.  mark 0 with add false: any mark.  -EEXIST, -ENOENT
 * as the kernel says. */
struct hp_rtnl_rule {
	int family;
	uint32_t table, priority, mark;
	uint32_t local_skip_to;
};
int hp_rtnl_rule(const struct hp_rtnl_rule *r, bool add);
/* The kernel answers ARP or neighbour solicitations for addr on this link. */
int hp_rtnl_neigh_proxy(int ifindex, const struct hp_addr *addr);

#endif
