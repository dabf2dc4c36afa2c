/* SPDX-License-Identifier: MIT
 *
 * From a destination to an association: configured peers, then resolver services in their
 * order, then opportunistic HIP (RFC 7401, section 4.1.8), then the setting `unknown`.
 *
 *	RESOLVING    no HIT is known yet
 *	PROTECTED    a HIT is known; packets are held until there is an association
 *	PASSTHROUGH  there is no HIT, and the policy lets plain traffic pass
 *	BLOCKED      there is no HIT and the policy blocks, or a known peer does not answer
 *
 * Nothing is sent in the clear to a destination whose HIT is known, however its exchange ends.
 */
#include "pipe/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pipe/area.h"
#include "pipe/burst.h"
#include "pipe/configured.h"
#include "pipe/icmp.h"
#include "pipe/limited.h"
#include "pipe/packet.h"
#include "pipe/trace.h"
#include "pipe/verdict.h"

#define PEER_RETRY_MS 3000 /* a HIP peer that did not answer is tried again after this time */

static const char by_configuration[] = "configuration";

static struct hp_pipe_peer *pp_of(const struct hp_peer *e)
{
	return e->udata;
}

const char *hp_pipe_peer_source(const struct hp_peer *e)
{
	return e->udata && pp_of(e)->source ? pp_of(e)->source : "";
}

static uint64_t positive_ms(const struct hp_pipe *pipe)
{
	return 1000ull * pipe->conf->client.positive_lifetime_s;
}

static uint64_t negative_ms(const struct hp_pipe *pipe)
{
	return 1000ull * pipe->conf->client.negative_lifetime_s;
}

static void log_peer(struct hp_pipe *pipe, const struct hp_peer *e, enum hp_log_level level,
		     const char *what)
{
	struct hp_log_about about = { .limit = &pipe->log_tokens, .peer_at = &e->addr,
				      .peer = e->hit_known ? &e->hit : NULL, .reason = what };
	char addr[HP_ADDR_STRLEN], hit[HP_ADDR_STRLEN] = "-";

	if (!hp_log_on(HP_LOG_PIPE, level))
		return;
	if (e->hit_known)
		hp_addr_format(&e->hit, hit);
	hp_log_about(HP_LOG_PIPE, level, &about, "%s: %s (HIT %s, by %s)",
		     hp_addr_format(&e->addr, addr), what, hit,
		     *hp_pipe_peer_source(e) ? hp_pipe_peer_source(e) : "nobody");
}

/* ---- held packets */

/* Held packets are processed again, oldest first.  Those that have to wait once more are held
 * again. */
static void release(struct hp_pipe *pipe, struct hp_peer *e)
{
	struct hp_packet *list = NULL, **tail = &list, *p;

	hp_timer_cancel(pipe->d.timers, &pp_of(e)->timer);
	while ((p = hp_peer_take(e))) {
		*tail = p;
		tail = &p->next;
	}
	*tail = NULL;
	if (list)
		pipe->released(pipe, list);
}

/* A timeout does not prove that the peer is unreachable: no ICMP error ends the client's own
 * attempts. */
static void drop_held(struct hp_pipe *pipe, struct hp_peer *e, enum hp_drop_reason r)
{
	struct hp_burst b;
	struct hp_packet *p;

	hp_timer_cancel(pipe->d.timers, &pp_of(e)->timer);
	hp_burst_begin(pipe, &b);
	while ((p = hp_peer_take(e))) {
		if (r == HP_DROP_PEER_UNREACHABLE)
			hp_pipe_icmp_unreachable(pipe, p);
		hp_pipe_conclude(pipe, p, hp_pipe_drop(pipe, p, "out.hold", r));
	}
	hp_burst_end(pipe, &b);
}

