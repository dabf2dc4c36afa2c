/* SPDX-License-Identifier: MIT
 *
 * What there was before the start: flows go on, and peers are looked for where they were.
 */
#include "daemon/daemon.h"

#define RECONNECT_MAX 256 /* exchanges begun at start, for flows that were */

static struct hp_flow *restore_flow(void *ctx, const struct hp_flow_key *key, bool outbound)
{
	struct hp_daemon *d = ctx;

	return hp_hip_is_local(d->hip, &key->local_hit) &&
		       !hp_revoked_has(d->kept.revoked, &key->peer_hit) ?
		       hp_pipe_flow_restore(d->pipe, key, outbound) : NULL;
}

static void restore_peer(void *ctx, const struct hp_addr *local_hit,
			 const struct hp_addr *peer_hit, const struct hp_addr *addr,
			 uint16_t port)
{
	struct hp_daemon *d = ctx;

	if (!hp_hip_is_local(d->hip, local_hit))
		return;
	hp_hip_known_peer(d->hip, peer_hit, addr, 1, false);
	hp_hip_known_port(d->hip, peer_hit, port);
	hp_hip_known_met(d->hip, peer_hit, addr);
	hp_hip_known_pair(d->hip, local_hit, peer_hit, addr, port);
}

/* Peers of before, and those that the configuration names. */
static void restore_peers(struct hp_daemon *d)
{
	hp_hip_forget_peers(d->hip);
	hp_state_peers(d->kept.state, restore_peer, d);
	hp_daemon_known_peers(d->hip, d->conf);
}

/* The peer of a flow may have data to send, and no keys that we know of. */
static int reconnect(struct hp_flow *f, void *arg)
{
	struct hp_daemon *d = arg;
	const struct hp_flow_key *k = &f->key;

	if (hp_hip_count(d->hip) >= RECONNECT_MAX)
		return 1;
	if (!hp_hip_find(d->hip, &k->local_hit, &k->peer_hit))
		hp_hip_connect(d->hip, &k->local_hit, &k->peer_hit, NULL, 0);
	return 0;
}

static int start(struct hp_daemon *d)
{
	size_t n;

	hp_state_restore(d->kept.state, restore_flow, d);
	restore_peers(d);
	n = hp_flowdb_count(hp_pipe_flowdb(d->pipe));
	if (!n)
		return 0;
	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "%zu flows go on from before", n);
	hp_flowdb_each(hp_pipe_flowdb(d->pipe), reconnect, d);
	return 0;
}

static void reload(struct hp_daemon *d, struct hp_prepared *p)
{
	(void)p;
	restore_peers(d);
}

const struct hp_part hp_part_restore = { "restore", start, NULL, reload };
