/* SPDX-License-Identifier: MIT
 *
 * The guard's content: sets, chains and rules of one transaction (guard.c sends it).
 */
#ifndef HP_IO_GUARDRULES_H
#define HP_IO_GUARDRULES_H

#include "io/guard.h"
#include "io/nftmsg.h"

/* Intervals of prefixes of one family, sorted, overlapping ones joined.  *out is the caller's to
 * free; 0 or -ENOMEM. */
int guard_intervals(const struct hp_prefix *list, size_t n, int family, struct nft_interval **out,
		    size_t *n_out);
/* Writes everything in the table; nat: others change sources in postrouting, so those of packets to
 * the TUN device must be kept.  0 or -ENOMEM. */
int guard_write(struct nft_batch *b, const struct hp_guard_cfg *cfg, bool nat);

#endif
