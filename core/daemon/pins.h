/* SPDX-License-Identifier: MIT
 *
 * The file of pinned HITs: opportunistic mode trusts the first HIT seen for an address and no
 * other (trust on first use).
 *
 * One pin a line, "ADDRESS HIT"; '#' begins a comment.  A line that is no pin is skipped.  Of two
 * lines for one address the last counts.  A new pin counts at once and is written by a thread, see
 * keeper.h.
 */
#ifndef HP_DAEMON_PINS_H
#define HP_DAEMON_PINS_H

#include <hipproxy/addr.h>

#include "daemon/keeper.h"
#include "daemon/linefile.h"
#include "io/err.h"

struct hp_pins;

#define HP_PINS_MAX 1000000
#define HP_PIN_LINE "ADDRESS HIT"

/* Reads path; a file that is not there is an empty one, its directory is made if only the last
 * part is missing.  before: the pins of before a reload, or NULL: what of them is not written yet is
 * taken over.  0 and *out; -errno and e: it can't be read, or is a symbolic link. */
int hp_pins_open(const char *path, const struct hp_disk *disk, const struct hp_pins *before,
		 struct hp_pins **out, struct hp_io_err *e);
/* Would hp_pins_open accept the file, and which lines would be skipped?  Makes nothing. */
int hp_pins_try(const char *path, struct hp_lines_bad *bad, struct hp_io_err *e);
void hp_pins_close(struct hp_pins *pins);
/* 0: hit is pinned for addr, or is from now on; -EACCES: another one is, which is logged;
 * -ENOSPC and other errors, logged: not pinned. */
int hp_pins_check(struct hp_pins *pins, const struct hp_addr *addr, const struct hp_addr *hit);
/* What was skipped when it was read; why it can't be written, 0: it can. */
const struct hp_lines_bad *hp_pins_bad(const struct hp_pins *pins);
int hp_pins_error(const struct hp_pins *pins);
const char *hp_pins_path(const struct hp_pins *pins);

#endif
