/* SPDX-License-Identifier: MIT
 *
 * HITs with which there are to be no associations: `hipproxyctl revoke`.
 *
 * The file has one HIT a line; what follows it in a comment is for people.  A HIT that is revoked
 * stays so, over restarts and whatever the configuration says, until it is taken out.
 */
#ifndef HP_DAEMON_REVOKED_H
#define HP_DAEMON_REVOKED_H

#include <hipproxy/addr.h>

#include "daemon/keeper.h"
#include "daemon/linefile.h"
#include "util/list.h"

#define HP_REVOKED_MAX   100000
#define HP_REVOKED_WHY   128 /* octets of a reason, with the ending zero */
#define HP_REVOKED_LINE  "a HIT"

struct hp_revoked;

/* As hp_pins_open. */
int hp_revoked_open(const char *path, const struct hp_disk *disk, const struct hp_revoked *before,
		    struct hp_revoked **out, struct hp_io_err *e);
int hp_revoked_try(const char *path, struct hp_lines_bad *bad, struct hp_io_err *e);
void hp_revoked_close(struct hp_revoked *r);
bool hp_revoked_has(const struct hp_revoked *r, const struct hp_addr *hit);
/* why: a sentence for the file, "" for none.  0; -EEXIST: it was revoked already; -ENOSPC; -ENOMEM. */
int hp_revoked_add(struct hp_revoked *r, const struct hp_addr *hit, const char *why);
/* 0; -ENOENT: it was not revoked. */
int hp_revoked_remove(struct hp_revoked *r, const struct hp_addr *hit);
size_t hp_revoked_count(const struct hp_revoked *r);
/* Calls fn for each. */
void hp_revoked_each(struct hp_revoked *r, void (*fn)(void *ctx, const struct hp_addr *hit),
		     void *ctx);
const struct hp_lines_bad *hp_revoked_bad(const struct hp_revoked *r);
int hp_revoked_error(const struct hp_revoked *r);
const char *hp_revoked_path(const struct hp_revoked *r);

#endif
