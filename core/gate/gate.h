/* SPDX-License-Identifier: MIT
 *
 * The gate: which routing rules and routes lead clients' packets to the TUN device.
 *
 * Routing decides what is protected.  A packet of a client to a protected destination has only
 * two ways: the TUN device, or a blackhole behind it, which is left when the device is gone.  No
 * packet filter is involved, so a flush of its rules opens nothing.
 *
 *	priority	rule
 *	DEVICE		to HITs and to pools of peers' addresses	-> HP_GATE_TABLE_DEVICE
 *	ICMP		errors that this machine, or a router among the clients, sends about a
 *			protected packet: they quote it		-> HP_GATE_TABLE
 *	MARK		connections that began in the clear	-> END (only with discovery)
 *	OWN		this machine's own addresses, hosts that speak HIP themselves	-> END
 *	RULES + i	client.rules[i]: bypass	-> END, block -> HP_GATE_TABLE_ALL
 *	CLIENTS		from each client network	-> HP_GATE_TABLE or _ALL
 *	END		nothing: where the others lead to
 *
 * Rules name sources ("from"), not interfaces: the kernel's reverse path filters ask with source
 * and destination exchanged and without an interface, and must find the same way.
 *
 * This module is pure: it computes the wanted state and how a state differs from another one.
 * io/fib.h reads and changes the kernel's.
 */
#ifndef HP_GATE_GATE_H
#define HP_GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

#define HP_GATE_PROTO	  139	/* who made a rule or route, in "proto": that of HIP */
#define HP_GATE_TABLE	  10500 /* the protected prefixes */
#define HP_GATE_TABLE_ALL 10501 /* everything */
#define HP_GATE_TABLE_DEVICE 10502 /* what belongs to the TUN device, whoever sends it */
#define HP_GATE_TABLES 3 /* from HP_GATE_TABLE on */
#define HP_GATE_RULES_MAX 80	/* client.rules */
#define HP_GATE_DEVNAME	  16	/* with the ending zero */

enum hp_gate_priority {
	HP_GATE_DEVICE = 6,
	HP_GATE_ICMP,
	HP_GATE_MARK,
	HP_GATE_OWN,
	HP_GATE_RULES,
	HP_GATE_CLIENTS = 100,
	HP_GATE_END,
};

/* All of it is compared, so unused octets are zero. */
struct hp_gate_rule {
	uint32_t priority;
	uint32_t table;		   /* to look up; 0: skip_to */
	uint32_t skip_to;	   /* a priority; 0 (table 0 too): nothing happens */
	uint32_t mark, mask;	   /* 0: any */
	struct hp_prefix from, to; /* bits 0: any */
	uint16_t port_min, port_max; /* destination port; both 0: any.  ICMP: type << 8 | code */
	uint8_t family;		   /* 4 or 6 */
	uint8_t proto;		   /* 0: any */
	char iif[HP_GATE_DEVNAME]; /* "": any */
};

struct hp_gate_route {
	uint32_t table;
	uint32_t metric;
	int32_t ifindex; /* 0: blackhole; below: something we never make */
	struct hp_prefix to;
};

/* Both lists are sorted. */
struct hp_gate_state {
	struct hp_gate_rule *rules;
	size_t n_rules, max_rules;
	struct hp_gate_route *routes;
	size_t n_routes, max_routes;
};

enum hp_gate_action { HP_GATE_PROTECT, HP_GATE_BYPASS, HP_GATE_BLOCK };

/* One of client.rules. */
struct hp_gate_policy {
	struct hp_prefix client, destination; /* bits 0: any */
	uint16_t port_min, port_max;	      /* 0..65535: any */
	uint8_t proto;			      /* 0: any */
	enum hp_gate_action action;
};

struct hp_gate_prefixes {
	struct hp_prefix *at;
	size_t n, max;
};

/* What the wanted state is made of; the lists may hold the same twice. */
struct hp_gate_want {
	int ifindex;			    /* of the TUN device */
	bool clients;			    /* are to be protected; else only device counts */
	struct hp_gate_prefixes device;	    /* led to it before all other routing */
	struct hp_gate_prefixes protected;
	struct hp_gate_prefixes networks;   /* of clients */
	struct hp_gate_prefixes own;	    /* this machine's addresses */
	struct hp_gate_prefixes hip_hosts;
	const char *const *interfaces;	    /* where clients are */
	size_t n_interfaces;
	const struct hp_gate_policy *rules;
	size_t n_rules;
	uint32_t mark, mask;		    /* of connections that began in the clear; 0: none do */
	bool block_unknown;		    /* unprotected destinations are for the daemon too */
	bool stays_open;		    /* no blackholes */
	bool learns;			    /* destinations become known later */
	const char *const *lan;		    /* devices that clients' packets come in by, as routes say */
	size_t n_lan;
	uint32_t icmp_mark;		    /* the guard marks routers' errors; 0: it can't */
	bool ipv6;
};

/* 0 or -ENOMEM. */
int hp_gate_prefix_add(struct hp_gate_prefixes *list, const struct hp_prefix *p);
/* All of n.  0 or -ENOMEM. */
int hp_gate_prefixes_add(struct hp_gate_prefixes *list, const struct hp_prefix *at, size_t n);
/* Into a sorted list without doubles.  1, 0: it is there already, or -ENOMEM. */
int hp_gate_prefix_insert(struct hp_gate_prefixes *list, const struct hp_prefix *p);
/* Out of such a list; false: it is not there. */
bool hp_gate_prefix_remove(struct hp_gate_prefixes *list, const struct hp_prefix *p);
void hp_gate_prefixes_free(struct hp_gate_prefixes *list);
int hp_gate_rule_add(struct hp_gate_state *s, const struct hp_gate_rule *r);
int hp_gate_route_add(struct hp_gate_state *s, const struct hp_gate_route *r);
/* The two routes of a protected prefix, or the first only. */
void hp_gate_routes_of(const struct hp_gate_want *w, const struct hp_prefix *to,
		       struct hp_gate_route out[2], size_t *n);
void hp_gate_sort(struct hp_gate_state *s);
void hp_gate_state_free(struct hp_gate_state *s);

/* The state that does what w says.  0 and *out (hp_gate_state_free), or -ENOMEM. */
int hp_gate_build(const struct hp_gate_want *w, struct hp_gate_state *out);

/* One step from a state to another: exactly one of rule and route is not NULL. */
struct hp_gate_op {
	bool add;
	const struct hp_gate_rule *rule;
	const struct hp_gate_route *route;
};

/* How to get from have to want, both sorted.  What closes comes before what opens: first routes
 * and rules are added (before them the rule for connections that go on in the clear: a packet of theirs
 * that took a new route would end them), then rules and routes are removed.  The steps point into both states.  0
 * and *ops (free it) with *n steps, or -ENOMEM. */
int hp_gate_diff(const struct hp_gate_state *have, const struct hp_gate_state *want,
		 struct hp_gate_op **ops, size_t *n);
/* Is what op adds or removes in s, which is sorted? */
bool hp_gate_has(const struct hp_gate_state *s, const struct hp_gate_op *op);

#endif
