/* SPDX-License-Identifier: MIT
 *
 * The step core.alg: datagrams of flows that a gateway follows.
 */
#ifndef HP_PIPE_DATAGRAM_H
#define HP_PIPE_DATAGRAM_H

#include "pipe/state.h"

/* A hook; self's state is the pipeline. */
enum hp_verdict hp_pipe_datagram(struct hp_instance *self, struct hp_packet *p);

#endif
