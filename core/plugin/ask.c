/* SPDX-License-Identifier: MIT
 *
 * Questions to services, and their tickets (hipproxy/service.h).
 *
 * A ticket's number is the count of tickets given so far, with its place among the open ones in
 * the lower bits.  So an answer is matched in constant time, and a number of the past never
 * matches, whatever a plugin does with it.
 */
#include "plugin/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((HP_TICKETS & (HP_TICKETS - 1)) == 0, "a ticket's place is its lower bits");

union result {
	struct hp_resolve_result resolve;
	struct hp_locate_result locate;
	struct hp_backend_result backend;
};

static size_t result_bytes(enum hp_service_kind kind)
{
	static const size_t bytes[HP_SERVICE_KINDS] = {
		[HP_SERVICE_RESOLVER] = sizeof(struct hp_resolve_result),
		[HP_SERVICE_LOCATOR] = sizeof(struct hp_locate_result),
		[HP_SERVICE_BACKEND] = sizeof(struct hp_backend_result),
	};

	return bytes[kind];
}

/* ---- does an answer make sense? */

static bool is_unicast(const struct hp_addr *a)
{
	return !hp_addr_is_zero(a) && !hp_addr_is_hit(a) && !hp_addr_is_multicast(a) &&
	       !(hp_addr_is4(a) && !hp_addr_to4(a));
}

