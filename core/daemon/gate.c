/* SPDX-License-Identifier: MIT
 *
 * Talking to hipproxy-gate (see gate.h).
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/peerdb.h"
#include "io/gatesock.h"

#define ANSWER_MS  15000 /* programs for packet filters may wait for each other */
#define SEND_MS	   2000
#define CONNECT_MS 200
#define RETRY_MS   3000
#define LATE_MS	   2000 /* what has waited longer must not arrive any more */

/* ---- what the gate says */

static void take_device(struct hp_gate_link *l, const struct hp_gate_msg *m, int fd)
{
	struct hp_daemon *d = l->d;
	struct hp_io_err e = { "" };

	if (fd < 0)
		return;
	if (d->net.tun) {
		if (hp_tun_replace(d->net.tun, fd, &e)) {
			hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
			close(fd);
		}
		return;
	}
	if (l->tun >= 0)
		close(l->tun);
	l->tun = fd;
	l->away_ms = m->numbers[0];
	snprintf(l->tun_name, sizeof(l->tun_name), "%.15s", m->text);
}

static void set_on(struct hp_gate_link *l, bool on)
{
	l->clients = on;
}

static struct hp_gate_msg *ready(struct hp_gate_link *l, bool clients, bool all);
static int tell(struct hp_gate_link *l, int fd, bool now);
static void lost(struct hp_gate_link *l, uint64_t again_ms);

/* A gate that was started anew is closed whatever was said to the one before. */
static void ready_refused(struct hp_gate_link *l)
{
	if (!l->begun || l->clients || !l->d->conf->client.enabled)
		return;
	hp_log(HP_LOG_CORE, HP_LOG_WARNING, "hipproxy-gate was started anew: the proxy is on again");
	set_on(l, true);
	ready(l, true, false);
	tell(l, -1, false);
}

/* Who waits for the answer to seq, or, if all is set, for anything.  False: nobody. */
static bool tell_waits(struct hp_gate_link *l, uint32_t seq, bool all)
{
	struct hp_list *n = l->waits.next, *next;
	bool told = false;

	for (; n != &l->waits; n = next) {
		struct hp_gate_wait *w = HP_CONTAINER(n, struct hp_gate_wait, node);

		next = n->next;
		if (!all && w->seq != seq)
			continue;
		hp_list_del(n);
		w->fn(w);
		told = true;
	}
	return told;
}

static void take_answer(struct hp_gate_link *l, const struct hp_gate_msg *m)
{
	bool refused = m->type == HP_GM_REFUSED;

	if (tell_waits(l, m->seq, false))
		return;
	if (m->type == HP_GM_DONE && m->text[0] && l->d->reload.complaints)
		json_array_append_new(l->d->reload.complaints, json_string(m->text));
	if (m->seq == l->waits_for) {
		l->result = refused ? -(int)m->numbers[0] : 0;
		if (refused && l->why)
			hp_io_fail(l->why, -1, "%s", m->text);
		l->waits_for = 0;
	} else if (refused) {
		hp_log_limited(&l->log_tokens, HP_LOG_IO, HP_LOG_ERROR, "hipproxy-gate refuses: %s",
			       m->text);
	}
	if (m->seq == l->ready_seq && refused)
		ready_refused(l);
	/* Its configuration is wrong just now, perhaps. */
	if (m->seq == l->hello_seq && refused && l->begun)
		lost(l, RETRY_MS);
}

static void take(struct hp_gate_link *l, int fd)
{
	const struct hp_gate_msg *m = &l->in;

	switch (m->type) {
	case HP_GM_DEVICE:
		take_device(l, m, fd);
		return; /* the descriptor is kept */
	case HP_GM_CHANGED:
		set_on(l, m->flags & HP_GATE_ON);
		hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "root has opened the gate: all traffic passes");
		break;
	case HP_GM_REPORT:
		memset(l->report, 0, sizeof(l->report));
		memcpy(l->report, m->numbers, m->n_numbers * sizeof(*m->numbers));
		take_answer(l, m);
		break;
	case HP_GM_CONNECTIONS:
		l->connections = *m;
		take_answer(l, m);
		break;
	case HP_GM_DONE:
	case HP_GM_REFUSED:
		take_answer(l, m);
		break;
	default:
		break;
	}
	if (fd >= 0)
		close(fd);
}

static void drop(struct hp_gate_link *l)
{
	hp_loop_del(l->d->loop, &l->watch);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	tell_waits(l, 0, true);
}

