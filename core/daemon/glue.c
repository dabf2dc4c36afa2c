/* SPDX-License-Identifier: MIT
 *
 * How sockets, engine and pipeline call each other: each side knows only its own table of
 * functions, and here they meet.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <string.h>

#include "wire/ip.h"
#include "wire/tcp.h"

#define MET_MAX 65536

/* ---- control packets and hooks */

/* Shows a message to the hooks of a control stage; true if none of them objects. */
static bool shown(struct hp_daemon *d, enum hp_stage stage, const struct hp_path *path,
		  const uint8_t *msg, size_t len)
{
	struct hp_match_in in = { .family = hp_addr_is4(&path->dst) ? 4 : 6, .proto = 139 };
	struct hp_packet p = { .buf = (uint8_t *)msg, .cap = len, .data = (uint8_t *)msg,
			       .len = len, .proto = 139 };
	size_t n;

	hp_registry_hooks(d->registry, stage, &n);
	if (!n)
		return true;
	p.family = in.family;
	p.dir = stage == HP_STAGE_CTL_RX ? HP_INBOUND : HP_OUTBOUND;
	p.src = p.dir == HP_INBOUND ? path->dst : path->src;
	p.dst = p.dir == HP_INBOUND ? path->src : path->dst;
	return hp_registry_run(d->registry, stage, hp_registry_resolve(d->registry, stage, &in),
			       &p, NULL) == HP_NEXT;
}

/* ---- the engine's */

static void hip_send(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len)
{
	struct hp_daemon *d = ctx;
	struct hp_log_about about = { .peer_at = &path->dst };
	char dst[HP_ADDR_STRLEN];
	int err;

	if (!shown(d, HP_STAGE_CTL_OUTER, path, msg, len))
		return;
	if (!path->dport)
		err = hp_raw_hip_send(d->raw, path, msg, len);
	else
		err = d->encap ? hp_encap_hip_send(d->encap, path, msg, len) : -ENETDOWN;
	if (err)
		hp_log_about(HP_LOG_HIP, HP_LOG_DEBUG, &about, "to %s: %s",
			     hp_addr_format(&path->dst, dst), strerror(-err));
}

static int hip_job(void *ctx, struct hp_job *job)
{
	struct hp_daemon *d = ctx;

	return hp_jobs_put(d->jobs, job);
}

static int hip_source(void *ctx, const struct hp_addr *dst, struct hp_addr *src)
{
	struct hp_daemon *d = ctx;

	return hp_route_source(d->route, dst, src);
}

/* A HIT as a number that strangers can't aim at: they would have to find a key for it. */
static uint64_t met_hash(const struct hp_addr *hit)
{
	uint64_t w[2];

	memcpy(w, hit->b, sizeof(w));
	return w[0] ^ w[1];
}

static void remember_met(struct hp_daemon *d, const struct hp_assoc *a)
{
	uint64_t hash = met_hash(hp_assoc_peer_hit(a));

	if (hp_assoc_is_initiator(a) && d->met.owners.count < MET_MAX &&
	    !hp_tally_get(&d->met, hash))
		hp_tally_add(&d->met, hash);
}

/* A peer that lost its state must be able to come back: it is one of the configuration, or clients
 * have talked to it. */
static bool has_business(struct hp_daemon *d, const struct hp_addr *local_hit,
			 const struct hp_addr *peer_hit)
{
	return hp_hip_knows(d->hip, peer_hit) || hp_hip_find(d->hip, local_hit, peer_hit) ||
	       hp_tally_get(&d->met, met_hash(peer_hit));
}

/* Who may reach applications on this host, and the clients' identity. */
static int may_associate(struct hp_daemon *d, const struct hp_addr *local_hit,
			 const struct hp_addr *peer_hit)
{
	const struct hp_conf_host *host = &d->conf->host;

	int err = hp_daemon_backend_accept(d, local_hit, peer_hit);

	if (err != -ENOENT)
		return err;
	if (!hp_addr_eq(local_hit, &d->host_hit))
		return has_business(d, local_hit, peer_hit) ? 0 : -EPERM;
	for (size_t i = 0; i < host->accept.n; i++)
		if (hp_addr_eq(&host->accept.at[i].peer, peer_hit))
			return host->accept.at[i].action == HP_CONF_ALLOW ? 0 : -EPERM;
	return host->accept_default == HP_CONF_ALLOW ? 0 : -EPERM;
}

