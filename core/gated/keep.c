/* SPDX-License-Identifier: MIT
 *
 * The kernel's state is the wanted one, whatever others do to it.
 *
 * It is compared at start and reload, with each notice of rtnetlink, and every few seconds.  A
 * difference that nobody here has caused is a repair: it is logged and counted.
 */
#include "gated/gated.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_MS 3000
#define RETRY_MS 200 /* after a comparison that failed */
#define SETTLE_MAX 3
#define SOON_MS  20
#define ICMP_MARK  0x40000

static const struct hp_gate_state nothing;

/* ---- what is wanted */

/* Configured peers, by what they serve or by their addresses, and those that were found out. */
static int protected(const struct hp_gate_plan *p, struct hp_gate_prefixes *list)
{
	int err = hp_gate_prefixes_add(list, p->protected.at, p->protected.n);

	return err ? err : hp_gate_prefixes_add(list, p->learned.at, p->learned.n);
}

static int everywhere(struct hp_gate_prefixes *list)
{
	struct hp_prefix all4 = { .addr = { .b = { [10] = 0xff, [11] = 0xff } }, .bits = 96 };
	struct hp_prefix all6 = { .bits = 0 };
	int err = hp_gate_prefix_add(list, &all4);

	return err ? err : hp_gate_prefix_add(list, &all6);
}

/* An interface that is not there may be a mistake in its name: everything is guarded then. */
static int networks(struct hp_gated *g, const char *const *interfaces,
		    struct hp_gate_prefixes *list)
{
	const struct hp_gate_plan *p = &g->plan;
	bool missing = false;

	for (size_t i = 0; i < p->n_interfaces; i++) {
		if (if_nametoindex(interfaces[i]))
			continue;
		if (!g->missing_interface)
			hp_log(HP_LOG_IO, HP_LOG_WARNING, "client.interfaces: there is no %s%s",
			       interfaces[i], p->networks.n ? "" :
			       ": until there is, packets from everywhere are treated as clients'");
		missing = true;
	}
	g->missing_interface = missing;
	if (p->networks.n)
		return hp_gate_prefixes_add(list, p->networks.at, p->networks.n);
	if (!p->n_interfaces || missing)
		return everywhere(list);
	return hp_fib_networks(g->fib, interfaces, p->n_interfaces, list);
}

/* HITs, where this machine has any, and the addresses by which hosted servers know peers. */
static int device(const struct hp_gate_plan *p, struct hp_gate_prefixes *list)
{
	int err = p->hits ? hp_gate_prefix_add(list, &hp_tun_hits) : 0;

	return err ? err : hp_gate_prefixes_add(list, p->pools.at, p->pools.n);
}

static int lists(struct hp_gated *g, const char *const *interfaces, struct hp_gate_want *w)
{
	int err = device(&g->plan, &w->device);

	if (err || !w->clients)
		return err;
	err = protected(&g->plan, &w->protected);
	if (!err)
		err = networks(g, interfaces, &w->networks);
	if (!err)
		err = hp_fib_addresses(g->fib, &w->own);
	return err ? err : hp_gate_prefixes_add(&w->hip_hosts, g->plan.hip_hosts.at, g->plan.hip_hosts.n);
}

bool hp_gated_has_guard(const struct hp_gated *g)
{
	return g->clients_on || g->plan.pools.n || g->plan.hosted.n;
}

/* The second lock; without it the first one holds, and a word is said. */
static void guard(struct hp_gated *g, const struct hp_gate_want *w)
{
	struct hp_guard_cfg cfg = { .want = w, .tun = hp_tundev_name(g->dev),
				    .pools = g->plan.pools.at, .n_pools = g->plan.pools.n,
				    .hosted = g->plan.hosted.at, .n_hosted = g->plan.hosted.n };
	struct hp_io_err e = { "nf_tables can't be asked" };
	int err = -EOPNOTSUPP;

	if (g->guard && hp_gated_has_guard(g))
		err = hp_guard_set(g->guard, &cfg, &e);
	else if (g->guard)
		err = hp_guard_remove(g->guard, &e);
	if (err && err != g->guard_err)
		hp_log(HP_LOG_IO, HP_LOG_WARNING, "%s: forged plain packets are not kept from "
		       "clients, except by net.ipv4.conf.all.rp_filter = 1", e.text);
	g->guard_err = err;
	hp_nfwatch_skip(g->nfwatch);
}

