/* SPDX-License-Identifier: MIT
 *
 * The guard: the second lock beside routing (gate/gate.h), a table of nf_tables.  Each holds alone.
 *
 *	inbound		a packet with a protected source for a client that did not come out of ESP;
 *			an ICMP error for a client that quotes a packet to a protected destination;
 *			a packet with a pool's address as source
 *			a packet that begins a conversation with a hosted server and did not come
 *			out of ESP
 *	outbound	a client's packet to a protected destination that leaves elsewhere than by
 *			the TUN device; an ICMP error of this machine to a protected destination
 *
 * are dropped, each counted by name.  client.rules make the same exceptions as in routing.
 *
 * Where the kernel can (Linux 6.9), the table belongs to its maker and outlives it: no flush and no
 * other process removes it, and the next daemon takes it over.  Elsewhere it is an ordinary table,
 * which outlives the daemon, and is put back when others remove it.
 */
#ifndef HP_IO_GUARD_H
#define HP_IO_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate/gate.h"
#include "io/err.h"

#define HP_GUARD_TABLE "hipproxy_guard"

/* X(enum suffix, name, help) */
#define HP_GUARD_COUNTERS(X)                                                                    \
	X(SOURCE, "forged-source", "plain packet to a client that claims to come from a peer")      \
	X(QUOTE, "forged-error", "plain ICMP error to a client that quotes a packet to a peer")     \
	X(POOL, "forged-pool", "plain packet with an address of a pool as source")                  \
	X(HOSTED, "hosted-plain", "plain packet that begins a conversation with a hosted server")    \
	X(CLIENT, "forged-client", "packet to a peer with a client's source from another interface") \
	X(OUT, "left-plain", "packet of a client to a peer that was about to leave in the clear")   \
	X(ERROR, "error-plain", "ICMP error of this machine to a peer, about to leave in the clear")

enum hp_guard_counter {
#define X(e, n, h) HP_GUARD_##e,
	HP_GUARD_COUNTERS(X)
#undef X
	HP_GUARD_COUNTS
};

struct hp_guard;

struct hp_guard_cfg {
	const struct hp_gate_want *want;
	const char *tun;
	const struct hp_prefix *pools;
	size_t n_pools;
	const struct hp_prefix *hosted; /* legacy servers that only peers may reach */
	size_t n_hosted;
};

/* 0 and *out, or -errno. */
int hp_guard_open(struct hp_guard **out);
/* The table stays. */
void hp_guard_close(struct hp_guard *g);
/* Makes the table what cfg says, in one transaction.  0, or -errno with a sentence. */
int hp_guard_set(struct hp_guard *g, const struct hp_guard_cfg *cfg, struct hp_io_err *err);
/* One protected address more or less, at once; want->learns must have been set.  0 or -errno. */
int hp_guard_learn(struct hp_guard *g, const struct hp_addr *addr, bool known);
/* Removes it, whoever made it.  Not there is no error. */
int hp_guard_remove(struct hp_guard *g, struct hp_io_err *err);
/* Is it there?  1, 0, or -errno. */
int hp_guard_present(struct hp_guard *g);
/* Is a chain of another table there?  family: NFPROTO_...  True also if that can't be asked. */
bool hp_guard_sees_chain(struct hp_guard *g, uint8_t family, const char *table, const char *chain);
/* Have others begun, or ceased, to change sources in postrouting?  Then it must be set again. */
bool hp_guard_outdated(struct hp_guard *g);
/* Packets since the table was made. */
int hp_guard_counts(struct hp_guard *g, uint64_t counts[HP_GUARD_COUNTS]);
/* Does it belong to us, so that others can't remove it? */
bool hp_guard_owned(const struct hp_guard *g);

const char *hp_guard_counter_name(enum hp_guard_counter c);
const char *hp_guard_counter_help(enum hp_guard_counter c);

#endif
