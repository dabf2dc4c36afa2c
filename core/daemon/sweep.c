/* SPDX-License-Identifier: MIT
 *
 * After a reload or a revocation: associations that are forbidden now are closed, connections that
 * are denied now are cut.  A few at a time, for there may be a million.
 *
 * Rules are asked again only of connections that they allowed before: a data connection that a
 * gateway announced, or one of before a restart, is nothing that the new rules have denied.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flowdb.h"
#include "flow/policy.h"

#define STEP_US	    500
#define STEP_FLOWS  32 /* between two looks at the clock */
#define STEP_ASSOCS 16 /* the same; but a CLOSE is signed, which takes as long as a step */
#define TELL_AGAIN  2  /* times, for segments are lost */
#define TELL_MS	    1000

struct hp_sweep {
	struct hp_daemon *d;
	struct hp_timer timer;
	struct hp_walk walk; /* of associations, then */
	uint32_t place;	     /* of flows */
	bool associations;
	struct hp_policy *before; /* NULL: the rules are those of before */
	struct hp_addr *removed;  /* peers that are not in the configuration any more */
	size_t n_removed;
	struct hp_addr *unnamed; /* peers met by opportunistic exchanges, which are off now */
	size_t n_unnamed;
	uint64_t cut, freed;
	bool telling; /* the ends of what was cut, once more */
	int tell_again;
};

/* ---- what is forbidden */

static bool is_in(const struct hp_addr *list, size_t n, const struct hp_addr *hit)
{
	for (size_t i = 0; i < n; i++)
		if (hp_addr_eq(&list[i], hit))
			return true;
	return false;
}

static bool is_removed(const struct hp_sweep *s, const struct hp_addr *hit)
{
	return is_in(s->removed, s->n_removed, hit);
}

static bool has_peer(const struct hp_conf *conf, const struct hp_addr *hit)
{
	for (size_t i = 0; i < conf->peers.n; i++)
		if (hp_addr_eq(&conf->peers.at[i].hit, hit))
			return true;
	return false;
}

/* Might a removed peer be found in another way? */
static bool may_be_learned(const struct hp_daemon *d)
{
	return d->conf->client.resolvers.n ||
	       d->conf->hip.opportunistic_initiator != HP_CONF_OPP_OFF;
}

/* Begun by us without a HIT (RFC 7401, section 4.1.8), which would not be begun any more. */
static bool is_unnamed(const struct hp_sweep *s, const struct hp_assoc *a)
{
	return hp_assoc_is_initiator(a) && hp_assoc_is_opportunistic(a) &&
	       s->d->conf->hip.opportunistic_initiator == HP_CONF_OPP_OFF &&
	       !has_peer(s->d->conf, hp_assoc_peer_hit(a));
}

static const char *assoc_forbidden(const struct hp_sweep *s, const struct hp_assoc *a)
{
	const struct hp_addr *peer = hp_assoc_peer_hit(a), *local = hp_assoc_local_hit(a);

	if (hp_revoked_has(s->d->kept.revoked, peer))
		return "its HIT is revoked";
	if (is_removed(s, peer))
		return "the peer was removed from the configuration";
	if (is_unnamed(s, a))
		return "opportunistic exchanges are off now, and nothing names the peer";
	if (!hp_assoc_is_initiator(a) && hp_daemon_may_associate(s->d, local, peer))
		return "access rules deny it now";
	return NULL;
}

/* A server-side proxy's rules.  Only an answer "no" counts. */
static bool hosting_denies(const struct hp_daemon *d, const struct hp_flow_key *k)
{
	struct hp_backend_ask ask = { .local_hit = k->local_hit, .peer_hit = k->peer_hit,
				      .local_port = k->local_port, .proto = k->proto };
	char text[256];

	return hp_daemon_backend_explain(d, &ask, text, sizeof(text)) == -EACCES;
}

static bool blocks(struct hp_policy *p, const struct hp_flow_key *k)
{
	return hp_policy_match(p, &k->legacy, &k->far, k->proto, k->far_port)->action ==
	       HP_POLICY_BLOCK;
}

