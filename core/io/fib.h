/* SPDX-License-Identifier: MIT
 *
 * The gate's rules and routes in the kernel (gate/gate.h), by rtnetlink: read, changed, watched.
 *
 * Ours are the rules whose protocol is HP_GATE_PROTO, and all routes in the gate's tables.  What
 * others have put into those tables is read with an ifindex below zero, and so it is removed.
 */
#ifndef HP_IO_FIB_H
#define HP_IO_FIB_H

#include <stdbool.h>
#include <stddef.h>

#include "gate/gate.h"
#include "io/loop.h"

struct hp_fib;

/* What a notice was about. */
enum hp_fib_notice {
	HP_FIB_OURS = 1,   /* rules, or routes in our tables, by somebody else */
	HP_FIB_LINKS = 2,
	HP_FIB_ADDRS = 4,
	HP_FIB_ROUTES = 8, /* routes of others */
};

/* fn is called from the loop, once for all notices that were there. */
int hp_fib_open(struct hp_loop *loop, void (*fn)(void *ctx, unsigned int notices), void *ctx,
		struct hp_fib **out);
void hp_fib_close(struct hp_fib *f);

/* The kernel's state, sorted.  Without IPv6 in the kernel: that of IPv4.  0 and *out
 * (hp_gate_state_free), or -errno. */
int hp_fib_read(struct hp_fib *f, struct hp_gate_state *out);
/* Takes the steps in their order, many in one go.  What is there already, or is gone already, is
 * no error.  0, or -errno of the first that failed, whose index is *failed; all others were
 * taken. */
int hp_fib_apply(struct hp_fib *f, const struct hp_gate_op *ops, size_t n, size_t *failed);

/* Adds this machine's addresses to list. */
int hp_fib_addresses(struct hp_fib *f, struct hp_gate_prefixes *list);
/* Adds the prefixes that the main table leads to these devices, both families; a default route is
 * everything. */
int hp_fib_networks(struct hp_fib *f, const char *const *interfaces, size_t n,
		    struct hp_gate_prefixes *list);

/* Devices by which the main table leads to these networks; the default route does not count. */
#define HP_FIB_DEVICES 16
struct hp_fib_devices {
	char name[HP_FIB_DEVICES][HP_GATE_DEVNAME];
	size_t n;
};
int hp_fib_devices(struct hp_fib *f, const struct hp_gate_prefixes *networks,
		   struct hp_fib_devices *out);

#endif
