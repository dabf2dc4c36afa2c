/* SPDX-License-Identifier: MIT
 *
 * Runs on the outer side and the hooks that they meet.
 */
#ifndef HP_PIPE_OUTER_H
#define HP_PIPE_OUTER_H

#include "pipe/state.h"

/* r, a run of ESP, meets OUT_OUTER and is sent.  0; otherwise the first error, and *lost says how
 * many packets were not sent.  What hooks drop is counted, and no error. */
int hp_pipe_outer_send(struct hp_pipe *pipe, struct hp_outer_run *r, uint32_t *lost);

#endif
