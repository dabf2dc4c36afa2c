/* SPDX-License-Identifier: MIT
 *
 * The gate of a running daemon: what is wanted, from configuration, resolved peers, addresses and
 * routes of this machine; kept in the kernel whatever others do to it.
 *
 * The kernel's state is compared with the wanted one at start and reload, with each notice of
 * rtnetlink, and every few seconds.  A difference that nobody here has caused is a repair: it is
 * logged and counted.
 */
#ifndef HP_DAEMON_GATE_H
#define HP_DAEMON_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "gate/gate.h"
#include "io/begun.h"
#include "io/err.h"
#include "io/fib.h"
#include "io/guard.h"
#include "io/nfwatch.h"
#include "util/timer.h"
#include "util/tokens.h"

#define HP_GATE_POOLS 16

struct hp_daemon;

struct hp_gate_run {
	struct hp_daemon *d;
	struct hp_fib *fib;
	struct hp_gate_state wanted;
	struct hp_timer check;
	struct hp_tokens log_tokens;
	bool on;	       /* wanted is to be kept */
	bool clients;	       /* are protected */
	bool stale;	       /* wanted is no longer what should be wanted */
	bool queueing;	       /* rules of discovery are in place, or ought to be */
	struct hp_nfwatch *nfwatch;
	struct hp_begun *begun; /* NULL: connections can't be asked for */
	bool begun_anew;       /* more of them since the last look */
	struct hp_guard *guard;
	int guard_err;	       /* 0: the guard stands */
	struct hp_timer refilter; /* they are put back */
	unsigned int looks;    /* how many more times to see whether they stay */
	bool unseen;	       /* the kernel shows them not: iptables-legacy */
	bool missing_interface;
	int err;	       /* of the last comparison; 0: the kernel's state is the wanted one */
	uint64_t repairs;      /* rules and routes put back */
	uint64_t repaired_ms;  /* when, 0: never */
	struct hp_prefix pools[HP_GATE_POOLS]; /* led to the TUN device by the main table */
	size_t n_pools;
	struct hp_gate_prefixes hosted; /* legacy servers to guard */
};

/* Opens it.  0, or -errno with a sentence. */
int hp_daemon_gate_open(struct hp_daemon *d, struct hp_io_err *err);
void hp_daemon_gate_close(struct hp_daemon *d);
/* Makes the kernel's state what the configuration wants, with or without what protects clients, and
 * keeps it so.  0, or -errno with a sentence. */
int hp_daemon_gate(struct hp_daemon *d, bool clients, struct hp_io_err *err);
/* Is there anything that the second lock is for? */
bool hp_gate_has_guard(const struct hp_gate_run *g);
/* Removes all of it. */
int hp_daemon_gate_clear(struct hp_daemon *d, struct hp_io_err *err);
/* The same without a running daemon, for --cleanup. */
int hp_gate_cleanup(struct hp_io_err *err);

/* Are all packets of clients to peers led to the TUN device, without exceptions by client.rules? */
bool hp_daemon_routes_all(const struct hp_daemon *d);

/* ---- begun.c */

/* w protects more than before did: connections between those go on in the clear until they end. */
void hp_daemon_begun(struct hp_daemon *d, const struct hp_gate_want *w,
		     const struct hp_gate_state *before);
/* Have they ended? */
void hp_daemon_begun_look(struct hp_daemon *d);

/* ---- discovery.c */

/* Are there destinations of which nothing is known, but may be found out? */
bool hp_daemon_discovers(const struct hp_daemon *d);

void hp_daemon_discovery_init(struct hp_daemon *d);
/* Others have removed packet filter rules, perhaps ours. */
void hp_daemon_discovery_removed(struct hp_daemon *d);
/* Packets to those come by a queue (on), or there is no rule of ours, whoever made it.  0, or
 * -errno with a sentence. */
int hp_daemon_discovery(struct hp_daemon *d, bool on, struct hp_io_err *err);
void hp_daemon_discovery_close(struct hp_daemon *d);

/* struct hp_pipe_ops */
void hp_daemon_learned(void *ctx, const struct hp_addr *addr, bool known);
bool hp_daemon_in_pool(void *ctx, const struct hp_addr *addr);

#endif
