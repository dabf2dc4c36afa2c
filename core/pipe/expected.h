/* SPDX-License-Identifier: MIT
 *
 * Connections that another flow has announced.
 */
#ifndef HP_PIPE_EXPECTED_H
#define HP_PIPE_EXPECTED_H

#include "pipe/state.h"

/* From a peer.  HP_NEXT: *f is its flow, NULL if it is not expected. */
enum hp_verdict hp_pipe_expected_in(struct hp_pipe *pipe, struct hp_packet *p,
				    struct hp_flow **f);
/* From a legacy host.  True: *e says which association it belongs to, and is used up. */
bool hp_pipe_expected_out(struct hp_pipe *pipe, const struct hp_packet *p,
			  struct hp_expect *e);

#endif
