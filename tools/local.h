/* SPDX-License-Identifier: MIT
 *
 * The addresses of this machine.
 */
#ifndef HP_TOOLS_LOCAL_H
#define HP_TOOLS_LOCAL_H

#include <stdbool.h>
#include <stddef.h>

#include <hipproxy/addr.h>

struct hp_local {
	struct hp_addr addr;
	char iface[16];
};

/* Of interfaces that are up: global ones that will last, which others can reach; with all, the
 * others too.  At most max; returns how many. */
size_t hp_local_addresses(struct hp_local *list, size_t max, bool all);

#endif