/* Limits the time that packets wait for an answer. */
static void limit_wait(struct hp_pipe *pipe, struct hp_pipe_peer *pp)
{
	if (!hp_timer_armed(&pp->timer))
		hp_timer_set(pipe->d.timers, &pp->timer,
			     hp_pipe_now(pipe) + pipe->conf->client.hold_timeout_ms);
}

/* The entry must not expire while packets wait for it. */
static void outlive_wait(struct hp_pipe *pipe, struct hp_peer *e)
{
	uint64_t end_ms = pp_of(e)->timer.at_ms + 1;

	if (e->expires_ms && e->expires_ms < end_ms)
		hp_peer_set(e, e->state, end_ms - hp_pipe_now(pipe));
}

static enum hp_verdict hold(struct hp_pipe *pipe, struct hp_peer *e, struct hp_packet *p)
{
	int err;

	/* Whether or not there is room for the packet: the answer is waited for. */
	limit_wait(pipe, pp_of(e));
	p = pipe->d.ops->compact(pipe->d.ops->ctx, p);
	err = hp_peer_hold(e, p);
	if (err) {
		if (err != -ENOBUFS)
			hp_pipe_limited(pipe, err == -EDQUOT ? HP_PIPE_LIMIT_CLIENT_HOLD :
							       HP_PIPE_LIMIT_HOLD, &p->src);
		hp_pipe_conclude(pipe, p, hp_pipe_drop(pipe, p, "out.hold", err == -EDQUOT ?
				 HP_DROP_CLIENT_HOLD : HP_DROP_HOLD_FULL));
		return HP_TAKEN;
	}
	hp_pipe_note(pipe, p, "out.hold", "held", hp_peer_state_name(e->state));
	outlive_wait(pipe, e);
	return HP_TAKEN;
}

/* ---- what an entry becomes */

static void wait_for(struct hp_pipe_peer *pp, struct hp_assoc *a)
{
	struct hp_pipe_assoc *pa = hp_pipe_assoc_area(a);

	hp_list_del(&pp->of_assoc);
	if (pa)
		hp_list_add_tail(&pa->waiting, &pp->of_assoc);
}

/* No HIT is known. */
static void unknown(struct hp_pipe_peer *pp)
{
	struct hp_pipe *pipe = pp->pipe;
	struct hp_peer *e = pp->peer;
	bool pass = pipe->conf->client.unknown == HP_CONF_UNKNOWN_PASS;

	hp_peer_set(e, pass ? HP_PEER_PASSTHROUGH : HP_PEER_BLOCKED, negative_ms(pipe));
	log_peer(pipe, e, HP_LOG_DEBUG, pass ? "not HIP-capable, passes" : "not HIP-capable, blocked");
	release(pipe, e);
}

/* The engine has logged why an exchange failed. */
static const char *blocked_because(const struct hp_pipe_peer *pp, int err)
{
	if (err == -EINVAL && hp_hip_is_local(pp->pipe->d.hip, &pp->peer->hit))
		return hp_hip_why_text(HP_WHY_OWN_HIT);
	if (err == -EKEYREVOKED)
		return "blocked, its HIT is revoked";
	return err == -EACCES ? "blocked, another HIT is pinned for it" :
				"blocked for a while, its HIP peer can't be reached";
}

static void locate(struct hp_pipe_peer *pp, int error);

/* Could other addresses help? */
static bool may_be_elsewhere(const struct hp_pipe_peer *pp, int err)
{
	return !pp->located && pp->pipe->conf->client.locators.n && err != -EACCES &&
	       err != -EKEYREVOKED && err != -EINVAL;
}

/* A HIT is known, but the peer does not answer, and no other address is known. */
static void block(struct hp_pipe_peer *pp, int err)
{
	uint64_t ms = err == -EACCES ? negative_ms(pp->pipe) : PEER_RETRY_MS;

	hp_peer_set(pp->peer, HP_PEER_BLOCKED, ms);
	log_peer(pp->pipe, pp->peer, HP_LOG_WARNING, blocked_because(pp, err));
	drop_held(pp->pipe, pp->peer, HP_DROP_PEER_UNREACHABLE);
}

