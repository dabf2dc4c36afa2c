/* SPDX-License-Identifier: MIT
 *
 * What plugins ask of the daemon: identities and addresses for legacy servers
 * (hipproxy/hosting.h), the core's translation.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "io/rtnl.h"

int hp_daemon_lookup(void *ctx, const char *name, struct hp_addr *hit)
{
	struct hp_daemon *d = ctx;
	const struct hp_conf *conf = d->tried ? d->tried : d->conf;
	const struct hp_conf_identity *id = *name ? hp_conf_identity_find(conf, name) : NULL;

	if (!id)
		return -ENOENT;
	*hit = *hp_key_hit(d->keys[id - conf->identities.at]);
	for (size_t i = 0; i < d->n_other_hits; i++)
		if (hp_addr_eq(hit, &d->other_hits[i]))
			return -EBUSY;
	return hp_addr_eq(hit, &d->client_hit) || hp_addr_eq(hit, &d->host_hit) ? -EBUSY : 0;
}

int hp_daemon_claim(void *ctx, const char *name, struct hp_addr *hit)
{
	struct hp_daemon *d = ctx;
	int err = hp_daemon_lookup(d, name, hit);

	return !err && d->hip ? hp_hip_identity_never_opportunistic(d->hip, hit) : err;
}

int hp_daemon_attract(void *ctx, const struct hp_prefix *pool)
{
	struct hp_daemon *d = ctx;

	if (!d->tun)
		return 0;
	if (d->gate.n_pools == HP_GATE_POOLS)
		return -E2BIG;
	d->gate.pools[d->gate.n_pools++] = *pool;
	d->gate.stale = true;
	return hp_tun_route(d->tun, pool);
}

int hp_daemon_masquerade_again(struct hp_daemon *d, struct hp_io_err *err)
{
	if (!d->n_masqueraded || d->stopping)
		return 0;
	return hp_rules_masquerade(d->conf->tun.name, d->masqueraded, d->n_masqueraded, err);
}

int hp_daemon_masquerade(void *ctx, const struct hp_prefix *pool)
{
	struct hp_daemon *d = ctx;
	struct hp_io_err e = { "" };
	int err;

	if (d->n_masqueraded == sizeof(d->masqueraded) / sizeof(*d->masqueraded))
		return -E2BIG;
	d->masqueraded[d->n_masqueraded++] = *pool;
	err = hp_daemon_masquerade_again(d, &e);
	if (err)
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
	return err;
}

int hp_daemon_answer(void *ctx, const char *iface, const struct hp_addr *addr)
{
	unsigned int ifindex = if_nametoindex(iface);

	(void)ctx;
	return ifindex ? hp_rtnl_neigh_proxy((int)ifindex, addr) : -ENODEV;
}

int hp_daemon_guard(void *ctx, const struct hp_addr *server)
{
	struct hp_daemon *d = ctx;

	d->gate.stale = true;
	return hp_gate_prefix_add(&d->gate.hosted,
				  &(struct hp_prefix){ .addr = *server, .bits = 128 });
}

int hp_daemon_translate(void *ctx, struct hp_packet *p)
{
	struct hp_daemon *d = ctx;

	return hp_pipe_translate(d->pipe, p);
}

size_t hp_daemon_room(void *ctx, const struct hp_packet *p)
{
	struct hp_daemon *d = ctx;

	return hp_pipe_room(d->pipe, p);
}

/* What the service that has this identity says: 0, -EACCES, -EPERM; -ENOENT if none has. */
int hp_daemon_backend_accept(const struct hp_daemon *d, const struct hp_addr *local_hit,
			     const struct hp_addr *peer_hit)
{
	struct hp_service_ref ref;

	for (size_t i = 0; !hp_registry_service_at(d->registry, HP_SERVICE_BACKEND, i, &ref); i++) {
		int err = ref.service->accept ?
				  ref.service->accept(ref.self, local_hit, peer_hit) : -ENOENT;

		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}
