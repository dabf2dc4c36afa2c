/* SPDX-License-Identifier: MIT
 *
 * Connections of HIP peers that nothing here accepts.
 */
#ifndef HP_PIPE_REFUSE_H
#define HP_PIPE_REFUSE_H

#include "pipe/state.h"

/* Tells the peer that nothing here accepts p (HIT form, p->assoc set). */
void hp_pipe_refuse_peer(struct hp_pipe *pipe, const struct hp_packet *p);

#endif
