/* SPDX-License-Identifier: MIT
 *
 * The command "top": who moves how much, again and again, the most first.
 *
 * Rates are differences between two walks through the flows (or associations), each made a few at a
 * time.  What a flow had before is kept by its place, 12 octets each, while the client is there.
 */
#include "daemon/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"

#define STEP_US	     250
#define STEP_ITEMS   32
#define CLIENTS_MAX  4	   /* that watch at a time */
#define ROWS_MAX     100
#define TALLIES_MAX  16384 /* clients or associations; others are in the totals only */
#define GRAIN	     6	   /* octets are kept in units of 64 */

enum by { BY_FLOWS, BY_CLIENTS, BY_ASSOCIATIONS };

static const char *const by_names[] = { "flows", "clients", "associations" };

struct before {
	uint32_t serial;
	uint32_t octets[2];
};

/* Sums of a client or an association. */
struct tally {
	struct hp_hnode node;
	struct hp_addr a, b; /* client; or local and peer's HIT */
	uint64_t delta[2], had[2], flows, pass;
};

struct row {
	uint64_t delta[2];
	struct hp_flow_key key; /* BY_FLOWS */
	const struct tally *tally;
};

struct top {
	struct hp_daemon *d;
	struct hp_control_client *c;
	struct hp_timer timer;
	enum by by;
	uint64_t interval_ms, iterations; /* 0: without end */
	size_t n_rows, n;		  /* wanted, had */
	uint64_t pass, began_us, last_us, flows;
	uint64_t total[2];
	bool walking;
	uint32_t place, places;
	struct before *before;
	struct hp_walk walk;
	struct hp_htab tallies;
	struct hp_hash_key key;
	struct row rows[ROWS_MAX + 1];
};

/* ---- the most */

static uint64_t sum(const uint64_t delta[2])
{
	return delta[0] + delta[1];
}

/* Keeps rows in order, the most first. */
static void offer(struct top *t, const struct row *r)
{
	size_t i = t->n;

	if (!sum(r->delta) || (t->n == t->n_rows && sum(r->delta) <= sum(t->rows[t->n - 1].delta)))
		return;
	while (i && sum(t->rows[i - 1].delta) < sum(r->delta))
		i--;
	memmove(&t->rows[i + 1], &t->rows[i], (t->n - i) * sizeof(*r));
	t->rows[i] = *r;
	if (t->n < t->n_rows)
		t->n++;
}

/* ---- sums */

static bool tally_eq(const struct hp_hnode *n, const void *key)
{
	return !memcmp(&HP_CONTAINER(n, const struct tally, node)->a, key, 2 * sizeof(struct hp_addr));
}

/* NULL: there are too many. */
static struct tally *tally_of(struct top *t, const struct hp_addr *a, const struct hp_addr *b)
{
	struct hp_addr name[2] = { *a, *b };
	uint64_t hash = hp_hash(&t->key, name, sizeof(name));
	struct hp_hnode *n = hp_htab_find(&t->tallies, hash, tally_eq, name);
	struct tally *y;

	if (n)
		return HP_CONTAINER(n, struct tally, node);
	y = calloc(1, sizeof(*y));
	if (!y)
		return NULL;
	y->a = *a;
	y->b = *b;
	if (!hp_htab_add(&t->tallies, &y->node, hash))
		return y;
	free(y);
	return NULL;
}

/* Those that were not seen in this pass are gone. */
static int settle(struct hp_hnode *n, void *arg)
{
	struct top *t = arg;
	struct tally *y = HP_CONTAINER(n, struct tally, node);

	if (y->pass == t->pass) {
		offer(t, &(struct row){ .delta = { y->delta[0], y->delta[1] }, .tally = y });
		return 0;
	}
	hp_htab_del(&t->tallies, n);
	free(y);
	return 0;
}

static int forget(struct hp_hnode *n, void *arg)
{
	struct top *t = arg;

	hp_htab_del(&t->tallies, n);
	free(HP_CONTAINER(n, struct tally, node));
	return 0;
}

/* ---- one item */

static int make_room(struct top *t)
{
	uint32_t places = hp_flowdb_places(hp_pipe_flowdb(t->d->pipe));
	struct before *more;

	if (places <= t->places)
		return 0;
	/* Pages that the kernel has zeroed need no work now; later there are few more at a time. */
	more = t->before ? realloc(t->before, (size_t)places * sizeof(*more)) :
			   calloc(places, sizeof(*more));
	if (!more)
		return -ENOMEM;
	if (t->before)
		memset(more + t->places, 0, (places - t->places) * sizeof(*more));
	t->before = more;
	t->places = places;
	return 0;
}