static int hip_accept(void *ctx, const struct hp_addr *local_hit, const struct hp_addr *peer_hit,
		      const struct hp_path *path)
{
	int err = may_associate(ctx, local_hit, peer_hit);

	(void)path;
	if (err)
		hp_daemon_denied(ctx, local_hit, peer_hit);
	return err;
}

/* An address without HIP is nothing to speak of; a peer whose HIT is known is missed. */
static void log_failure(const struct hp_assoc *a)
{
	const struct hp_addr *shown = hp_assoc_shown_hit(a);
	bool known = !hp_addr_is_zero(hp_assoc_peer_hit(a)), other = !hp_addr_is_zero(shown);
	const char *error = strerror(-hp_assoc_error(a));
	enum hp_hip_why why = hp_assoc_why(a);
	struct hp_log_about about = { .peer = hp_assoc_peer_hit(a),
				      .peer_at = &hp_assoc_path(a)->dst,
				      .reason = why ? hp_hip_why_name(why) : error };
	char peer[HP_ADDR_STRLEN], dst[HP_ADDR_STRLEN], has[HP_ADDR_STRLEN];

	hp_log_about(HP_LOG_HIP, known ? HP_LOG_WARNING : HP_LOG_NOTICE, &about,
		     "%s at %s: failed, %s%s%s%s", hp_addr_format(about.peer, peer),
		     hp_addr_format(about.peer_at, dst), why ? hp_hip_why_text(why) : error,
		     other ? " (it has " : "", other ? hp_addr_format(shown, has) : "",
		     other ? ")" : "");
}

static void log_event(const struct hp_assoc *a, enum hp_hip_event ev)
{
	char peer[HP_ADDR_STRLEN], dst[HP_ADDR_STRLEN];
	struct hp_log_about about = { .peer = hp_assoc_peer_hit(a),
				      .peer_at = &hp_assoc_path(a)->dst,
				      .reason = hp_hip_event_name(ev) };

	if (ev == HP_HIP_FAILED)
		log_failure(a);
	else if (ev != HP_HIP_GONE && hp_log_on(HP_LOG_HIP, HP_LOG_INFO))
		hp_log_about(HP_LOG_HIP, HP_LOG_INFO, &about, "%s at %s: %s",
			     hp_addr_format(about.peer, peer), hp_addr_format(about.peer_at, dst),
			     about.reason);
}

static void hip_event(void *ctx, struct hp_assoc *a, enum hp_hip_event ev)
{
	struct hp_daemon *d = ctx;

	log_event(a, ev);
	if (ev == HP_HIP_UP)
		remember_met(d, a);
	if (ev == HP_HIP_UP || ev == HP_HIP_PATH_CHANGED)
		hp_state_peer(d->state, hp_assoc_local_hit(a), hp_assoc_peer_hit(a),
			      &hp_assoc_path(a)->dst, hp_assoc_path(a)->dport);
	if (d->pipe)
		hp_pipe_assoc_event(d->pipe, a, ev);
}

static bool hip_in_use(void *ctx, const struct hp_assoc *a)
{
	(void)ctx;
	return hp_pipe_assoc_in_use(a);
}

static int hip_pin(void *ctx, const struct hp_addr *addr, const struct hp_addr *hit)
{
	struct hp_daemon *d = ctx;

	return d->pins ? hp_pins_check(d->pins, addr, hit) : -EACCES;
}

const struct hp_hip_ops hp_daemon_hip_ops = {
	.send = hip_send,
	.job = hip_job,
	.source = hip_source,
	.accept = hip_accept,
	.event = hip_event,
	.pin = hip_pin,
	.in_use = hip_in_use,
};

/* ---- the pipeline's */

static void pipe_accept(void *ctx, struct hp_packet *p, bool mark)
{
	struct hp_daemon *d = ctx;

	hp_nfq_accept(d->nfq, p, mark);
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

	if (d->conntrack && begins(p))
		hp_conntrack_begin(d->conntrack, &c);
	hp_nfq_drop(d->nfq, p);
}

static struct hp_packet *pipe_get(void *ctx)
{
	struct hp_daemon *d = ctx;

