/* SPDX-License-Identifier: MIT
 *
 * What each message does, and who may send it.
 *
 * hipproxyd runs as another user and may have been taken over: what it asks for is compared with the
 * configuration (gate/allow.h).  Only root opens what is closed.
 */
#include "gated/gated.h"

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gate/allow.h"
#include "io/rtnl.h"

#define SOCKET_BUFFER (32 << 20) /* octets, of hipproxyd's UDP sockets */

/* ---- answers */

static void done(struct hp_gated_client *c, const struct hp_gate_msg *m)
{
	struct hp_gate_msg a = { .type = HP_GM_DONE, .seq = m->seq,
				 .flags = c->g->clients_on ? HP_GATE_ON : 0 };

	if (m->type == HP_GM_READY && c->g->notice) {
		snprintf(a.text, sizeof(a.text), "%s", c->g->notice);
		c->g->notice = NULL;
	}
	hp_gated_send(c, &a, -1);
}

static void fail(struct hp_gated_client *c, const struct hp_gate_msg *m, int err, const char *text)
{
	struct hp_gate_msg a = { .type = HP_GM_REFUSED, .seq = m->seq, .n_numbers = 1 };

	a.numbers[0] = (uint64_t)-err;
	snprintf(a.text, sizeof(a.text), "%s", *text ? text : strerror(-err));
	for (char *p = a.text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	hp_gated_send(c, &a, -1);
}

static void finish(struct hp_gated_client *c, const struct hp_gate_msg *m, int err,
		   const struct hp_io_err *e)
{
	if (err)
		fail(c, m, err, e->text);
	else
		done(c, m);
}

/* What hipproxyd never asks for as long as it is itself. */
static int refuse(struct hp_gated_client *c, const struct hp_gate_msg *m, int err, const char *fmt,
		  ...) __attribute__((format(printf, 4, 5)));
static int refuse(struct hp_gated_client *c, const struct hp_gate_msg *m, int err, const char *fmt,
		  ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->g->refused++;
	hp_log_limited(&c->g->refusal_tokens, HP_LOG_CTL, HP_LOG_WARNING,
		       "refused to process %ld (user %u): %s: %s", (long)c->pid, c->uid,
		       hp_gate_msg_name(m->type), text);
	fail(c, m, err, text);
	return err;
}

/* ---- the daemon begins and ends */

void hp_gated_send_device(struct hp_gated *g)
{
	struct hp_gate_msg m = { .type = HP_GM_DEVICE, .n_numbers = 1 };

	if (!g->daemon || !g->dev || hp_tundev_fd(g->dev) < 0)
		return;
	m.numbers[0] = g->gone_ms ? hp_clock_ms(&g->clock) - g->gone_ms : 0;
	snprintf(m.text, sizeof(m.text), "%s", hp_tundev_name(g->dev));
	hp_gated_send(g->daemon, &m, hp_tundev_fd(g->dev));
}

/* Another file: root says which one; hipproxyd may only name the one that is in use. */
static int set_path(struct hp_gated_client *c, const char *path)
{
	char *copy;

	if (!strcmp(path, c->g->conf_path))
		return 0;
	if (c->uid)
		return -EPERM;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	free(c->g->conf_path);
	c->g->conf_path = copy;
	return 0;
}

static int load(struct hp_gated *g, struct hp_io_err *e)
{
	struct hp_conf *conf;
	int err = hp_gated_load(g, &conf, e);

	if (err)
		return err;
	err = hp_gated_named(conf, &g->named);
	hp_conf_free(g->next);
	g->next = conf;
	hp_gated_lists_free(&g->staged);
	return err ? hp_io_fail(e, err, "gate: out of memory") : 0;
}

/* A descriptor that hipproxyd already has is the device's, after this process has been started anew. */
static int device(struct hp_gated *g, int fd, struct hp_io_err *e)
{
	const struct hp_conf *conf = g->next;
	int err = hp_gated_device(g, conf->tun.name, conf->tun.mtu,
				  conf->client.on_failure == HP_CONF_FAIL_CLOSED, e);

	if (!err && fd >= 0 && !hp_tundev_give(g->dev, fd))
		return 0;
	if (fd >= 0)
		close(fd);
	if (!err)
		hp_gated_send_device(g);
	return err;
}

static void hello(struct hp_gated_client *c, const struct hp_gate_msg *m, int fd)
{
	struct hp_gated *g = c->g;
	struct hp_io_err e = { "" };
	int err = 0;

	if (m->numbers[0] != HP_GATE_VERSION)
		err = refuse(c, m, -EPROTO, "version %llu, expected %d: restart hipproxy-gate and "
			     "hipproxyd", (unsigned long long)m->numbers[0], HP_GATE_VERSION);
	else if (g->daemon && g->daemon != c)
		err = refuse(c, m, -EBUSY, "another hipproxyd runs in this network namespace");
	else if ((err = set_path(c, m->text)))
		err = refuse(c, m, err, "%.200s: another configuration than that of hipproxy-gate, "
			     "which is %.200s", m->text, g->conf_path);
	if (err) {
		if (fd >= 0)
			close(fd);
		return;
	}
	err = load(g, &e);
	if (!err) {
		g->daemon = c;
		g->bye = false;
		err = device(g, fd, &e);
		g->gone_ms = 0;
	} else if (fd >= 0) {
		close(fd);
	}
	finish(c, m, err, &e);
}

static bool keeps_something(const struct hp_gate_plan *p)
{
	return p->clients || p->pools.n || p->hosted.n;
}

/* What fails open opens now; so does, after an orderly end, what the configuration says. */
void hp_gated_daemon_gone(struct hp_gated *g)
{
	bool stop_opens = g->bye && ((g->conf && g->conf->client.on_stop == HP_CONF_FAIL_OPEN) ||
				     !keeps_something(&g->plan) || g->opened);
	struct hp_io_err e = { "" };

	g->daemon = NULL;
	g->gone_ms = hp_clock_ms(&g->clock);
	hp_gated_lists_free(&g->staged);
	hp_conf_free(g->next);
	g->next = NULL;
	if (!g->plan.stays_open && !stop_opens) {
		hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "hipproxyd %s; what is protected stays closed",
		       g->bye ? "has ended" : "is gone");
		return;
	}
	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "hipproxyd %s; nothing is kept closed",
	       g->bye ? "has ended" : "is gone");
	if (hp_gated_clear(g, &e))
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
}

