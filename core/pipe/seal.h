/* SPDX-License-Identifier: MIT
 *
 * Packets in HIT form become ESP packets and are sent in runs.
 */
#ifndef HP_PIPE_SEAL_H
#define HP_PIPE_SEAL_H

#include "pipe/state.h"

/* p, in HIT form, becomes ESP packets on the association's path.  mss: the peer's MSS, 0: not
 * known.  HP_NEXT: they are in the run, or sent.  Borrows p. */
enum hp_verdict hp_pipe_seal(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a,
			     unsigned int mss);
/* Sends the run. */
void hp_pipe_send_run(struct hp_pipe *pipe);
/* The association is about to be freed. */
void hp_pipe_run_forget(struct hp_pipe *pipe, const struct hp_assoc *a);
/* Octets of transport part that fit one ESP packet on the association's path. */
unsigned int hp_pipe_max_payload(struct hp_pipe *pipe, struct hp_assoc *a);

#endif
