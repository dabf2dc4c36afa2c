/* SPDX-License-Identifier: MIT
 *
 * Discovery: packets to destinations of which nothing is known come by NFQUEUE, for as long as a
 * resolver or opportunistic mode may find something out.  Without discovery there is no rule.
 */
#include "gated/gated.h"

#include <linux/netfilter.h>

#define REFILTER_MS 100 /* others may be in the middle of a change */
#define LOOK_MS	    200 /* after we have put something back: others may have removed it meanwhile */
#define LOOKS	    5
#define FAILED_MS   3000

/* A bit for what leaves the TUN device that is none of the connections' own. */
static uint32_t tun_mark(const struct hp_conf_client *c)
{
	uint32_t free_bits = ~c->mark_mask;

	return c->divert_mark & c->mark_mask ? free_bits & -free_bits : c->divert_mark;
}

/* Packets to destinations of which nothing is known, for as long as one may be found out. */
static int install(struct hp_gated *g, struct hp_io_err *err)
{
	const struct hp_conf_client *c = &g->conf->client;
	struct hp_rules_cfg cfg = {
		.backend = (enum hp_rules_backend)c->backend,
		.queue = c->queue,
		.mark = c->mark,
		.mask = c->mark_mask,
		.tun_mark = tun_mark(c),
		.fail_open = c->on_failure == HP_CONF_FAIL_OPEN,
		.tun = g->conf->tun.name,
		.interfaces = c->interfaces.at,
		.n_interfaces = c->interfaces.n,
		.networks = c->networks.at,
		.n_networks = c->networks.n,
		.hip_hosts = c->hip_hosts.at,
		.n_hip_hosts = c->hip_hosts.n,
	};

	/* Which way works is known. */
	if (cfg.backend == HP_RULES_AUTO && g->queueing)
		cfg.backend = g->backend;
	return hp_rules_install(&cfg, &g->backend, err);
}

int hp_gated_masquerade(struct hp_gated *g, struct hp_io_err *err)
{
	const struct hp_gate_prefixes *from = &g->now.masquerade;

	return from->n && g->conf ? hp_rules_masquerade(g->conf->tun.name, from->at, from->n, err) : 0;
}

/* Both remove what of ours is in their way. */
static int discover(struct hp_gated *g, bool on, struct hp_io_err *err)
{
	int ret = on ? install(g, err) : hp_rules_cleanup(err);

	return ret || !g->on ? ret : hp_gated_masquerade(g, err);
}

/* ---- others take rules away */

/* Changes of our own hide those that others make at the same time: the kernel is asked. */
static bool stands(const struct hp_gated *g)
{
	if (!g->guard)
		return true;
	if (g->backend == HP_RULES_NFT)
		return hp_guard_sees_chain(g->guard, NFPROTO_INET, "hipproxy", "forward");
	/* Those of iptables-legacy are not seen this way. */
	return g->unseen || (hp_guard_sees_chain(g->guard, NFPROTO_IPV4, "security", "HIPPROXY") &&
			     hp_guard_sees_chain(g->guard, NFPROTO_IPV4, "raw", "HIPPROXY"));
}

static void look_again(struct hp_gated *g, unsigned int looks, uint64_t in_ms)
{
	g->looks = looks;
	hp_timer_set(&g->timers, &g->refilter, hp_clock_ms(&g->clock) + in_ms);
}

static void refilter(struct hp_timer *t)
{
	struct hp_gated *g = HP_CONTAINER(t, struct hp_gated, refilter);
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
	g->repaired_ms = hp_clock_ms(&g->clock);
	err = discover(g, true, &e);
	if (err)
		hp_log_limited(&g->log_filters, HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
	else
		hp_log_limited(&g->log_filters, HP_LOG_IO, HP_LOG_WARNING,
			       "gate: packet filter rules had been removed by others, and are back");
	hp_nfwatch_skip(g->nfwatch);
	look_again(g, LOOKS, err ? FAILED_MS : LOOK_MS);
}

void hp_gated_discovery_removed(struct hp_gated *g)
{
	if (!g->queueing || (hp_timer_armed(&g->refilter) && !g->looks))
		return;
	g->looks = 0;
	hp_timer_set(&g->timers, &g->refilter, hp_clock_ms(&g->clock) + REFILTER_MS);
}

void hp_gated_discovery_init(struct hp_gated *g)
{
	hp_timer_init(&g->refilter, refilter);
}

int hp_gated_discovery(struct hp_gated *g, bool on, struct hp_io_err *err)
{
	int ret = discover(g, on, err);

	g->queueing = on;
	g->unseen = false;
	g->unseen = on && !ret && !stands(g);
	hp_timer_cancel(&g->timers, &g->refilter);
	hp_nfwatch_skip(g->nfwatch);
	return ret;
}
