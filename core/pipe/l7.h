/* SPDX-License-Identifier: MIT
 *
 * The core step that rewrites followed streams (hipproxy/alg.h).
 */
#ifndef HP_PIPE_L7_H
#define HP_PIPE_L7_H

#include "pipe/state.h"

enum hp_verdict hp_pipe_seqadj(struct hp_instance *self, struct hp_packet *p);

#endif
