/* SPDX-License-Identifier: MIT
 *
 * The one place that answers a legacy host with an ICMP error (RFC 792, RFC 4443).
 *
 * Rate-limited, never in answer to an error, a fragment that is not the first, or a group
 * address (RFC 1122, 3.2.2; RFC 4443, 2.4).
 */
#include "pipe/internal.h"
#include "wire/icmp.h"

#include <netinet/in.h>

enum error_kind { PROHIBITED, UNREACHABLE, TOO_BIG };

/* type, code by family: ICMPv4 destination unreachable and ICMPv6's. */
static const struct {
	uint8_t type4, code4, type6, code6;
} kinds[] = {
	[PROHIBITED] = { 3, 13, 1, 1 },  /* communication administratively prohibited */
	[UNREACHABLE] = { 3, 1, 1, 3 },  /* host unreachable; address unreachable */
	[TOO_BIG] = { 3, 4, 2, 0 },      /* fragmentation needed; packet too big */
};

static void send_error(struct hp_pipe *pipe, const struct hp_packet *p, enum error_kind k,
		       uint32_t mtu)
{
	struct hp_packet *e;
	int len;

	if (!hp_icmp_may_answer(p->data, p->len))
		return;
	if (!hp_tokens_take(&pipe->icmp_tokens, hp_pipe_now(pipe)))
		return;
	e = pipe->d.ops->get(pipe->d.ops->ctx);
	if (!e)
		return;
	/* From the destination's address: the one the client knows and routes back to. */
	if (p->family == 4)
		len = hp_icmp4_error_build(e->data, 1500, kinds[k].type4, kinds[k].code4, mtu,
					   &p->dst, p->data, p->len);
	else
		len = hp_icmp6_error_build(e->data, 1500, kinds[k].type6, kinds[k].code6, mtu,
					   &p->dst, p->data, p->len);
	if (len > 0) {
		e->len = len;
		if (!hp_packet_dissect(e))
			pipe->d.ops->plain_send(pipe->d.ops->ctx, e);
	}
	pipe->d.ops->put(pipe->d.ops->ctx, e);
}

void hp_pipe_icmp_prohibited(struct hp_pipe *pipe, const struct hp_packet *p)
{
	send_error(pipe, p, PROHIBITED, 0);
}

void hp_pipe_icmp_unreachable(struct hp_pipe *pipe, const struct hp_packet *p)
{
	send_error(pipe, p, UNREACHABLE, 0);
}

void hp_pipe_icmp_too_big(struct hp_pipe *pipe, const struct hp_packet *p, unsigned int mtu)
{
	send_error(pipe, p, TOO_BIG, mtu);
}
