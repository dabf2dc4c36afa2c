/* SPDX-License-Identifier: MIT
 *
 * What the kernel's routing says about a destination: source address, path MTU, and the MTU of the
 * link alone.
 *
 * Answers come from connected UDP sockets that never send and from rtnetlink, and are kept for a
 * second.
 */
#ifndef HP_IO_ROUTE_H
#define HP_IO_ROUTE_H

#include <stdint.h>

#include <hipproxy/addr.h>

#include "util/clock.h"

struct hp_route;

/* mark as on the raw sockets: routing may depend on it.  clock is borrowed.  NULL with
 * errno. */
struct hp_route *hp_route_new(uint32_t mark, const struct hp_clock *clock);
void hp_route_free(struct hp_route *r);

/* Octets with the IP header; 0 when there is no route. */
unsigned int hp_route_mtu(struct hp_route *r, const struct hp_addr *dst);
/* The same for the first link alone (its own MTU, or the route's if that is smaller).  ICMP errors,
 * which anybody can forge, change what hp_route_mtu says, but not this. */
unsigned int hp_route_link_mtu(struct hp_route *r, const struct hp_addr *dst);
/* 0 and *src, or -errno: -ENETUNREACH and such. */
int hp_route_source(struct hp_route *r, const struct hp_addr *dst, struct hp_addr *src);
/* Forgets what is known of dst (after -EMSGSIZE), or of all (NULL: addresses changed). */
void hp_route_forget(struct hp_route *r, const struct hp_addr *dst);

#endif