static void flow_delta(struct before *b, const struct hp_flow *f, uint64_t delta[2])
{
	bool known = b->serial == f->serial;

	for (int i = 0; i < 2; i++) {
		uint32_t now = (uint32_t)(f->way[i].octets >> GRAIN);

		delta[i] = (uint64_t)(uint32_t)(now - (known ? b->octets[i] : 0)) << GRAIN;
		b->octets[i] = now;
	}
	b->serial = f->serial;
}

static void count_client(struct top *t, const struct hp_flow *f, const uint64_t delta[2])
{
	static const struct hp_addr none;
	struct tally *y = tally_of(t, &f->key.legacy, &none);

	if (!y)
		return;
	if (y->pass != t->pass)
		y->delta[0] = y->delta[1] = y->flows = 0;
	y->pass = t->pass;
	y->delta[0] += delta[0];
	y->delta[1] += delta[1];
	y->flows++;
}

static bool next_flow(struct top *t)
{
	struct hp_flow *f = hp_flowdb_walk(hp_pipe_flowdb(t->d->pipe), &t->place);
	struct row r = { .tally = NULL };

	if (!f || (f->number >= t->places && make_room(t)))
		return false;
	flow_delta(&t->before[f->number], f, r.delta);
	t->flows++;
	t->total[0] += r.delta[0];
	t->total[1] += r.delta[1];
	r.key = f->key;
	if (t->by == BY_CLIENTS)
		count_client(t, f, r.delta);
	else
		offer(t, &r);
	return true;
}

static bool next_association(struct top *t)
{
	struct hp_assoc *a = hp_hip_walk_next(t->d->hip, &t->walk);
	uint64_t packets[2], octets[2];
	struct tally *y;
	unsigned int mtu;

	if (!a)
		return false;
	hp_pipe_assoc_stats(a, packets, octets, &mtu);
	y = tally_of(t, hp_assoc_local_hit(a), hp_assoc_peer_hit(a));
	for (int i = 0; y && i < 2; i++) {
		y->delta[i] = octets[i] >= y->had[i] ? octets[i] - y->had[i] : octets[i];
		y->had[i] = octets[i];
		t->total[i] += y->delta[i];
	}
	if (y)
		y->pass = t->pass;
	return true;
}

static bool next(struct top *t)
{
	return t->by == BY_ASSOCIATIONS ? next_association(t) : next_flow(t);
}

/* ---- telling */

static double rate(const struct top *t, uint64_t delta)
{
	uint64_t us = t->began_us - t->last_us;

	return us ? (double)delta * 1e6 / (double)us : 0;
}

static void put_rates(json_t *o, const struct top *t, const uint64_t delta[2])
{
	json_object_set_new(o, "out_rate", json_integer((json_int_t)rate(t, delta[HP_OUTBOUND])));
	json_object_set_new(o, "in_rate", json_integer((json_int_t)rate(t, delta[HP_INBOUND])));
}

static json_t *row_json(const struct top *t, const struct row *r)
{
	json_t *o = json_object();
	char buf[4];

	if (t->by == BY_FLOWS) {
		json_object_set_new(o, "proto", json_string(hp_row_proto(r->key.proto, buf)));
		json_object_set_new(o, "legacy", hp_row_addr(&r->key.legacy));
		json_object_set_new(o, "legacy_port", json_integer(r->key.legacy_port));
		json_object_set_new(o, "far", hp_row_addr(&r->key.far));
		json_object_set_new(o, "far_port", json_integer(r->key.far_port));
		json_object_set_new(o, "peer_hit", hp_row_addr(&r->key.peer_hit));
	} else if (t->by == BY_CLIENTS) {
		json_object_set_new(o, "client", hp_row_addr(&r->tally->a));
		json_object_set_new(o, "flows", json_integer((json_int_t)r->tally->flows));
	} else {
		json_object_set_new(o, "peer_hit", hp_row_addr(&r->tally->b));
		json_object_set_new(o, "local_hit", hp_row_addr(&r->tally->a));
	}
	put_rates(o, t, r->delta);
	return o;
}

static int tell(struct top *t, struct hp_control_client *c)
{
	json_t *o = json_object(), *rows = json_array(), *totals = json_object();
	int err;

	for (size_t i = 0; i < t->n; i++)
		json_array_append_new(rows, row_json(t, &t->rows[i]));
	put_rates(totals, t, t->total);
	json_object_set_new(totals, "flows",
			    json_integer((json_int_t)hp_flowdb_count(hp_pipe_flowdb(t->d->pipe))));
	json_object_set_new(totals, "associations",
			    json_integer((json_int_t)hp_hip_count(t->d->hip)));
	json_object_set_new(totals, "loop_worst_us",
			    json_integer(hp_loop_stalls(t->d->loop).recent_worst_us));
	json_object_set_new(o, "by", json_string(by_names[t->by]));
	json_object_set_new(o, "interval_s",
			    json_real((double)(t->began_us - t->last_us) / 1e6));
	json_object_set_new(o, "totals", totals);
	json_object_set_new(o, "rows", rows);
	err = hp_control_send(c, o);
	json_decref(o);
	return err;
}