static void unreachable(struct hp_pipe_peer *pp, int err)
{
	if (may_be_elsewhere(pp, err))
		locate(pp, err);
	else
		block(pp, err);
}

/* The association with the entry's HIT; it is begun if there is none.  NULL and errno. */
static struct hp_assoc *associate(struct hp_pipe *pipe, const struct hp_peer *e,
				  const struct hp_addr *local)
{
	struct hp_assoc *a = hp_hip_find(pipe->d.hip, local, &e->hit);

	if (a && hp_assoc_sa_out(a))
		return a;
	return hp_hip_connect(pipe->d.hip, local, &e->hit, e->locators, e->n_locators);
}

bool hp_pipe_peer_learned(const struct hp_peer *e)
{
	return e->hit_known && !hp_addr_is_hit(&e->addr) && e->udata &&
	       strcmp(hp_pipe_peer_source(e), by_configuration) != 0;
}

static void tell_learned(struct hp_pipe *pipe, const struct hp_peer *e, bool now)
{
	if (pipe->d.ops->learned && hp_pipe_peer_learned(e))
		pipe->d.ops->learned(pipe->d.ops->ctx, &e->addr, now);
}

/* Can a peer be reached at the address by which clients know it? */
static bool is_locator(const struct hp_addr *a)
{
	return !hp_addr_is_hit(a) && !hp_addr_is_teredo(a);
}

static void known(struct hp_pipe_peer *pp, const struct hp_resolve_result *r,
		  const char *source)
{
	struct hp_peer *e = pp->peer;
	uint64_t ms = r->ttl_s ? 1000ull * r->ttl_s : positive_ms(pp->pipe);

	if (r->n)
		hp_peer_set_hit(e, &r->hit, r->locators, r->n);
	else
		hp_peer_set_hit(e, &r->hit, &e->addr, is_locator(&e->addr) ? 1 : 0);
	pp->source = source;
	hp_peer_set(e, HP_PEER_PROTECTED, ms);
	tell_learned(pp->pipe, e, true);
	log_peer(pp->pipe, e, HP_LOG_DEBUG, "HIT is known");
	release(pp->pipe, e);
}

/* ---- locators */

/* The new addresses are tried, or (none) it goes on as without locators. */
static void located(struct hp_pipe_peer *pp, int err, const struct hp_locate_result *r,
		    const char *source)
{
	struct hp_peer *e = pp->peer;
	uint64_t ms = !err && r->ttl_s ? 1000ull * r->ttl_s : positive_ms(pp->pipe);

	pp->locating = false;
	pp->located = true;
	if (err && pp->error) {
		block(pp, pp->error);
		return;
	}
	if (!err) {
		hp_peer_set_hit(e, &e->hit, r->locators, r->n);
		pp->source = source;
		log_peer(pp->pipe, e, HP_LOG_DEBUG, "an address is known");
	}
	hp_peer_set(e, HP_PEER_PROTECTED, ms);
	release(pp->pipe, e);
}

static void ask_locators(struct hp_pipe_peer *pp)
{
	const struct hp_conf_strings *names = &pp->pipe->conf->client.locators;
	struct hp_locate_ask q = { pp->peer->hit, pp->client, pp->error != 0 };

	while (pp->next_locator < names->n) {
		struct hp_service *s = hp_service_find(pp->pipe->d.registry, HP_SERVICE_LOCATOR,
						       names->at[pp->next_locator++]);
		struct hp_locate_result r = { 0 };
		int err = s ? hp_service_ask(s, &pp->asking, &q, &r) : -ENOENT;

		if (err == -EINPROGRESS)
			return;
		if (!err) {
			located(pp, 0, &r, hp_service_name(s));
			return;
		}
	}
	located(pp, -ENOENT, NULL, NULL);
}

