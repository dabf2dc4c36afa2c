/* SPDX-License-Identifier: MIT
 *
 * The packet pipeline: how it is made, and what it calls.
 */
#include "daemon/daemon.h"

#include <errno.h>

#include "pipe/control.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "wire/udp.h"

/* ---- what the pipeline calls */

static void pipe_accept(void *ctx, struct hp_packet *p, bool mark)
{
	struct hp_daemon *d = ctx;

	hp_nfq_accept(d->net.nfq, p, mark);
}

/* Does it begin a connection that goes its way by us? */
static bool begins(const struct hp_packet *p)
{
	size_t flags_at = (size_t)p->l4_off + 13;

	if (!p->flow || p->related)
		return false;
	return p->proto == HP_PROTO_UDP ||
	       (p->proto == HP_PROTO_TCP && p->len > flags_at &&
		(p->data[flags_at] & (HP_TCP_SYN | HP_TCP_ACK)) == HP_TCP_SYN);
}

/* The kernel forgets the packet, and with it the connection, which conntrack confirms when a packet has
 * gone out.  A firewall would then drop the answers that come from the TUN device: it is told. */
static void pipe_steal(void *ctx, struct hp_packet *p)
{
	struct hp_daemon *d = ctx;
	struct hp_connection c = { .src = p->src, .dst = p->dst, .sport = p->sport,
				   .dport = p->dport, .proto = p->proto };

	if (d->net.conntrack && begins(p))
		hp_conntrack_begin(d->net.conntrack, &c);
	hp_nfq_drop(d->net.nfq, p);
}

static void pipe_verdicts(void *ctx)
{
	struct hp_daemon *d = ctx;

	if (d->net.nfq)
		hp_nfq_flush(d->net.nfq);
}

static struct hp_packet *pipe_get(void *ctx)
{
	struct hp_daemon *d = ctx;

	return hp_pool_get_small(d->net.pool);
}

static void pipe_put(void *ctx, struct hp_packet *p)
{
	struct hp_daemon *d = ctx;

	hp_pool_put(d->net.pool, p);
}

static struct hp_packet *pipe_compact(void *ctx, struct hp_packet *p)
{
	struct hp_daemon *d = ctx;

	return hp_pool_compact(d->net.pool, p);
}

static struct hp_packet *pipe_expand(void *ctx, struct hp_packet *p)
{
	struct hp_daemon *d = ctx;

	return hp_pool_expand(d->net.pool, p);
}

/* Fragments for an IPv6 path that is narrower than its first link. */
static bool needs_pieces(const struct hp_outer_run *r)
{
	return !r->df && !hp_addr_is4(&r->path.dst) && !hp_addr_is_zero(&r->path.src) &&
	       r->seg + HP_IP6_HLEN + (r->path.dport ? HP_UDP_HLEN : 0) > r->mtu;
}

static int send_control(struct hp_daemon *d, const struct hp_outer_run *r)
{
	if (r->port)
		return hp_encap_control_send(r->port, &r->path, r->data, r->last);
	return r->path.dport ? -ENETDOWN : hp_raw_hip_send(d->net.raw, &r->path, r->data, r->last);
}

static int send_esp(struct hp_daemon *d, const struct hp_outer_run *r, uint32_t *lost)
{
	struct hp_raw_run run = { .data = r->data, .n = r->n, .seg = r->seg, .last = r->last,
				  .tos = r->tos, .ttl = r->ttl, .df = r->df };

	if (!r->port && r->path.dport)
		return -ENETDOWN;
	if (needs_pieces(r))
		return hp_raw_pieces_send(d->net.raw, &r->path, &run, r->mtu, lost);
	return r->port ? hp_encap_run_send(r->port, &r->path, &run, lost) :
			 hp_raw_esp_send(d->net.raw, &r->path, &run, lost);
}

static int pipe_outer_send(void *ctx, const struct hp_outer_run *r, uint32_t *lost)
{
	struct hp_daemon *d = ctx;
	int err;

	if (r->kind == HP_OUTER_CONTROL)
		return send_control(d, r);
	err = send_esp(d, r, lost);
	if (err == -EMSGSIZE)
		hp_route_forget(d->net.route, &r->path.dst);
	return err;
}

static void pipe_control(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len)
{
	struct hp_daemon *d = ctx;

	if (hp_pipe_control_shown(d->registry, HP_STAGE_CTL_RX, path, NULL, msg, len))
		hp_hip_input(d->hip, path, msg, len);
}

static int pipe_plain_send(void *ctx, struct hp_packet *p)
{
	struct hp_daemon *d = ctx;

	return hp_tun_write(d->net.tun, p);
}

static unsigned int pipe_path_mtu(void *ctx, const struct hp_addr *dst)
{
	struct hp_daemon *d = ctx;

	return hp_route_mtu(d->net.route, dst);
}

static unsigned int pipe_link_mtu(void *ctx, const struct hp_addr *dst)
{
	struct hp_daemon *d = ctx;

	return hp_route_link_mtu(d->net.route, dst);
}

static void pipe_flow_new(void *ctx, struct hp_flow *f)
{
	struct hp_daemon *d = ctx;

	hp_state_flow(d->kept.state, f);
}

static void pipe_flow_gone(void *ctx, struct hp_flow *f)
{
	struct hp_daemon *d = ctx;

	if (!d->quit.stopping) /* they come back with the next start */
		hp_state_flow_gone(d->kept.state, f);
}

static const struct hp_pipe_ops pipe_ops = {
	.accept = pipe_accept,
	.steal = pipe_steal,
	.verdicts = pipe_verdicts,
	.get = pipe_get,
	.put = pipe_put,
	.compact = pipe_compact,
	.expand = pipe_expand,
	.outer_send = pipe_outer_send,
	.control = pipe_control,
	.plain_send = pipe_plain_send,
	.path_mtu = pipe_path_mtu,
	.link_mtu = pipe_link_mtu,
	.in_pool = hp_daemon_in_pool,
	.learned = hp_daemon_learned,
	.flow_new = pipe_flow_new,
	.flow_gone = pipe_flow_gone,
	.alarm = hp_daemon_alarm,
	.limit = hp_daemon_limit_told,
};

/* ---- the part */

static int start(struct hp_daemon *d)
{
	struct hp_pipe_deps deps = {
		.conf = d->conf, .hip = d->hip, .registry = d->registry, .clock = hp_loop_clock(d->loop),
		.rand = &hp_rand_system, .timers = &d->timers, .ops = &d->pipeline.ops,
		.client_hit = d->own.client_hit, .host_hit = d->own.host_hit,
		.join_udp = d->net.tun && hp_tun_takes_datagrams(d->net.tun),
		.ahead_flows = HP_PIPE_AHEAD_FLOWS,
	};

	d->pipeline.ops = pipe_ops;
	d->pipeline.ops.ctx = d;
	d->pipe = hp_pipe_new(&deps);
	if (!d->pipe)
		return hp_daemon_fail(-errno, "pipeline");
	return 0;
}

/* The engine ends first: it tells the pipeline of each association that goes. */
static void stop(struct hp_daemon *d)
{
	hp_part_engine.stop(d);
	if (!d->pipe)
		return;
	hp_pipe_free(d->pipe);
	d->pipe = NULL;
}

static void reload(struct hp_daemon *d, struct hp_prepared *p)
{
	p->before = hp_pipe_reconfigure(d->pipe, p->conf, p->policy);
}

const struct hp_part hp_part_pipeline = { "pipeline", start, stop, reload };