static bool is_clients(const struct hp_daemon *d, const struct hp_flow *f)
{
	return f->outbound && hp_addr_eq(&f->key.local_hit, &d->own.client_hit);
}

static bool rules_deny(const struct hp_sweep *s, const struct hp_flow *f)
{
	if (f->expected)
		return false;
	if (is_clients(s->d, f))
		return blocks((struct hp_policy *)hp_pipe_policy(s->d->pipe), &f->key);
	return !f->outbound && hosting_denies(s->d, &f->key);
}

/* Did the rules of before permit what they deny now? */
static bool rules_have_changed(const struct hp_sweep *s, const struct hp_flow *f)
{
	return s->before && !(is_clients(s->d, f) && blocks(s->before, &f->key));
}

static bool peer_forbidden(const struct hp_sweep *s, const struct hp_flow *f)
{
	return hp_revoked_has(s->d->kept.revoked, &f->key.peer_hit) ||
	       is_in(s->unnamed, s->n_unnamed, &f->key.peer_hit) ||
	       (is_removed(s, &f->key.peer_hit) && !may_be_learned(s->d));
}

/* A connection that was cut and may go on begins anew. */
static void look_at_flow(struct hp_sweep *s, struct hp_flow *f)
{
	bool peer = peer_forbidden(s, f);

	if (f->cut && !peer && !rules_deny(s, f)) {
		hp_flow_del(f);
		s->freed++;
	} else if (!f->cut && (peer || (s->before && rules_deny(s, f) && rules_have_changed(s, f)))) {
		s->cut += f->state != HP_FLOW_CLOSING;
		hp_pipe_cut(s->d->pipe, f);
	}
}

/* ---- a few at a time */

static bool is_up(const struct hp_assoc *a)
{
	enum hp_assoc_state st = hp_assoc_state(a);

	return st != HP_CLOSING && st != HP_CLOSED && st != HP_E_FAILED;
}

/* For the pass over the flows.  Without memory they end when their keys are used up. */
static void remember_unnamed(struct hp_sweep *s, const struct hp_addr *hit)
{
	struct hp_addr *list = realloc(s->unnamed, (s->n_unnamed + 1) * sizeof(*list));

	if (!list)
		return;
	s->unnamed = list;
	list[s->n_unnamed++] = *hit;
}

static void close_assoc(struct hp_sweep *s, struct hp_assoc *a, const char *why)
{
	struct hp_incident i = HP_INCIDENT(HP_INCIDENT_ASSOCIATION_CLOSED);

	if (is_unnamed(s, a))
		remember_unnamed(s, hp_assoc_peer_hit(a));
	i.peer_hit = *hp_assoc_peer_hit(a);
	i.local_hit = *hp_assoc_local_hit(a);
	i.addr = hp_assoc_path(a)->dst;
	snprintf(i.why, sizeof(i.why), "%s", why);
	hp_hip_close(a);
	hp_incident_add(s->d->incidents, &i);
}

/* False: that was all. */
static bool some_associations(struct hp_sweep *s)
{
	for (int i = 0; i < STEP_ASSOCS; i++) {
		struct hp_assoc *a = hp_hip_walk_next(s->d->hip, &s->walk);
		const char *why;

		if (!a)
			return false;
		why = is_up(a) ? assoc_forbidden(s, a) : NULL;
		if (!why)
			continue;
		close_assoc(s, a, why);
		break;
	}
	return true;
}

static void tell_again(struct hp_sweep *s, struct hp_flow *f)
{
	if (f->cut && f->fin_seen != 3)
		hp_pipe_cut_tell(s->d->pipe, f);
}

static bool some_flows(struct hp_sweep *s)
{
	for (int i = 0; i < STEP_FLOWS; i++) {
		struct hp_flow *f = hp_flowdb_walk(hp_pipe_flowdb(s->d->pipe), &s->place);

		if (!f)
			return false;
		if (s->telling)
			tell_again(s, f);
		else
			look_at_flow(s, f);
	}
	return true;
}

