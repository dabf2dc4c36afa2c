/* SPDX-License-Identifier: MIT
 *
 * Packets that carry a mark are routed to the TUN device instead of on.
 *
 * A routing rule of priority HP_DIVERT_PRIORITY leads them to a table of their own, whose only
 * route is the device.  When the device is gone (no daemon) what is left there says blackhole, so
 * that nothing leaves in the clear; with fail_open nothing is left, and the kernel routes them as
 * ever.  Who gets the mark: io/rules.h.
 *
 * What this machine says itself about such packets (ICMP errors, which reflect the mark) goes the
 * ordinary way: two more rules, before and behind, lead it past.
 */
#ifndef HP_IO_DIVERT_H
#define HP_IO_DIVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "io/err.h"

#define HP_DIVERT_TABLE	   10500 /* as HIP's port */
#define HP_DIVERT_PRIORITY 10500

/* For IPv4 and, if the kernel has it, IPv6.  Doing it again is no error.  0, or -errno with a
 * sentence. */
int hp_divert_on(int ifindex, uint32_t mark, bool fail_open, struct hp_io_err *err);
/* Removes it all, also what a dead daemon left.  Nothing there is no error. */
void hp_divert_off(void);

#endif