/* ---- lists */

static struct hp_gate_prefixes *list_of(struct hp_gated_lists *l, enum hp_gate_msg_type type)
{
	switch (type) {
	case HP_GM_POOLS:
		return &l->pools;
	case HP_GM_HOSTED:
		return &l->hosted;
	case HP_GM_MASQUERADE:
		return &l->masquerade;
	case HP_GM_ADDRESSES:
		return &l->addresses;
	default:
		return &l->learned;
	}
}

static struct hp_gate_limits limits(const struct hp_gated *g)
{
	const struct hp_conf *conf = g->next ? g->next : g->conf;

	return (struct hp_gate_limits){
		.discovers = conf && (conf->client.resolvers.n ||
				      conf->hip.opportunistic_initiator != HP_CONF_OPP_OFF),
		.host = conf && conf->host.enabled,
		.learned_max = conf ? conf->limits.peers : 0,
		.addresses_max = conf ? conf->identities.n : 0,
		.named = &g->named,
		.networks = &g->networks,
		.own = &g->own,
	};
}

/* How many of m's prefixes, from the first one on, are allowed. */
static size_t allowed(struct hp_gated_client *c, const struct hp_gate_msg *m, size_t have)
{
	struct hp_gate_limits l = limits(c->g);
	char text[HP_PREFIX_STRLEN];
	const char *why = NULL;
	size_t i = 0;

	while (!why && i < m->n_prefixes) {
		why = hp_gate_refusal(&l, m->type, &m->prefixes[i], have + i);
		i += !why;
	}
	if (why)
		refuse(c, m, -EPERM, "%s: %s", hp_prefix_format(&m->prefixes[i], text), why);
	return i;
}

