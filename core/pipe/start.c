/* SPDX-License-Identifier: MIT
 *
 * A pipeline is made, reconfigured and freed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "pipe/backend.h"
#include "pipe/flows.h"
#include "pipe/hooks.h"
#include "pipe/inbound.h"
#include "pipe/limited.h"
#include "pipe/open.h"
#include "pipe/outbound.h"
#include "pipe/resolve.h"
#include "pipe/seal.h"
#include "pipe/trace.h"

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

static size_t area_offset(void *ctx, const struct hp_plugin *self)
{
	struct hp_pipe *pipe = ctx;

	return hp_registry_area_offset(pipe->d.registry, self);
}

static bool carries(void *ctx, uint8_t proto)
{
	return hp_pipe_maps(ctx, proto);
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
		.gone = hp_pipe_flow_ends,
		.area_offset = area_offset,
		.carries = carries,
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
	pipe->grows = hp_registry_outer_grows(deps->registry);
	set_carried(pipe);
	hp_list_init(&pipe->ready);
	hp_list_init(&pipe->backend_waits);
	hp_timer_init(&pipe->work, hp_pipe_work);
	pipe->released = hp_pipe_released;
	pipe->answered = hp_pipe_inner_again;
	hp_timer_init(&pipe->limits_timer, hp_pipe_limits_look);
	hp_tokens_init(&pipe->icmp_tokens, ICMP_ERRORS_PER_S, ICMP_ERRORS_BURST);
	hp_tokens_init(&pipe->log_tokens, 5, 20);
	hp_tokens_init(&pipe->drop_tokens, 5, 20);
	hp_tokens_init(&pipe->cut_tokens, CUT_RESETS_PER_S, CUT_RESETS_PER_S);
	hp_coalesce_init(&pipe->coalesce, hp_pipe_opened, put, pipe);
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

void hp_pipe_free(struct hp_pipe *pipe)
{
	if (!pipe)
		return;
	hp_pipe_backend_free(pipe);
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
	for (int i = 0; i < HP_PIPE_STREAMS; i++)
		free(pipe->stream[i]);
	free(pipe);
}

/* Entries for which packets wait are kept; all others are resolved again. */
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

size_t hp_pipe_room(struct hp_pipe *pipe, const struct hp_packet *p)
{
	if (p->dir != HP_OUTBOUND || !p->assoc)
		return HP_MTU_MIN6;
	return HP_IP6_HLEN + (size_t)hp_pipe_max_payload(pipe, p->assoc);
}

const struct hp_pipe_totals *hp_pipe_totals(const struct hp_pipe *pipe)
{
	return &pipe->totals;
}

const uint64_t *hp_pipe_drops(const struct hp_pipe *pipe)
{
	return pipe->drops;
}

const struct hp_reassembly *hp_pipe_reassembly(const struct hp_pipe *pipe)
{
	return pipe->reasm;
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
