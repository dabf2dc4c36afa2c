/* SPDX-License-Identifier: MIT
 *
 * Which hooks are run for a packet; the core's own steps are among them.
 *
 * The choice is made once for a flow, and again when the flow's flags have changed.  Flows with
 * the same choice share one record, so a flow needs only a pointer.
 */
#include "pipe/hooks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pipe/datagram.h"
#include "pipe/l7.h"
#include "pipe/trace.h"

/* ---- the core's steps */

static enum hp_verdict xlat_verdict(struct hp_pipe *pipe, struct hp_packet *p,
				    enum hp_stage stage, int err)
{
	const char *name = hp_stage_name(stage);

	switch (err) {
	case 0:
		return HP_NEXT;
	case -EBADMSG:
		return hp_pipe_drop(pipe, p, name, HP_DROP_BAD_TRANSPORT);
	case -EPROTONOSUPPORT:
		return hp_pipe_drop(pipe, p, name, HP_DROP_NO_MAPPING);
	case -ETIME:
		return hp_pipe_drop(pipe, p, name, HP_DROP_TTL);
	default:
		return hp_pipe_drop(pipe, p, name, HP_DROP_XLAT);
	}
}

/* Does the core translate this protocol? */
static bool is_ours(const struct hp_pipe *pipe, uint8_t proto)
{
	return proto == HP_PROTO_TCP || proto == HP_PROTO_UDP ||
	       hp_xlat_carries(&pipe->xlat, proto);
}

int hp_pipe_translate(struct hp_pipe *pipe, struct hp_packet *p)
{
	if (!p->flow)
		return -EPROTONOSUPPORT;
	return p->dir == HP_OUTBOUND ? hp_xlat_to_hit(&pipe->xlat, p, &p->flow->key) :
				       hp_xlat_to_legacy(&pipe->xlat, p, &p->flow->key);
}

/* A plugin before this step may have translated the packet already. */
static enum hp_verdict xlat_out(struct hp_instance *self, struct hp_packet *p)
{
	struct hp_pipe *pipe = *(struct hp_pipe **)self->state;

	if (hp_addr_eq(&p->dst, &p->flow->key.peer_hit) &&
	    hp_addr_eq(&p->src, &p->flow->key.local_hit))
		return HP_NEXT;
	if (!is_ours(pipe, p->proto))
		return xlat_verdict(pipe, p, HP_STAGE_OUT_XLAT, -EPROTONOSUPPORT);
	return xlat_verdict(pipe, p, HP_STAGE_OUT_XLAT,
			    hp_xlat_to_hit(&pipe->xlat, p, &p->flow->key));
}

static enum hp_verdict xlat_in(struct hp_instance *self, struct hp_packet *p)
{
	struct hp_pipe *pipe = *(struct hp_pipe **)self->state;

	if (hp_addr_eq(&p->dst, &p->flow->key.legacy))
		return HP_NEXT;
	if (!is_ours(pipe, p->proto))
		return xlat_verdict(pipe, p, HP_STAGE_IN_XLAT, -EPROTONOSUPPORT);
	return xlat_verdict(pipe, p, HP_STAGE_IN_XLAT,
			    hp_xlat_to_legacy(&pipe->xlat, p, &p->flow->key));
}

static const struct hp_hook core_hooks[] = {
	{ .name = "core.xlat46", .stage = HP_STAGE_OUT_XLAT, .match = { .family = 4 },
	  .fn = xlat_out, .help = "IPv4 header to HITs (RFC 7915)" },
	{ .name = "core.xlat66", .stage = HP_STAGE_OUT_XLAT, .match = { .family = 6 },
	  .fn = xlat_out, .help = "IPv6 addresses to HITs" },
	{ .name = "core.xlat64", .stage = HP_STAGE_IN_XLAT, .match = { .family = 4 },
	  .fn = xlat_in, .help = "HITs to an IPv4 header (RFC 7915)" },
	{ .name = "core.xlat66", .stage = HP_STAGE_IN_XLAT, .match = { .family = 6 },
	  .fn = xlat_in, .help = "HITs to IPv6 addresses" },
	{ .name = "core.seqadj", .stage = HP_STAGE_OUT_L7,
	  .match = { .proto = HP_PROTO_TCP, .flow_flags = HP_FLOW_FOLLOWED },
	  .fn = hp_pipe_seqadj, .help = "followed streams: payload and sequence numbers" },
	{ .name = "core.seqadj", .stage = HP_STAGE_IN_L7,
	  .match = { .proto = HP_PROTO_TCP, .flow_flags = HP_FLOW_FOLLOWED },
	  .fn = hp_pipe_seqadj, .help = "followed streams: payload and sequence numbers" },
	{ .name = "core.alg", .stage = HP_STAGE_OUT_L7,
	  .match = { .proto = HP_PROTO_UDP, .flow_flags = HP_FLOW_FOLLOWED },
	  .fn = hp_pipe_datagram, .help = "followed datagrams" },
	{ .name = "core.alg", .stage = HP_STAGE_IN_L7,
	  .match = { .proto = HP_PROTO_UDP, .flow_flags = HP_FLOW_FOLLOWED },
	  .fn = hp_pipe_datagram, .help = "followed datagrams" },
};

int hp_pipe_core_hooks(struct hp_pipe **slot, struct hp_registry *reg)
{
	for (size_t i = 0; i < sizeof(core_hooks) / sizeof(*core_hooks); i++) {
		int err = hp_registry_core_hook(reg, &core_hooks[i], slot);

		if (err)
			return err;
	}
	return 0;
}

