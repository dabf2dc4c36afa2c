/* SPDX-License-Identifier: MIT
 *
 * Questions about a packet that several steps ask.
 */
#ifndef HP_PIPE_PACKET_H
#define HP_PIPE_PACKET_H

#include "pipe/state.h"

/* The source is a HIT of this host: an application on this host has sent p. */
static inline bool hp_pipe_is_local(const struct hp_pipe *pipe, const struct hp_packet *p)
{
	return hp_addr_is_hit(&p->src) && hp_hip_is_local(pipe->d.hip, &p->src);
}

/* 0: not TCP, or truncated. */
static inline uint8_t hp_pipe_tcp_flags(const struct hp_packet *p)
{
	if (p->proto != HP_PROTO_TCP || p->len < p->l4_off + (size_t)HP_TCP_HLEN)
		return 0;
	return p->data[p->l4_off + HP_TCP_OFF_FLAGS];
}

/* Ports as the keys of flows have them: ICMP echo has one identifier for both sides. */
static inline uint16_t hp_pipe_far_port(const struct hp_packet *p)
{
	return p->proto == HP_PROTO_ICMP || p->proto == HP_PROTO_ICMP6 ? 0 : p->dport;
}

static inline uint16_t hp_pipe_peer_port(const struct hp_packet *p)
{
	return p->proto == HP_PROTO_ICMP6 ? 0 : p->sport;
}

#endif
