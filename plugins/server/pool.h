/* SPDX-License-Identifier: MIT
 *
 * Addresses that stand for peers: one of each family for every HIT, the same for ever.
 *
 * What was given out is in a file, "HIT ADDRESS" a line, '#' begins a comment; new lines are
 * appended and on disk before an address is used.  A last line without its end is half of one that
 * was never used, and is cut off.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include <hipproxy/addr.h>

#define POOL_MAX 65536u /* most addresses used of one prefix */

struct pool;

/* bits 0: no addresses of that family.  path "": nothing is kept.  A file that is not there is an
 * empty one; its folder is made if only the last part is missing.  0 and *out; -EINVAL: a bad line,
 * *line says which; -ENOMEM; -errno. */
int pool_open(const struct hp_prefix *v4, const struct hp_prefix *v6, const char *path,
	      struct pool **out, size_t *line);
void pool_close(struct pool *p);
/* Would pool_open accept path?  Nothing is made or changed.  Returns as pool_open. */
int pool_try(const struct hp_prefix *v4, const struct hp_prefix *v6, const char *path,
	     size_t *line);
/* The address of hit, given out now if it has none: 0; -ENOBUFS all are taken, or there is no
 * prefix of this family; -errno of writing: then none is given. *fresh: it is a new one. */
int pool_address(struct pool *p, const struct hp_addr *hit, bool v4, struct hp_addr *out,
		 bool *fresh);
/* Whose address is that?  NULL: nobody's. */
const struct hp_addr *pool_hit(const struct pool *p, const struct hp_addr *addr);
size_t pool_count(const struct pool *p);
/* Address i of those given out; NULL past the last. */
const struct hp_addr *pool_at(const struct pool *p, size_t i);

#endif
