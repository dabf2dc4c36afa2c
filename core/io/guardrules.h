/* SPDX-License-Identifier: MIT
 *
 * The guard's content: sets, chains and rules of one transaction (guard.c sends it).
 */
#ifndef HP_IO_GUARDRULES_H
#define HP_IO_GUARDRULES_H

#include "io/guard.h"
#include "io/guardsets.h"
#include "io/nftmsg.h"

/* Writes everything in the table; nat: others change sources in postrouting, so those of packets to
 * the TUN device must be kept.  counts: what counters begin with if they are made, NULL: 0.  *names
 * gets the names of its sets.  0 or -ENOMEM. */
int guard_write(struct nft_batch *b, const struct hp_guard_cfg *cfg, bool nat,
		const uint64_t *counts, struct guard_names *names);
/* One protected address more or less, where cfg->want->learns was set. */
void guard_host_write(struct nft_batch *b, const struct hp_addr *addr, bool add);

#endif
