/* SPDX-License-Identifier: MIT
 *
 * Who may have an association with this machine, and who was denied one lately.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <string.h>

#define MET_MAX 65536

/* ---- peers that clients have talked to */

/* A HIT as a number that an attacker can't choose: that would take a key for it. */
static uint64_t met_hash(const struct hp_addr *hit)
{
	uint64_t w[2];

	memcpy(w, hit->b, sizeof(w));
	return w[0] ^ w[1];
}

void hp_daemon_met(struct hp_daemon *d, const struct hp_assoc *a)
{
	uint64_t hash = met_hash(hp_assoc_peer_hit(a));

	if (hp_assoc_is_initiator(a) && d->access.met.owners.count < MET_MAX &&
	    !hp_tally_get(&d->access.met, hash))
		hp_tally_add(&d->access.met, hash);
}

/* A peer that lost its state must be able to come back: it is one of the configuration, or clients
 * have talked to it. */
static bool has_business(struct hp_daemon *d, const struct hp_addr *local_hit,
			 const struct hp_addr *peer_hit)
{
	return hp_hip_knows(d->hip, peer_hit) || hp_hip_find(d->hip, local_hit, peer_hit) ||
	       hp_tally_get(&d->access.met, met_hash(peer_hit));
}

/* Who may reach applications on this host, and the clients' identity. */
int hp_daemon_may_associate(struct hp_daemon *d, const struct hp_addr *local_hit,
			    const struct hp_addr *peer_hit)
{
	const struct hp_conf_host *host = &d->conf->host;
	int err;

	if (hp_revoked_has(d->kept.revoked, peer_hit))
		return -EPERM;
	err = hp_daemon_backend_accept(d, local_hit, peer_hit);
	if (err != -ENOENT)
		return err;
	if (!hp_addr_eq(local_hit, &d->own.host_hit))
		return has_business(d, local_hit, peer_hit) ? 0 : -EPERM;
	for (size_t i = 0; i < host->accept.n; i++)
		if (hp_addr_eq(&host->accept.at[i].peer, peer_hit))
			return host->accept.at[i].action == HP_CONF_ALLOW ? 0 : -EPERM;
	return host->accept_default == HP_CONF_ALLOW ? 0 : -EPERM;
}

/* ---- denials */

void hp_daemon_denied(struct hp_daemon *d, const struct hp_addr *local_hit,
		      const struct hp_addr *peer_hit)
{
	struct hp_daemon_denial *to = &d->access.denials[0], *old;

	for (size_t i = 0; i < HP_DAEMON_DENIALS; i++) {
		old = &d->access.denials[i];
		if (hp_addr_eq(&old->local_hit, local_hit) && hp_addr_eq(&old->peer_hit, peer_hit)) {
			to = old;
			break;
		}
		if (old->last_ms < to->last_ms)
			to = old;
	}
	*to = (struct hp_daemon_denial){ *local_hit, *peer_hit, hp_clock_ms(&d->clock) };
}

/* ---- the part */

static int start(struct hp_daemon *d)
{
	return hp_tally_init(&d->access.met) ? hp_daemon_fail(-ENOMEM, "peers met") : 0;
}

static void stop(struct hp_daemon *d)
{
	hp_tally_fini(&d->access.met);
}

const struct hp_part hp_part_access = { "access", start, stop, NULL };
