/* SPDX-License-Identifier: MIT
 *
 * A step over a burst: acknowledgements that the next one includes.
 */
#ifndef HP_PIPE_ACKS_H
#define HP_PIPE_ACKS_H

#include "pipe/burst.h"

/* Drops each bare acknowledgement that a later one of the burst supersedes, unless another packet
 * of its flow is between them. */
void hp_burst_drop_acks(struct hp_pipe *pipe, struct hp_burst *b);

#endif
