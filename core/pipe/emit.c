/* SPDX-License-Identifier: MIT
 *
 * Packets are sent to the plain side.
 *
 * The kernel routes them, and fragments IPv4 packets where it must and may.  No router may
 * fragment IPv6 packets (RFC 8200, section 5).  So a packet that its sender allows to be
 * fragmented is sent in fragments that every IPv6 link carries (translation.lowest_ipv6_mtu): an
 * ICMP error about one of them would not help its sender.  If a packet that may not be fragmented
 * is too large, its sender is told.
 */
#include "pipe/emit.h"

#include <string.h>

#include "pipe/trace.h"

#define FRAGMENT_MTU 1500u /* larger links are rare, and buffers are small */

/* ---- fragments */

/* Octets of payload in each fragment but the last. */
static uint32_t piece_len(unsigned int mtu)
{
	return (mtu - HP_IP6_HLEN - HP_IP6_FRAGHLEN) & ~7u;
}

static bool send_piece(struct hp_pipe *pipe, const struct hp_packet *p, uint32_t id,
		       uint32_t off, uint32_t len)
{
	struct hp_packet *f = pipe->d.ops->get(pipe->d.ops->ctx);
	uint32_t all = (uint32_t)p->len - HP_IP6_HLEN;
	struct hp_ip_head h = {
		.src = p->src, .dst = p->dst, .proto = HP_PROTO_FRAGMENT, .ttl = p->ttl,
		.tos = p->tos, .payload_len = (uint16_t)(HP_IP6_FRAGHLEN + len),
	};
	bool sent = false;

	if (!f)
		return false;
	hp_ip6_build(f->data, &h);
	hp_ip6_frag_build(f->data + HP_IP6_HLEN, p->data[6], (uint16_t)off, off + len < all, id);
	memcpy(f->data + HP_IP6_HLEN + HP_IP6_FRAGHLEN, p->data + HP_IP6_HLEN + off, len);
	f->len = HP_IP6_HLEN + HP_IP6_FRAGHLEN + len;
	if (!hp_packet_dissect(f))
		sent = !pipe->d.ops->plain_send(pipe->d.ops->ctx, f);
	pipe->d.ops->put(pipe->d.ops->ctx, f);
	return sent;
}

static bool send_pieces(struct hp_pipe *pipe, struct hp_packet *p, unsigned int mtu)
{
	uint32_t all = (uint32_t)p->len - HP_IP6_HLEN, step = piece_len(mtu);
	uint32_t id = pipe->xlat.ip_id++;

	if (p->csum_partial && hp_packet_complete_checksum(p))
		return false;
	for (uint32_t off = 0; off < all; off += step)
		if (!send_piece(pipe, p, id, off, all - off < step ? all - off : step))
			return false;
	return true;
}

static unsigned int at_most(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* The MTU to which p is fragmented; 0: p is sent whole. */
static unsigned int cut_to(struct hp_pipe *pipe, const struct hp_packet *p)
{
	unsigned int mtu;

	if (p->family != 6 || p->df || p->gso_size || p->l4_off != HP_IP6_HLEN ||
	    p->len <= HP_MTU_MIN6 || hp_addr_is_hit(&p->dst))
		return 0;
	mtu = pipe->d.ops->path_mtu(pipe->d.ops->ctx, &p->dst);
	mtu = at_most(mtu < HP_MTU_MIN6 ? HP_MTU_MIN6 : mtu, FRAGMENT_MTU);
	mtu = at_most(mtu, pipe->conf->translation.lowest_ipv6_mtu);
	return p->len > mtu ? mtu : 0;
}

void hp_pipe_plain(struct hp_pipe *pipe, struct hp_packet *p)
{
	unsigned int mtu = cut_to(pipe, p);
	bool sent = mtu ? send_pieces(pipe, p, mtu) :
			  !pipe->d.ops->plain_send(pipe->d.ops->ctx, p);

	if (!sent)
		hp_pipe_drop(pipe, p, "in.emit", HP_DROP_TUN);
}

void hp_pipe_emit(struct hp_pipe *pipe, struct hp_packet *p)
{
	hp_pipe_plain(pipe, p);
	pipe->d.ops->put(pipe->d.ops->ctx, p);
}
