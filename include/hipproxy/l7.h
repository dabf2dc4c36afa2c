/* SPDX-License-Identifier: MIT
 *
 * For plugins that read and change the payload of TCP connections (application level gateways),
 * and that learn from it of connections to come.
 *
 * A plugin asks to follow a flow, best when HP_EVENT_FLOW_NEW tells of it.  From then on the core
 * step "core.seqadj" (stages OUT_L7 and IN_L7, legacy form) calls its function with each
 * direction's octets: every octet once, in order, whatever the segments were.  The core does the
 * rest: sequence and acknowledgement numbers, SACK, retransmissions, checksums.  Hooks before
 * core.seqadj see a packet as its sender made it, those after as its receiver will get it.
 *
 * What the function wants to see more of is held: it is kept, and acknowledged to the sender once
 * all before it has arrived, for a sender may wait for that before it sends more (RFC 9293,
 * section 3.7.4).  The octet that ends the waiting is acknowledged by the real receiver only; as
 * long as it does not, the sender repeats that octet and the core puts what was held before it
 * again.  No timer is needed, nothing is lost, and nothing is acknowledged in vain unless the
 * receiver vanishes.
 */
#ifndef HIPPROXY_L7_H
#define HIPPROXY_L7_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/packet.h>

struct hp_flow;
struct hp_instance;

/* A flow somebody follows has this mark (hp_flow_flags); plugins must not set it. */
#define HP_FLOW_FOLLOWED (UINT32_C(1) << 31)

#define HP_L7_OUT 1024u /* most octets a replacement may have */

struct hp_l7_out {
	bool replace;   /* else the octets used stay as they are; false before the call */
	size_t len;     /* of data; 0: they vanish */
	uint8_t data[HP_L7_OUT];
};

/* data: the stream's next len octets (above 0) in direction p->dir; p->flow is the flow.
 * Octets used, from the first on; 0: more is needed to decide.  More than 1 KB is not held: what
 * was too long passes unchanged, the function will see what follows.  Octets once offered are
 * offered again until used. */
typedef size_t (*hp_l7_fn)(struct hp_instance *self, struct hp_packet *p, const uint8_t *data,
			   size_t len, struct hp_l7_out *out);

/* fn of self is called from now on; until the flow is gone.  0; -EBUSY somebody else follows it;
 * -ENOMEM; -EOPNOTSUPP: it is not TCP. */
int hp_l7_follow(struct hp_flow *f, struct hp_instance *self, hp_l7_fn fn);
/* on: the direction's payload is let through unseen from the next octet on (numbers are still
 * adjusted); off: it is shown again, from the next octet on. */
void hp_l7_transparent(struct hp_flow *f, enum hp_direction dir, bool on);

/* ---- connections to come: each serves once, until timeout_ms or the end of flow f */

/* The peer of f will connect to f's Host Identity and shall reach f's legacy host at legacy_port,
 * coming from the address f's peer has there.  *local_port: the port to connect to; 0: one is
 * chosen, legacy_port if possible.  flags: marks of the new flow.  0; -EADDRINUSE; -ENOBUFS: too
 * many; -ENOMEM; -EOPNOTSUPP: f is not TCP, and only TCP connections are expected. */
int hp_expect_peer(struct hp_flow *f, uint16_t legacy_port, uint16_t *local_port,
		   uint32_t flags, uint32_t timeout_ms);
/* The legacy host of f will connect to far_port of the address by which it knows the peer: that
 * belongs to f's peer, whatever the policy for the port is.  Errors as above. */
int hp_expect_legacy(struct hp_flow *f, uint16_t far_port, uint32_t flags,
		     uint32_t timeout_ms);

#endif
