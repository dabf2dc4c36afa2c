/* SPDX-License-Identifier: MIT
 *
 * Legacy servers behind Host Identities of this machine.
 */
#ifndef HP_PIPE_HOSTING_H
#define HP_PIPE_HOSTING_H

#include "pipe/state.h"

/* A peer's packet without a flow.  HP_NEXT: *f is its flow, NULL if no service has its HIT. */
enum hp_verdict hp_pipe_peer_begun(struct hp_pipe *pipe, struct hp_packet *p,
				   struct hp_flow **f);
/* Does p go to an address that stands for a peer?  0 and *ask, or -ENOENT. */
int hp_pipe_pool_client(struct hp_pipe *pipe, const struct hp_packet *p,
			struct hp_backend_ask *ask);

#endif
