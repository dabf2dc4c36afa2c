/* SPDX-License-Identifier: MIT
 *
 * Datagrams of HIP peers that have no flow of their own.
 */
#ifndef HP_PIPE_FILTER_H
#define HP_PIPE_FILTER_H

#include "pipe/state.h"

/* HP_NEXT: *f is the flow by which a legacy host has asked for p; NULL if there is none, or the
 * setting `filtering` forbids it. */
enum hp_verdict hp_pipe_answered(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow **f);
/* The address by which legacy hosts of a family know the peer that sent p.  False: none. */
bool hp_pipe_known_as(const struct hp_pipe *pipe, const struct hp_packet *p, bool v4,
		      struct hp_addr *out);
/* An application on this host has sent p. */
void hp_pipe_local_sends(struct hp_pipe *pipe, const struct hp_packet *p);
/* Why no flow and no application accepts p. */
enum hp_drop_reason hp_pipe_unwanted(const struct hp_pipe *pipe, const struct hp_packet *p);

#endif