/* A list for the next READY. */
static void list(struct hp_gated_client *c, const struct hp_gate_msg *m)
{
	struct hp_gate_prefixes *to = list_of(&c->g->staged, m->type);
	size_t n;
	int err = 0;

	if (m->flags & HP_GATE_BEGIN)
		to->n = 0;
	n = allowed(c, m, to->n);
	for (size_t i = 0; err >= 0 && i < n; i++)
		err = m->type == HP_GM_LEARNED ? hp_gate_prefix_insert(to, &m->prefixes[i]) :
						 hp_gate_prefix_add(to, &m->prefixes[i]);
	if (err < 0)
		fail(c, m, err, "");
	else if (n == m->n_prefixes)
		done(c, m);
}

static void learn(struct hp_gated_client *c, const struct hp_gate_msg *m)
{
	struct hp_gated *g = c->g;
	bool known = m->type == HP_GM_LEARN;
	size_t n = allowed(c, m, known ? g->now.learned.n : 0);

	for (size_t i = 0; i < n; i++) {
		const struct hp_prefix *p = &m->prefixes[i];
		int changed = known ? hp_gate_prefix_insert(&g->now.learned, p) :
				      hp_gate_prefix_remove(&g->now.learned, p);

		if (changed < 0) {
			fail(c, m, changed, "");
			return;
		}
		if (!changed)
			continue;
		if (known)
			hp_gate_prefix_insert(&g->plan.learned, p);
		else
			hp_gate_prefix_remove(&g->plan.learned, p);
		hp_gated_learned(g, p, known);
	}
	hp_gated_store_later(g);
	if (n == m->n_prefixes)
		done(c, m);
}

static bool is_named(const struct hp_gated *g, const char *interface)
{
	const struct hp_conf *conf = g->next ? g->next : g->conf;

	return conf && hp_conf_plugin_names(conf, interface);
}

static void answer_arp(struct hp_gated_client *c, const struct hp_gate_msg *m)
{
	unsigned int ifindex = if_nametoindex(m->text);
	int err;

	if (!is_named(c->g, m->text)) {
		refuse(c, m, -EPERM, "%.32s: no plugin's settings name it", m->text);
		return;
	}
	if (!allowed(c, m, 0))
		return;
	err = ifindex ? hp_rtnl_neigh_proxy((int)ifindex, &m->prefixes[0].addr) : -ENODEV;
	finish(c, m, err, &(struct hp_io_err){ "" });
}

/* ---- all of it in one step */

static int apply(struct hp_gated *g, bool clients, struct hp_io_err *e)
{
	struct hp_gate_plan plan;
	bool queue = clients && hp_conf_discovers(g->conf);
	int err = hp_gated_plan(g, &plan, e);

	if (err)
		return err;
	hp_gate_plan_free(&g->plan);
	g->plan = plan;
	err = hp_gated_device(g, plan.tun, plan.mtu, !plan.stays_open, e);
	if (!err)
		err = hp_tundev_addrs(g->dev, g->now.addresses.at, g->now.addresses.n, e);
	if (!err)
		err = hp_gated_keep(g, clients, e);
	/* Rules of discovery may have been left by a gate that was killed. */
	if (!err && (queue || g->queueing || !g->rules_known)) {
		err = hp_gated_discovery(g, queue, e);
		g->rules_known = !err;
	} else if (!err) {
		err = hp_gated_masquerade(g, e);
	}
	if (!err)
		hp_timer_set(&g->timers, &g->store_timer, hp_clock_ms(&g->clock));
	return err;
}

int hp_gated_apply(struct hp_gated *g, bool clients, struct hp_io_err *e)
{
	int err = apply(g, clients && g->conf->client.enabled, e);

	if (err)
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e->text);
	return err;
}

/* The daemon's lists and, if it has been read anew, the configuration are in force. */
static void ready(struct hp_gated_client *c, const struct hp_gate_msg *m)
{
	struct hp_gated *g = c->g;
	bool on = m->flags & HP_GATE_ON;
	struct hp_io_err e = { "" };
	int err;

	if (m->flags & HP_GATE_BEGIN && g->next) {
		hp_conf_free(g->conf);
		g->conf = g->next;
		g->next = NULL;
		hp_gated_lists_free(&g->now);
		g->now = g->staged;
		g->staged = (struct hp_gated_lists){ 0 };
	}
	if (!g->conf) {
		refuse(c, m, -EPROTO, "there is no configuration");
		return;
	}
	if (!on && g->conf->client.enabled && !g->opened && c->uid) {
		refuse(c, m, -EPERM, "only root may open: hipproxyctl proxy off as root");
		return;
	}
	g->opened = !on && g->conf->client.enabled;
	err = hp_gated_apply(g, on, &e);
	finish(c, m, err, &e);
}