/* Where clients' packets come in: routers on the way to clients are there too. */
static int lan(struct hp_gated *g, struct hp_gate_want *w, struct hp_fib_devices *found,
	       const char *names[HP_FIB_DEVICES])
{
	int err = w->n_interfaces || !g->plan.networks.n ? 0 :
		  hp_fib_devices(g->fib, &w->networks, found);

	w->lan = w->interfaces;
	w->n_lan = w->n_interfaces;
	if (err || w->n_interfaces)
		return err;
	for (size_t i = 0; i < found->n; i++)
		if (strcmp(found->name[i], hp_tundev_name(g->dev)) != 0)
			names[w->n_lan++] = found->name[i];
	w->lan = names;
	return 0;
}

/* Where the guard is ours alone it marks them; else it may be missing for a moment. */
static uint32_t icmp_mark(const struct hp_gated *g)
{
	uint32_t used = g->plan.mask, bit = ICMP_MARK;

	if (g->conf)
		used |= g->conf->client.mark_mask | g->conf->client.divert_mark;
	if (used == UINT32_MAX || !g->guard || !hp_guard_owned(g->guard))
		return 0;
	while (bit & used)
		bit = bit << 1 | bit >> 31;
	return bit;
}

/* Rules in the kernel may only count on marks that the guard makes. */
static void guard_and_mark(struct hp_gated *g, struct hp_gate_want *w)
{
	w->icmp_mark = icmp_mark(g);
	guard(g, w);
	if (w->icmp_mark == icmp_mark(g))
		return;
	w->icmp_mark = icmp_mark(g);
	if (w->icmp_mark)
		guard(g, w);
}

static bool learns(const struct hp_gated *g)
{
	return g->plan.learned.n || (g->conf && (g->conf->client.resolvers.n ||
			g->conf->hip.opportunistic_initiator != HP_CONF_OPP_OFF));
}

static int want(struct hp_gated *g, const struct hp_gate_state *before, struct hp_gate_state *out)
{
	const char *interfaces[HP_GATE_INTERFACES], *names[HP_FIB_DEVICES];
	struct hp_fib_devices found = { .n = 0 };
	struct hp_gate_want w = {
		.ifindex = hp_tundev_index(g->dev),
		.clients = g->clients_on,
		.interfaces = interfaces,
		.rules = g->plan.rules,
		.n_rules = g->plan.n_rules,
		.mark = g->plan.mark,
		.mask = g->plan.mask,
		.block_unknown = g->plan.block_unknown,
		.stays_open = g->plan.stays_open,
		.learns = learns(g),
		.ipv6 = !access("/proc/sys/net/ipv6", F_OK),
	};
	int err;

	for (size_t i = 0; i < g->plan.n_interfaces; i++)
		interfaces[i] = g->plan.interfaces[i];
	err = lists(g, interfaces, &w);
	/* One that is not there may be a wrong name: no interface is a wrong one then. */
	w.n_interfaces = g->missing_interface ? 0 : g->plan.n_interfaces;
	if (!err) {
		hp_gated_begun(g, &w, before);
		hp_gated_begun_mark(g, &w);
		err = lan(g, &w, &found, names);
	}
	if (!err) {
		guard_and_mark(g, &w);
		err = hp_gate_build(&w, out);
	}
	hp_gate_prefixes_free(&w.device);
	hp_gate_prefixes_free(&w.protected);
	hp_gate_prefixes_free(&g->networks);
	hp_gate_prefixes_free(&g->own);
	g->networks = w.networks;
	g->own = w.own;
	hp_gate_prefixes_free(&w.hip_hosts);
	return err;
}

/* ---- making it so */

/* Something that was there and that nobody here has taken away. */
static size_t lost(const struct hp_gate_state *before, const struct hp_gate_op *ops, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ops[i].add && hp_gate_has(before, &ops[i]);
	return count;
}

static void repaired(struct hp_gated *g, size_t n)
{
	if (!n || g->err) /* after a failure it had not been there */
		return;
	g->repairs += n;
	g->repaired_ms = hp_clock_ms(&g->clock);
	hp_log_limited(&g->log_routes, HP_LOG_IO, HP_LOG_WARNING,
	       "gate: %zu rules and routes had been removed by others, and are back", n);
}