static void forget(struct hp_sweep *s)
{
	hp_walk_stop(&s->walk);
	hp_policy_free(s->before);
	free(s->removed);
	free(s->unnamed);
	s->before = NULL;
	s->removed = s->unnamed = NULL;
	s->n_removed = s->n_unnamed = 0;
}

static void tell_later(struct hp_sweep *s)
{
	s->telling = s->tell_again > 0;
	if (!s->tell_again--)
		return;
	s->place = 0;
	hp_timer_set(&s->d->timers, &s->timer, hp_clock_ms(&s->d->clock) + TELL_MS);
}

static void finish(struct hp_sweep *s)
{
	struct hp_incident i = HP_INCIDENT(HP_INCIDENT_CONNECTIONS_CUT);

	forget(s);
	if (!s->cut)
		return;
	snprintf(i.why, sizeof(i.why), "connections that are denied now and were cut: %llu",
		 (unsigned long long)s->cut);
	hp_incident_add(s->d->incidents, &i);
	s->tell_again = TELL_AGAIN;
	tell_later(s);
}

static void step(struct hp_timer *t)
{
	struct hp_sweep *s = HP_CONTAINER(t, struct hp_sweep, timer);
	uint64_t end_us = hp_clock_us(&s->d->clock) + STEP_US;
	bool more = true;

	while (more && hp_clock_us(&s->d->clock) < end_us) {
		if (s->associations)
			s->associations = some_associations(s);
		else
			more = some_flows(s);
	}
	if (more)
		hp_timer_set(&s->d->timers, t, hp_clock_ms(&s->d->clock) + 1);
	else if (s->telling)
		tell_later(s);
	else
		finish(s);
}

/* From the beginning; of two that overlap the first one's rules of before count. */
static void begin(struct hp_sweep *s)
{
	hp_walk_stop(&s->walk);
	hp_hip_walk(s->d->hip, &s->walk);
	s->associations = true;
	s->place = 0;
	s->cut = s->freed = 0;
	s->telling = false;
	hp_timer_set(&s->d->timers, &s->timer, hp_clock_ms(&s->d->clock));
}

/* ---- the part */

static int start(struct hp_daemon *d)
{
	struct hp_sweep *s = calloc(1, sizeof(*s));

	if (!s)
		return hp_daemon_fail(-ENOMEM, "sweep");
	s->d = d;
	hp_list_init(&s->walk.of_walks);
	hp_timer_init(&s->timer, step);
	d->sweep = s;
	return 0;
}

static void stop(struct hp_daemon *d)
{
	struct hp_sweep *s = d->sweep;

	if (!s)
		return;
	hp_timer_cancel(&d->timers, &s->timer);
	forget(s);
	free(s);
	d->sweep = NULL;
}

/* What an unfinished sweep was looking for counts too, unless it is configured again. */
static struct hp_addr *take_over(struct hp_sweep *s, struct hp_addr *removed, size_t *n)
{
	struct hp_addr *both = realloc(removed, (*n + s->n_removed + 1) * sizeof(*both));

	for (size_t i = 0; both && i < s->n_removed; i++)
		if (!has_peer(s->d->conf, &s->removed[i]))
			both[(*n)++] = s->removed[i];
	free(s->removed);
	return both ? both : removed;
}

/* Of two reloads that overlap, the rules before the first one count. */
static void reload(struct hp_daemon *d, struct hp_prepared *p)
{
	struct hp_sweep *s = d->sweep;

	if (s->before)
		hp_policy_free(p->before);
	else
		s->before = p->before;
	s->removed = take_over(s, p->removed, &p->n_removed);
	s->n_removed = p->n_removed;
	begin(s);
}

const struct hp_part hp_part_sweep = { "sweep", start, stop, reload };

struct hp_addr *hp_sweep_removed(const struct hp_conf *before, const struct hp_conf *now, size_t *n)
{
	struct hp_addr *list = calloc(before->peers.n + 1, sizeof(*list));

	*n = 0;
	for (size_t i = 0; list && i < before->peers.n; i++)
		if (!has_peer(now, &before->peers.at[i].hit))
			list[(*n)++] = before->peers.at[i].hit;
	return list;
}

void hp_sweep_again(struct hp_sweep *s)
{
	begin(s);
}
