/* SPDX-License-Identifier: MIT
 *
 * Connections that another one has announced (flow/expect.h).
 */
#include "pipe/expected.h"

#include <errno.h>

#include "pipe/area.h"
#include "pipe/flows.h"
#include "pipe/limited.h"
#include "pipe/packet.h"
#include "pipe/trace.h"

/* Only what begins a connection is ever expected. */
static bool begins(const struct hp_packet *p)
{
	return (hp_pipe_tcp_flags(p) & (HP_TCP_SYN | HP_TCP_ACK | HP_TCP_RST | HP_TCP_FIN)) == HP_TCP_SYN;
}

enum hp_verdict hp_pipe_expected_in(struct hp_pipe *pipe, struct hp_packet *p,
				    struct hp_flow **f)
{
	struct hp_pipe_assoc *pa;
	struct hp_expect e;
	int err;

	*f = NULL;
	if (!begins(p) || hp_expect_take_in(hp_flowdb_expect(pipe->flows), p->proto, &p->dst,
					    p->dport, &p->src, &e))
		return HP_NEXT;
	e.key.peer_port = e.key.far_port = p->sport;
	pa = hp_pipe_assoc_area(p->assoc);
	err = pa ? hp_flow_add(pipe->flows, &e.key, false, f) : -ENOMEM;
	if (err)
		return hp_pipe_drop(pipe, p, "in.flow", hp_pipe_flow_refused(pipe, p, err));
	(*f)->expected = true;
	hp_flow_flag_set(*f, e.flags);
	hp_pipe_flow_begins(pipe, *f, p->assoc, pa);
	return HP_NEXT;
}

bool hp_pipe_expected_out(struct hp_pipe *pipe, const struct hp_packet *p, struct hp_expect *e)
{
	return begins(p) && !hp_expect_take_out(hp_flowdb_expect(pipe->flows), p->proto, &p->src,
						&p->dst, p->dport, e);
}
