/* SPDX-License-Identifier: MIT
 *
 * UDP ports that plugins open, and what else hipproxy/outer.h promises them of the daemon.
 */
#include "daemon/daemon.h"

#include <errno.h>

/* Many datagrams arrive there: the gate enlarges the buffers beyond the system's limit. */
static void enlarge(struct hp_daemon *d, struct hp_outer_port *port)
{
	for (int i = 0; i < 2; i++)
		if (hp_encap_fd(port, i) >= 0)
			hp_daemon_gate_buffers(d, hp_encap_fd(port, i));
}

static struct hp_outer_port **free_place(struct hp_daemon *d)
{
	for (size_t i = 0; i < HP_OUTER_PORTS; i++)
		if (!d->ports.at[i])
			return &d->ports.at[i];
	return NULL;
}

static int port_open(void *ctx, uint16_t number, struct hp_outer_port **out)
{
	struct hp_daemon *d = ctx;
	struct hp_encap_cfg cfg = { .mark = d->net.nfq ? d->conf->client.mark : 0, .port = number };
	struct hp_encap_ops ops = { .ctx = d, .arrived = hp_daemon_arrived };
	struct hp_outer_port **place = free_place(d);
	struct hp_io_err e = { "" };
	int err;

	if (!d->loop)
		return -EOPNOTSUPP;
	if (!place) {
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "UDP port %u: plugins have %d ports open, which is "
		       "the limit", number, HP_OUTER_PORTS);
		return -ENOBUFS;
	}
	err = hp_encap_open(d->loop, &cfg, &ops, out, &e);
	if (err) {
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
		return err;
	}
	*place = *out;
	enlarge(d, *out);
	return 0;
}

static void port_close(void *ctx, struct hp_outer_port *port)
{
	struct hp_daemon *d = ctx;

	for (size_t i = 0; i < HP_OUTER_PORTS; i++)
		if (d->ports.at[i] == port)
			d->ports.at[i] = NULL;
	hp_encap_close(port);
}

static void close_all(struct hp_daemon *d)
{
	for (size_t i = 0; i < HP_OUTER_PORTS; i++)
		if (d->ports.at[i])
			port_close(d, d->ports.at[i]);
}

struct hp_encap_counts hp_daemon_ports_counts(const struct hp_daemon *d)
{
	struct hp_encap_counts sum = { 0 };

	for (size_t i = 0; i < HP_OUTER_PORTS; i++) {
		const struct hp_encap_counts *c;

		if (!d->ports.at[i])
			continue;
		c = hp_encap_counts(d->ports.at[i]);
		sum.malformed += c->malformed;
		sum.full += c->full;
		sum.errors += c->errors;
	}
	return sum;
}

static void changed(void *ctx)
{
	struct hp_daemon *d = ctx;

	if (d->hip)
		hp_hip_offers_changed(d->hip);
}

static int each(void *ctx, int (*fn)(struct hp_assoc *a, void *arg), void *arg)
{
	struct hp_daemon *d = ctx;

	return d->hip ? hp_hip_each(d->hip, fn, arg) : 0;
}

const struct hp_registry_outer hp_daemon_outer = {
	.open = port_open,
	.close = port_close,
	.changed = changed,
	.each = each,
};

/* ---- the plugin that chooses paths */

bool hp_daemon_transport(const struct hp_daemon *d, struct hp_transport_ref *out,
			 struct hp_transport_status *status)
{
	*status = (struct hp_transport_status){ .mode = "off" };
	if (!hp_registry_transport(d->registry, out))
		return false;
	if (out->table->status && out->self->state)
		out->table->status(out->self, status);
	return true;
}

/* Plugins open them, and close them when they stop. */
const struct hp_part hp_part_ports = { "ports", .stop = close_all };
