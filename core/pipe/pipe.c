/* SPDX-License-Identifier: MIT
 *
 * The pipeline itself: its tables, the end of a packet's way, counters and tracing.
 */
#include "pipe/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"

#define ICMP_ERRORS_PER_S 100
#define ICMP_ERRORS_BURST 50
#define CUT_RESETS_PER_S  1000

/* ---- settings */

static struct hp_hold_pool hold_limits(const struct hp_conf *conf)
{
	return (struct hp_hold_pool){
		.max_packets = conf->client.hold_packets,
		.max_octets = conf->client.hold_bytes,
		.max_total_packets = conf->limits.hold_packets,
	};
}

static struct hp_flow_timeouts flow_timeouts(const struct hp_conf_timeouts *t)
{
	return (struct hp_flow_timeouts){
		.tcp_syn = t->tcp_syn_s,
		.tcp_established = t->tcp_established_s,
		.tcp_closing = t->tcp_closing_s,
		.udp_unreplied = t->udp_unreplied_s,
		.udp = t->udp_s,
		.icmp = t->icmp_s,
		.other = t->other_s,
	};
}

static struct hp_flow_shares flow_shares(const struct hp_conf_limits *l)
{
	return (struct hp_flow_shares){
		.client = hp_pipe_share(l->client_share, l->flows),
		.peer = hp_pipe_share(l->peer_share, l->flows),
		.port = hp_pipe_share(l->client_share, HP_PIPE_PORTS),
	};
}

static void set_carried(struct hp_pipe *pipe)
{
	const struct hp_conf_ints *list = &pipe->conf->protocols;

	memset(pipe->xlat.carried, 0, sizeof(pipe->xlat.carried));
	for (size_t i = 0; i < list->n; i++)
		pipe->xlat.carried[list->at[i] / 64] |= 1ULL << list->at[i] % 64;
}

static struct hp_policy_rule policy_rule(const struct hp_conf *conf,
					 const struct hp_conf_rule *r)
{
	return (struct hp_policy_rule){
		.client = r->client,
		.destination = r->destination,
		.proto = r->proto,
		.port_min = r->ports.min,
		.port_max = r->ports.max,
		.action = (enum hp_policy_action)r->action,
		.probe = (enum hp_policy_probe)(r->probe < 0 ? conf->client.probe : r->probe),
	};
}

struct hp_policy *hp_pipe_policy_new(const struct hp_conf *conf)
{
	const struct hp_conf_rules *rules = &conf->client.rules;
	struct hp_policy_rule otherwise = { .port_max = 65535, .action = HP_POLICY_PROTECT };
	struct hp_policy_rule *list = calloc(rules->n + 1, sizeof(*list));
	struct hp_policy *policy;

	if (!list)
		return NULL;
	otherwise.probe = (enum hp_policy_probe)conf->client.probe;
	for (size_t i = 0; i < rules->n; i++)
		list[i] = policy_rule(conf, &rules->at[i]);
	policy = hp_policy_new(list, rules->n, &otherwise);
	free(list);
	return policy;
}

/* ---- tables */

static void flow_gone(void *ctx, struct hp_flow *f)
{
	struct hp_pipe *pipe = ctx;
	struct hp_event_info info = { .event = HP_EVENT_FLOW_GONE, .assoc = f->assoc,
				      .flow = f };

	hp_registry_event(pipe->d.registry, &info);
	if (pipe->d.ops->flow_gone)
		pipe->d.ops->flow_gone(pipe->d.ops->ctx, f);
}

