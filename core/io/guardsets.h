/* SPDX-License-Identifier: MIT
 *
 * How the guard's rules find an address in a list of prefixes.
 *
 * The kernel needs 700 ns to find an address among 10,000 intervals, 60 ns in a hash table, and 10 ns
 * to compare it with one prefix.  So a short list is compared.  A long one becomes a hash table for
 * each of the lengths that most of its prefixes have, and intervals for the rest.
 */
#ifndef HP_IO_GUARDSETS_H
#define HP_IO_GUARDSETS_H

#include "gate/gate.h"
#include "io/nftmsg.h"

#define GUARD_WAYS_MAX 4

/* One look-up or comparison. */
struct guard_way {
	char set[24];	   /* "": compared with first */
	unsigned int bits; /* that count; of a set of intervals: all */
	bool intervals;
	uint8_t first[16];
};

struct guard_list {
	struct guard_way way[2][GUARD_WAYS_MAX]; /* IPv4, IPv6: any of them */
	size_t n[2];
};

/* The names of the sets that a transaction has written. */
struct guard_names {
	char at[40][24];
	size_t n;
};

/* Intervals of prefixes of one family, sorted, overlapping ones joined.  *out is the caller's to
 * free; 0 or -ENOMEM. */
int guard_intervals(const struct hp_prefix *list, size_t n, int family, struct nft_interval **out,
		    size_t *n_out);
/* Writes the sets that the list needs; their names begin with name.  grows: single addresses will be
 * added (guard_host_set).  0 or -ENOMEM. */
int guard_list_write(struct nft_batch *b, const char *name, const struct hp_gate_prefixes *list,
		     bool grows, struct guard_list *out, struct guard_names *names);
/* The set of single addresses of a family, 4 or 6, in a list that grows. */
void guard_host_set(char set[24], const char *name, int family);
/* In a rule: the field, an address of the family, is in what this way covers. */
void guard_way_match(struct nft_batch *b, struct nft_field f, const struct guard_way *way);

#endif
