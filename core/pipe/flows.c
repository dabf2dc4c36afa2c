/* SPDX-License-Identifier: MIT
 *
 * The beginning and the end of flows: plugins and the daemon are told.
 */
#include "pipe/flows.h"

#include "flow/follow.h"
#include "plugin/algs.h"

void hp_pipe_flow_ends(void *ctx, struct hp_flow *f)
{
	struct hp_pipe *pipe = ctx;
	struct hp_event_info info = { .event = HP_EVENT_FLOW_GONE, .assoc = f->assoc,
				      .flow = f };

	hp_registry_event(pipe->d.registry, &info);
	if (pipe->d.ops->flow_gone)
		pipe->d.ops->flow_gone(pipe->d.ops->ctx, f);
}

/* By its server's port, unless who announced it has said by whom. */
static void follow(struct hp_pipe *pipe, struct hp_flow *f)
{
	uint16_t port = f->outbound ? f->key.far_port : f->key.local_port;
	const struct hp_alg *alg;
	struct hp_instance *self;

	if (f->flags & HP_FLOW_FOLLOWED)
		return;
	alg = hp_registry_alg(pipe->d.registry, f->key.proto, port, &self);
	if (alg)
		hp_flow_follow(f, self, alg);
}

void hp_pipe_flow_made(struct hp_pipe *pipe, struct hp_flow *f)
{
	struct hp_event_info info = { .event = HP_EVENT_FLOW_NEW, .assoc = f->assoc, .flow = f };

	hp_registry_event(pipe->d.registry, &info);
	follow(pipe, f);
}

struct hp_flow *hp_pipe_flow_restore(struct hp_pipe *pipe, const struct hp_flow_key *key,
				     bool outbound)
{
	struct hp_flow *f;

	if (hp_flow_restore(pipe->flows, key, outbound, &f))
		return NULL;
	hp_pipe_flow_made(pipe, f);
	return f;
}

void hp_pipe_flow_begins(struct hp_pipe *pipe, struct hp_flow *f, struct hp_assoc *a,
			 struct hp_pipe_assoc *pa)
{
	hp_flow_bind(f, a, &pa->flows);
	hp_pipe_flow_made(pipe, f);
	if (pipe->d.ops->flow_new)
		pipe->d.ops->flow_new(pipe->d.ops->ctx, f);
}