/* error: why the exchange with the addresses known has failed; 0: none are known. */
static void locate(struct hp_pipe_peer *pp, int error)
{
	pp->error = error;
	pp->next_locator = 0;
	pp->locating = true;
	ask_locators(pp);
}

/* ---- asking */

static void try_opportunistic(struct hp_pipe_peer *pp)
{
	struct hp_pipe *pipe = pp->pipe;
	struct hp_addr any = { 0 };
	struct hp_assoc *a = NULL;

	if (hp_addr_is_hit(&pp->peer->addr)) {
		/* The engine may know its address from an earlier association. */
		known(pp, &(struct hp_resolve_result){ .hit = pp->peer->addr }, "association");
		return;
	}
	if (pipe->conf->hip.opportunistic_initiator != HP_CONF_OPP_OFF &&
	    is_locator(&pp->peer->addr))
		a = hp_hip_connect(pipe->d.hip, &pipe->d.client_hit, &any, &pp->peer->addr, 1);
	if (!a) {
		unknown(pp);
		return;
	}
	pp->source = "opportunistic";
	wait_for(pp, a);
}

static void ask(struct hp_pipe_peer *pp)
{
	const struct hp_conf_strings *names = &pp->pipe->conf->client.resolvers;
	struct hp_resolve_ask q = { pp->peer->addr, pp->client };

	while (pp->next_resolver < names->n) {
		struct hp_service *s = hp_service_find(pp->pipe->d.registry, HP_SERVICE_RESOLVER,
						       names->at[pp->next_resolver++]);
		struct hp_resolve_result r = { 0 };
		int err = s ? hp_service_ask(s, &pp->asking, &q, &r) : -ENOENT;

		if (err == -EINPROGRESS)
			return;
		if (!err) {
			known(pp, &r, hp_service_name(s));
			return;
		}
	}
	try_opportunistic(pp);
}

static void answered(struct hp_asking *q, int err, const void *result)
{
	struct hp_pipe_peer *pp = HP_CONTAINER(q, struct hp_pipe_peer, asking);
	const char *name = hp_service_name(q->service);

	if (pp->locating && err)
		ask_locators(pp);
	else if (pp->locating)
		located(pp, 0, result, name);
	else if (err)
		ask(pp);
	else
		known(pp, result, name);
}

/* First packets, or a probe in the background, have waited for too long. */
static void held_too_long(struct hp_timer *t)
{
	struct hp_pipe_peer *pp = HP_CONTAINER(t, struct hp_pipe_peer, timer);

	if (pp->peer->state == HP_PEER_RESOLVING) {
		hp_service_cancel(&pp->asking);
		unknown(pp); /* the entry is still updated if the exchange succeeds later */
		return;
	}
	log_peer(pp->pipe, pp->peer, HP_LOG_WARNING, "no answer yet, held packets dropped");
	drop_held(pp->pipe, pp->peer, HP_DROP_HOLD_TIMEOUT);
}

/* ---- configured peers */

static void known_statically(struct hp_pipe_peer *pp, const struct hp_conf_peer *c)
{
	struct hp_resolve_result r = { .hit = c->hit };

	for (; r.n < c->addresses.n && r.n < HP_RESOLVE_ADDRS; r.n++)
		r.locators[r.n] = c->addresses.at[r.n];
	known(pp, &r, by_configuration);
}

/* ---- entries */

static struct hp_pipe_peer *pp_new(struct hp_pipe *pipe, struct hp_peer *e,
				   const struct hp_addr *client)
{
	struct hp_pipe_peer *pp = calloc(1, sizeof(*pp));

	if (!pp)
		return NULL;
	pp->pipe = pipe;
	pp->peer = e;
	if (client)
		pp->client = *client;
	pp->asking.done = answered;
	hp_list_init(&pp->of_assoc);
	hp_timer_init(&pp->timer, held_too_long);
	e->udata = pp;
	return pp;
}