static int refused(struct hp_io_err *e, int err, const struct hp_gate_op *op)
{
	char text[HP_PREFIX_STRLEN] = "";

	if (op && op->route)
		return hp_io_fail(e, err, "gate: route to %s in table %u: %s",
				  hp_prefix_format(&op->route->to, text), op->route->table,
				  strerror(-err));
	if (op && op->rule)
		return hp_io_fail(e, err, "gate: routing rule of priority %u: %s",
				  op->rule->priority, strerror(-err));
	return hp_io_fail(e, err, "gate: %s", strerror(-err));
}

/* One step from what the kernel has to what is wanted.  How many differences there were, or -errno
 * with a sentence.  before: what was wanted until now. */
static int settle_once(struct hp_gated *g, const struct hp_gate_state *before,
		       struct hp_io_err *e)
{
	struct hp_gate_op *ops = NULL;
	struct hp_gate_state have;
	size_t n = 0, failed = SIZE_MAX;
	int err = hp_fib_read(g->fib, &have);

	if (err)
		return refused(e, err, NULL);
	err = hp_gate_diff(&have, &g->wanted, &ops, &n);
	if (!err)
		err = hp_fib_apply(g->fib, ops, n, &failed);
	if (err)
		refused(e, err, failed < n ? &ops[failed] : NULL);
	else
		repaired(g, lost(before, ops, n));
	free(ops);
	hp_gate_state_free(&have);
	return err ? err : n > INT_MAX ? INT_MAX : (int)n;
}

/* Looks again after a change: what the kernel said "exists" to was perhaps another rule, since
 * removed. */
static int settle(struct hp_gated *g, const struct hp_gate_state *before, struct hp_io_err *e)
{
	int n = 1;

	for (int i = 0; n > 0 && i < SETTLE_MAX; i++)
		n = settle_once(g, i ? &nothing : before, e);
	return n > 0 ? refused(e, -EBUSY, NULL) : n;
}

/* ---- the device */

static int routes_of_device(struct hp_gated *g, struct hp_io_err *e)
{
	int err = 0;

	for (size_t i = 0; !err && i < g->plan.pools.n; i++)
		err = hp_tundev_route(g->dev, &g->plan.pools.at[i]);
	return err ? hp_io_fail(e, err, "%s: routes to pools: %s", hp_tundev_name(g->dev),
				strerror(-err)) : 0;
}

int hp_gated_device(struct hp_gated *g, const char *name, unsigned int mtu, bool persistent,
		    struct hp_io_err *e)
{
	struct hp_tundev_cfg cfg = { .name = name, .mtu = mtu, .persistent = persistent,
				     .may_be_held = true };
	struct hp_tundev *before = g->dev;
	int err, fd;

	/* One without a descriptor was held by a process, which is perhaps gone. */
	if (before && !strcmp(hp_tundev_name(before), name) && hp_tundev_fd(before) >= 0) {
		fd = hp_tundev_fd(before);
		err = hp_tundev_change(before, &cfg, e);
		if (!err && hp_tundev_fd(before) != fd)
			hp_gated_send_device(g);
		return err;
	}
	err = hp_tundev_open(&cfg, &g->dev, e);
	if (err)
		return err;
	if (before && strcmp(hp_tundev_name(before), name))
		hp_tundev_remove(before);
	else
		hp_tundev_close(before);
	g->stale = true;
	return 0;
}

/* The device was deleted, or taken down. */
static void keep_device(struct hp_gated *g)
{
	struct hp_io_err e = { "" };
	int done = hp_tundev_restore(g->dev, &e);

	if (done < 0) {
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
		return;
	}
	if (!done)
		return;
	hp_log(HP_LOG_IO, HP_LOG_WARNING, "gate: %s had been removed, taken down or given another MTU, and is back",
	       hp_tundev_name(g->dev));
	g->repairs++;
	g->stale = true;
	routes_of_device(g, &e);
	if (done == 2)
		hp_gated_send_device(g);
}

