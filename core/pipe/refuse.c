/* SPDX-License-Identifier: MIT
 *
 * A HIP peer's connection that nothing here accepts is refused with a RST or an ICMP error, so
 * that the peer need not wait for a timeout: mail and FTP servers connect to IDENT (RFC 1413) at
 * each log-in.
 *
 * Only a SYN is answered with a RST.  Any other segment may belong to a connection whose flow was
 * lost and may be restored.  These answers are rate-limited together with the ICMP errors.
 */
#include "pipe/refuse.h"

#include <string.h>

#include "pipe/icmp.h"
#include "pipe/packet.h"
#include "pipe/seal.h"
#include "wire/checksum.h"

/* RFC 9293, section 3.10.7.1: sequence number 0, and an acknowledgement of the whole segment. */
static void build_reset(struct hp_packet *q, const struct hp_packet *p)
{
	const uint8_t *from = p->data + p->l4_off;
	uint32_t payload = (uint32_t)(p->len - p->l4_off) - (from[HP_TCP_OFF_DOFF] >> 4) * 4u;
	struct hp_ip_head h = {
		.src = p->dst, .dst = p->src, .proto = HP_PROTO_TCP, .ttl = 64,
		.payload_len = HP_TCP_HLEN,
	};
	uint8_t *tcp = q->data + hp_ip_build(q->data, &h);

	memset(tcp, 0, HP_TCP_HLEN);
	hp_put16(tcp, p->dport);
	hp_put16(tcp + 2, p->sport);
	hp_put32(tcp + HP_TCP_OFF_ACK, hp_get32(from + HP_TCP_OFF_SEQ) + 1 + payload);
	tcp[HP_TCP_OFF_DOFF] = HP_TCP_HLEN << 2;
	tcp[HP_TCP_OFF_FLAGS] = HP_TCP_RST | HP_TCP_ACK;
	hp_put16(tcp + HP_TCP_OFF_CSUM, hp_csum_l4(&h.src, &h.dst, HP_PROTO_TCP, tcp, HP_TCP_HLEN));
	q->len = (size_t)(tcp - q->data) + HP_TCP_HLEN;
}

static void send_reset(struct hp_pipe *pipe, const struct hp_packet *p)
{
	struct hp_packet *q;

	if (!hp_tokens_take(&pipe->icmp_tokens, hp_pipe_now(pipe), 1))
		return;
	q = pipe->d.ops->get(pipe->d.ops->ctx);
	if (!q)
		return;
	build_reset(q, p);
	if (!hp_packet_dissect(q))
		hp_pipe_seal(pipe, q, p->assoc, 0);
	pipe->d.ops->put(pipe->d.ops->ctx, q);
}

/* The data offset may point behind the packet's end, or into the header. */
static bool header_fits(const struct hp_packet *p)
{
	size_t hlen = (p->data[p->l4_off + HP_TCP_OFF_DOFF] >> 4) * 4u;

	return hlen >= HP_TCP_HLEN && hlen <= p->len - p->l4_off;
}

void hp_pipe_refuse_peer(struct hp_pipe *pipe, const struct hp_packet *p)
{
	uint8_t flags = hp_pipe_tcp_flags(p);

	if (p->frag_off || p->frag_more)
		return;
	if (p->proto == HP_PROTO_UDP)
		hp_pipe_icmp_port_peer(pipe, p);
	else if ((flags & (HP_TCP_SYN | HP_TCP_ACK | HP_TCP_RST)) == HP_TCP_SYN && header_fits(p))
		send_reset(pipe, p);
}
