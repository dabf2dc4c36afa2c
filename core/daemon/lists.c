/* SPDX-License-Identifier: MIT
 *
 * The control socket's long lists: associations, flows, destinations.
 *
 * A list is made a few rows at a time, between packets, and only as fast as its client reads: there
 * may be a million rows.  What comes or goes meanwhile may or may not be in it; what is there all
 * the time is in it once.
 *
 *	{"ok": true, "stream": "flows"}
 *	{"flows": [ row, ... ]}             as often as needed
 *	{"end": true, "total": N}
 */
#include "daemon/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEP_US    250 /* longest work in one round of the loop */
#define STEP_ITEMS 16  /* so many are looked at between two looks at the clock */

struct listing;

struct kind {
	const char *name;
	bool has_clients;
	void (*start)(struct listing *l);
	void *(*next)(struct listing *l);
	bool (*keep)(const struct listing *l, const void *item);
	json_t *(*row)(const struct listing *l, void *item);
};

struct listing {
	struct hp_daemon *d;
	const struct kind *kind;
	struct hp_walk walk;
	uint32_t place; /* of the next flow */
	struct hp_prefix client, peer;
	bool has_client, has_peer;
	char state[24]; /* "": any */
	uint64_t left, total;
};

static bool matches(const struct hp_prefix *p, const struct hp_addr *a)
{
	return hp_prefix_contains(p, a);
}

static bool has_state(const struct listing *l, const char *state)
{
	return !*l->state || !strcmp(l->state, state);
}

/* ---- associations */

static void assoc_start(struct listing *l)
{
	hp_hip_walk(l->d->hip, &l->walk);
}

static void *assoc_next(struct listing *l)
{
	return hp_hip_walk_next(l->d->hip, &l->walk);
}

static bool assoc_keep(const struct listing *l, const void *item)
{
	const struct hp_assoc *a = item;

	if (l->has_peer && !matches(&l->peer, hp_assoc_peer_hit(a)) &&
	    !matches(&l->peer, &hp_assoc_path(a)->dst))
		return false;
	return has_state(l, hp_assoc_state_name(hp_assoc_state(a)));
}

static json_t *assoc_row(const struct listing *l, void *item)
{
	return hp_row_association(l->d, item);
}

/* ---- flows */

static void flow_start(struct listing *l)
{
	l->place = 0;
}

static void *flow_next(struct listing *l)
{
	return hp_flowdb_walk(hp_pipe_flowdb(l->d->pipe), &l->place);
}

static bool flow_keep(const struct listing *l, const void *item)
{
	const struct hp_flow *f = item;

	if (l->has_client && !matches(&l->client, &f->key.legacy))
		return false;
	if (l->has_peer && !matches(&l->peer, &f->key.peer_hit) && !matches(&l->peer, &f->key.far))
		return false;
	return has_state(l, hp_flow_state_name(f->state));
}

static json_t *flow_row(const struct listing *l, void *item)
{
	return hp_row_flow(l->d, item);
}

/* ---- destinations */

static void peer_start(struct listing *l)
{
	hp_peerdb_walk(hp_pipe_peerdb(l->d->pipe), &l->walk);
}

static void *peer_next(struct listing *l)
{
	return hp_peerdb_walk_next(hp_pipe_peerdb(l->d->pipe), &l->walk);
}

static bool peer_keep(const struct listing *l, const void *item)
{
	const struct hp_peer *e = item;

	if (l->has_peer && !matches(&l->peer, &e->addr) &&
	    !(e->hit_known && matches(&l->peer, &e->hit)))
		return false;
	return !*l->state || has_state(l, hp_row_peer_state(l->d, e));
}

static json_t *peer_row(const struct listing *l, void *item)
{
	return hp_row_peer(l->d, item);
}

static const struct kind kinds[] = {
	{ "associations", false, assoc_start, assoc_next, assoc_keep, assoc_row },
	{ "flows", true, flow_start, flow_next, flow_keep, flow_row },
	{ "peers", false, peer_start, peer_next, peer_keep, peer_row },
};

