/* SPDX-License-Identifier: MIT
 *
 * A step over a burst: the flows of its packets are fetched from memory before they are needed.
 */
#ifndef HP_PIPE_AHEAD_H
#define HP_PIPE_AHEAD_H

#include "pipe/burst.h"

/* Hashes the names of all flows of the burst, whose packets come from the side that dir says, and
 * fetches the flows if there are so many that they are not in the processor's caches. */
void hp_burst_fetch_flows(struct hp_pipe *pipe, struct hp_burst *b, enum hp_direction dir);

#endif
