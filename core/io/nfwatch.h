/* SPDX-License-Identifier: MIT
 *
 * Notices of nf_tables: somebody has removed tables, chains or rules, or made chains.  iptables of nf_tables makes
 * them too; the older one (iptables-legacy) tells nobody.
 */
#ifndef HP_IO_NFWATCH_H
#define HP_IO_NFWATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "io/loop.h"

struct hp_nfwatch;

/* fn is called from the loop, once for all that has been noticed: removals in one of the tables
 * (names, NULL at the end) or lost notices (removed), or only new chains, in any table.  0 and *out,
 * or -errno: no nf_tables in the kernel. */
int hp_nfwatch_open(struct hp_loop *loop, const char *const *tables,
		    void (*fn)(void *ctx, bool removed), void *ctx, struct hp_nfwatch **out);
void hp_nfwatch_close(struct hp_nfwatch *w);
/* Forgets what has happened until now: it was our own doing. */
void hp_nfwatch_skip(struct hp_nfwatch *w);

#endif