/* ---- a few at a time */

/* Looks at some items and adds rows.  False: that was all. */
static bool some(struct listing *l, json_t *rows)
{
	for (int i = 0; i < STEP_ITEMS; i++) {
		void *item = l->left ? l->kind->next(l) : NULL;

		if (!item)
			return false;
		if (!l->kind->keep(l, item))
			continue;
		json_array_append_new(rows, l->kind->row(l, item));
		l->left--;
		l->total++;
	}
	return true;
}

static int send_rows(struct listing *l, struct hp_control_client *c, json_t *rows)
{
	json_t *o = json_pack("{s:o}", l->kind->name, rows);
	int err = o ? hp_control_send(c, o) : -ENOMEM;

	json_decref(o);
	return err;
}

static enum hp_feed finish(struct listing *l, struct hp_control_client *c)
{
	json_t *o = json_pack("{s:b, s:I}", "end", 1, "total", (json_int_t)l->total);

	if (o)
		hp_control_send(c, o);
	json_decref(o);
	return HP_FEED_END;
}

static enum hp_feed step(void *ctx, struct hp_control_client *c)
{
	struct listing *l = ctx;
	uint64_t end_us = hp_clock_us(&l->d->clock) + STEP_US;
	bool more = true;

	do {
		json_t *rows = json_array();

		if (!rows)
			return HP_FEED_END;
		more = some(l, rows);
		if (!json_array_size(rows))
			json_decref(rows);
		else if (send_rows(l, c, rows))
			return HP_FEED_END;
	} while (more && hp_control_room(c) && hp_clock_us(&l->d->clock) < end_us);
	return more ? HP_FEED_MORE : finish(l, c);
}

static void gone(void *ctx)
{
	struct listing *l = ctx;

	hp_walk_stop(&l->walk);
	free(l);
}

/* ---- the request */

static int refuse(json_t *reply, const char *why)
{
	json_object_set_new(reply, "error", json_string(why));
	return -EINVAL;
}

static int read_prefix(const json_t *request, const char *name, struct hp_prefix *out, bool *has)
{
	const json_t *v = json_object_get(request, name);

	*has = v != NULL;
	return v && (!json_is_string(v) || hp_prefix_parse(json_string_value(v), out)) ? -EINVAL : 0;
}

static int read_filters(struct listing *l, const json_t *request, json_t *reply)
{
	const json_t *state = json_object_get(request, "state"), *n = json_object_get(request, "n");

	if (read_prefix(request, "client", &l->client, &l->has_client))
		return refuse(reply, "client: expected an address or ADDRESS/BITS");
	if (read_prefix(request, "peer", &l->peer, &l->has_peer))
		return refuse(reply, "peer: expected a HIT, an address or ADDRESS/BITS");
	if (l->has_client && !l->kind->has_clients)
		return refuse(reply, "client: this list is not by client");
	if (state && (!json_is_string(state) || json_string_length(state) >= sizeof(l->state)))
		return refuse(reply, "state: expected a state's name");
	if (state)
		strcpy(l->state, json_string_value(state));
	if (n && (!json_is_integer(n) || json_integer_value(n) < 1))
		return refuse(reply, "n: expected a number above 0");
	l->left = n ? (uint64_t)json_integer_value(n) : UINT64_MAX;
	return 0;
}

int hp_daemon_list(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		   json_t *reply)
{
	const char *name = json_string_value(json_object_get(request, "cmd"));
	struct hp_control_feed feed = { .fn = step, .gone = gone };
	struct listing *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->d = d;
	for (l->kind = kinds; strcmp(l->kind->name, name);)
		l->kind++;
	err = read_filters(l, request, reply);
	if (err) {
		free(l);
		return err;
	}
	hp_list_init(&l->walk.of_walks);
	l->kind->start(l);
	feed.ctx = l;
	hp_control_feed(c, &feed);
	json_object_set_new(reply, "stream", json_string(l->kind->name));
	return 0;
}
