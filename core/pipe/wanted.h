/* SPDX-License-Identifier: MIT
 *
 * What peers wanted lately and perhaps did not get.
 */
#ifndef HP_PIPE_WANTED_H
#define HP_PIPE_WANTED_H

#include "pipe/state.h"

/* p is a peer's, in HIT form. */
void hp_pipe_wish(struct hp_pipe_wishes *w, const struct hp_packet *p, uint64_t now_ms);

#endif
