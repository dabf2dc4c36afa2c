/* SPDX-License-Identifier: MIT
 *
 * Connections and UDP conversations that another flow has announced.
 */
#ifndef HP_PIPE_EXPECTED_H
#define HP_PIPE_EXPECTED_H

#include "pipe/state.h"

/* From a peer.  HP_NEXT: *f is its flow, NULL if it is not expected. */
enum hp_verdict hp_pipe_expected_in(struct hp_pipe *pipe, struct hp_packet *p,
				    struct hp_flow **f);
/* From a legacy host.  True: *e says which association it belongs to. */
bool hp_pipe_expected_out(struct hp_pipe *pipe, const struct hp_packet *p,
			  struct hp_expect *e);
/* e, a copy, has served: f is the flow that it announced.  Before hp_pipe_flow_begins. */
void hp_pipe_expected_begins(struct hp_pipe *pipe, struct hp_flow *f, const struct hp_expect *e);

#endif