	return hp_pool_get_small(d->pool);
}

static void pipe_put(void *ctx, struct hp_packet *p)
{
	struct hp_daemon *d = ctx;

	hp_pool_put(d->pool, p);
}

static struct hp_packet *pipe_compact(void *ctx, struct hp_packet *p)
{
	struct hp_daemon *d = ctx;

	return hp_pool_compact(d->pool, p);
}

static struct hp_packet *pipe_expand(void *ctx, struct hp_packet *p)
{
	struct hp_daemon *d = ctx;

	return hp_pool_expand(d->pool, p);
}

static int pipe_esp_send(void *ctx, const struct hp_path *path, const struct hp_esp_batch *b,
			 uint32_t *lost)
{
	struct hp_daemon *d = ctx;
	struct hp_raw_run run = { .data = b->data, .n = b->n, .seg = b->seg, .last = b->last,
				  .tos = b->tos, .ttl = b->ttl, .df = b->df };
	int err = -ENETDOWN;

	if (!path->dport)
		err = hp_raw_esp_send(d->raw, path, &run, lost);
	else if (d->encap)
		err = hp_encap_esp_send(d->encap, path, &run, lost);
	if (err == -EMSGSIZE)
		hp_route_forget(d->route, &path->dst);
	return err;
}

static int pipe_plain_send(void *ctx, struct hp_packet *p)
{
	struct hp_daemon *d = ctx;

	return hp_tun_write(d->tun, p);
}

static unsigned int pipe_path_mtu(void *ctx, const struct hp_addr *dst)
{
	struct hp_daemon *d = ctx;

	return hp_route_mtu(d->route, dst);
}

static void pipe_flow_new(void *ctx, struct hp_flow *f)
{
	struct hp_daemon *d = ctx;

	hp_state_flow(d->state, f);
}

static void pipe_flow_gone(void *ctx, struct hp_flow *f)
{
	struct hp_daemon *d = ctx;

	if (!d->stopping) /* they come back with the next start */
		hp_state_flow_gone(d->state, f);
}

const struct hp_pipe_ops hp_daemon_pipe_ops = {
	.accept = pipe_accept,
	.steal = pipe_steal,
	.get = pipe_get,
	.put = pipe_put,
	.compact = pipe_compact,
	.expand = pipe_expand,
	.esp_send = pipe_esp_send,
	.plain_send = pipe_plain_send,
	.path_mtu = pipe_path_mtu,
	.in_pool = hp_daemon_in_pool,
	.learned = hp_daemon_learned,
	.flow_new = pipe_flow_new,
	.flow_gone = pipe_flow_gone,
};

/* ---- the sockets' */

static void raw_hip(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len)
{
	struct hp_daemon *d = ctx;

	if (shown(d, HP_STAGE_CTL_RX, path, msg, len))
		hp_hip_input(d->hip, path, msg, len);
}

static void raw_esp(void *ctx, const struct hp_esp_arrived *r)
{
	struct hp_daemon *d = ctx;

	hp_pipe_esp_arrived(d->pipe, r);
}

static void raw_refused(void *ctx, const struct hp_addr *dst, enum hp_raw_refusal how)
{
	static const enum hp_hip_why whys[] = {
		[HP_RAW_NO_PROTO] = HP_WHY_NO_HIP,
		[HP_RAW_PROHIBITED] = HP_WHY_PROHIBITED,
		[HP_RAW_UNREACHABLE] = HP_WHY_UNREACHABLE,
	};
	struct hp_daemon *d = ctx;

	hp_hip_refused(d->hip, dst, whys[how]);
}

const struct hp_raw_ops hp_daemon_raw_ops = {
	.hip = raw_hip,
	.esp = raw_esp,
	.hip_refused = raw_refused,
};

void hp_daemon_captured(void *ctx, struct hp_packet *p)
{
	struct hp_daemon *d = ctx;

	hp_pipe_captured(d->pipe, p);
}

void hp_daemon_local(void *ctx, struct hp_packet *p)
{
	struct hp_daemon *d = ctx;

	hp_pipe_local(d->pipe, p);
}

void hp_daemon_flush(void *ctx)
{
	struct hp_daemon *d = ctx;

	hp_pipe_flush(d->pipe);
}