/* The guard's table is gone, or (g->guard_err) could not be made until now. */
static void keep_guard(struct hp_gated *g)
{
	if (!g->guard || g->stale || !hp_gated_has_guard(g))
		return;
	if (hp_guard_present(g->guard)) {
		g->stale = hp_guard_outdated(g->guard);
		return;
	}
	g->stale = true;
	if (g->guard_err)
		return;
	g->repairs++;
	g->repaired_ms = hp_clock_ms(&g->clock);
	hp_log_limited(&g->log_guard, HP_LOG_IO, HP_LOG_WARNING,
		       "gate: the guard's table had been removed by others, and is back");
}

/* At first, what an earlier process has left closed is what was protected before. */
static int want_anew(struct hp_gated *g, const struct hp_gate_state *before)
{
	struct hp_gate_state left = { 0 };
	int err = before->n_rules ? 0 : hp_fib_read(g->fib, &left);

	g->wanted = (struct hp_gate_state){ 0 };
	if (!err)
		err = want(g, before->n_rules ? before : &left, &g->wanted);
	hp_gate_state_free(&left);
	if (!err) {
		g->stale = false;
		hp_gated_begun_look(g);
	}
	return err;
}

static int compare(struct hp_gated *g, struct hp_io_err *e)
{
	struct hp_gate_state before = g->wanted;
	int err = 0;

	keep_device(g);
	keep_guard(g);
	if (g->stale) {
		err = want_anew(g, &before);
		if (err) {
			g->wanted = before;
			return refused(e, err, NULL);
		}
	}
	err = settle(g, &before, e);
	if (before.rules != g->wanted.rules)
		hp_gate_state_free(&before);
	return err;
}

static void check(struct hp_gated *g)
{
	uint64_t begun_us = hp_clock_us(&g->clock);
	struct hp_io_err e = { "" };
	int err = compare(g, &e);

	g->reconcile_us = hp_clock_us(&g->clock) - begun_us;
	if (err && !g->err)
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
	g->err = err;
	hp_timer_set(&g->timers, &g->check,
		     hp_clock_ms(&g->clock) + (err ? RETRY_MS : CHECK_MS));
}

static void on_timer(struct hp_timer *t)
{
	struct hp_gated *g = HP_CONTAINER(t, struct hp_gated, check);

	hp_gated_begun_look(g);
	check(g);
}

/* Only if networks or devices are derived from routes do those of others matter. */
static void on_notice(void *ctx, unsigned int notices)
{
	struct hp_gated *g = ctx;
	const struct hp_gate_plan *p = &g->plan;

	if (!g->on)
		return;
	if (notices & (HP_FIB_LINKS | HP_FIB_ADDRS) ||
	    (notices & HP_FIB_ROUTES && !p->n_interfaces != !p->networks.n))
		g->stale = true;
	if (g->stale || notices & HP_FIB_OURS)
		check(g);
}

/* Of the guard and of discovery, in nft and in iptables of nf_tables. */
static const char *const tables[] = { HP_GUARD_TABLE, "hipproxy", "security", "mangle", "raw",
				      NULL };

static void on_filter_notice(void *ctx, bool was_removed)
{
	struct hp_gated *g = ctx;

	if (g->on) {
		g->stale |= was_removed && g->guard && !hp_guard_owned(g->guard);
		check(g);
	}
	if (was_removed)
		hp_gated_discovery_removed(g);
}

/* ---- from outside */

int hp_gated_keep_open(struct hp_gated *g, struct hp_io_err *e)
{
	int err;

	hp_timer_init(&g->check, on_timer);
	hp_gated_discovery_init(g);
	hp_tokens_init(&g->log_filters, 1, 10);
	hp_tokens_init(&g->log_routes, 1, 10);
	hp_tokens_init(&g->log_guard, 1, 10);
	hp_begun_open(&g->begun); /* without it they are cut */
	err = hp_guard_open(&g->guard);
	if (!err)
		err = hp_nfwatch_open(g->loop, tables, on_filter_notice, g, &g->nfwatch);
	if (err)
		hp_log(HP_LOG_IO, HP_LOG_WARNING, "nf_tables: %s: it will not be noticed when "
		       "others remove packet filter rules", strerror(-err));
	err = hp_fib_open(g->loop, on_notice, g, &g->fib);
	return err ? hp_io_fail(e, err, "gate: rtnetlink: %s", strerror(-err)) : 0;
}

