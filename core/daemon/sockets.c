/* SPDX-License-Identifier: MIT
 *
 * Where packets come from and go to: raw sockets, the TUN device, the queues of discovery, with the
 * pool of packets and what the kernel's routing says.
 */
#include "daemon/daemon.h"

#include <errno.h>

/* ---- what the sockets tell */

void hp_daemon_arrived(void *ctx, struct hp_outer_run *r, unsigned int n)
{
	struct hp_daemon *d = ctx;

	if (d->pipe)
		hp_pipe_arrived(d->pipe, r, n);
}

/* The octets of both are in the socket's buffer, which nobody else reads. */
static void raw_hip(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len)
{
	struct hp_outer_run r = { .kind = HP_OUTER_CONTROL, .path = *path,
				  .data = (uint8_t *)(uintptr_t)msg, .n = 1,
				  .seg = (uint32_t)len, .last = (uint32_t)len };

	hp_daemon_arrived(ctx, &r, 1);
}

static struct hp_outer_run run_of(const struct hp_esp_arrived *a)
{
	return (struct hp_outer_run){ .kind = HP_OUTER_ESP,
				      .path = { .src = a->dst, .dst = a->src },
				      .data = (uint8_t *)(uintptr_t)a->data, .n = a->n,
				      .seg = a->seg, .last = a->last, .ttl = a->ttl,
				      .tos = a->tos };
}

static void raw_esp(void *ctx, const struct hp_esp_arrived *a, unsigned int n)
{
	struct hp_outer_run r[HP_PIPE_BURST];
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++) {
		r[k++] = run_of(&a[i]);
		if (k < HP_PIPE_BURST && i + 1 < n)
			continue;
		hp_daemon_arrived(ctx, r, k);
		k = 0;
	}
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

static void raw_too_big(void *ctx, const struct hp_quote *q, uint32_t mtu)
{
	struct hp_daemon *d = ctx;

	hp_pipe_too_big(d->pipe, q, mtu);
}

static const struct hp_raw_ops raw_ops = {
	.hip = raw_hip,
	.esp = raw_esp,
	.hip_refused = raw_refused,
	.too_big = raw_too_big,
};

static void captured(void *ctx, struct hp_packet *const *p, unsigned int n)
{
	struct hp_daemon *d = ctx;

	hp_pipe_captured(d->pipe, p, n);
}

static void local(void *ctx, struct hp_packets *from)
{
	struct hp_daemon *d = ctx;

	hp_pipe_local(d->pipe, from);
}

/* ---- opening them */

int hp_daemon_open_queue(struct hp_daemon *d, struct hp_io_err *e)
{
	const struct hp_conf_client *c = &d->conf->client;
	struct hp_nfq_cfg cfg = {
		.queue = c->queue,
		.fail_open = c->on_failure == HP_CONF_FAIL_OPEN,
		.mark = c->mark,
		.mask = c->mark_mask,
	};

	if (d->net.nfq)
		return 0;
	hp_conntrack_open(&d->net.conntrack);
	return hp_nfq_open(d->loop, d->net.pool, &cfg, captured, d, &d->net.nfq, e);
}

static int open_all(struct hp_daemon *d, struct hp_io_err *e)
{
	bool queue = hp_daemon_needs_queue(d);
	/* The mark keeps our own packets out of the queue, and needs the same right. */
	struct hp_raw_cfg raw = { .mark = queue ? d->conf->client.mark : 0 };
	struct hp_raw_ops ops = raw_ops;
	int err = hp_daemon_gate_tun(d, local, e);

	ops.ctx = d;
	if (!err)
		err = hp_raw_open(d->loop, &raw, &ops, &d->net.raw, e);
	return !err && queue ? hp_daemon_open_queue(d, e) : err;
}

static int start(struct hp_daemon *d)
{
	const unsigned int packets = d->conf->limits.packets;
	struct hp_io_err e = { "" };
	int err;

	d->net.pool = hp_pool_new(packets, packets);
	d->net.route = hp_route_new(d->conf->client.mark, &d->clock);
	if (!d->net.pool || !d->net.route)
		return hp_daemon_fail(-errno, "packets and routes");
	err = open_all(d, &e);
	return err ? hp_daemon_fail_io(err, &e) : 0;
}

static void stop(struct hp_daemon *d)
{
	struct hp_net *net = &d->net;

	if (net->nfq)
		hp_nfq_close(net->nfq);
	hp_conntrack_close(net->conntrack);
	if (net->raw)
		hp_raw_close(net->raw);
	if (net->tun)
		hp_tun_close(net->tun);
	if (net->route)
		hp_route_free(net->route);
	if (net->pool)
		hp_pool_free(net->pool);
	*net = (struct hp_net){ 0 };
}

const struct hp_part hp_part_sockets = { "sockets", start, stop, NULL };
