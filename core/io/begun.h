/* SPDX-License-Identifier: MIT
 *
 * Connections that began in the clear and go on so (client.begun_plain = "until-end").
 *
 * When destinations or client networks become protected, connections between them that conntrack
 * knows get a mark.  A routing rule and the guard let marked connections past; they are listed until
 * they end.
 */
#ifndef HP_IO_BEGUN_H
#define HP_IO_BEGUN_H

#include "gate/gate.h"
#include "io/conntrack.h"

#define HP_BEGUN_LISTED 64

struct hp_begun;

/* 0 and *out, or -errno. */
int hp_begun_open(struct hp_begun **out);
void hp_begun_close(struct hp_begun *b);
/* Marks the TCP and UDP connections that w protects and before, sorted, did not.  How many, or
 * -errno: -ENOENT, conntrack knows no connection at all, probably because it does not run.  If
 * nothing is protected anew, 0. */
int hp_begun_mark(struct hp_begun *b, const struct hp_gate_want *w,
		  const struct hp_gate_state *before, uint32_t mark, uint32_t mask);
/* Counts and lists the marked ones that a state protects.  0 or -errno. */
int hp_begun_look(struct hp_begun *b, const struct hp_gate_state *now, uint32_t mark,
		  uint32_t mask);
/* As last seen: all of them, and up to HP_BEGUN_LISTED in *list. */
size_t hp_begun_total(const struct hp_begun *b);
size_t hp_begun_list(const struct hp_begun *b, const struct hp_connection **list);

#endif
