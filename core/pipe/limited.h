/* SPDX-License-Identifier: MIT
 *
 * What happens when a limit is reached.
 */
#ifndef HP_PIPE_LIMITED_H
#define HP_PIPE_LIMITED_H

#include "pipe/state.h"

#define HP_PIPE_PORTS (65536 - 1024) /* how many ports connections to one service can have */

/* A percentage of a limit, but never too few. */
uint32_t hp_pipe_share(uint32_t percent, uint32_t of);
/* A limit was reached, by who (may be NULL). */
void hp_pipe_limited(struct hp_pipe *pipe, enum hp_pipe_limit which, const struct hp_addr *who);
/* Timer: looks which limits are no longer reached. */
void hp_pipe_limits_look(struct hp_timer *t);
/* hp_flow_add has refused p with err: reports the limit; the reason to drop p. */
enum hp_drop_reason hp_pipe_flow_refused(struct hp_pipe *pipe, const struct hp_packet *p, int err);

#endif
