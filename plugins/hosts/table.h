/* SPDX-License-Identifier: MIT
 *
 * A hosts-style table: `HIT address... name...` a line, `#` begins a comment.
 *
 * Pure: text in, table out.
 */
#ifndef HOSTS_TABLE_H
#define HOSTS_TABLE_H

#include <stddef.h>

#include <hipproxy/addr.h>

#define HOSTS_ADDRS 8       /* most addresses a host may have */
#define HOSTS_LINE_MAX 1024 /* octets */

struct hosts_host {
	struct hp_addr hit;
	struct hp_addr addrs[HOSTS_ADDRS];
	size_t n;    /* of addrs; at least one */
	size_t line; /* where it stands, from 1 */
};

struct hosts_table;

/* 0 and *out (hosts_table_free); -EINVAL with the line's number in *line and a sentence in
 * *why (static); -ENOMEM.  text need not end with a zero. */
int hosts_table_parse(const char *text, size_t len, struct hosts_table **out, size_t *line,
		      const char **why);
void hosts_table_free(struct hosts_table *t);
/* The host that has this address; NULL if none. */
const struct hosts_host *hosts_table_find(const struct hosts_table *t,
					  const struct hp_addr *addr);
size_t hosts_table_count(const struct hosts_table *t);

#endif