bool hp_pipe_maps(const struct hp_pipe *pipe, uint8_t proto)
{
	size_t n;
	const struct hp_step *steps =
		hp_registry_hooks(pipe->d.registry, HP_STAGE_OUT_XLAT, &n);

	for (size_t i = 0; i < n; i++)
		if (steps[i].hook->match.proto == proto)
			return true;
	return is_ours(pipe, proto);
}

/* ---- choices */

static const struct hp_choice *choice(struct hp_pipe *pipe, const struct hp_match_in *in)
{
	struct hp_choice c = { .flow_flags = in->flow_flags };
	struct hp_choice *found;

	hp_registry_resolve_all(pipe->d.registry, in, &c.wanted);
	for (found = pipe->choices; found; found = found->next)
		if (found->flow_flags == c.flow_flags &&
		    !memcmp(&found->wanted, &c.wanted, sizeof(c.wanted)))
			return found;
	found = malloc(sizeof(*found));
	if (!found)
		return NULL;
	*found = c;
	found->next = pipe->choices;
	pipe->choices = found;
	return found;
}

void hp_pipe_choices_free(struct hp_pipe *pipe)
{
	struct hp_choice *next;

	for (struct hp_choice *c = pipe->choices; c; c = next) {
		next = c->next;
		free(c);
	}
	pipe->choices = NULL;
}

/* The hooks for an ICMP error about a flow.  Such errors are rare, so the choice is not kept. */
static uint64_t related_choice(struct hp_pipe *pipe, const struct hp_packet *p,
			       enum hp_stage stage)
{
	struct hp_match_in in = {
		.family = hp_addr_is4(&p->flow->key.legacy) ? 4 : 6,
		.proto = p->proto,
		.flow_flags = p->flow->flags,
	};

	return hp_registry_resolve(pipe->d.registry, stage, &in);
}

static const struct hp_choice *flow_choice(struct hp_pipe *pipe, struct hp_flow *f)
{
	const struct hp_choice *c = f->hooks;
	struct hp_match_in in;

	if (c && c->flow_flags == f->flags)
		return c;
	in = (struct hp_match_in){
		.family = hp_addr_is4(&f->key.legacy) ? 4 : 6,
		.proto = f->key.proto,
		.port = f->outbound ? f->key.far_port : f->key.local_port,
		.flow_flags = f->flags,
	};
	c = choice(pipe, &in);
	f->hooks = (void *)c;
	return c;
}

/* ---- running them */

static const char *verdict_name(enum hp_verdict v)
{
	static const char *const names[] = { "next", "pass", "drop", "taken" };

	return (unsigned int)v < 4 ? names[v] : "?";
}

/* Core steps have counted and traced their drops. */
static void account(struct hp_pipe *pipe, const struct hp_packet *p, enum hp_stage stage,
		    enum hp_verdict v, const struct hp_step *last)
{
	const struct hp_plugin *plugin = last->self->plugin;
	const char *reason = "";

	if (last->hook >= core_hooks &&
	    last->hook < core_hooks + sizeof(core_hooks) / sizeof(*core_hooks))
		return;
	if (v == HP_DROP && last->self->last_drop < last->self->drops.n)
		reason = plugin->drops[last->self->last_drop].name;
	if (v == HP_DROP)
		hp_pipe_drop_hook(pipe, p, hp_stage_name(stage), last->hook->name, reason);
	else
		hp_pipe_note_hook(pipe, p, hp_stage_name(stage), last->hook->name,
				  verdict_name(v), "");
}

/* A packet that is translated already, or comes from a peer, can't be returned to the kernel: it
 * would travel in the clear. */
static enum hp_verdict no_pass(struct hp_pipe *pipe, const struct hp_packet *p,
			       enum hp_stage stage, const struct hp_step *last)
{
	return hp_pipe_drop_hook(pipe, p, hp_stage_name(stage), last->hook->name,
				 "too late to pass");
}

static enum hp_verdict run(struct hp_pipe *pipe, struct hp_packet *p, enum hp_stage stage,
			   uint64_t wanted)
{
	const struct hp_step *last;
	enum hp_verdict v;

	if (!wanted)
		return HP_NEXT;
	v = hp_registry_run(pipe->d.registry, stage, wanted, p, &last);
	if (v == HP_PASS && stage > HP_STAGE_OUT_L7)
		return no_pass(pipe, p, stage, last);
	if (v != HP_NEXT && last)
		account(pipe, p, stage, v, last);
	return v;
}

enum hp_verdict hp_pipe_hooks(struct hp_pipe *pipe, struct hp_packet *p, enum hp_stage stage)
{
	const struct hp_choice *c;

	if (p->related)
		return run(pipe, p, stage, related_choice(pipe, p, stage));
	c = flow_choice(pipe, p->flow);
	if (!c)
		return hp_pipe_drop(pipe, p, hp_stage_name(stage), HP_DROP_NO_MEMORY);
	return run(pipe, p, stage, c->wanted.stage[stage]);
}

enum hp_verdict hp_pipe_hooks_early(struct hp_pipe *pipe, struct hp_packet *p,
				    enum hp_stage stage)
{
	struct hp_match_in in = { .family = p->family, .proto = p->proto, .port = p->dport };
	size_t n;

	hp_registry_hooks(pipe->d.registry, stage, &n);
	return n ? run(pipe, p, stage, hp_registry_resolve(pipe->d.registry, stage, &in)) :
		   HP_NEXT;
}
