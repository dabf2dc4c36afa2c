/* SPDX-License-Identifier: MIT
 *
 * The one exit for ICMP errors; rate-limited.
 */
#ifndef HP_PIPE_ICMP_H
#define HP_PIPE_ICMP_H

#include "pipe/state.h"

/* To p's sender on the plain side. */
void hp_pipe_icmp_prohibited(struct hp_pipe *pipe, const struct hp_packet *p);
void hp_pipe_icmp_unreachable(struct hp_pipe *pipe, const struct hp_packet *p);
void hp_pipe_icmp_protocol(struct hp_pipe *pipe, const struct hp_packet *p);
void hp_pipe_icmp_too_big(struct hp_pipe *pipe, const struct hp_packet *p, unsigned int mtu);
void hp_pipe_icmp_ttl(struct hp_pipe *pipe, const struct hp_packet *p);
/* To the HIP peer that sent p (HIT form, p->assoc set), through its association. */
void hp_pipe_icmp_protocol_peer(struct hp_pipe *pipe, const struct hp_packet *p);
void hp_pipe_icmp_port_peer(struct hp_pipe *pipe, const struct hp_packet *p);
void hp_pipe_icmp_too_big_peer(struct hp_pipe *pipe, const struct hp_packet *p,
			       unsigned int mtu);
/* To whichever of them sent p: its source route has places left. */
void hp_pipe_icmp_route(struct hp_pipe *pipe, const struct hp_packet *p);

#endif
