/* SPDX-License-Identifier: MIT
 *
 * Keeping the gate (see gate.h).
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/peerdb.h"

#define CHECK_MS 3000
#define RETRY_MS 200 /* after a comparison that failed */
#define SETTLE_MAX 3
#define ICMP_MARK  0x40000

static const struct hp_gate_state nothing;

/* ---- what is wanted */

static int add_all(struct hp_gate_prefixes *to, const struct hp_conf_prefixes *from)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->n; i++)
		err = hp_gate_prefix_add(to, &from->at[i]);
	return err;
}

static int add_address(struct hp_gate_prefixes *to, const struct hp_addr *addr)
{
	return hp_gate_prefix_add(to, &(struct hp_prefix){ .addr = *addr, .bits = 128 });
}

static int learned_one(struct hp_peer *e, void *arg)
{
	return hp_pipe_peer_learned(e) ? add_address(arg, &e->addr) : 0;
}

/* Configured peers, by what they serve or by their addresses, and those that were found out. */
static int protected(struct hp_daemon *d, struct hp_gate_prefixes *list)
{
	const struct hp_conf_peers *peers = &d->conf->peers;
	int err = 0;

	for (size_t i = 0; !err && i < peers->n; i++) {
		const struct hp_conf_peer *p = &peers->at[i];

		err = add_all(list, &p->serves);
		for (size_t k = 0; !err && !p->serves.n && k < p->addresses.n; k++)
			err = add_address(list, &p->addresses.at[k]);
	}
	if (!err && d->pipe)
		err = hp_peerdb_each(hp_pipe_peerdb(d->pipe), learned_one, list);
	return err;
}

static int everywhere(struct hp_gate_prefixes *list)
{
	struct hp_prefix all4 = { .addr = { .b = { [10] = 0xff, [11] = 0xff } }, .bits = 96 };
	struct hp_prefix all6 = { .bits = 0 };
	int err = hp_gate_prefix_add(list, &all4);

	return err ? err : hp_gate_prefix_add(list, &all6);
}

/* An interface that is not there may be a mistake in its name: everything is guarded then. */
static int networks(struct hp_daemon *d, struct hp_gate_prefixes *list)
{
	const struct hp_conf_client *c = &d->conf->client;
	bool missing = false;

	for (size_t i = 0; i < c->interfaces.n; i++) {
		if (if_nametoindex(c->interfaces.at[i]))
			continue;
		if (!d->gate.missing_interface)
			hp_log(HP_LOG_IO, HP_LOG_WARNING, "client.interfaces: there is no %s%s",
			       c->interfaces.at[i], c->networks.n ? "" :
			       ": until there is, packets from everywhere are treated as clients'");
		missing = true;
	}
	d->gate.missing_interface = missing;
	if (c->networks.n)
		return add_all(list, &c->networks);
	if (!c->interfaces.n || missing)
		return everywhere(list);
	return hp_fib_networks(d->gate.fib, c->interfaces.at, c->interfaces.n, list);
}

static void policies(const struct hp_conf_rules *from, struct hp_gate_policy *to)
{
	for (size_t i = 0; i < from->n; i++)
		to[i] = (struct hp_gate_policy){
			.client = from->at[i].client,
			.destination = from->at[i].destination,
			.port_min = from->at[i].ports.min,
			.port_max = from->at[i].ports.max,
			.proto = (uint8_t)from->at[i].proto,
			.action = (enum hp_gate_action)from->at[i].action,
		};
}

/* Does a connection that began in the clear stay so when its destination becomes known? */
static bool plain_goes_on(const struct hp_conf_client *c)
{
	bool background = c->probe == HP_CONF_PROBE_BACKGROUND;

	for (size_t i = 0; i < c->rules.n; i++)
		background |= c->rules.at[i].probe == HP_CONF_PROBE_BACKGROUND;
	return background || c->begun_plain == HP_CONF_PLAIN_UNTIL_END;
}

/* HITs, where this machine has any, and the addresses by which hosted servers know peers. */
static int device(const struct hp_daemon *d, struct hp_gate_prefixes *list)
{
	int err = d->conf->host.enabled ? hp_gate_prefix_add(list, &hp_tun_hits) : 0;

	for (size_t i = 0; !err && i < d->gate.n_pools; i++)
		err = hp_gate_prefix_add(list, &d->gate.pools[i]);
	return err;
}

static int lists(struct hp_daemon *d, struct hp_gate_want *w)
{
	int err = device(d, &w->device);

	if (err || !w->clients)
		return err;
	err = protected(d, &w->protected);
	if (!err)
		err = networks(d, &w->networks);
	if (!err)
		err = hp_fib_addresses(d->gate.fib, &w->own);
	return err ? err : add_all(&w->hip_hosts, &d->conf->client.hip_hosts);
}