/* ---- passes */

static void begin(struct top *t)
{
	t->pass++;
	t->last_us = t->began_us;
	t->began_us = hp_clock_us(&t->d->clock);
	t->place = 0;
	t->n = 0;
	t->flows = t->total[0] = t->total[1] = 0;
	t->walking = true;
	if (t->by == BY_ASSOCIATIONS) {
		hp_walk_stop(&t->walk);
		hp_hip_walk(t->d->hip, &t->walk);
	}
}

static void say_end(struct hp_control_client *c)
{
	json_t *o = json_pack("{s:b}", "end", 1);

	if (o)
		hp_control_send(c, o);
	json_decref(o);
}

static enum hp_feed end_pass(struct top *t, struct hp_control_client *c)
{
	hp_htab_each(&t->tallies, settle, t);
	t->walking = false;
	hp_timer_set(&t->d->timers, &t->timer, t->began_us / 1000 + t->interval_ms);
	/* The first one has nothing to compare with. */
	if (t->pass == 1)
		return HP_FEED_WAIT;
	if (tell(t, c))
		return HP_FEED_END;
	if (!t->iterations || --t->iterations)
		return HP_FEED_WAIT;
	say_end(c);
	return HP_FEED_END;
}

static enum hp_feed feed(void *ctx, struct hp_control_client *c)
{
	struct top *t = ctx;
	uint64_t end_us = hp_clock_us(&t->d->clock) + STEP_US;

	if (!t->walking)
		begin(t);
	do {
		for (int i = 0; i < STEP_ITEMS; i++)
			if (!next(t))
				return end_pass(t, c);
	} while (hp_clock_us(&t->d->clock) < end_us);
	return HP_FEED_MORE;
}

static void due(struct hp_timer *timer)
{
	hp_control_wake(HP_CONTAINER(timer, struct top, timer)->c);
}

static void gone(void *ctx)
{
	struct top *t = ctx;

	t->d->ctl.n_tops--;
	hp_timer_cancel(&t->d->timers, &t->timer);
	hp_walk_stop(&t->walk);
	hp_htab_each(&t->tallies, forget, t);
	hp_htab_fini(&t->tallies);
	free(t->before);
	free(t);
}

/* ---- the request */

static int refuse(json_t *reply, int err, const char *why)
{
	json_object_set_new(reply, "error", json_string(why));
	return err;
}

static json_int_t number(const json_t *request, const char *name, json_int_t otherwise)
{
	const json_t *v = json_object_get(request, name);

	return v ? json_is_integer(v) ? json_integer_value(v) : -1 : otherwise;
}

static int read_request(struct top *t, const json_t *request, json_t *reply)
{
	const json_t *by = json_object_get(request, "by");
	json_int_t interval = number(request, "interval_s", 2), n = number(request, "n", 0);
	json_int_t rows = number(request, "rows", 20);
	size_t i = 0;

	while (by && i < 3 && strcmp(by_names[i], json_is_string(by) ? json_string_value(by) : ""))
		i++;
	if (i == 3)
		return refuse(reply, -EINVAL, "by: expected flows, clients or associations");
	if (interval < 1 || interval > 3600 || n < 0)
		return refuse(reply, -EINVAL, "interval_s: expected 1 to 3600; n: 0 or more");
	if (rows < 1 || rows > ROWS_MAX)
		return refuse(reply, -EINVAL, "rows: expected 1 to 100");
	t->by = (enum by)i;
	t->interval_ms = (uint64_t)interval * 1000;
	t->iterations = (uint64_t)n;
	t->n_rows = (size_t)rows;
	return 0;
}

int hp_daemon_top(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		  json_t *reply)
{
	struct hp_control_feed f = { .fn = feed, .gone = gone, .endless = true };
	struct top *t;
	int err;

	if (d->ctl.n_tops == CLIENTS_MAX)
		return refuse(reply, -EBUSY, "four others are watching already");
	t = calloc(1, sizeof(*t));
	if (!t || hp_htab_init(&t->tallies, TALLIES_MAX)) {
		free(t);
		return -ENOMEM;
	}
	err = read_request(t, request, reply);
	if (!err)
		err = hp_rand_fill(&hp_rand_system, &t->key, sizeof(t->key));
	if (err) {
		hp_htab_fini(&t->tallies);
		free(t);
		return err;
	}
	t->d = d;
	t->c = c;
	hp_list_init(&t->walk.of_walks);
	hp_timer_init(&t->timer, due);
	d->ctl.n_tops++;
	f.ctx = t;
	hp_control_feed(c, &f);
	json_object_set_new(reply, "stream", json_string("top"));
	return 0;
}
