/* SPDX-License-Identifier: MIT
 *
 * The file of pinned HITs: opportunistic mode trusts the first HIT seen for an address and no
 * other (trust on first use).
 *
 * One pin a line, "ADDRESS HIT"; '#' begins a comment.  New pins are appended and on disk before
 * they count.
 */
#ifndef HP_DAEMON_PINS_H
#define HP_DAEMON_PINS_H

#include <hipproxy/addr.h>

#include "io/err.h"

struct hp_pins;

#define HP_PINS_MAX 1000000

/* Reads path; a file that is not there is an empty one, its directory is made if only the last
 * part is missing.  0 and *out; -EINVAL: a bad line, e names it as file:line; -errno and e. */
int hp_pins_open(const char *path, struct hp_pins **out, struct hp_io_err *e);
/* Would hp_pins_open accept the file?  Makes nothing. */
int hp_pins_try(const char *path, struct hp_io_err *e);
void hp_pins_close(struct hp_pins *pins);
/* 0: hit is pinned for addr, or is from now on; -EACCES: another one is, which is logged;
 * -ENOSPC and other errors of writing, logged: not pinned. */
int hp_pins_check(struct hp_pins *pins, const struct hp_addr *addr, const struct hp_addr *hit);

#endif
