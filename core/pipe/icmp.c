/* SPDX-License-Identifier: MIT
 *
 * The one place that answers a sender with an ICMP error (RFC 792, RFC 4443).
 *
 * Errors are rate-limited.  None is sent about an ICMP error, about a fragment that is not the
 * first, or about a packet to a group address (RFC 1122, section 3.2.2; RFC 4443, section 2.4).
 */
#include "pipe/icmp.h"

#include "pipe/emit.h"
#include "pipe/seal.h"

/* The error, and its largest size in octets. */
struct saying {
	enum hp_icmp_error err;
	uint32_t mtu;
	size_t max;
};

/* The error about p.  Its source is p's destination: the sender has a route to it.  NULL: no
 * error may be sent. */
static struct hp_packet *make_error(struct hp_pipe *pipe, const struct hp_packet *p,
				    const struct saying *what)
{
	struct hp_packet *e;
	struct hp_ip ip;
	uint8_t type = 0;

	if (hp_ip_parse(p->data, p->len, &ip))
		return NULL;
	if (ip.proto == HP_PROTO_ICMP || ip.proto == HP_PROTO_ICMP6)
		type = ip.icmp_type;
	if (!hp_icmp_may_answer(&ip, p->data, type) ||
	    !hp_tokens_take(&pipe->icmp_tokens, hp_pipe_now(pipe), 1))
		return NULL;
	e = pipe->d.ops->get(pipe->d.ops->ctx);
	if (!e)
		return NULL;
	e->len = hp_icmp_error_build(e->data, what->max, what->err, what->mtu, &p->dst, &ip,
				     p->data, p->len);
	if (e->len && ip.family == 4) /* RFC 7915, 5.1 */
		hp_ip4_id_set(e->data, (uint16_t)pipe->xlat.ip_id++);
	if (e->len && !hp_packet_dissect(e))
		return e;
	pipe->d.ops->put(pipe->d.ops->ctx, e);
	return NULL;
}

static void send_error(struct hp_pipe *pipe, const struct hp_packet *p,
		       enum hp_icmp_error err, uint32_t mtu)
{
	struct saying what = { err, mtu, HP_ICMP6_ERR_MAX };
	struct hp_packet *e = make_error(pipe, p, &what);

	if (!e)
		return;
	hp_pipe_plain(pipe, e);
	pipe->d.ops->put(pipe->d.ops->ctx, e);
}

/* To the HIP peer that sent p, in one ESP packet. */
static void send_error_peer(struct hp_pipe *pipe, const struct hp_packet *p,
			    enum hp_icmp_error err, uint32_t mtu)
{
	struct saying what = { err, mtu, HP_IP6_HLEN + hp_pipe_max_payload(pipe, p->assoc) };
	struct hp_packet *e;

	if (what.max > HP_ICMP6_ERR_MAX)
		what.max = HP_ICMP6_ERR_MAX;
	e = make_error(pipe, p, &what);
	if (!e)
		return;
	hp_pipe_seal(pipe, e, p->assoc, 0);
	pipe->d.ops->put(pipe->d.ops->ctx, e);
}

void hp_pipe_icmp_too_big_peer(struct hp_pipe *pipe, const struct hp_packet *p,
			       unsigned int mtu)
{
	send_error_peer(pipe, p, HP_ICMP_ERR_TOO_BIG, mtu);
}

void hp_pipe_icmp_port_peer(struct hp_pipe *pipe, const struct hp_packet *p)
{
	send_error_peer(pipe, p, HP_ICMP_ERR_PORT, 0);
}

void hp_pipe_icmp_protocol_peer(struct hp_pipe *pipe, const struct hp_packet *p)
{
	send_error_peer(pipe, p, HP_ICMP_ERR_PROTO, 0);
}

void hp_pipe_icmp_protocol(struct hp_pipe *pipe, const struct hp_packet *p)
{
	send_error(pipe, p, HP_ICMP_ERR_PROTO, 0);
}

void hp_pipe_icmp_prohibited(struct hp_pipe *pipe, const struct hp_packet *p)
{
	send_error(pipe, p, HP_ICMP_ERR_ADMIN, 0);
}

void hp_pipe_icmp_unreachable(struct hp_pipe *pipe, const struct hp_packet *p)
{
	send_error(pipe, p, HP_ICMP_ERR_HOST, 0);
}

void hp_pipe_icmp_too_big(struct hp_pipe *pipe, const struct hp_packet *p, unsigned int mtu)
{
	send_error(pipe, p, HP_ICMP_ERR_TOO_BIG, mtu);
}

void hp_pipe_icmp_ttl(struct hp_pipe *pipe, const struct hp_packet *p)
{
	send_error(pipe, p, HP_ICMP_ERR_TTL, 0);
}

void hp_pipe_icmp_route(struct hp_pipe *pipe, const struct hp_packet *p)
{
	if (p->dir == HP_INBOUND)
		send_error_peer(pipe, p, HP_ICMP_ERR_ROUTE, 0);
	else
		send_error(pipe, p, HP_ICMP_ERR_ROUTE, 0);
}
