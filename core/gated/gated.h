/* SPDX-License-Identifier: MIT
 *
 * hipproxy-gate: keeps closed what has to be closed, whatever happens to hipproxyd.
 *
 *	main      options, the background
 *	plan      what is to be kept: from the configuration and from what hipproxyd says, or from
 *		  the file that the last good configuration has left
 *	keep      the kernel's rules, routes, guard and TUN device are as the plan says
 *	begun     connections that began in the clear and go on
 *	discovery packet filter rules for destinations of which nothing is known
 *	serve     messages of hipproxyd and hipproxyctl
 *	answer    what each message does
 *
 * It reads the configuration and messages of hipproxyd (gate/message.h), never an octet from the
 * network, and links no cryptography.
 */
#ifndef HP_GATED_GATED_H
#define HP_GATED_GATED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "gate/message.h"
#include "gate/plan.h"
#include "io/begun.h"
#include "io/err.h"
#include "io/fib.h"
#include "io/gatesock.h"
#include "io/guard.h"
#include "io/loop.h"
#include "io/nfwatch.h"
#include "io/rules.h"
#include "io/sdnotify.h"
#include "io/tundev.h"
#include "util/timer.h"
#include "util/tokens.h"

#define HP_GATED_CLIENTS 8

struct hp_gated;

/* A connection. */
struct hp_gated_client {
	struct hp_gated *g;
	struct hp_watch watch;
	int fd; /* 0: unused */
	uid_t uid;
	pid_t pid;
};

/* What hipproxyd says. */
struct hp_gated_lists {
	struct hp_gate_prefixes pools, hosted, masquerade, addresses, learned; /* learned: sorted */
};

struct hp_gated {
	char *conf_path;
	const char *store;	 /* file of the last good plan */
	bool by_hand;		 /* started by hipproxyd: ends when all is opened on purpose */
	struct hp_clock clock;
	struct hp_timers timers;
	struct hp_loop *loop;
	struct hp_sdnotify notify;
	int single, listener;
	struct hp_watch watch;
	struct hp_gated_client clients[HP_GATED_CLIENTS];
	struct hp_gated_client *daemon; /* the one that said so, or NULL */
	bool bye;			/* it said that it ends */
	uint64_t gone_ms;		/* since when there is none; 0: there is one */
	struct hp_tokens refusal_tokens;
	uint64_t refused;		/* messages */

	struct hp_conf *conf, *next; /* next: for READY; conf NULL: it is wrong */
	struct hp_gate_prefixes named; /* in the settings of plugins of conf or, if any, next */
	struct hp_gated_lists now, staged;
	struct hp_gate_plan plan;
	bool opened;		     /* by root, on purpose */
	char *stored;		     /* what the file holds */
	struct hp_timer store_timer;

	struct hp_tundev *dev;
	struct hp_fib *fib;
	struct hp_guard *guard;
	struct hp_nfwatch *nfwatch;
	struct hp_gate_state wanted;
	struct hp_gate_prefixes networks, own; /* of clients, and this machine's addresses */
	struct hp_timer check, refilter;
	struct hp_tokens log_filters, log_routes, log_guard; /* a flood of one kind hides no other */
	bool on;	       /* the plan is to be kept */
	bool clients_on;       /* clients are protected */
	bool stale;	       /* wanted is no longer what should be wanted */
	bool queueing;	       /* rules of discovery are in place, or ought to be */
	bool rules_known;      /* none of discovery was left by another gate */
	bool missing_interface;
	enum hp_rules_backend backend;
	int guard_err;	       /* 0: the guard stands */
	int err;	       /* of the last comparison; 0: the kernel's state is the wanted one */
	uint64_t repairs;      /* rules and routes put back */
	uint64_t repaired_ms;  /* when, 0: never */
	uint64_t reconcile_us, learn_us; /* the last ones took so long */
	unsigned int looks;    /* how many more times to see whether discovery's rules stay */
	bool unseen;	       /* the kernel shows them not: iptables-legacy */
	struct hp_begun *begun; /* NULL: connections can't be asked for */
	bool begun_anew;       /* more of them since the last look */
	const char *notice;    /* for the answer to READY; NULL: none */
};