static void lost(struct hp_gate_link *l, uint64_t again_ms)
{
	drop(l);
	if (!l->d->quit.stopping)
		hp_timer_set(&l->d->timers, &l->again, hp_clock_ms(&l->d->clock) + again_ms);
}

/* All that has come.  0, or -errno: the gate is gone. */
static int read_all(struct hp_gate_link *l)
{
	int err, fd;

	while (l->fd >= 0) {
		err = hp_gatesock_recv(l->fd, &l->in, &fd);
		if (err == -EAGAIN)
			return 0;
		if (err && err != -EINTR)
			return err;
		if (!err)
			take(l, fd);
	}
	return -ENOTCONN;
}

static void on_message(void *ctx, uint32_t events)
{
	struct hp_gate_link *l = ctx;

	(void)events;
	if (!read_all(l) || l->fd < 0)
		return;
	if (l->begun && !l->d->quit.stopping)
		hp_log(HP_LOG_CORE, HP_LOG_ERROR, "hipproxy-gate is gone: what it has closed stays "
		       "closed, but nobody repairs it");
	lost(l, CONNECT_MS);
}

/* ---- what is said to it */

static struct hp_gate_msg *message(struct hp_gate_link *l, enum hp_gate_msg_type type)
{
	struct hp_gate_msg *m = &l->out;

	m->type = type;
	m->flags = 0;
	m->seq = ++l->seq ? l->seq : ++l->seq;
	m->n_prefixes = m->n_numbers = 0;
	m->text[0] = '\0';
	return m;
}

/* Without waiting for the answer; with patience for room, unless now. */
static int tell(struct hp_gate_link *l, int fd, bool now)
{
	struct pollfd p = { .fd = l->fd, .events = POLLOUT };
	int err = l->fd < 0 ? -ENOTCONN : hp_gatesock_send(l->fd, &l->out, fd);

	if (err != -EAGAIN || now)
		return err;
	return poll(&p, 1, SEND_MS) == 1 ? hp_gatesock_send(l->fd, &l->out, fd) : -ETIMEDOUT;
}

static int wait_answer(struct hp_gate_link *l, int timeout_ms)
{
	uint64_t end_ms = hp_clock_ms(&l->d->clock) + (uint64_t)timeout_ms, now_ms;
	int err = 0;

	while (!err && l->waits_for) {
		now_ms = hp_clock_ms(&l->d->clock);
		err = now_ms < end_ms ? hp_gatesock_wait(l->fd, (int)(end_ms - now_ms)) : -ETIMEDOUT;
		if (!err)
			err = read_all(l);
	}
	l->waits_for = 0;
	l->why = NULL;
	return err;
}

/* Sends l->out and waits.  0, or -errno with a sentence. */
static int ask(struct hp_gate_link *l, int fd, int timeout_ms, struct hp_io_err *e)
{
	int err;

	l->waits_for = l->out.seq;
	l->why = e;
	l->result = 0;
	err = tell(l, fd, false);
	if (!err)
		err = wait_answer(l, timeout_ms);
	l->waits_for = 0;
	l->why = NULL;
	if (err)
		return hp_io_fail(e, err, "hipproxy-gate %s", err == -ETIMEDOUT ?
				  "does not answer" : "is gone");
	return l->result;
}

/* A list, in parts. */
static int list(struct hp_gate_link *l, enum hp_gate_msg_type type, const struct hp_prefix *at,
		size_t n)
{
	struct hp_gate_msg *m;
	size_t done = 0;
	int err;

	do {
		m = message(l, type);
		m->flags = done ? 0 : HP_GATE_BEGIN;
		while (m->n_prefixes < HP_GATE_MSG_PREFIXES && done < n)
			m->prefixes[m->n_prefixes++] = at[done++];
		err = tell(l, -1, false);
	} while (!err && done < n);
	return err;
}

static int learned_one(struct hp_peer *e, void *arg)
{
	struct hp_prefix p = { .addr = e->addr, .bits = 128 };

	return hp_pipe_peer_learned(e) ? hp_gate_prefix_add(arg, &p) : 0;
}

static int list_learned(struct hp_gate_link *l)
{
	struct hp_gate_prefixes learned = { 0 };
	int err = l->d->pipe ? hp_peerdb_each(hp_pipe_peerdb(l->d->pipe), learned_one, &learned) : 0;

	if (!err)
		err = list(l, HP_GM_LEARNED, learned.at, learned.n);
	hp_gate_prefixes_free(&learned);
	return err;
}

