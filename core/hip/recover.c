/* SPDX-License-Identifier: MIT
 *
 * Peers that still use an association which we have lost: ESP with an SPI that no SA has, and
 * UPDATE without an association (RFC 7401, sections 4.5.4 and 6.16).  They get an I1.
 *
 * Both can be forged.  So I1s to peers at an address where they were met, or which the configuration
 * names, have a rate limit of their own.  I1s to any other address are limited far more strictly.
 */
#include "hip/recover.h"

#include <hipproxy/log.h>

#include "hip/assoc.h"
#include "hip/connect.h"
#include "hip/move.h"
#include "hip/spot.h"

#define PAIRS_MAX 8 /* associations with peers of one address that are begun at a time */
#define HINT_MS	  2000 /* time for an unknown peer to answer our I1, which is not repeated */

/* ---- ESP with an unknown SPI */

struct pair {
	struct hp_addr local, peer;
	bool met;
};

struct pairs {
	struct pair at[PAIRS_MAX];
	size_t n;
};

/* A peer that was met is asked with the identities with which it was met, and no others. */
static void pairs_add(struct pairs *ps, const struct hp_addr *local, const struct hp_spot *s)
{
	struct pair p = {*local, s->peer, !hp_addr_is_zero(&s->local)};

	for (size_t i = 0; i < ps->n; i++) {
		if (!hp_addr_eq(&ps->at[i].peer, &p.peer) || (p.met && ps->at[i].met))
			continue;
		if (p.met)
			ps->at[i] = p;
		return;
	}
	if (ps->n < PAIRS_MAX)
		ps->at[ps->n++] = p;
}

static void pairs_del(struct pairs *ps, const struct hp_addr *peer)
{
	size_t to = 0;

	for (size_t i = 0; i < ps->n; i++)
		if (ps->at[i].met || !hp_addr_eq(&ps->at[i].peer, peer))
			ps->at[to++] = ps->at[i];
	ps->n = to;
}

/* Its I1 goes to another port of the same NAT, and is not answered: the peer's mapping changed. */
static bool is_unanswered(const struct hp_assoc *a, const struct hp_path *path)
{
	return path->dport && a->state == HP_I1_SENT && a->sent.tries &&
	       a->path.dport != path->dport && hp_addr_eq(&a->path.dst, &path->dst);
}

/* Several peers behind one NAT share an address, but not a port. */
static bool fits(const struct hp_spot *s, const struct hp_path *path)
{
	return !path->dport || !s->port || s->port == path->dport;
}

/* Collects the associations that it may be.  Returns an exchange that asks another port of the
 * address in vain, or NULL. */
static struct hp_assoc *look(struct hp_hip *hip, const struct hp_path *path, struct pairs *ps)
{
	const struct hp_addr *any = hp_hip_default_hit(hip);
	struct hp_assoc *waits = NULL;
	const struct hp_spot *s;

	for (s = hp_spot_first(hip, &path->dst); s; s = hp_spot_next(s)) {
		const struct hp_addr *local = hp_addr_is_zero(&s->local) ? any : &s->local;
		struct hp_assoc *a;

		if (!hp_identity_find(hip, local))
			continue;
		a = hp_hip_find(hip, local, &s->peer);
		if (!a && fits(s, path))
			pairs_add(ps, local, s);
		else if (a && is_unanswered(a, path))
			waits = a;
	}
	return waits;
}

/* Pairs by configuration are not needed for a peer that already has an association. */
static void without_doubles(struct hp_hip *hip, const struct hp_path *path, struct pairs *ps)
{
	const struct hp_spot *s;

	for (s = hp_spot_first(hip, &path->dst); s && ps->n; s = hp_spot_next(s)) {
		if (!hp_addr_is_zero(&s->local) && hp_hip_find(hip, &s->local, &s->peer))
			pairs_del(ps, &s->peer);
	}
}

static void begin(struct hp_hip *hip, const struct pair *p, const struct hp_path *path,
		  uint32_t spi)
{
	struct hp_log_about about = { .limit = &hip->log_rate, .peer_at = &path->dst,
				      .peer = &p->peer, .reason = "unknown-spi" };
	struct hp_assoc *a;

	if (!hp_tokens_take(&hip->restart_rate, hp_hip_now(hip), 1))
		return;
	hp_log_about(HP_LOG_HIP, HP_LOG_INFO, &about,
		     "ESP with unknown SPI %08x from a known peer: new base exchange", spi);
	a = hp_connect_back(hip, &p->local, &p->peer, path);
	if (a)
		a->ex.cause = HP_CAUSE_LOST;
}

void hp_hip_unknown_spi(struct hp_hip *hip, const struct hp_path *path, uint32_t spi)
{
	struct pairs ps = {.n = 0};
	struct hp_assoc *waits;

	if (hip->shutting || !hip->spots.count || !hp_hip_default_hit(hip))
		return;
	waits = look(hip, path, &ps);
	if (waits) {
		hp_move_begin_at(waits, path);
		return;
	}
	without_doubles(hip, path, &ps);
	for (size_t i = 0; i < ps.n; i++)
		begin(hip, &ps.at[i], path, spi);
}

/* ---- UPDATE without an association */

static bool is_known_there(const struct hp_rx *rx)
{
	const struct hp_addr *at = &rx->path->dst, *peer = &rx->m->src_hit;

	return hp_spot_has(rx->hip, at, &rx->id->hit, peer) || hp_spot_has(rx->hip, at, NULL, peer);
}

/* Peers known at this address have a rate limit of their own, which unknown peers can't exhaust. */
static bool may_begin(const struct hp_rx *rx, bool known)
{
	struct hp_hip *hip = rx->hip;
	uint64_t now = hp_hip_now(hip);
	struct hp_tokens *there;

	if (known)
		return hp_tokens_take(&hip->restart_rate, now, 1);
	there = &hip->hint_at[hp_hash(&hip->key, rx->path->dst.b, 16) % HP_HINT_BUCKETS];
	return hp_tokens_take(there, now, 1) && hp_tokens_take(&hip->hint_rate, now, 1);
}

/* Either the peer has keys that we have lost, or the message is forged: HIT and address are not
 * authentic.  So the same policy as for I1 is asked. */
int hp_update_lost(const struct hp_rx *rx)
{
	struct hp_hip *hip = rx->hip;
	bool known = is_known_there(rx);
	struct hp_assoc *a;

	if (hip->shutting || !hp_hip_param_find(rx->m, HP_PARAM_SEQ, 0) ||
	    !hp_hip_param_find(rx->m, HP_PARAM_HIP_SIGNATURE, 0) ||
	    (hip->ops.accept &&
	     hip->ops.accept(hip->ops.ctx, &rx->id->hit, &rx->m->src_hit, rx->path)) ||
	    !may_begin(rx, known))
		return HP_HIPD_NO_ASSOC;
	a = hp_connect_back(hip, &rx->id->hit, &rx->m->src_hit, rx->path);
	if (!a)
		return HP_HIPD_NO_ASSOC;
	a->ex.cause = HP_CAUSE_LOST;
	if (known || !hp_timer_armed(&a->sent.timer))
		return HP_HIPD_NO_ASSOC;
	a->ex.cause = HP_CAUSE_HINT;
	hp_sent_last(a, HINT_MS);
	return HP_HIPD_NO_ASSOC;
}