/* Adds an entry, and reports the limit if another one was evicted for it. */
static struct hp_peer *entry_add(struct hp_pipe *pipe, const struct hp_addr *dst,
				 const struct hp_addr *client)
{
	const uint64_t *count = hp_peerdb_counters(pipe->peers);
	uint64_t full = count[HP_PEERC_LIMIT], share = count[HP_PEERC_SHARE];
	struct hp_peer *e;
	int err = hp_peer_add(pipe->peers, dst, client, 0, &e);

	if (count[HP_PEERC_LIMIT] != full)
		hp_pipe_limited(pipe, HP_PIPE_LIMIT_PEERS, client);
	if (count[HP_PEERC_SHARE] != share)
		hp_pipe_limited(pipe, HP_PIPE_LIMIT_CLIENT_PEERS, client);
	return err ? NULL : e;
}

static struct hp_peer *entry_new(struct hp_pipe *pipe, const struct hp_packet *p,
				 const struct hp_addr *dst)
{
	const struct hp_conf_peer *c = hp_pipe_configured(pipe, dst);
	const struct hp_addr *client = hp_pipe_is_local(pipe, p) ? NULL : &p->src;
	struct hp_pipe_peer *pp;
	struct hp_peer *e = entry_add(pipe, dst, client);

	if (!e)
		return NULL;
	pp = pp_new(pipe, e, client);
	if (!pp) {
		hp_peer_del(e);
		return NULL;
	}
	if (c)
		known_statically(pp, c);
	else
		ask(pp);
	return e;
}

void hp_pipe_peer_gone(void *ctx, struct hp_peer *e)
{
	struct hp_pipe *pipe = ctx;
	struct hp_pipe_peer *pp = pp_of(e);

	if (!pp)
		return;
	tell_learned(pipe, e, false);
	hp_service_cancel(&pp->asking);
	drop_held(pipe, e, HP_DROP_CLOSED);
	hp_list_del(&pp->of_assoc);
	free(pp);
	e->udata = NULL;
}

/* ---- the end of exchanges */

void hp_pipe_wake(struct hp_pipe *pipe, struct hp_pipe_assoc *pa, struct hp_assoc *a, int err)
{
	struct hp_list *n;

	while ((n = hp_list_pop(&pa->waiting))) {
		struct hp_pipe_peer *pp = HP_CONTAINER(n, struct hp_pipe_peer, of_assoc);

		pp->error = err;
		pp->met_hit = *hp_assoc_peer_hit(a);
		hp_list_add_tail(&pipe->ready, n);
	}
	if (!hp_list_empty(&pipe->ready))
		hp_timer_set(pipe->d.timers, &pipe->work, hp_pipe_now(pipe));
}

/* The opportunistic exchange has shown the HIT, or that another association has it. */
static void met(struct hp_pipe_peer *pp)
{
	struct hp_resolve_result r = { .hit = pp->met_hit };

	known(pp, &r, "opportunistic");
}

static void ended(struct hp_pipe_peer *pp)
{
	struct hp_peer *e = pp->peer;
	bool shown = !pp->error || pp->error == -EEXIST;

	if (!e->hit_known && shown && !hp_addr_is_zero(&pp->met_hit))
		met(pp);
	else if (!e->hit_known && (pp->error == -EACCES || pp->error == -EKEYREVOKED))
		unreachable(pp, pp->error);
	else if (!e->hit_known && e->state == HP_PEER_RESOLVING)
		unknown(pp);
	else if (e->state == HP_PEER_PROTECTED && (!pp->error || pp->error == -ENOTCONN))
		release(pp->pipe, e); /* it has ended: packets that wait begin a new exchange */
	else if (e->state == HP_PEER_PROTECTED)
		unreachable(pp, pp->error);
}

