/* SPDX-License-Identifier: MIT
 *
 * UDP beside raw sockets (RFC 5770): opened when a plugin asks, shut when nobody needs it.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <string.h>

#define SHUT_MS      3000 /* associations in UDP have this long to move */
#define SHUT_STEP_MS 100

static const char *const names[] = { [HP_TRANSPORT_NATIVE] = "off",
				     [HP_TRANSPORT_UDP] = "plain-udp",
				     [HP_TRANSPORT_AUTO] = "auto" };

const char *hp_daemon_transport_name(enum hp_transport_mode mode)
{
	return (unsigned int)mode < 3 ? names[mode] : "?";
}

int hp_daemon_transport_parse(const char *name, enum hp_transport_mode *out)
{
	for (unsigned int i = 0; i < 3; i++)
		if (!strcmp(name, names[i])) {
			*out = (enum hp_transport_mode)i;
			return 0;
		}
	return -EINVAL;
}

static int open_port(struct hp_daemon *d, uint16_t port)
{
	struct hp_encap_cfg cfg = { .mark = d->net.nfq ? d->conf->client.mark : 0, .port = port };
	struct hp_raw_ops ops = hp_daemon_raw_ops;
	struct hp_io_err e = { "" };
	struct hp_encap *encap;
	int err;

	if (d->udp.encap && d->udp.transport.port == port)
		return 0;
	ops.ctx = d;
	err = hp_encap_open(d->loop, &cfg, &ops, &encap, &e);
	if (err) {
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
		return err;
	}
	hp_encap_close(d->udp.encap);
	d->udp.encap = encap;
	for (int i = 0; i < 2; i++)
		if (hp_encap_fd(encap, i) >= 0)
			hp_daemon_gate_buffers(d, hp_encap_fd(encap, i));
	return 0;
}

static void shut(struct hp_timer *t)
{
	struct hp_daemon *d = HP_CONTAINER(t, struct hp_daemon, udp.shut_timer);
	uint64_t now = hp_clock_ms(&d->clock);

	if (now < d->udp.shut_ms && d->hip && hp_hip_nat_count(d->hip)) {
		hp_timer_set(&d->timers, t, now + SHUT_STEP_MS);
		return;
	}
	if (d->hip)
		hp_hip_nat_shut(d->hip);
	hp_daemon_transport_close(d);
}

void hp_daemon_transport_close(struct hp_daemon *d)
{
	hp_timer_cancel(&d->timers, &d->udp.shut_timer);
	hp_encap_close(d->udp.encap);
	d->udp.encap = NULL;
}

/* Now, or after a while in which associations may move. */
static void close_port(struct hp_daemon *d)
{
	if (!d->udp.encap)
		return;
	if (d->quit.stopping || !d->hip || !hp_hip_nat_count(d->hip)) {
		hp_daemon_transport_close(d);
		return;
	}
	hp_timer_cancel(&d->timers, &d->udp.shut_timer);
	hp_timer_init(&d->udp.shut_timer, shut);
	d->udp.shut_ms = hp_clock_ms(&d->clock) + SHUT_MS;
	hp_timer_set(&d->timers, &d->udp.shut_timer, d->udp.shut_ms - SHUT_MS + SHUT_STEP_MS);
}

int hp_daemon_transport(void *ctx, const struct hp_transport *t)
{
	struct hp_daemon *d = ctx;
	struct hp_hip_nat nat = { .mode = (enum hp_nat_mode)t->mode, .port = t->port,
				  .keepalive_ms = t->keepalive_ms };
	int err = 0;

	if (t->mode != HP_TRANSPORT_NATIVE) {
		err = open_port(d, t->port);
		if (err)
			return err;
		hp_timer_cancel(&d->timers, &d->udp.shut_timer);
	}
	d->udp.transport = *t;
	d->udp.asked = true;
	if (d->hip)
		hp_hip_set_nat(d->hip, &nat);
	if (t->mode == HP_TRANSPORT_NATIVE)
		close_port(d);
	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "NAT traversal: %s", hp_daemon_transport_name(t->mode));
	return 0;
}

/* A plugin opens it, see hp_daemon_transport. */
const struct hp_part hp_part_transport = { "transport", .stop = hp_daemon_transport_close };
