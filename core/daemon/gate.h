/* SPDX-License-Identifier: MIT
 *
 * The daemon's end of the gate: hipproxy-gate, a process of its own, leads packets here and keeps
 * closed what has to be.  It reads the configuration itself; the daemon tells it what it has found
 * out, which addresses plugins use, and when all of that is in force.
 *
 * The daemon waits for an answer only at start, at a reload and when the proxy is switched.  While the gate
 * is gone, what it has made stays in the kernel; the daemon goes on, and asks again and again.
 */
#ifndef HP_DAEMON_GATE_H
#define HP_DAEMON_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "gate/gate.h"
#include "gate/message.h"
#include "io/err.h"
#include "io/loop.h"
#include "io/tun.h"
#include "util/timer.h"
#include "util/tokens.h"

#define HP_GATE_POOLS 16

struct hp_daemon;
struct hp_packet;

/* Somebody who wants to be told. */
struct hp_gate_wait {
	struct hp_list node; /* hp_list_init before, hp_list_del: not any more */
	uint32_t seq;
	void (*fn)(struct hp_gate_wait *w);
};

struct hp_gate_link {
	struct hp_daemon *d;
	int fd;			/* -1: the gate is gone */
	struct hp_watch watch;
	struct hp_timer again;	/* to connect, or to tell again what was learned */
	struct hp_tokens log_tokens;
	uint32_t seq, hello_seq, ready_seq;
	uint32_t waits_for;	/* a request whose answer has not come, 0: none */
	int result;		/* of it */
	struct hp_io_err *why;	/* of it */
	struct hp_list waits;	/* of hp_daemon_gate_ask */
	struct hp_gate_msg in, out; /* too large for the stack */
	struct hp_gate_msg connections; /* the last answer to BEGUN */
	bool begun;		/* the daemon has started */
	bool clients;		/* are protected */
	bool again_learned;	/* an address could not be told */
	int tun;		/* descriptor of the device until it is used, -1: none */
	char tun_name[HP_GATE_DEVNAME];
	uint64_t away_ms;	/* nobody has read it for so long */
	struct hp_gate_prefixes pools, hosted, masquerade; /* of plugins */
	uint64_t report[HP_GATE_MSG_NUMBERS]; /* the last one: enum hp_gate_report_number */
};

/* The TUN device, whose packets go to on_burst.  0, or -errno with a sentence. */
int hp_daemon_gate_tun(struct hp_daemon *d, hp_tun_fn on_burst, struct hp_io_err *err);
/* The gate reads the configuration anew; hp_daemon_gate puts it in force.  0, or -errno with a
 * sentence. */
int hp_daemon_gate_load(struct hp_daemon *d, struct hp_io_err *err);
/* Makes the kernel's state what the configuration wants, with or without what protects clients.  all:
 * with what was loaded and what plugins have asked for since.  0, or -errno with a sentence. */
int hp_daemon_gate(struct hp_daemon *d, bool clients, bool all, struct hp_io_err *err);
/* The daemon ends in order: the gate opens what is to be open then. */
void hp_daemon_gate_bye(struct hp_daemon *d);
/* ARP and neighbour solicitations for addr on an interface.  0 or -errno. */
int hp_daemon_gate_answer(struct hp_daemon *d, const char *iface, const struct hp_addr *addr);
/* Large buffers for a socket, as far as the gate can give them. */
void hp_daemon_gate_buffers(struct hp_daemon *d, int fd);
/* Is there a gate?  Then d->gate.report is the last report that it gave, and d->gate.connections the last
 * list of connections that began in the clear and go on, as HP_GM_CONNECTIONS. */
bool hp_daemon_gate_there(const struct hp_daemon *d);
/* Asks it for both, without waiting: w->fn is called once, by the loop, when they have come or the gate is
 * gone.  False: it is gone now, or can't be asked. */
bool hp_daemon_gate_ask(struct hp_daemon *d, struct hp_gate_wait *w);

/* Are all packets of clients to peers led to the TUN device, without exceptions by client.rules? */
bool hp_daemon_routes_all(const struct hp_daemon *d);

/* struct hp_pipe_ops */
void hp_daemon_learned(void *ctx, const struct hp_addr *addr, bool known);
bool hp_daemon_in_pool(void *ctx, const struct hp_addr *addr);

/* ---- gatestart.c */

/* Starts a gate, which outlives this process, and waits until it has closed what it knows of.  0, or
 * -errno with a sentence. */
int hp_gate_start(const char *conf_path, int level, bool keep_stderr, struct hp_io_err *err);
/* Opens all that is closed, on purpose: becomes hipproxy-gate --cleanup.  Returns only -errno with a
 * sentence. */
int hp_gate_cleanup(const char *conf_path, struct hp_io_err *err);

#endif
