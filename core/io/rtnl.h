/* SPDX-License-Identifier: MIT
 *
 * The few things of rtnetlink that the TUN device needs.
 */
#ifndef HP_IO_RTNL_H
#define HP_IO_RTNL_H

#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/addr.h>

/* Each is one request and its answer; 0 or -errno. */

/* Sets MTU and queue length, and takes the link up. */
int hp_rtnl_link_up(int ifindex, unsigned int mtu, unsigned int txqueuelen);
int hp_rtnl_link_del(int ifindex);
/* The kernel makes no link-local IPv6 address of its own. */
int hp_rtnl_link_no_autoaddr(int ifindex);
/* A /128 (or /32), without duplicate address detection.  -EEXIST, -EADDRNOTAVAIL as the
 * kernel says. */
int hp_rtnl_addr(int ifindex, const struct hp_addr *addr, bool add);
int hp_rtnl_route_add(int ifindex, const struct hp_prefix *to);
/* The kernel answers ARP or neighbour solicitations for addr on this link. */
int hp_rtnl_neigh_proxy(int ifindex, const struct hp_addr *addr);

#endif