/* By root, beside the daemon, which is told. */
static void open_it(struct hp_gated_client *c, const struct hp_gate_msg *m)
{
	struct hp_gate_msg changed = { .type = HP_GM_CHANGED };
	struct hp_gated *g = c->g;
	struct hp_io_err e = { "" };
	int err;

	g->opened = true;
	err = g->conf && g->dev ? hp_gated_apply(g, false, &e) : hp_gated_clear(g, &e);
	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "opened by root (process %ld)", (long)c->pid);
	if (g->daemon)
		hp_gated_send(g->daemon, &changed, -1);
	finish(c, m, err, &e);
}

static void cleanup(struct hp_gated_client *c, const struct hp_gate_msg *m)
{
	struct hp_gated *g = c->g;
	struct hp_io_err e = { "" };
	int err;

	if (g->daemon) {
		fail(c, m, -EBUSY, "another hipproxyd runs in this network namespace");
		return;
	}
	g->opened = true;
	err = hp_gated_clear(g, &e);
	hp_gated_unstore(g);
	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "everything is opened by root (process %ld)",
	       (long)c->pid);
	finish(c, m, err, &e);
	if (!err && g->by_hand)
		hp_loop_stop(g->loop);
}

/* ---- what there is to tell */

static uint64_t flags_of(const struct hp_gated *g)
{
	bool guard = !g->guard_err && hp_gated_has_guard(g) && g->on;

	return (g->on ? HP_GATE_F_KEPT : 0) | (g->clients_on ? HP_GATE_F_CLIENTS : 0) |
	       (guard ? HP_GATE_F_GUARD : 0) |
	       (guard && hp_guard_owned(g->guard) ? HP_GATE_F_OWNED : 0) |
	       (g->queueing ? HP_GATE_F_QUEUEING : 0) | (g->conf ? 0 : HP_GATE_F_LAST);
}

static void status(struct hp_gated_client *c, const struct hp_gate_msg *m)
{
	struct hp_gated *g = c->g;
	struct hp_gate_msg a = { .type = HP_GM_REPORT, .seq = m->seq,
				 .n_numbers = HP_GATE_R_GUARD + HP_GUARD_COUNTS };
	uint64_t *n = a.numbers, now_ms = hp_clock_ms(&g->clock);

	_Static_assert(HP_GATE_R_GUARD + HP_GUARD_COUNTS <= HP_GATE_MSG_NUMBERS, "room");
	n[HP_GATE_R_FLAGS] = flags_of(g);
	n[HP_GATE_R_RULES] = g->wanted.n_rules;
	n[HP_GATE_R_ROUTES] = g->wanted.n_routes;
	n[HP_GATE_R_REPAIRS] = g->repairs;
	n[HP_GATE_R_REPAIRED_S] = g->repaired_ms ? (now_ms - g->repaired_ms) / 1000 : 0;
	n[HP_GATE_R_ERRNO] = (uint64_t)-g->err;
	n[HP_GATE_R_REFUSED] = g->refused;
	n[HP_GATE_R_LEARNED] = g->now.learned.n;
	n[HP_GATE_R_RECONCILE_US] = g->reconcile_us;
	n[HP_GATE_R_LEARN_US] = g->learn_us;
	n[HP_GATE_R_BACKEND] = g->backend;
	n[HP_GATE_R_PID] = (uint64_t)getpid();
	if (g->guard)
		hp_guard_counts(g->guard, n + HP_GATE_R_GUARD);
	hp_gated_send(c, &a, -1);
}

