/* SPDX-License-Identifier: MIT
 *
 * Does a packet fit the path?  If not, its sender is told.
 */
#ifndef HP_PIPE_SIZE_H
#define HP_PIPE_SIZE_H

#include "pipe/state.h"

/* Towards the peer, inside ESP of the association.  Hop limit and size; clears p->df if p may be
 * fragmented.  HP_NEXT or a drop. */
enum hp_verdict hp_pipe_fits_peer(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a,
				  const char *stage);
/* p, in HIT form, towards the flow's legacy host.  HP_NEXT or a drop. */
enum hp_verdict hp_pipe_fits_legacy(struct hp_pipe *pipe, struct hp_packet *p,
				    struct hp_flow *f);

#endif