void hp_pipe_work(struct hp_timer *t)
{
	struct hp_pipe *pipe = HP_CONTAINER(t, struct hp_pipe, work);
	struct hp_list now, *n;

	hp_list_init(&now);
	hp_list_splice_tail(&now, &pipe->ready);
	while ((n = hp_list_pop(&now)))
		ended(HP_CONTAINER(n, struct hp_pipe_peer, of_assoc));
}

/* ---- the question */

static enum hp_verdict blocked(struct hp_pipe *pipe, struct hp_packet *p,
			       const struct hp_peer *e)
{
	if (hp_pipe_is_local(pipe, p)) {
		hp_pipe_icmp_unreachable(pipe, p);
		return hp_pipe_drop(pipe, p, "local",
				    e->n_locators ? HP_DROP_PEER_UNREACHABLE :
						    HP_DROP_HOST_UNKNOWN_PEER);
	}
	if (e->hit_known) {
		hp_pipe_icmp_unreachable(pipe, p);
		return hp_pipe_drop(pipe, p, "out.resolve", HP_DROP_PEER_UNREACHABLE);
	}
	hp_pipe_icmp_prohibited(pipe, p);
	return hp_pipe_drop(pipe, p, "out.resolve", HP_DROP_UNKNOWN_BLOCKED);
}

/* Locators can help, and the engine does not know either where the peer is. */
static bool has_no_address(const struct hp_pipe_peer *pp, const struct hp_addr *local)
{
	const struct hp_peer *e = pp->peer;
	struct hp_hip *hip = pp->pipe->d.hip;

	return !e->n_locators && !pp->located && pp->pipe->conf->client.locators.n &&
	       !hp_hip_is_local(hip, &e->hit) && !hp_hip_knows(hip, &e->hit) &&
	       !hp_hip_find(hip, local, &e->hit);
}

static enum hp_verdict protected(struct hp_pipe *pipe, struct hp_packet *p, struct hp_peer *e,
				 const struct hp_ask *q, struct hp_assoc **a)
{
	if (!pp_of(e)->locating && has_no_address(pp_of(e), q->local_hit))
		locate(pp_of(e), 0);
	if (pp_of(e)->locating)
		return hold(pipe, e, p);
	*a = associate(pipe, e, q->local_hit);
	if (!*a) {
		int err = -errno;

		unreachable(pp_of(e), err);
		if (e->state == HP_PEER_BLOCKED)
			return blocked(pipe, p, e);
		if (pp_of(e)->locating)
			return hold(pipe, e, p);
		*a = associate(pipe, e, q->local_hit); /* a locator has answered at once */
	}
	if (!*a) {
		block(pp_of(e), -EHOSTUNREACH);
		return blocked(pipe, p, e);
	}
	if (hp_assoc_sa_out(*a)) {
		pp_of(e)->located = false;
		return HP_NEXT;
	}
	wait_for(pp_of(e), *a);
	return hold(pipe, e, p);
}

enum hp_verdict hp_pipe_resolve(struct hp_pipe *pipe, struct hp_packet *p,
				const struct hp_ask *q, struct hp_assoc **a)
{
	struct hp_peer *e = hp_peer_find(pipe->peers, q->dst);

	if (!e)
		e = entry_new(pipe, p, q->dst);
	if (!e)
		return hp_pipe_drop(pipe, p, "out.resolve", HP_DROP_PEERS_FULL);
	e->hits++;
	hp_peer_asked(e);
	switch (e->state) {
	case HP_PEER_PASSTHROUGH:
		hp_pipe_note(pipe, p, "out.resolve", "pass", "no HIT is known");
		return HP_PASS;
	case HP_PEER_PROTECTED:
		return protected(pipe, p, e, q, a);
	case HP_PEER_BLOCKED:
		return blocked(pipe, p, e);
	default:
		if (!q->background)
			return hold(pipe, e, p);
		limit_wait(pipe, pp_of(e));
		hp_pipe_note(pipe, p, "out.resolve", "pass", "probe in the background");
		return HP_PASS;
	}
}
