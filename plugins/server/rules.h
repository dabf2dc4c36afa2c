/* SPDX-License-Identifier: MIT
 *
 * Who may reach what: the first rule that matches decides.
 */
#ifndef SERVER_RULES_H
#define SERVER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

struct rule {
	struct hp_addr client, hosted; /* HITs; zero: any */
	uint8_t proto;                 /* IP protocol number; 0: any */
	uint16_t port_min, port_max;   /* 0, 65535: any */
	bool allow;
	uint64_t hits;
};

struct rules {
	struct rule *at;
	size_t n;
	bool otherwise; /* allow when none matches */
	uint64_t otherwise_hits;
};

struct question {
	struct hp_addr client, hosted;
	uint8_t proto;
	uint16_t port;
};

/* The number of the rule that decides, n for the default. */
size_t rules_find(const struct rules *r, const struct question *q);
/* Its verdict, counted as a hit. */
bool rules_decide(struct rules *r, const struct question *q);
/* Is there anything on hosted that client may reach? */
bool rules_any(const struct rules *r, const struct hp_addr *client,
	       const struct hp_addr *hosted);
/* Rules that are in old too, and the default, go on counting where old was. */
void rules_inherit(struct rules *r, const struct rules *old);

#endif