/* ---- plan.c */

/* Reads the configuration into *out.  0, or -errno with its first complaint, all of which are logged. */
int hp_gated_load(struct hp_gated *g, struct hp_conf **out, struct hp_io_err *err);
/* The prefixes that the settings of plugins name.  0 or -ENOMEM. */
int hp_gated_named(const struct hp_conf *conf, struct hp_gate_prefixes *out);
/* What g->conf and g->now say.  0 and *out, or -errno with a sentence. */
int hp_gated_plan(struct hp_gated *g, struct hp_gate_plan *out, struct hp_io_err *err);
/* The start: g->plan from the configuration; if that is wrong, from the file.  0, also when there is
 * neither; or -ENOMEM. */
int hp_gated_begin(struct hp_gated *g);
/* The last good plan.  False: there is none, or it can't be used, which is said. */
bool hp_gated_restore(struct hp_gated *g, struct hp_gate_plan *out);
/* Writes g->plan to the file, if it has changed. */
void hp_gated_store(struct hp_gated *g);
/* The same a little later: addresses are learned in swarms. */
void hp_gated_store_later(struct hp_gated *g);
void hp_gated_unstore(struct hp_gated *g);
void hp_gated_lists_free(struct hp_gated_lists *l);

/* ---- keep.c */

int hp_gated_keep_open(struct hp_gated *g, struct hp_io_err *err);
void hp_gated_keep_close(struct hp_gated *g);
/* Makes the kernel's state what the plan wants, with or without what protects clients, and keeps it
 * so.  0, or -errno with a sentence. */
int hp_gated_keep(struct hp_gated *g, bool clients, struct hp_io_err *err);
/* Is there anything that the second lock is for? */
bool hp_gated_has_guard(const struct hp_gated *g);
/* Removes all of it, the device too if no daemon uses it. */
int hp_gated_clear(struct hp_gated *g, struct hp_io_err *err);
/* The device of this configuration, with a descriptor unless a process has it. */
int hp_gated_device(struct hp_gated *g, const char *name, unsigned int mtu, bool persistent,
		    struct hp_io_err *err);
/* A learned address more or less. */
void hp_gated_learned(struct hp_gated *g, const struct hp_prefix *to, bool known);

/* ---- begun.c */

/* w protects more than before did: connections between those go on in the clear until they end. */
void hp_gated_begun(struct hp_gated *g, const struct hp_gate_want *w,
		    const struct hp_gate_state *before);
/* Have they ended? */
void hp_gated_begun_look(struct hp_gated *g);
/* The mark that they have, if there are any. */
void hp_gated_begun_mark(const struct hp_gated *g, struct hp_gate_want *w);

/* ---- discovery.c */

void hp_gated_discovery_init(struct hp_gated *g);
/* Others have removed packet filter rules, perhaps ours. */
void hp_gated_discovery_removed(struct hp_gated *g);
/* Packets to unknown destinations come by a queue (on), or there is no rule of ours, whoever made it.
 * 0, or -errno with a sentence. */
int hp_gated_discovery(struct hp_gated *g, bool on, struct hp_io_err *err);
int hp_gated_masquerade(struct hp_gated *g, struct hp_io_err *err);

/* ---- serve.c, answer.c */

int hp_gated_listen(struct hp_gated *g, struct hp_io_err *err);
void hp_gated_hang_up(struct hp_gated *g);
/* A message to a connection; what does not get through is said to be lost in the log. */
void hp_gated_send(struct hp_gated_client *c, const struct hp_gate_msg *m, int fd);
/* Does what m asks for and answers.  fd is the callee's, -1: none. */
void hp_gated_answer(struct hp_gated_client *c, const struct hp_gate_msg *m, int fd);
/* The daemon's connection has ended. */
void hp_gated_daemon_gone(struct hp_gated *g);
/* To the daemon: the descriptor of the device, and how long nobody has read it. */
void hp_gated_send_device(struct hp_gated *g);
/* All that conf, plan and lists say, now. */
int hp_gated_apply(struct hp_gated *g, bool clients, struct hp_io_err *err);

#endif
