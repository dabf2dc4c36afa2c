/* SPDX-License-Identifier: MIT
 *
 * Discovery: packets to destinations of which nothing is known come by NFQUEUE, for as long as a
 * resolver or opportunistic mode may find something out.  Without discovery there is no rule.
 */
#include "daemon/daemon.h"

#include <linux/netfilter.h>

#define REFILTER_MS 100 /* others may be in the middle of a change */
#define LOOK_MS	    200 /* after we have put something back: others may have removed it meanwhile */
#define LOOKS	    5
#define FAILED_MS   3000

bool hp_daemon_discovers(const struct hp_daemon *d)
{
	const struct hp_conf_client *c = &d->conf->client;

	/* Blocked or protected: all of it is routed to the daemon, which may look for a HIT. */
	return c->unknown == HP_CONF_UNKNOWN_PASS &&
	       (c->resolvers.n || d->conf->hip.opportunistic_initiator != HP_CONF_OPP_OFF);
}

/* A bit for what leaves the TUN device that is none of the connections' own. */
static uint32_t tun_mark(const struct hp_conf_client *c)
{
	uint32_t free_bits = ~c->mark_mask;

	return c->divert_mark & c->mark_mask ? free_bits & -free_bits : c->divert_mark;
}

/* Packets to destinations of which nothing is known, for as long as one may be found out. */
static int discover(struct hp_daemon *d, bool on, struct hp_io_err *err)
{
	const struct hp_conf_client *c = &d->conf->client;
	struct hp_rules_cfg cfg = {
		.backend = (enum hp_rules_backend)c->backend,
		.queue = c->queue,
		.mark = c->mark,
		.mask = c->mark_mask,
		.tun_mark = tun_mark(c),
		.fail_open = c->on_failure == HP_CONF_FAIL_OPEN,
		.tun = d->conf->tun.name,
		.interfaces = c->interfaces.at,
		.n_interfaces = c->interfaces.n,
		.networks = c->networks.at,
		.n_networks = c->networks.n,
		.hip_hosts = c->hip_hosts.at,
		.n_hip_hosts = c->hip_hosts.n,
	};
	int ret;

	/* Which way works is known. */
	if (cfg.backend == HP_RULES_AUTO && d->gate.queueing)
		cfg.backend = d->backend;
	if (!on)
		return hp_rules_cleanup(err);
	ret = hp_daemon_open_queue(d, err);
	if (!ret)
		ret = hp_rules_install(&cfg, &d->backend, err);
	return ret ? ret : hp_daemon_masquerade_again(d, err);
}

/* ---- others take rules away */

/* Changes of our own hide those that others make at the same time: the kernel is asked. */
static bool stands(const struct hp_gate_run *g)
{
	if (!g->guard)
		return true;
	if (g->d->backend == HP_RULES_NFT)
		return hp_guard_sees_chain(g->guard, NFPROTO_INET, "hipproxy", "forward");
	/* Those of iptables-legacy are not seen this way. */
	return g->unseen || (hp_guard_sees_chain(g->guard, NFPROTO_IPV4, "security", "HIPPROXY") &&
			     hp_guard_sees_chain(g->guard, NFPROTO_IPV4, "raw", "HIPPROXY"));
}

static void look_again(struct hp_gate_run *g, unsigned int looks, uint64_t in_ms)
{
	g->looks = looks;
	hp_timer_set(&g->d->timers, &g->refilter, hp_clock_ms(&g->d->clock) + in_ms);
}

static void refilter(struct hp_timer *t)
{
	struct hp_gate_run *g = HP_CONTAINER(t, struct hp_gate_run, refilter);
	struct hp_io_err e = { "" };
	int err;

	if (!g->queueing)
		return;
	if (g->looks && stands(g)) {
		if (--g->looks)
			look_again(g, g->looks, LOOK_MS);
		return;
	}
	g->repairs++;
	g->repaired_ms = hp_clock_ms(&g->d->clock);
	err = discover(g->d, true, &e);
	if (err)
		hp_log_limited(&g->log_tokens, HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
	else
		hp_log_limited(&g->log_tokens, HP_LOG_IO, HP_LOG_WARNING,
			       "gate: packet filter rules had been removed by others, and are back");
	hp_nfwatch_skip(g->nfwatch);
	look_again(g, LOOKS, err ? FAILED_MS : LOOK_MS);
}

void hp_daemon_discovery_removed(struct hp_daemon *d)
{
	struct hp_gate_run *g = &d->gate;

	if (!g->queueing || (hp_timer_armed(&g->refilter) && !g->looks))
		return;
	g->looks = 0;
	hp_timer_set(&d->timers, &g->refilter, hp_clock_ms(&d->clock) + REFILTER_MS);
}

void hp_daemon_discovery_init(struct hp_daemon *d)
{
	hp_timer_init(&d->gate.refilter, refilter);
}

int hp_daemon_discovery(struct hp_daemon *d, bool on, struct hp_io_err *err)
{
	int ret = discover(d, on, err);

	d->gate.queueing = on;
	d->gate.unseen = false;
	d->gate.unseen = on && !ret && !stands(&d->gate);
	hp_timer_cancel(&d->timers, &d->gate.refilter);
	hp_nfwatch_skip(d->gate.nfwatch);
	return ret;
}

void hp_daemon_discovery_close(struct hp_daemon *d)
{
	hp_timer_cancel(&d->timers, &d->gate.refilter);
}