bool hp_gate_has_guard(const struct hp_gate_run *g)
{
	return g->clients || g->n_pools || g->hosted.n;
}

/* The second lock; without it the first one holds, and a word is said. */
static void guard(struct hp_daemon *d, const struct hp_gate_want *w)
{
	struct hp_gate_run *g = &d->gate;
	struct hp_guard_cfg cfg = { .want = w, .tun = hp_tun_name(d->tun), .pools = g->pools,
				    .n_pools = g->n_pools, .hosted = g->hosted.at,
				    .n_hosted = g->hosted.n };
	struct hp_io_err e = { "nf_tables can't be asked" };
	int err = -EOPNOTSUPP;

	if (g->guard && hp_gate_has_guard(g))
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
static int lan(struct hp_daemon *d, struct hp_gate_want *w, struct hp_fib_devices *found,
	       const char *names[HP_FIB_DEVICES])
{
	int err = w->n_interfaces || !d->conf->client.networks.n ? 0 :
		  hp_fib_devices(d->gate.fib, &w->networks, found);

	w->lan = w->interfaces;
	w->n_lan = w->n_interfaces;
	if (err || w->n_interfaces)
		return err;
	for (size_t i = 0; i < found->n; i++)
		if (strcmp(found->name[i], hp_tun_name(d->tun)) != 0)
			names[w->n_lan++] = found->name[i];
	w->lan = names;
	return 0;
}

/* Where the guard is ours alone it marks them; else it may be missing for a moment. */
static uint32_t icmp_mark(const struct hp_daemon *d)
{
	uint32_t used = d->conf->client.mark_mask | d->conf->client.divert_mark, bit = ICMP_MARK;

	if (used == UINT32_MAX || !d->gate.guard || !hp_guard_owned(d->gate.guard))
		return 0;
	while (bit & used)
		bit = bit << 1 | bit >> 31;
	return bit;
}

/* Rules in the kernel may only count on marks that the guard makes. */
static void guard_and_mark(struct hp_daemon *d, struct hp_gate_want *w)
{
	w->icmp_mark = icmp_mark(d);
	guard(d, w);
	if (w->icmp_mark == icmp_mark(d))
		return;
	w->icmp_mark = icmp_mark(d);
	if (w->icmp_mark)
		guard(d, w);
}

static int want(struct hp_daemon *d, const struct hp_gate_state *before, struct hp_gate_state *out)
{
	struct hp_fib_devices found = { .n = 0 };
	const char *names[HP_FIB_DEVICES];
	const struct hp_conf_client *c = &d->conf->client;
	struct hp_gate_policy *rules = calloc(c->rules.n + 1, sizeof(*rules));
	struct hp_gate_want w = {
		.ifindex = hp_tun_index(d->tun),
		.clients = d->gate.clients,
		.interfaces = c->interfaces.at,
		.rules = rules,
		.n_rules = c->rules.n,
		.block_unknown = c->unknown == HP_CONF_UNKNOWN_BLOCK,
		.stays_open = c->on_failure == HP_CONF_FAIL_OPEN,
		.learns = c->resolvers.n || d->conf->hip.opportunistic_initiator != HP_CONF_OPP_OFF,
		.ipv6 = !access("/proc/sys/net/ipv6", F_OK),
	};
	int err = rules ? lists(d, &w) : -ENOMEM;

	/* One that is not there may be a wrong name: no interface is a wrong one then. */
	w.n_interfaces = d->gate.missing_interface ? 0 : c->interfaces.n;
	if (!err && w.clients && c->begun_plain == HP_CONF_PLAIN_UNTIL_END)
		hp_daemon_begun(d, &w, before);
	if ((hp_daemon_discovers(d) && plain_goes_on(c)) ||
	    (d->gate.begun && hp_begun_total(d->gate.begun))) {
		w.mark = c->mark;
		w.mask = c->mark_mask;
	}
	if (!err)
		err = lan(d, &w, &found, names);
	if (!err) {
		policies(&c->rules, rules);
		guard_and_mark(d, &w);
		err = hp_gate_build(&w, out);
	}
	free(w.device.at);
	free(w.protected.at);
	free(w.networks.at);
	free(w.own.at);
	free(w.hip_hosts.at);
	free(rules);
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

static void repaired(struct hp_gate_run *g, size_t n)
{
	if (!n || g->err) /* after a failure it had not been there */
		return;
	g->repairs += n;
	g->repaired_ms = hp_clock_ms(&g->d->clock);
	hp_log_limited(&g->log_tokens, HP_LOG_IO, HP_LOG_WARNING,
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
static int settle_once(struct hp_gate_run *g, const struct hp_gate_state *before,
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
static int settle(struct hp_gate_run *g, const struct hp_gate_state *before, struct hp_io_err *e)
{
	int n = 1;

	for (int i = 0; n > 0 && i < SETTLE_MAX; i++)
		n = settle_once(g, i ? &nothing : before, e);
	return n > 0 ? refused(e, -EBUSY, NULL) : n;
}

/* The device was deleted, or taken down. */
static void keep_device(struct hp_gate_run *g)
{
	struct hp_daemon *d = g->d;
	struct hp_io_err e = { "" };
	int err = hp_tun_restore(d->tun, &e);

	if (err < 0) {
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
		return;
	}
	if (!err)
		return;
	hp_log(HP_LOG_IO, HP_LOG_WARNING, "gate: %s had been removed, taken down or given another MTU, and is back",
	       hp_tun_name(d->tun));
	g->repairs++;
	g->stale = true;
	for (size_t i = 0; i < g->n_pools; i++)
		hp_tun_route(d->tun, &g->pools[i]);
}

/* The guard's table is gone, or (g->guard_err) could not be made until now. */
static void keep_guard(struct hp_gate_run *g)
{
	if (!g->guard || g->stale || !hp_gate_has_guard(g))
		return;
	if (hp_guard_present(g->guard)) {
		g->stale = hp_guard_outdated(g->guard);
		return;
	}
	g->stale = true;
	if (g->guard_err)
		return;
	g->repairs++;
	g->repaired_ms = hp_clock_ms(&g->d->clock);
	hp_log_limited(&g->log_tokens, HP_LOG_IO, HP_LOG_WARNING,
		       "gate: the guard's table had been removed by others, and is back");
}

/* At first, what an earlier daemon has left closed is what was protected before. */
static int want_anew(struct hp_gate_run *g, const struct hp_gate_state *before)
{
	struct hp_gate_state left = { 0 };
	int err = before->n_rules ? 0 : hp_fib_read(g->fib, &left);

	g->wanted = (struct hp_gate_state){ 0 };
	if (!err)
		err = want(g->d, before->n_rules ? before : &left, &g->wanted);
	hp_gate_state_free(&left);
	if (!err) {
		g->stale = false;
		hp_daemon_begun_look(g->d);
	}
	return err;
}

static int compare(struct hp_gate_run *g, struct hp_io_err *e)
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

static void check(struct hp_gate_run *g)
{
	struct hp_io_err e = { "" };
	int err = compare(g, &e);

	if (err && !g->err)
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
	g->err = err;
	hp_timer_set(&g->d->timers, &g->check,
		     hp_clock_ms(&g->d->clock) + (err ? RETRY_MS : CHECK_MS));
}

static void on_timer(struct hp_timer *t)
{
	hp_daemon_begun_look(HP_CONTAINER(t, struct hp_gate_run, check)->d);
	check(HP_CONTAINER(t, struct hp_gate_run, check));
}

/* Only if networks or devices are derived from routes do those of others matter. */
static void on_notice(void *ctx, unsigned int notices)
{
	struct hp_gate_run *g = ctx;
	const struct hp_conf_client *c = &g->d->conf->client;

	if (!g->on)
		return;
	if (notices & (HP_FIB_LINKS | HP_FIB_ADDRS) ||
	    (notices & HP_FIB_ROUTES && (!c->interfaces.n != !c->networks.n)))
		g->stale = true;
	if (g->stale || notices & HP_FIB_OURS)
		check(g);
}

/* Of the guard and of discovery, in nft and in iptables of nf_tables. */
static const char *const tables[] = { HP_GUARD_TABLE, "hipproxy", "security", "mangle", "raw",
				      NULL };

static void on_filter_notice(void *ctx, bool was_removed)
{
	struct hp_gate_run *g = ctx;

	if (g->on) {
		g->stale |= was_removed && g->guard && !hp_guard_owned(g->guard);
		check(g);
	}
	if (was_removed)
		hp_daemon_discovery_removed(g->d);
}

/* ---- from outside */

int hp_daemon_gate_open(struct hp_daemon *d, struct hp_io_err *e)
{
	int err;

	d->gate.d = d;
	hp_timer_init(&d->gate.check, on_timer);
	hp_daemon_discovery_init(d);
	hp_tokens_init(&d->gate.log_tokens, 1, 10);
	hp_begun_open(&d->gate.begun); /* without it they are cut */
	err = hp_guard_open(&d->gate.guard);
	if (!err)
		err = hp_nfwatch_open(d->loop, tables, on_filter_notice, &d->gate, &d->gate.nfwatch);
	if (err)
		hp_log(HP_LOG_IO, HP_LOG_WARNING, "nf_tables: %s: it will not be noticed when "
		       "others remove packet filter rules", strerror(-err));
	err = hp_fib_open(d->loop, on_notice, &d->gate, &d->gate.fib);
	return err ? hp_io_fail(e, err, "gate: rtnetlink: %s", strerror(-err)) : 0;
}

void hp_daemon_gate_close(struct hp_daemon *d)
{
	hp_timer_cancel(&d->timers, &d->gate.check);
	hp_fib_close(d->gate.fib);
	hp_nfwatch_close(d->gate.nfwatch);
	hp_guard_close(d->gate.guard);
	hp_begun_close(d->gate.begun);
	d->gate.begun = NULL;
	d->gate.fib = NULL;
	d->gate.nfwatch = NULL;
	d->gate.guard = NULL;
	hp_gate_state_free(&d->gate.wanted);
	free(d->gate.hosted.at);
	d->gate.hosted = (struct hp_gate_prefixes){ 0 };
}

int hp_daemon_gate(struct hp_daemon *d, bool clients, struct hp_io_err *e)
{
	struct hp_gate_run *g = &d->gate;

	g->clients = clients;
	g->stale = true;
	g->err = compare(g, e);
	g->on |= !g->err;
	if (g->on)
		hp_timer_set(&d->timers, &g->check, hp_clock_ms(&d->clock) + CHECK_MS);
	return g->err;
}

static int clear(struct hp_fib *fib, struct hp_guard *guard, struct hp_io_err *e)
{
	struct hp_gate_state have;
	struct hp_gate_op *ops;
	size_t n, failed = SIZE_MAX;
	int err = guard ? hp_guard_remove(guard, e) : 0;

	if (err)
		return err;
	err = hp_fib_read(fib, &have);
	if (!err)
		err = hp_gate_diff(&have, &nothing, &ops, &n);
	if (err)
		return refused(e, err, NULL);
	err = hp_fib_apply(fib, ops, n, &failed);
	if (err)
		refused(e, err, failed < n ? &ops[failed] : NULL);
	free(ops);
	hp_gate_state_free(&have);
	return err;
}

int hp_daemon_gate_clear(struct hp_daemon *d, struct hp_io_err *e)
{
	d->gate.on = d->gate.clients = false;
	hp_gate_state_free(&d->gate.wanted);
	hp_timer_cancel(&d->timers, &d->gate.check);
	return clear(d->gate.fib, d->gate.guard, e);
}

int hp_gate_cleanup(struct hp_io_err *e)
{
	struct hp_guard *guard = NULL;
	struct hp_fib *fib;
	int err = hp_fib_open(NULL, NULL, NULL, &fib);

	if (err)
		return hp_io_fail(e, err, "gate: rtnetlink: %s", strerror(-err));
	hp_guard_open(&guard); /* without nf_tables there is no guard to remove */
	err = clear(fib, guard, e);
	hp_guard_close(guard);
	hp_fib_close(fib);
	return err;
}

void hp_daemon_learned(void *ctx, const struct hp_addr *addr, bool known)
{
	struct hp_daemon *d = ctx;
	struct hp_gate_want w = { .ifindex = d->tun ? hp_tun_index(d->tun) : 0,
				  .stays_open = d->conf->client.on_failure == HP_CONF_FAIL_OPEN };
	struct hp_prefix to = { .addr = *addr, .bits = 128 };
	struct hp_gate_route routes[2];
	struct hp_gate_op ops[2];
	size_t n, failed;

	if (!d->gate.clients || d->stopping)
		return;
	hp_gate_routes_of(&w, &to, routes, &n);
	for (size_t i = 0; i < n; i++)
		ops[i] = (struct hp_gate_op){ .add = known, .route = &routes[i] };
	d->gate.stale = true;
	if (d->gate.guard && !d->gate.guard_err && hp_guard_learn(d->gate.guard, addr, known))
		hp_log(HP_LOG_IO, HP_LOG_DEBUG, "guard: a HIT that was learned comes with the next "
		       "comparison");
	hp_nfwatch_skip(d->gate.nfwatch);
	if (hp_fib_apply(d->gate.fib, ops, n, &failed))
		hp_timer_set(&d->timers, &d->gate.check, hp_clock_ms(&d->clock));
}

bool hp_daemon_in_pool(void *ctx, const struct hp_addr *addr)
{
	const struct hp_daemon *d = ctx;

	for (size_t i = 0; i < d->gate.n_pools; i++)
		if (hp_prefix_contains(&d->gate.pools[i], addr))
			return true;
	return false;
}

bool hp_daemon_routes_all(const struct hp_daemon *d)
{
	return d->capturing && !d->conf->client.rules.n;
}