void hp_pipe_flow_made(struct hp_pipe *pipe, struct hp_flow *f)
{
	struct hp_event_info info = { .event = HP_EVENT_FLOW_NEW, .assoc = f->assoc, .flow = f };

	hp_registry_event(pipe->d.registry, &info);
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

static size_t area_offset(void *ctx, const struct hp_plugin *self)
{
	struct hp_pipe *pipe = ctx;

	return hp_registry_area_offset(pipe->d.registry, self);
}

static void put(void *ctx, struct hp_packet *p)
{
	struct hp_pipe *pipe = ctx;

	pipe->d.ops->put(pipe->d.ops->ctx, p);
}

static struct hp_packet *grow(void *ctx, struct hp_packet *p)
{
	struct hp_pipe *pipe = ctx;

	return pipe->d.ops->expand(pipe->d.ops->ctx, p);
}

static int tables_new(struct hp_pipe *pipe)
{
	struct hp_flowdb_config fc = {
		.limit = pipe->conf->limits.flows,
		.share = flow_shares(&pipe->conf->limits),
		.area_bytes = hp_registry_area_bytes(pipe->d.registry),
		.timeouts = flow_timeouts(&pipe->conf->timeouts),
		.ctx = pipe,
		.gone = flow_gone,
		.area_offset = area_offset,
	};
	struct hp_peerdb_config pc = {
		.limit = pipe->conf->limits.peers,
		.share = hp_pipe_share(pipe->conf->limits.client_share, pipe->conf->limits.peers),
		.hold_share = hp_pipe_share(pipe->conf->limits.client_share,
					    pipe->conf->limits.hold_packets),
		.hold = hold_limits(pipe->conf),
		.ctx = pipe,
		.gone = hp_pipe_peer_gone,
	};
	struct hp_reassembly_config rc = {
		.max_datagrams = pipe->conf->limits.reassembly,
		.share = hp_pipe_share(pipe->conf->limits.client_share,
				       pipe->conf->limits.reassembly),
		.timeout_ms = 1000ull * pipe->conf->timeouts.reassembly_s,
		.ctx = pipe,
		.put = put,
		.grow = grow,
	};

	if (hp_rand_fill(pipe->d.rand, &fc.hash_key, sizeof(fc.hash_key)) ||
	    hp_rand_fill(pipe->d.rand, &pc.hash_key, sizeof(pc.hash_key)) ||
	    hp_rand_fill(pipe->d.rand, &rc.hash_key, sizeof(rc.hash_key)) ||
	    hp_rand_fill(pipe->d.rand, &pipe->xlat.ip_id, sizeof(pipe->xlat.ip_id)))
		return -EIO;
	pipe->flows = hp_flowdb_new(&fc, pipe->d.timers, pipe->d.clock);
	pipe->peers = hp_peerdb_new(&pc, pipe->d.timers, pipe->d.clock);
	pipe->reasm = hp_reassembly_new(&rc, pipe->d.timers, pipe->d.clock);
	pipe->policy = hp_pipe_policy_new(pipe->conf);
	pipe->segment = malloc(HP_PACKET_CAP);
	pipe->batch = malloc(HP_PACKET_CAP);
	if (!pipe->flows || !pipe->peers || !pipe->reasm || !pipe->policy || !pipe->segment ||
	    !pipe->batch)
		return -ENOMEM;
	return 0;
}

struct hp_pipe *hp_pipe_new(const struct hp_pipe_deps *deps)
{
	struct hp_pipe *pipe = calloc(1, sizeof(*pipe));
	int err;

	if (!pipe)
		return NULL;
	pipe->d = *deps;
	pipe->conf = deps->conf;
	set_carried(pipe);
	hp_list_init(&pipe->ready);
	hp_timer_init(&pipe->work, hp_pipe_work);
	hp_timer_init(&pipe->limits_timer, hp_pipe_limits_look);
	hp_tokens_init(&pipe->icmp_tokens, ICMP_ERRORS_PER_S, ICMP_ERRORS_BURST);
	hp_tokens_init(&pipe->log_tokens, 5, 20);
	hp_tokens_init(&pipe->drop_tokens, 5, 20);
	hp_tokens_init(&pipe->cut_tokens, CUT_RESETS_PER_S, CUT_RESETS_PER_S);
	hp_coalesce_init(&pipe->coalesce, hp_pipe_inner, put, pipe);
	pipe->coalesce.grow = grow;
	pipe->coalesce.udp = deps->join_udp;
	err = tables_new(pipe);
	if (err) {
		hp_pipe_free(pipe);
		errno = -err;
		return NULL;
	}
	return pipe;
}

static bool any(const struct hp_packet *p, const void *arg)
{
	(void)p, (void)arg;
	return true;
}

void hp_pipe_free(struct hp_pipe *pipe)
{
	if (!pipe)
		return;
	hp_pipe_acks_free(pipe);
	hp_pipe_ahead_free(pipe);
	hp_coalesce_purge(&pipe->coalesce, any, NULL);
	if (pipe->peers)
		hp_peerdb_free(pipe->peers);
	if (pipe->flows)
		hp_flowdb_free(pipe->flows);
	if (pipe->reasm)
		hp_reassembly_free(pipe->reasm);
	hp_timer_cancel(pipe->d.timers, &pipe->work);
	hp_timer_cancel(pipe->d.timers, &pipe->limits_timer);
	hp_policy_free(pipe->policy);
	hp_pipe_choices_free(pipe);
	free(pipe->segment);
	free(pipe->batch);
	free(pipe->stream[0]);
	free(pipe->stream[1]);
	free(pipe);
}

/* What waits for an answer goes on waiting; all else is asked again. */
static int forget_idle(struct hp_peer *e, void *arg)
{
	(void)arg;
	if (!e->hold.packets)
		hp_peer_del(e);
	return 0;
}

struct hp_policy *hp_pipe_reconfigure(struct hp_pipe *pipe, const struct hp_conf *conf,
				      struct hp_policy *policy)
{
	struct hp_flow_timeouts t = flow_timeouts(&conf->timeouts);
	struct hp_flow_shares shares = flow_shares(&conf->limits);
	struct hp_hold_pool hold = hold_limits(conf);
	const struct hp_conf_limits *l = &conf->limits;
	struct hp_policy *before = pipe->policy;

	pipe->policy = policy;
	pipe->conf = conf;
	set_carried(pipe);
	hp_flowdb_reconfigure(pipe->flows, l->flows, &shares, &t);
	hp_peerdb_reconfigure(pipe->peers, l->peers, hp_pipe_share(l->client_share, l->peers), &hold,
			      hp_pipe_share(l->client_share, l->hold_packets));
	hp_reassembly_reconfigure(pipe->reasm, l->reassembly,
				  hp_pipe_share(l->client_share, l->reassembly),
				  1000ull * conf->timeouts.reassembly_s);
	hp_peerdb_each(pipe->peers, forget_idle, NULL);
	return before;
}

void hp_pipe_forget(struct hp_pipe *pipe, unsigned int what)
{
	if (what & HP_FLUSH_PEERS)
		hp_peerdb_flush(pipe->peers, true);
	if (what & HP_FLUSH_FLOWS)
		hp_flowdb_flush(pipe->flows);
}

void hp_pipe_flush(struct hp_pipe *pipe)
{
	hp_pipe_acks_leave(pipe);
	hp_coalesce_flush(&pipe->coalesce);
	hp_pipe_ahead_leave(pipe);
	hp_pipe_send_run(pipe);
}

/* ---- verdicts */

void hp_pipe_steal(struct hp_pipe *pipe, struct hp_packet *p)
{
	if (p->queued)
		pipe->d.ops->steal(pipe->d.ops->ctx, p);
	p->queued = false;
}

static void let_pass(struct hp_pipe *pipe, struct hp_packet *p)
{
	if (p->tun) {
		hp_pipe_drop(pipe, p, "out", HP_DROP_ROUTED);
		return;
	}
	pipe->totals.passed++;
	/* Reassembled packets are no longer the kernel's: it gets them anew. */
	if (p->queued)
		pipe->d.ops->accept(pipe->d.ops->ctx, p, true);
	else
		hp_pipe_plain(pipe, p);
	p->queued = false;
}

void hp_pipe_conclude(struct hp_pipe *pipe, struct hp_packet *p, enum hp_verdict v)
{
	if (v == HP_TAKEN)
		return;
	if (v == HP_PASS)
		let_pass(pipe, p);
	hp_pipe_steal(pipe, p);
	put(pipe, p);
}

/* ---- fragments */

static struct hp_packet *no_fragment(struct hp_pipe *pipe, struct hp_packet *p,
				     const char *stage, enum hp_drop_reason why)
{
	hp_pipe_conclude(pipe, p, hp_pipe_drop(pipe, p, stage, why));
	return NULL;
}

/* Takes p over, or not (< 0), and tells if another datagram had to give way. */
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

/* RFC 7915, 4.1 and 5.1: translation leaves options and extension headers out, but not a route that
 * has places left. */
enum hp_verdict hp_pipe_look_at_route(struct hp_pipe *pipe, const struct hp_packet *p,
				      const char *stage)
{
	struct hp_ip ip;

	if (hp_ip_parse(p->data, p->len, &ip) || !ip.has_routing)
		return HP_NEXT;
	hp_pipe_icmp_route(pipe, p);
	return hp_pipe_drop(pipe, p, stage, HP_DROP_XLAT);
}

size_t hp_pipe_room(struct hp_pipe *pipe, const struct hp_packet *p)
{
	if (p->dir != HP_OUTBOUND || !p->assoc)
		return HP_MTU_MIN6;
	return HP_IP6_HLEN + (size_t)hp_pipe_max_payload(pipe, p->assoc);
}

/* ---- tracing and counting */

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

/* Costs nothing unless the subsystem is at debug.  A flow's peer is known, and its legacy host;
 * without one the source is what there is to tell. */
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

void hp_pipe_ports_used(struct hp_pipe *pipe, const struct hp_packet *p, const char *what)
{
	struct hp_log_about about = { .limit = &pipe->log_tokens,
				      .reason = hp_drop_name(HP_DROP_PORTS_USED) };
	char src[HP_ADDR_STRLEN], dst[HP_ADDR_STRLEN];

	if (p->dir == HP_OUTBOUND)
		about.client = &p->src;
	else
		about.peer = &p->src;
	hp_log_about(HP_LOG_PIPE, HP_LOG_WARNING, &about, "%s to %s port %u refused: %s",
		     hp_addr_format(&p->src, src), hp_addr_format(&p->dst, dst), p->dport, what);
}

/* What an administrator wants to know of, see struct hp_pipe_ops. */
static bool is_alarming(enum hp_drop_reason r)
{
	return r == HP_DROP_ESP_AUTH || r == HP_DROP_ESP_REPLAY || r == HP_DROP_ACCESS ||
	       r == HP_DROP_POLICY || r == HP_DROP_UNKNOWN_BLOCKED;
}

enum hp_verdict hp_pipe_drop(struct hp_pipe *pipe, const struct hp_packet *p, const char *stage,
			     enum hp_drop_reason r)
{
	pipe->drops[r]++;
	if (pipe->d.ops->alarm && is_alarming(r))
		pipe->d.ops->alarm(pipe->d.ops->ctx, p, r);
	hp_pipe_note(pipe, p, stage, "drop", hp_drop_name(r));
	/* Superseded acknowledgements are no loss. */
	if (r != HP_DROP_ACK_INCLUDED && hp_log_on(HP_LOG_PIPE, HP_LOG_DEBUG))
		log_drop(pipe, p, r);
	return HP_DROP;
}

void hp_pipe_trace(struct hp_pipe *pipe, const struct hp_addr *addr, hp_trace_fn fn, void *ctx)
{
	pipe->trace_fn = fn;
	pipe->trace_ctx = ctx;
	if (addr)
		pipe->trace_addr = *addr;
}

const struct hp_pipe_totals *hp_pipe_totals(const struct hp_pipe *pipe)
{
	return &pipe->totals;
}

const uint64_t *hp_pipe_drops(const struct hp_pipe *pipe)
{
	return pipe->drops;
}

struct hp_flowdb *hp_pipe_flowdb(struct hp_pipe *pipe)
{
	return pipe->flows;
}

struct hp_peerdb *hp_pipe_peerdb(struct hp_pipe *pipe)
{
	return pipe->peers;
}

const struct hp_policy *hp_pipe_policy(const struct hp_pipe *pipe)
{
	return pipe->policy;
}
