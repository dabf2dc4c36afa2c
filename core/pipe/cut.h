/* SPDX-License-Identifier: MIT
 *
 * Packets of flows that are cut.
 */
#ifndef HP_PIPE_CUT_H
#define HP_PIPE_CUT_H

#include "pipe/state.h"

/* p belongs to f, which is cut: answers, and drops p. */
enum hp_verdict hp_pipe_cut_packet(struct hp_pipe *pipe, struct hp_packet *p,
				   const struct hp_flow *f);

#endif