static int lists(struct hp_gate_link *l)
{
	struct hp_prefix host = { .addr = l->d->own.host_hit, .bits = 128 };
	int err = list(l, HP_GM_ADDRESSES, &host, l->d->conf->host.enabled);

	if (!err)
		err = list(l, HP_GM_POOLS, l->pools.at, l->pools.n);
	if (!err)
		err = list(l, HP_GM_HOSTED, l->hosted.at, l->hosted.n);
	if (!err)
		err = list(l, HP_GM_MASQUERADE, l->masquerade.at, l->masquerade.n);
	return err ? err : list_learned(l);
}

static struct hp_gate_msg *ready(struct hp_gate_link *l, bool clients, bool all)
{
	struct hp_gate_msg *m = message(l, HP_GM_READY);

	m->flags = (uint8_t)((clients ? HP_GATE_ON : 0) | (all ? HP_GATE_BEGIN : 0));
	return m;
}

static struct hp_gate_msg *hello(struct hp_gate_link *l)
{
	struct hp_gate_msg *m = message(l, HP_GM_HELLO);
	char *path = realpath(l->d->opt.conf_path, NULL);

	snprintf(m->text, sizeof(m->text), "%s", path ? path : l->d->opt.conf_path);
	free(path);
	m->numbers[m->n_numbers++] = HP_GATE_VERSION;
	return m;
}

/* ---- it comes and goes */

static int reach(struct hp_gate_link *l)
{
	char path[HP_GATE_PATH_MAX];
	int err = hp_gatesock_path(".sock", path), fd;

	if (err)
		return err;
	fd = hp_gatesock_connect(path);
	if (fd < 0)
		return fd;
	l->fd = fd;
	return 0;
}

static int watch(struct hp_gate_link *l)
{
	return hp_loop_add(l->d->loop, &l->watch, l->fd, EPOLLIN, on_message, l);
}

/* The answers come later. */
static int tell_all(struct hp_gate_link *l)
{
	int err;

	l->hello_seq = hello(l)->seq;
	err = tell(l, l->d->net.tun ? hp_tun_fd(l->d->net.tun) : -1, false);
	if (!err)
		err = lists(l);
	if (err)
		return err;
	l->ready_seq = ready(l, l->clients, true)->seq;
	return tell(l, -1, false);
}

static void on_again(struct hp_timer *t)
{
	struct hp_gate_link *l = HP_CONTAINER(t, struct hp_gate_link, again);
	int err;

	if (l->d->quit.stopping)
		return;
	if (l->fd >= 0) { /* only an address that could not be told */
		l->again_learned = list_learned(l) != 0;
		l->again_learned |= !ready(l, l->clients, false) || tell(l, -1, false);
		if (l->again_learned)
			hp_timer_set(&l->d->timers, t, hp_clock_ms(&l->d->clock) + CONNECT_MS);
		return;
	}
	err = reach(l);
	if (!err)
		err = watch(l);
	if (!err)
		err = tell_all(l);
	if (err)
		lost(l, CONNECT_MS);
	else
		hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "hipproxy-gate is back");
}

static int open_gate(struct hp_daemon *d, struct hp_io_err *e)
{
	struct hp_gate_link *l = &d->gate;
	int err;

	l->d = d;
	hp_list_init(&l->waits);
	l->fd = l->tun = -1;
	hp_timer_init(&l->again, on_again);
	hp_tokens_init(&l->log_tokens, 1, 10);
	err = reach(l);
	if (err == -ENOENT || err == -ECONNREFUSED) {
		err = hp_gate_start(d->opt.conf_path, d->opt.level, !d->opt.background, e);
		if (err)
			return err;
		err = reach(l);
	}
	if (err)
		return hp_io_fail(e, err, "hipproxy-gate can't be reached: %s", strerror(-err));
	hello(l);
	err = ask(l, -1, ANSWER_MS, e);
	if (!err && l->tun < 0)
		err = hp_io_fail(e, -ENODEV, "hipproxy-gate has given no TUN device");
	if (!err) {
		err = watch(l);
		if (err)
			hp_io_fail(e, err, "hipproxy-gate: %s", strerror(-err));
	}
	return err;
}

int hp_daemon_gate_tun(struct hp_daemon *d, hp_tun_fn on_burst, struct hp_io_err *e)
{
	struct hp_gate_link *l = &d->gate;
	int err = hp_tun_open(d->loop, d->net.pool, l->tun, l->tun_name, on_burst, d, &d->net.tun, e);

	if (err)
		return err;
	l->tun = -1;
	if (l->away_ms > LATE_MS)
		hp_tun_discard(d->net.tun);
	return 0;
}

