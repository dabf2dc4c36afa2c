/* SPDX-License-Identifier: MIT
 *
 * Reassembly, and source routes that have places left.
 */
#include "pipe/whole.h"

#include <errno.h>

#include "pipe/icmp.h"
#include "pipe/limited.h"
#include "pipe/trace.h"
#include "pipe/verdict.h"

static struct hp_packet *no_fragment(struct hp_pipe *pipe, struct hp_packet *p,
				     const char *stage, enum hp_drop_reason why)
{
	hp_pipe_conclude(pipe, p, hp_pipe_drop(pipe, p, stage, why));
	return NULL;
}

/* 0: p is taken over.  Reports the limit if another datagram was evicted for it. */
static int put_together(struct hp_pipe *pipe, struct hp_packet *p, struct hp_packet **all)
{
	const uint64_t *count = hp_reassembly_counters(pipe->reasm);
	uint64_t full = count[HP_REASMC_EVICTED], share = count[HP_REASMC_SHARE];
	struct hp_addr src = p->src;
	int err = hp_reassembly_add(pipe->reasm, p, all);

	if (count[HP_REASMC_EVICTED] != full)
		hp_pipe_limited(pipe, HP_PIPE_LIMIT_REASSEMBLY, &src);
	if (count[HP_REASMC_SHARE] != share)
		hp_pipe_limited(pipe, HP_PIPE_LIMIT_CLIENT_REASSEMBLY, &src);
	return err;
}

struct hp_packet *hp_pipe_whole(struct hp_pipe *pipe, struct hp_packet *p, const char *stage)
{
	struct hp_packet *all = NULL;

	if (!p->frag_more && !p->frag_off)
		return p;
	hp_pipe_steal(pipe, p);
	switch (put_together(pipe, p, &all)) {
	case 0:
		return all;
	case -EINVAL:
		hp_pipe_icmp_route(pipe, p);
		return no_fragment(pipe, p, stage, HP_DROP_XLAT);
	case -ENOBUFS:
		return no_fragment(pipe, p, stage, HP_DROP_NO_MEMORY);
	default:
		return no_fragment(pipe, p, stage, HP_DROP_FRAGMENT);
	}
}

/* RFC 7915, sections 4.1 and 5.1: translation removes options and extension headers, but a source
 * route with places left is an error. */
enum hp_verdict hp_pipe_look_at_route(struct hp_pipe *pipe, const struct hp_packet *p,
				      const char *stage)
{
	struct hp_ip ip;

	if (hp_ip_parse(p->data, p->len, &ip) || !ip.has_routing)
		return HP_NEXT;
	hp_pipe_icmp_route(pipe, p);
	return hp_pipe_drop(pipe, p, stage, HP_DROP_XLAT);
}
