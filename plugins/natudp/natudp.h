/* SPDX-License-Identifier: MIT
 *
 * What the files of the plugin share.
 */
#ifndef NATUDP_NATUDP_H
#define NATUDP_NATUDP_H

#include <hipproxy/later.h>
#include <hipproxy/outer.h>
#include <hipproxy/plugin.h>
#include <hipproxy/tokens.h>

#define NATUDP_CHECK_MS	 200   /* at most one path check in this time for each association */
#define NATUDP_CLAIM_MS	 10000 /* and because of keepalives, which nobody signs, in this */
#define NATUDP_SILENT_MS 1500  /* and only if nothing else came for so long */
#define NATUDP_SETTLE_MS 2000  /* what is under way by the old transport says nothing */
#define NATUDP_GRACE_MS	 60    /* an R1 by UDP may be this much later than a native one */

enum natudp_mode {
	NATUDP_OFF,       /* no UDP, the port is closed */
	NATUDP_PLAIN_UDP, /* exchanges begin in UDP; peers may begin in either way */
	NATUDP_AUTO,      /* I1 leaves both ways; what answers is kept, UDP if both do */
};

/* A place in a list; zero: in none. */
struct natudp_link {
	struct natudp_link *next, *prev;
};

struct natudp {
	struct hp_instance *self;
	enum natudp_mode mode;
	uint16_t number;            /* where peers are asked */
	uint16_t own;               /* the number of our port */
	bool random;                /* own is a random one */
	uint32_t keepalive_ms;
	struct hp_outer_port *port; /* NULL: closed */
	uint64_t shut_ms;           /* when it is closed for good */
	struct hp_plugin_timer *t_shut, *t_wait, *t_look;
	struct natudp_link waiting; /* struct natudp_assoc.waiting: who keeps an R1, the oldest first */
	struct natudp_link in_udp;  /* struct natudp_assoc.in_udp: who may need a keepalive */
	size_t n_in_udp;
	const struct hp_assoc *giving; /* whose R1 is being given back */
	struct hp_tokens claims;    /* path checks because of keepalives */
};

/* What is kept for an association. */
struct natudp_assoc {
	struct natudp_link in_udp, waiting;
	struct hp_assoc *a;
	uint64_t keepalive_ms, check_ms, claim_ms, changed_ms; /* when last */
	uint8_t *r1; /* a native R1 that waits for one in UDP */
	size_t r1_len;
	struct hp_path r1_path;
	uint64_t r1_until_ms;
};

static inline struct natudp *natudp_of(const struct hp_instance *self)
{
	return self->state;
}

/* An empty list; a place at its end, and none. */
void natudp_list_init(struct natudp_link *list);
void natudp_list_add(struct natudp_link *list, struct natudp_link *n);
void natudp_list_del(struct natudp_link *n);

/* ---- paths.c: choice and negotiation (RFC 5770, sections 4.3, 4.9 and 5.4) */

size_t natudp_paths(struct hp_instance *self, const struct hp_path *wanted,
		    struct hp_path out[HP_OUTER_PATHS]);
bool natudp_offer(struct hp_instance *self, uint8_t type, const struct hp_path *path,
		  struct hp_outer_offer *out);
int natudp_judge(struct hp_instance *self, const struct hp_outer_message *m);
/* An R1 that came natively waits for one in UDP: true, it does. */
bool natudp_wait(struct natudp *n, const struct hp_outer_message *m);
void natudp_wait_clear(struct natudp_assoc *na);
void natudp_waited(struct hp_instance *self, void *ctx); /* the timer */

/* ---- follow.c: keepalives, and a NAT that changes its mapping */

enum hp_verdict natudp_message(struct hp_instance *self, const struct hp_outer_message *m);
void natudp_heard(struct hp_instance *self, struct hp_assoc *a, const struct hp_path *path,
		  bool asked);
void natudp_look(struct hp_instance *self, void *ctx); /* the timer */
/* The association's path may be another one. */
void natudp_track(struct natudp *n, struct hp_assoc *a);
void natudp_untrack(struct natudp *n, struct natudp_assoc *na);

/* ---- run.c: what is on the wire */

enum { NATUDP_D_RUNT, NATUDP_D_RESERVED, NATUDP_D_OVERSIZED }; /* drops */

enum hp_verdict natudp_out(struct hp_instance *self, struct hp_outer_run *r);
enum hp_verdict natudp_in(struct hp_instance *self, struct hp_outer_run *r);

#endif
