/* SPDX-License-Identifier: MIT
 *
 * ICMP errors: the flow that an error is about.
 */
#ifndef HP_PIPE_RELATED_H
#define HP_PIPE_RELATED_H

#include "pipe/state.h"

/* NULL: p is no error, or not about a flow.  From the legacy side; from a peer, in HIT form. */
struct hp_flow *hp_pipe_related_legacy(struct hp_pipe *pipe, const struct hp_packet *p);
struct hp_flow *hp_pipe_related_hit(struct hp_pipe *pipe, const struct hp_packet *p);
/* Of ICMP only echo requests begin a flow. */
bool hp_pipe_may_begin(const struct hp_packet *p);

#endif