/* Connections that began in the clear and go on. */
static void begun(struct hp_gated_client *c, const struct hp_gate_msg *m)
{
	struct hp_gate_msg a = { .type = HP_GM_CONNECTIONS, .seq = m->seq };
	const struct hp_begun *b = c->g->begun;
	const struct hp_connection *at;
	size_t n = b ? hp_begun_list(b, &at) : 0;

	a.numbers[a.n_numbers++] = b ? hp_begun_total(b) : 0;
	for (size_t i = 0; i < n && i < HP_GATE_MSG_BEGUN; i++) {
		a.prefixes[a.n_prefixes++] = (struct hp_prefix){ .addr = at[i].src, .bits = 128 };
		a.prefixes[a.n_prefixes++] = (struct hp_prefix){ .addr = at[i].dst, .bits = 128 };
		a.numbers[a.n_numbers++] = (uint64_t)at[i].proto << 32 | (uint64_t)at[i].sport << 16 |
					   at[i].dport;
	}
	hp_gated_send(c, &a, -1);
}

/* ---- sockets */

/* Large buffers need a right that hipproxyd does not have. */
static void buffers(struct hp_gated_client *c, const struct hp_gate_msg *m, int fd)
{
	int domain = 0, size = SOCKET_BUFFER, err = 0;
	socklen_t len = sizeof(domain);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) ||
	    (domain != AF_INET && domain != AF_INET6)) {
		refuse(c, m, -EINVAL, "not a socket of IPv4 or IPv6");
		return;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		err = -errno;
	finish(c, m, err, &(struct hp_io_err){ "" });
}

/* ---- who may say what */

static void reload(struct hp_gated_client *c, const struct hp_gate_msg *m)
{
	struct hp_io_err e = { "" };
	int err = load(c->g, &e);

	finish(c, m, err, &e);
}

static void bye(struct hp_gated_client *c, const struct hp_gate_msg *m)
{
	c->g->bye = true;
	hp_gated_daemon_gone(c->g);
	done(c, m);
}

enum who { ANYBODY, DAEMON, READY_DAEMON, ROOT };

static const struct {
	enum who who;
	void (*fn)(struct hp_gated_client *c, const struct hp_gate_msg *m);
} requests[HP_GATE_MSG_TYPES] = {
	[HP_GM_LOAD] = { DAEMON, reload },
	[HP_GM_POOLS] = { DAEMON, list },
	[HP_GM_HOSTED] = { DAEMON, list },
	[HP_GM_MASQUERADE] = { DAEMON, list },
	[HP_GM_ADDRESSES] = { DAEMON, list },
	[HP_GM_LEARNED] = { DAEMON, list },
	[HP_GM_READY] = { DAEMON, ready },
	[HP_GM_LEARN] = { READY_DAEMON, learn },
	[HP_GM_FORGET] = { READY_DAEMON, learn },
	[HP_GM_ANSWER] = { DAEMON, answer_arp },
	[HP_GM_BYE] = { DAEMON, bye },
	[HP_GM_STATUS] = { ANYBODY, status },
	[HP_GM_BEGUN] = { ANYBODY, begun },
	[HP_GM_OPEN] = { ROOT, open_it },
	[HP_GM_CLEANUP] = { ROOT, cleanup },
};

/* NULL: this connection may. */
static const char *forbidden(const struct hp_gated_client *c, enum who who)
{
	if (who == ROOT)
		return c->uid ? "only root may" : NULL;
	if (who == ANYBODY)
		return NULL;
	if (c->g->daemon != c)
		return "HELLO has to come first";
	return who == READY_DAEMON && !c->g->conf ? "READY has to come first" : NULL;
}

void hp_gated_answer(struct hp_gated_client *c, const struct hp_gate_msg *m, int fd)
{
	const char *why;

	if (m->type == HP_GM_HELLO) {
		hello(c, m, fd);
		return;
	}
	if (m->type == HP_GM_BUFFERS) {
		why = forbidden(c, DAEMON);
		if (why)
			refuse(c, m, -EPERM, "%s", why);
		else
			buffers(c, m, fd);
	} else if (!requests[m->type].fn) {
		refuse(c, m, -EPROTO, "not a request");
	} else {
		why = forbidden(c, requests[m->type].who);
		if (why)
			refuse(c, m, -EPERM, "%s", why);
		else
			requests[m->type].fn(c, m);
	}
	if (fd >= 0)
		close(fd);
}
