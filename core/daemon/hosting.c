/* SPDX-License-Identifier: MIT
 *
 * What plugins ask of the daemon: identities and addresses for legacy servers
 * (hipproxy/hosting.h), the core's translation.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

int hp_daemon_lookup(void *ctx, const char *name, struct hp_addr *hit)
{
	struct hp_daemon *d = ctx;
	const struct hp_conf *conf = d->reload.tried ? d->reload.tried : d->conf;
	const struct hp_conf_identity *id = *name ? hp_conf_identity_find(conf, name) : NULL;

	if (!id)
		return -ENOENT;
	*hit = *hp_key_hit(d->own.keys[id - conf->identities.at]);
	for (size_t i = 0; i < d->own.n_other_hits; i++)
		if (hp_addr_eq(hit, &d->own.other_hits[i]))
			return -EBUSY;
	return hp_addr_eq(hit, &d->own.client_hit) || hp_addr_eq(hit, &d->own.host_hit) ? -EBUSY : 0;
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

	if (!d->net.tun)
		return 0;
	return d->gate.pools.n == HP_GATE_POOLS ? -E2BIG :
						  hp_gate_prefix_add(&d->gate.pools, pool);
}

int hp_daemon_masquerade(void *ctx, const struct hp_prefix *pool)
{
	struct hp_daemon *d = ctx;

	return d->gate.masquerade.n == HP_GATE_POOLS ? -E2BIG :
						       hp_gate_prefix_add(&d->gate.masquerade, pool);
}

int hp_daemon_answer(void *ctx, const char *iface, const struct hp_addr *addr)
{
	return if_nametoindex(iface) ? hp_daemon_gate_answer(ctx, iface, addr) : -ENODEV;
}

int hp_daemon_guard(void *ctx, const struct hp_addr *server)
{
	struct hp_daemon *d = ctx;

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
	const struct hp_service *s;
	int err = -ENOENT;

	for (size_t i = 0; err == -ENOENT && (s = hp_service_at(d->registry, HP_SERVICE_BACKEND, i));
	     i++)
		if (hp_service_backend(s)->accept)
			err = hp_service_backend(s)->accept(hp_service_self(s), local_hit, peer_hit);
	return err;
}

int hp_daemon_backend_explain(const struct hp_daemon *d, const struct hp_backend_ask *ask,
			      char *text, size_t bytes)
{
	const struct hp_service *s;
	int err = -ENOENT;

	for (size_t i = 0; err == -ENOENT && (s = hp_service_at(d->registry, HP_SERVICE_BACKEND, i));
	     i++)
		if (hp_service_backend(s)->explain)
			err = hp_service_backend(s)->explain(hp_service_self(s), ask, text, bytes);
	return err;
}
