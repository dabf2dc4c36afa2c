/* SPDX-License-Identifier: MIT
 *
 * A peer of a known HIT has not answered: which HIT does its address have?
 */
#ifndef HP_HIP_ASK_H
#define HP_HIP_ASK_H

#include "hip/rx.h"

/* Asks a->path.dst. */
void hp_ask_start(struct hp_assoc *a);
/* An R1 that belongs to no association.  True: it was the answer to such a question. */
bool hp_ask_input(const struct hp_rx *rx);

#endif