static int start(struct hp_daemon *d)
{
	struct hp_io_err e = { "" };
	int err = open_gate(d, &e);

	return err ? hp_daemon_fail_io(err, &e) : 0;
}

static void stop(struct hp_daemon *d)
{
	struct hp_gate_link *l = &d->gate;

	hp_timer_cancel(&d->timers, &l->again);
	drop(l);
	if (l->tun >= 0)
		close(l->tun);
	hp_gate_prefixes_free(&l->pools);
	hp_gate_prefixes_free(&l->hosted);
	hp_gate_prefixes_free(&l->masquerade);
}

const struct hp_part hp_part_gate = { "gate", start, stop, NULL };

/* ---- requests */

int hp_daemon_gate_load(struct hp_daemon *d, struct hp_io_err *e)
{
	message(&d->gate, HP_GM_LOAD);
	return ask(&d->gate, -1, ANSWER_MS, e);
}

int hp_daemon_gate(struct hp_daemon *d, bool clients, bool all, struct hp_io_err *e)
{
	struct hp_gate_link *l = &d->gate;
	int err = all ? lists(l) : 0;

	if (err)
		return hp_io_fail(e, err, "hipproxy-gate: %s", strerror(-err));
	ready(l, clients, all);
	err = ask(l, -1, ANSWER_MS, e);
	if (!err)
		l->clients = clients;
	l->begun |= !err;
	return err;
}

void hp_daemon_gate_bye(struct hp_daemon *d)
{
	struct hp_gate_link *l = &d->gate;
	struct hp_io_err e = { "" };

	l->clients = false;
	if (!l->begun || l->fd < 0)
		return;
	l->begun = false;
	message(l, HP_GM_BYE);
	if (ask(l, -1, ANSWER_MS, &e))
		hp_log(HP_LOG_CORE, HP_LOG_ERROR, "%s", e.text);
}

int hp_daemon_gate_answer(struct hp_daemon *d, const char *iface, const struct hp_addr *addr)
{
	struct hp_gate_msg *m = message(&d->gate, HP_GM_ANSWER);
	struct hp_io_err e = { "" };
	int err;

	m->prefixes[m->n_prefixes++] = (struct hp_prefix){ .addr = *addr, .bits = 128 };
	snprintf(m->text, sizeof(m->text), "%s", iface);
	err = ask(&d->gate, -1, ANSWER_MS, &e);
	if (err)
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "ARP and ND on %s: %s", iface, e.text);
	return err;
}

void hp_daemon_gate_buffers(struct hp_daemon *d, int fd)
{
	message(&d->gate, HP_GM_BUFFERS);
	tell(&d->gate, fd, false);
}

bool hp_daemon_gate_there(const struct hp_daemon *d)
{
	return d->gate.fd >= 0;
}

bool hp_daemon_gate_ask(struct hp_daemon *d, struct hp_gate_wait *w)
{
	struct hp_gate_link *l = &d->gate;

	message(l, HP_GM_STATUS);
	if (tell(l, -1, true))
		return false;
	w->seq = message(l, HP_GM_BEGUN)->seq;
	if (tell(l, -1, true))
		return false;
	hp_list_add_tail(&l->waits, &w->node);
	return true;
}

/* One short message; until it is done, packets to the address come by the queue of discovery. */
void hp_daemon_learned(void *ctx, const struct hp_addr *addr, bool known)
{
	struct hp_daemon *d = ctx;
	struct hp_gate_link *l = &d->gate;
	struct hp_gate_msg *m;

	if (!l->clients || d->quit.stopping || l->fd < 0)
		return;
	m = message(l, known ? HP_GM_LEARN : HP_GM_FORGET);
	m->prefixes[m->n_prefixes++] = (struct hp_prefix){ .addr = *addr, .bits = 128 };
	if (!tell(l, -1, true) || l->again_learned)
		return;
	l->again_learned = true;
	hp_timer_set(&d->timers, &l->again, hp_clock_ms(&d->clock) + CONNECT_MS);
}

bool hp_daemon_in_pool(void *ctx, const struct hp_addr *addr)
{
	const struct hp_daemon *d = ctx;

	for (size_t i = 0; i < d->gate.pools.n; i++)
		if (hp_prefix_contains(&d->gate.pools.at[i], addr))
			return true;
	return false;
}

bool hp_daemon_routes_all(const struct hp_daemon *d)
{
	return d->gate.clients && !d->conf->client.rules.n;
}