void hp_gated_keep_close(struct hp_gated *g)
{
	hp_timer_cancel(&g->timers, &g->check);
	hp_timer_cancel(&g->timers, &g->refilter);
	hp_fib_close(g->fib);
	hp_nfwatch_close(g->nfwatch);
	hp_guard_close(g->guard);
	hp_begun_close(g->begun);
	hp_tundev_close(g->dev);
	hp_gate_prefixes_free(&g->networks);
	hp_gate_prefixes_free(&g->own);
	hp_gate_state_free(&g->wanted);
}

int hp_gated_keep(struct hp_gated *g, bool clients, struct hp_io_err *e)
{
	uint64_t begun_us = hp_clock_us(&g->clock);
	int err = routes_of_device(g, e);

	if (err)
		return err;
	g->clients_on = clients;
	g->stale = true;
	g->err = compare(g, e);
	g->reconcile_us = hp_clock_us(&g->clock) - begun_us;
	g->on |= !g->err;
	if (g->on)
		hp_timer_set(&g->timers, &g->check, hp_clock_ms(&g->clock) + CHECK_MS);
	return g->err;
}

static int clear(struct hp_gated *g, struct hp_io_err *e)
{
	struct hp_gate_state have;
	struct hp_gate_op *ops;
	size_t n, failed = SIZE_MAX;
	int err = g->guard ? hp_guard_remove(g->guard, e) : 0;

	if (err)
		return err;
	err = hp_fib_read(g->fib, &have);
	if (err)
		return refused(e, err, NULL);
	err = hp_gate_diff(&have, &nothing, &ops, &n);
	if (!err) {
		err = hp_fib_apply(g->fib, ops, n, &failed);
		if (err)
			refused(e, err, failed < n ? &ops[failed] : NULL);
		free(ops);
	}
	hp_gate_state_free(&have);
	return err;
}

int hp_gated_clear(struct hp_gated *g, struct hp_io_err *e)
{
	int err, rules;

	g->on = g->clients_on = false;
	hp_gate_state_free(&g->wanted);
	hp_timer_cancel(&g->timers, &g->check);
	err = clear(g, e);
	rules = g->queueing || g->now.masquerade.n || !g->rules_known ?
			hp_gated_discovery(g, false, err ? NULL : e) : 0;
	g->rules_known = !rules;
	if (!g->daemon) {
		hp_tundev_remove(g->dev);
		g->dev = NULL;
	}
	return err ? err : rules;
}

/* What was learned is compared soon, but comparisons shall not take all of the time. */
static void check_soon(struct hp_gated *g)
{
	uint64_t at_ms = hp_clock_ms(&g->clock) + SOON_MS + g->reconcile_us / 100;

	if (!hp_timer_armed(&g->check) || g->check.at_ms > at_ms)
		hp_timer_set(&g->timers, &g->check, at_ms);
}

/* Routes and guard at once; all else with the next comparison. */
void hp_gated_learned(struct hp_gated *g, const struct hp_prefix *to, bool known)
{
	struct hp_gate_want w = { .ifindex = g->dev ? hp_tundev_index(g->dev) : 0,
				  .stays_open = g->plan.stays_open };
	uint64_t begun_us = hp_clock_us(&g->clock);
	struct hp_gate_route routes[2];
	struct hp_gate_op ops[2];
	size_t n, failed;

	if (!g->on || !g->clients_on)
		return;
	hp_gate_routes_of(&w, to, routes, &n);
	for (size_t i = 0; i < n; i++)
		ops[i] = (struct hp_gate_op){ .add = known, .route = &routes[i] };
	g->stale = true;
	if (to->bits == 128 && g->guard && !g->guard_err &&
	    hp_guard_learn(g->guard, &to->addr, known))
		hp_log(HP_LOG_IO, HP_LOG_DEBUG, "guard: an address that was learned comes with the "
		       "next comparison");
	hp_nfwatch_skip(g->nfwatch);
	hp_fib_apply(g->fib, ops, n, &failed); /* what fails the comparison tries again */
	check_soon(g);
	g->learn_us = hp_clock_us(&g->clock) - begun_us;
}
