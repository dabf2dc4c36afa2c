/* SPDX-License-Identifier: MIT
 *
 * What hipproxy-gate keeps closed, as lists; and the text in which it stores them.
 *
 * The plan is what the wanted state (gate.h) is made of, without what the machine's own addresses,
 * routes and devices add.  It is made from the configuration and from what hipproxyd says, or, while
 * the configuration is wrong, from the file that the last good one has left.
 *
 * The file is plain text, a word and its values in each line, and ends with a line "end": one that
 * was cut is not used.
 */
#ifndef HP_GATE_PLAN_H
#define HP_GATE_PLAN_H

#include "gate/gate.h"

#define HP_GATE_PLAN_LINE 160 /* the longest line, with its end */
#define HP_GATE_INTERFACES 64

struct hp_gate_plan {
	char tun[HP_GATE_DEVNAME];
	unsigned int mtu;	/* of the TUN device, 1280..65535 */
	bool clients;		/* are to be protected */
	bool hits;		/* this machine has some: 2001:20::/28 is led to the TUN device */
	bool block_unknown;	/* unprotected destinations are for the daemon too */
	bool stays_open;	/* while no daemon runs */
	uint32_t mark, mask;	/* of connections that began in the clear; 0: none do */
	struct hp_gate_prefixes protected, networks, hip_hosts; /* as configured */
	struct hp_gate_prefixes pools, hosted, learned;		/* as the daemon says */
	char interfaces[HP_GATE_INTERFACES][HP_GATE_DEVNAME]; /* where clients are */
	size_t n_interfaces;
	struct hp_gate_policy rules[HP_GATE_RULES_MAX];
	size_t n_rules;
};

void hp_gate_plan_free(struct hp_gate_plan *p);
/* The text of p, to be freed; NULL: out of memory. */
char *hp_gate_plan_text(const struct hp_gate_plan *p);
/* 0 and *out (hp_gate_plan_free), or -EINVAL with the number of the line that is wrong (beyond the
 * last: there is no end), or -ENOMEM. */
int hp_gate_plan_parse(const char *text, struct hp_gate_plan *out, unsigned int *line);

#endif
