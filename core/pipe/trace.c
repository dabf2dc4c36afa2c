/* SPDX-License-Identifier: MIT
 *
 * The one exit for drops; tracing and logging of verdicts.
 */
#include "pipe/trace.h"

#include <stdio.h>

#include "pipe/packet.h"

static bool traced(const struct hp_pipe *pipe, const struct hp_packet *p)
{
	return pipe->trace_fn && (hp_addr_eq(&p->src, &pipe->trace_addr) ||
				  hp_addr_eq(&p->dst, &pipe->trace_addr) ||
				  (p->flow && (hp_addr_eq(&p->flow->key.legacy, &pipe->trace_addr) ||
					       hp_addr_eq(&p->flow->key.far, &pipe->trace_addr))));
}

static void describe(const struct hp_packet *p, char *out, size_t bytes)
{
	char src[HP_ADDR_STRLEN], dst[HP_ADDR_STRLEN];

	snprintf(out, bytes, "proto %u %s:%u > %s:%u len %zu", p->proto,
		 hp_addr_format(&p->src, src), p->sport, hp_addr_format(&p->dst, dst), p->dport,
		 p->len);
}

static void trace(struct hp_pipe *pipe, const struct hp_packet *p, const char *stage,
		  const char *hook, const char *verdict, const char *reason)
{
	struct hp_trace_line line = { .t_us = hp_clock_us(pipe->d.clock), .stage = stage,
				      .hook = hook, .verdict = verdict, .reason = reason };

	describe(p, line.packet, sizeof(line.packet));
	pipe->trace_fn(pipe->trace_ctx, &line);
}

void hp_pipe_note(struct hp_pipe *pipe, const struct hp_packet *p, const char *stage,
		  const char *verdict, const char *reason)
{
	if (traced(pipe, p))
		trace(pipe, p, stage, "", verdict, reason);
}

void hp_pipe_note_hook(struct hp_pipe *pipe, const struct hp_packet *p, const char *stage,
		       const char *hook, const char *verdict, const char *reason)
{
	if (traced(pipe, p))
		trace(pipe, p, stage, hook, verdict, reason);
}

/* Called only at level debug.  A flow has a peer and a legacy host; without a flow only the
 * source is known. */
static void log_drop(struct hp_pipe *pipe, const struct hp_packet *p, enum hp_drop_reason r)
{
	struct hp_log_about about = { .limit = &pipe->drop_tokens, .reason = hp_drop_name(r) };
	char packet[sizeof(((struct hp_trace_line *)0)->packet)];

	if (p->flow) {
		about.peer = &p->flow->key.peer_hit;
		about.client = &p->flow->key.legacy;
	} else if (p->dir == HP_INBOUND) {
		about.peer_at = &p->src;
	} else if (!hp_pipe_is_local(pipe, p)) {
		about.client = &p->src;
	}
	describe(p, packet, sizeof(packet));
	hp_log_about(HP_LOG_PIPE, HP_LOG_DEBUG, &about, "dropped, %s: %s", about.reason, packet);
}

/* Drops that an administrator wants to hear of (struct hp_pipe_ops). */
static bool is_alarming(enum hp_drop_reason r)
{
	return r == HP_DROP_ESP_AUTH || r == HP_DROP_ESP_REPLAY || r == HP_DROP_ACCESS ||
	       r == HP_DROP_POLICY || r == HP_DROP_UNKNOWN_BLOCKED;
}

static enum hp_verdict drop(struct hp_pipe *pipe, const struct hp_packet *p, enum hp_drop_reason r)
{
	hp_pipe_drop_count(pipe, r, 1);
	if (pipe->d.ops->alarm && is_alarming(r))
		pipe->d.ops->alarm(pipe->d.ops->ctx, p, r);
	/* Superseded acknowledgements are no loss. */
	if (r != HP_DROP_ACK_INCLUDED && hp_log_on(HP_LOG_PIPE, HP_LOG_DEBUG))
		log_drop(pipe, p, r);
	return HP_DROP;
}

enum hp_verdict hp_pipe_drop(struct hp_pipe *pipe, const struct hp_packet *p, const char *stage,
			     enum hp_drop_reason r)
{
	hp_pipe_note(pipe, p, stage, "drop", hp_drop_name(r));
	return drop(pipe, p, r);
}

enum hp_verdict hp_pipe_drop_hook(struct hp_pipe *pipe, const struct hp_packet *p,
				  const char *stage, const char *hook, const char *reason)
{
	hp_pipe_note_hook(pipe, p, stage, hook, "drop", reason);
	return drop(pipe, p, HP_DROP_PLUGIN);
}

void hp_pipe_drop_count(struct hp_pipe *pipe, enum hp_drop_reason r, uint64_t n)
{
	pipe->drops[r] += n;
}

void hp_pipe_trace(struct hp_pipe *pipe, const struct hp_addr *addr, hp_trace_fn fn, void *ctx)
{
	pipe->trace_fn = fn;
	pipe->trace_ctx = ctx;
	if (addr)
		pipe->trace_addr = *addr;
}
