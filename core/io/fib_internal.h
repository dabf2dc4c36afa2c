/* SPDX-License-Identifier: MIT
 *
 * What fib.c (reading and changing) and fibmsg.c (messages) share.
 */
#ifndef HP_IO_FIB_INTERNAL_H
#define HP_IO_FIB_INTERNAL_H

#include "io/fib.h"

#include <libmnl/libmnl.h>

#define FIB_MESSAGE_MAX 256 /* octets of the longest one that changes something */

/* Writes the message that takes the step to buf, FIB_MESSAGE_MAX octets of zeros. */
struct nlmsghdr *fib_message(void *buf, const struct hp_gate_op *op, uint32_t seq);

/* 0: *out is filled in.  -ENOENT: none of ours.  -EBADMSG: not to be understood. */
int fib_rule_read(const struct nlmsghdr *h, struct hp_gate_rule *out);
int fib_route_read(const struct nlmsghdr *h, struct hp_gate_route *out);
/* A unicast route of the main table: 0, *to and *ifindex; or -ENOENT. */
int fib_main_route_read(const struct nlmsghdr *h, struct hp_prefix *to, int *ifindex);
/* An address of this machine: 0 and *addr, or -ENOENT. */
int fib_address_read(const struct nlmsghdr *h, struct hp_prefix *addr);
/* enum hp_fib_notice. */
unsigned int fib_notice(const struct nlmsghdr *h);

#endif
