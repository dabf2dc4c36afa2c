/* SPDX-License-Identifier: MIT
 *
 * Does a packet fit the path?  If not, its sender is told.
 */
#include "pipe/size.h"

#include "pipe/icmp.h"
#include "pipe/seal.h"
#include "pipe/trace.h"

/* ---- towards the peer */

/* The MTU to tell p's sender if a transport part may have `room` octets at most; 0: none. */
static unsigned int mtu_to_tell(const struct hp_packet *p, unsigned int room)
{
	unsigned int mtu = p->l4_off + room;

	/* An ICMP error is shortened when it is translated. */
	if (!p->df || p->related || p->proto == HP_PROTO_TCP || hp_packet_transport_len(p) <= room)
		return 0;
	/* RFC 8200, section 5: every IPv6 link carries 1280 octets. */
	return p->family == 6 && mtu < HP_MTU_MIN6 ? 0 : mtu;
}

/* Packets that the kernel routes to us arrive as they were sent.  But conntrack reassembles
 * fragments before packets are queued, and the whole has DF if they had it.  An error would cost
 * their sender the datagram for nothing, because each fragment fits (RFC 8200, section 5).
 * Discovery queues first packets only: a sender of whole packets is told when the next one is
 * routed. */
static bool may_have_been_fragments(const struct hp_packet *p)
{
	return !p->tun;
}

enum hp_verdict hp_pipe_fits_peer(struct hp_pipe *pipe, struct hp_packet *p, struct hp_assoc *a,
				  const char *stage)
{
	unsigned int mtu;

	/* RFC 8200, section 3: it must not be forwarded.  The outer header can't have 0 either. */
	if (!p->ttl) {
		hp_pipe_icmp_ttl(pipe, p);
		return hp_pipe_drop(pipe, p, stage, HP_DROP_TTL);
	}
	mtu = mtu_to_tell(p, hp_pipe_max_payload(pipe, a));
	if (!mtu)
		return HP_NEXT;
	if (may_have_been_fragments(p)) {
		p->df = false;
		return HP_NEXT;
	}
	hp_pipe_icmp_too_big(pipe, p, mtu);
	return hp_pipe_drop(pipe, p, stage, HP_DROP_TOO_BIG);
}

/* ---- towards the legacy side */

static unsigned int legacy_mtu(struct hp_pipe *pipe, struct hp_flow *f)
{
	uint16_t now_s = (uint16_t)(hp_pipe_now(pipe) / 1000);
	unsigned int mtu;

	if (f->legacy_mtu && f->legacy_mtu_s == now_s)
		return f->legacy_mtu;
	mtu = pipe->d.ops->path_mtu(pipe->d.ops->ctx, &f->key.legacy);
	f->legacy_mtu = (uint16_t)(mtu > UINT16_MAX ? UINT16_MAX : mtu);
	f->legacy_mtu_s = now_s;
	return f->legacy_mtu;
}

enum hp_verdict hp_pipe_fits_legacy(struct hp_pipe *pipe, struct hp_packet *p,
				    struct hp_flow *f)
{
	bool v4 = hp_addr_is4(&f->key.legacy);
	unsigned int header = v4 ? HP_IP4_HLEN : HP_IP6_HLEN;
	size_t len = hp_packet_transport_len(p) + header;
	unsigned int mtu;

	if (!p->df || len <= HP_MTU_MIN4 || (v4 && len <= HP_XLAT_DF_CLEAR_MAX))
		return HP_NEXT;
	mtu = legacy_mtu(pipe, f);
	if (!mtu || len <= mtu)
		return HP_NEXT;
	hp_pipe_icmp_too_big_peer(pipe, p, mtu - header + HP_IP6_HLEN);
	return hp_pipe_drop(pipe, p, "in.flow", HP_DROP_TOO_BIG);
}
