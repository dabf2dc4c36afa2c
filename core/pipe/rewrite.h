/* SPDX-License-Identifier: MIT
 *
 * What the steps for followed flows share: room, lengths and checksums of packets whose payload
 * changes.
 */
#ifndef HP_PIPE_REWRITE_H
#define HP_PIPE_REWRITE_H

#include "pipe/state.h"

typedef enum hp_verdict (*hp_pipe_step)(struct hp_pipe *pipe, struct hp_packet *p,
					struct hp_flow *f);

/* Makes the scratch buffers pipe->stream.  False: no memory. */
bool hp_pipe_rewrite_ready(struct hp_pipe *pipe);
/* p, in legacy form, has l4_len octets behind its IP header now: sets the lengths. */
void hp_pipe_relength(struct hp_packet *p, size_t l4_len);
/* Computes the checksum of TCP or UDP anew; a partial one stays partial. */
void hp_pipe_rechecksum(struct hp_packet *p);

/* A packet of a followed flow goes on to next.  Where its buffer has too little room, it moves to
 * a larger one first; datagrams that were joined go on one by one.  As next, but what it returns
 * may be HP_TAKEN instead. */
enum hp_verdict hp_pipe_roomy(struct hp_pipe *pipe, struct hp_packet *p, struct hp_flow *f,
			      hp_pipe_step next);

#endif