/* All of 1 (unless none are needed) to HP_RESOLVE_ADDRS. */
static bool are_locators(const struct hp_addr *at, size_t n, bool needed)
{
	if (n > HP_RESOLVE_ADDRS || (needed && !n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_unicast(&at[i]) || hp_addr_is_teredo(&at[i]))
			return false;
	return true;
}

static bool is_sane(enum hp_service_kind kind, const union result *r)
{
	switch (kind) {
	case HP_SERVICE_RESOLVER:
		return hp_addr_is_hit(&r->resolve.hit) &&
		       are_locators(r->resolve.locators, r->resolve.n, false);
	case HP_SERVICE_LOCATOR:
		return are_locators(r->locate.locators, r->locate.n, true);
	default:
		return is_unicast(&r->backend.addr) && is_unicast(&r->backend.far) &&
		       hp_addr_is4(&r->backend.addr) == hp_addr_is4(&r->backend.far);
	}
}

static int judge(enum hp_service_kind kind, int err, const void *result)
{
	if (err > 0 || err == -EINPROGRESS)
		return -EBADMSG;
	if (err)
		return err;
	return result && is_sane(kind, result) ? 0 : -EBADMSG;
}

static void count_end(struct hp_service *s, int err)
{
	if (!err)
		s->counts.answered++;
	else if (err == -ENOENT)
		s->counts.unknown++;
	else if (err == -ETIMEDOUT)
		s->counts.timed_out++;
	else
		s->counts.failed++;
}

/* ---- open questions */

static int open_ticket(struct hp_registry *reg, struct hp_asking *q)
{
	if (reg->n_open >= HP_TICKETS)
		return -EAGAIN;
	if (!reg->open)
		reg->open = calloc(HP_TICKETS, sizeof(struct hp_asking *));
	if (!reg->open)
		return -ENOMEM;
	while (reg->open[++reg->tickets % HP_TICKETS])
		;
	reg->open[reg->tickets % HP_TICKETS] = q;
	reg->n_open++;
	q->id = reg->tickets;
	q->service->counts.open++;
	return 0;
}

static void close_ticket(struct hp_asking *q)
{
	struct hp_registry *reg = q->service->module->reg;

	if (reg->cfg.timers)
		hp_timer_cancel(reg->cfg.timers, &q->timer);
	reg->open[q->id % HP_TICKETS] = NULL;
	reg->n_open--;
	q->service->counts.open--;
	q->id = 0;
}

static hp_cancel_fn cancel_of(const struct hp_service *s)
{
	switch (s->kind) {
	case HP_SERVICE_RESOLVER:
		return ((const struct hp_resolver_service *)s->row)->cancel;
	case HP_SERVICE_LOCATOR:
		return ((const struct hp_locator_service *)s->row)->cancel;
	default:
		return ((const struct hp_backend_service *)s->row)->cancel;
	}
}

static uint32_t timeout_of(const struct hp_service *s)
{
	uint32_t ms = s->kind == HP_SERVICE_RESOLVER ?
			      ((const struct hp_resolver_service *)s->row)->timeout_ms :
		      s->kind == HP_SERVICE_LOCATOR ?
			      ((const struct hp_locator_service *)s->row)->timeout_ms :
			      ((const struct hp_backend_service *)s->row)->timeout_ms;

	return ms ? ms : HP_SERVICE_TIMEOUT_MS;
}

/* The service hears of it after the ticket is closed: an answer from inside its cancel is late. */
static void give_up(struct hp_asking *q)
{
	struct hp_ticket ticket = { q->id };
	struct hp_service *s = q->service;

	close_ticket(q);
	if (cancel_of(s))
		cancel_of(s)(&s->module->self, ticket);
}

static void timed_out(struct hp_timer *t)
{
	struct hp_asking *q = HP_CONTAINER(t, struct hp_asking, timer);

	give_up(q);
	count_end(q->service, -ETIMEDOUT);
	q->done(q, -ETIMEDOUT, NULL);
}

void hp_service_cancel(struct hp_asking *q)
{
	if (q->id)
		give_up(q);
}

void hp_asking_end(struct module *m)
{
	struct hp_registry *reg = m->reg;

	for (size_t i = 0; reg->n_open && i < HP_TICKETS; i++) {
		struct hp_asking *q = reg->open[i];

		if (!q || q->service->module != m)
			continue;
		give_up(q);
		count_end(q->service, -ECANCELED);
		q->done(q, -ECANCELED, NULL);
	}
}

/* ---- asking */

static int call(struct hp_service *s, struct hp_ticket ticket, const void *ask, void *out)
{
	struct hp_instance *self = &s->module->self;

	switch (s->kind) {
	case HP_SERVICE_RESOLVER:
		return ((const struct hp_resolver_service *)s->row)->ask(self, ask, ticket, out);
	case HP_SERVICE_LOCATOR:
		return ((const struct hp_locator_service *)s->row)->ask(self, ask, ticket, out);
	default:
		return ((const struct hp_backend_service *)s->row)->ask(self, ask, ticket, out);
	}
}

/* The answer may have come from inside ask: it counts as one given at once. */
static int ask_now(struct hp_service *s, struct hp_asking *q, const void *ask, void *out)
{
	union result early;
	int err;

	q->early = &early;
	q->inside = true;
	q->has_early = false;
	err = call(s, (struct hp_ticket){ q->id }, ask, out);
	q->inside = false;
	q->early = NULL;
	if (err != -EINPROGRESS)
		return judge(s->kind, err, out);
	if (!q->has_early)
		return -EINPROGRESS;
	if (!q->early_err)
		memcpy(out, &early, result_bytes(s->kind));
	return q->early_err;
}

int hp_service_ask(struct hp_service *s, struct hp_asking *q, const void *ask, void *out)
{
	struct hp_registry *reg = s->module->reg;
	int err;

	if (!s->module->alive)
		return -ENOENT;
	q->service = s;
	err = open_ticket(reg, q);
	if (err)
		return err;
	s->counts.asked++;
	err = ask_now(s, q, ask, out);
	if (err != -EINPROGRESS) {
		close_ticket(q);
		count_end(s, err);
		return err;
	}
	hp_timer_init(&q->timer, timed_out);
	if (reg->cfg.timers)
		hp_timer_set(reg->cfg.timers, &q->timer,
			     hp_instance_now(&s->module->self) + timeout_of(s));
	return err;
}

/* ---- answers */

/* The open question of self with this ticket, or NULL. */
static struct hp_asking *open_of(const struct module *m, struct hp_ticket ticket,
				 enum hp_service_kind kind)
{
	struct hp_asking *q = m->reg->open ? m->reg->open[ticket.id % HP_TICKETS] : NULL;

	return q && q->id == ticket.id && q->service->module == m && q->service->kind == kind ?
		       q : NULL;
}

static int done(struct hp_instance *self, struct hp_ticket ticket, enum hp_service_kind kind,
		int err, const void *result)
{
	struct module *m = hp_module_of(self);
	struct hp_asking *q = open_of(m, ticket, kind);

	if (!q || (q->inside && q->has_early)) {
		m->reg->late++;
		m->counts.late++;
		return -ESTALE;
	}
	err = judge(kind, err, result);
	if (q->inside) {
		q->has_early = true;
		q->early_err = err;
		if (!err)
			memcpy(q->early, result, result_bytes(kind));
		return 0;
	}
	close_ticket(q);
	count_end(q->service, err);
	q->done(q, err, err ? NULL : result);
	return 0;
}

int hp_resolve_done(struct hp_instance *self, struct hp_ticket ticket, int err,
		    const struct hp_resolve_result *result)
{
	return done(self, ticket, HP_SERVICE_RESOLVER, err, result);
}

int hp_locate_done(struct hp_instance *self, struct hp_ticket ticket, int err,
		   const struct hp_locate_result *result)
{
	return done(self, ticket, HP_SERVICE_LOCATOR, err, result);
}

int hp_backend_done(struct hp_instance *self, struct hp_ticket ticket, int err,
		    const struct hp_backend_result *result)
{
	return done(self, ticket, HP_SERVICE_BACKEND, err, result);
}

size_t hp_registry_open_tickets(const struct hp_registry *reg)
{
	return reg->n_open;
}

uint64_t hp_registry_late_answers(const struct hp_registry *reg)
{
	return reg->late;
}
