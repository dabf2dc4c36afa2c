/* SPDX-License-Identifier: MIT
 *
 * The outer side: runs of ESP, and HIP messages as runs of one, meet the hooks of OUT_OUTER before
 * they are sent and those of IN_OUTER when they have arrived.  A stage without hooks costs a
 * comparison.
 */
#include "pipe/outer.h"

#include <errno.h>
#include <string.h>

#include "pipe/trace.h"
#include "wire/hip.h"

#define CONTROL_ROOM 64 /* in front of a HIP message and behind it, for hooks */

static bool has_hooks(const struct hp_pipe *pipe, enum hp_stage stage)
{
	size_t n;

	hp_registry_hooks(pipe->d.registry, stage, &n);
	return n;
}

/* For traces and logs: the first packet of the run. */
static struct hp_packet packet_of(const struct hp_outer_run *r, enum hp_direction dir)
{
	bool in = dir == HP_INBOUND;

	return (struct hp_packet){
		.data = r->data, .len = hp_outer_len(r, 0), .dir = dir,
		.family = hp_addr_is4(&r->path.dst) ? 4 : 6,
		.proto = r->path.dport ? HP_PROTO_UDP :
			 r->kind == HP_OUTER_CONTROL ? HP_PROTO_HIP : HP_PROTO_ESP,
		.src = in ? r->path.dst : r->path.src, .dst = in ? r->path.src : r->path.dst,
		.sport = in ? r->path.dport : r->path.sport,
		.dport = in ? r->path.sport : r->path.dport,
		.ttl = r->ttl, .tos = r->tos,
	};
}

static void drop_all(struct hp_pipe *pipe, const struct hp_outer_run *r, uint32_t n,
		     enum hp_direction dir, const struct hp_step *step, enum hp_verdict v)
{
	const struct hp_instance *self = step->self;
	struct hp_packet p = packet_of(r, dir);
	const char *reason = v == HP_PASS ? "too late to pass" :
			     self->last_drop < self->drops.n ?
			     self->plugin->drops[self->last_drop].name : "";

	hp_pipe_drop_hook(pipe, &p, hp_stage_name(step->hook->stage), step->hook->name, reason);
	if (n > 1)
		hp_pipe_drop_count(pipe, HP_DROP_PLUGIN, n - 1);
}

/* ---- outbound */

struct leaving {
	struct hp_pipe *pipe;
	int err;
	uint32_t lost;
};

static void send(void *ctx, struct hp_outer_run *r)
{
	struct leaving *l = ctx;
	uint32_t lost = r->n;
	int err = l->pipe->d.ops->outer_send(l->pipe->d.ops->ctx, r, &lost);

	if (!err)
		return;
	l->lost += lost;
	if (!l->err)
		l->err = err;
}

static void not_sent(void *ctx, const struct hp_outer_run *r, uint32_t n,
		     const struct hp_step *step, enum hp_verdict v)
{
	struct leaving *l = ctx;

	drop_all(l->pipe, r, n, HP_OUTBOUND, step, v);
}

int hp_pipe_outer_send(struct hp_pipe *pipe, struct hp_outer_run *r, uint32_t *lost)
{
	struct leaving l = { .pipe = pipe };
	struct hp_outer_end end = { &l, send, not_sent };

	if (has_hooks(pipe, HP_STAGE_OUT_OUTER))
		hp_registry_outer(pipe->d.registry, HP_STAGE_OUT_OUTER, r, &end);
	else
		send(&l, r);
	*lost = l.lost;
	return l.err;
}

int hp_pipe_control_send(struct hp_pipe *pipe, const struct hp_path *path, const uint8_t *msg,
			 size_t len)
{
	uint8_t room[CONTROL_ROOM + HP_HIP_MAX + CONTROL_ROOM];
	struct hp_outer_run r = { .kind = HP_OUTER_CONTROL, .path = *path,
				  .data = room + CONTROL_ROOM, .n = 1, .seg = (uint32_t)len,
				  .last = (uint32_t)len, .head = CONTROL_ROOM };
	uint32_t lost;

	if (len > HP_HIP_MAX)
		return -EMSGSIZE;
	r.tail = (uint32_t)(sizeof(room) - CONTROL_ROOM - len);
	memcpy(r.data, msg, len);
	return hp_pipe_outer_send(pipe, &r, &lost);
}

/* ---- inbound */

/* Runs of ESP that were received together and not opened yet. */
struct arriving {
	struct hp_pipe *pipe;
	unsigned int n;
	struct hp_esp_arrived esp[HP_PIPE_BURST];
};

static void open_all(struct arriving *g)
{
	if (g->n)
		hp_pipe_esp_arrived(g->pipe, g->esp, g->n);
	g->n = 0;
}

static void add_esp(struct arriving *g, const struct hp_outer_run *r)
{
	g->esp[g->n++] = (struct hp_esp_arrived){
		.data = r->data, .n = r->n, .seg = r->seg, .last = r->last,
		.src = r->path.dst, .dst = r->path.src, .sport = r->path.dport,
		.dport = r->path.sport, .family = hp_addr_is4(&r->path.dst) ? 4 : 6,
		.ttl = r->ttl, .tos = r->tos,
	};
	if (g->n == HP_PIPE_BURST)
		open_all(g);
}

static void drop_unknown(struct hp_pipe *pipe, const struct hp_outer_run *r)
{
	struct hp_packet p = packet_of(r, HP_INBOUND);

	hp_pipe_drop(pipe, &p, "in.outer", HP_DROP_OUTER);
	if (r->n > 1)
		hp_pipe_drop_count(pipe, HP_DROP_OUTER, r->n - 1);
}

/* Nothing overtakes a HIP message: it may close the association. */
static void arrived(void *ctx, struct hp_outer_run *r)
{
	struct arriving *g = ctx;
	struct hp_pipe *pipe = g->pipe;

	if (r->kind == HP_OUTER_ESP) {
		add_esp(g, r);
	} else if (r->kind == HP_OUTER_CONTROL) {
		open_all(g);
		pipe->d.ops->control(pipe->d.ops->ctx, &r->path, r->data, r->last);
	} else {
		drop_unknown(pipe, r);
	}
}

static void not_taken(void *ctx, const struct hp_outer_run *r, uint32_t n,
		      const struct hp_step *step, enum hp_verdict v)
{
	struct arriving *g = ctx;

	drop_all(g->pipe, r, n, HP_INBOUND, step, v);
}

void hp_pipe_arrived(struct hp_pipe *pipe, struct hp_outer_run *r, unsigned int n)
{
	bool hooks = has_hooks(pipe, HP_STAGE_IN_OUTER);
	struct arriving g;
	struct hp_outer_end end = { &g, arrived, not_taken };

	g.pipe = pipe;
	g.n = 0;
	for (unsigned int i = 0; i < n; i++)
		if (hooks)
			hp_registry_outer(pipe->d.registry, HP_STAGE_IN_OUTER, &r[i], &end);
		else
			arrived(&g, &r[i]);
	open_all(&g);
}
