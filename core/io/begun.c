/* SPDX-License-Identifier: MIT
 *
 * Marking and listing connections that began in the clear (see begun.h).
 */
#include "io/begun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TCP 6
#define UDP 17
#define MARKED_MAX 65536 /* connections that one change may let go on */

struct hp_begun {
	struct hp_conntrack *ct;
	struct hp_connection list[HP_BEGUN_LISTED];
	size_t listed, total;
};

int hp_begun_open(struct hp_begun **out)
{
	struct hp_begun *b = calloc(1, sizeof(*b));
	int err = b ? hp_conntrack_open(&b->ct) : -ENOMEM;

	if (err) {
		free(b);
		return err;
	}
	*out = b;
	return 0;
}

void hp_begun_close(struct hp_begun *b)
{
	if (!b)
		return;
	hp_conntrack_close(b->ct);
	free(b);
}

size_t hp_begun_total(const struct hp_begun *b)
{
	return b->total;
}

size_t hp_begun_list(const struct hp_begun *b, const struct hp_connection **list)
{
	*list = b->list;
	return b->listed;
}

/* ---- who is protected */

static bool covers(const struct hp_prefix *p, const struct hp_addr *addr)
{
	return (!p->bits || hp_addr_is4(&p->addr) == hp_addr_is4(addr)) &&
	       hp_prefix_contains(p, addr);
}

static bool in_list(const struct hp_gate_prefixes *list, const struct hp_addr *addr)
{
	for (size_t i = 0; i < list->n; i++)
		if (covers(&list->at[i], addr))
			return true;
	return false;
}

static bool was_client(const struct hp_gate_state *s, const struct hp_addr *addr)
{
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct hp_gate_rule *r = &s->rules[i];

		if (r->priority == HP_GATE_CLIENTS && covers(&r->from, addr))
			return true;
	}
	return false;
}

static bool was_destination(const struct hp_gate_state *s, const struct hp_addr *addr)
{
	for (size_t i = 0; i < s->n_routes; i++)
		if (s->routes[i].table == HP_GATE_TABLE && covers(&s->routes[i].to, addr))
			return true;
	return false;
}

/* ---- marking */

struct search {
	const struct hp_gate_want *w; /* NULL: those with the mark are looked for */
	const struct hp_gate_state *state;
	struct hp_gate_prefixes anew; /* destinations that were not protected */
	uint32_t mark, mask;
	struct hp_connection *found;
	size_t n, max, total;
};

static bool of_interest(const struct search *s, const struct hp_connection *c)
{
	bool was = was_client(s->state, &c->src);

	if ((c->proto != TCP && c->proto != UDP) || c->ended)
		return false;
	if (!s->w)
		return (c->mark & s->mask) == s->mark && was && was_destination(s->state, &c->dst);
	if (!in_list(&s->w->networks, &c->src))
		return false;
	if (in_list(&s->anew, &c->dst))
		return !was || !was_destination(s->state, &c->dst);
	return !was && in_list(&s->w->protected, &c->dst);
}

static void search_one(void *ctx, const struct hp_connection *c)
{
	struct search *s = ctx;

	if (!of_interest(s, c))
		return;
	s->total++;
	if (s->n < s->max)
		s->found[s->n++] = *c;
}

/* Those that no route led to before. */
static int new_ones(const struct hp_gate_want *w, const struct hp_gate_state *before,
		    struct hp_gate_prefixes *out)
{
	int err = 0;

	for (size_t i = 0; !err && i < w->protected.n; i++) {
		struct hp_gate_route r[2];
		size_t n;
		bool there = false;

		hp_gate_routes_of(w, &w->protected.at[i], r, &n);
		for (size_t k = 0; k < n; k++)
			there |= hp_gate_has(before, &(struct hp_gate_op){ .route = &r[k] });
		if (!there)
			err = hp_gate_prefix_add(out, &w->protected.at[i]);
	}
	return err;
}

static bool new_networks(const struct hp_gate_want *w, const struct hp_gate_state *before)
{
	for (size_t i = 0; i < w->networks.n; i++)
		if (!was_client(before, &w->networks.at[i].addr))
			return true;
	return false;
}

static int mark_all(struct hp_begun *b, const struct search *s)
{
	int n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += !hp_conntrack_mark(b->ct, &s->found[i], s->mark, s->mask);
	b->total += (size_t)n;
	return n;
}

int hp_begun_mark(struct hp_begun *b, const struct hp_gate_want *w,
		  const struct hp_gate_state *before, uint32_t mark, uint32_t mask)
{
	struct search s = { .w = w, .state = before, .mark = mark, .mask = mask,
			    .max = MARKED_MAX };
	int n = new_ones(w, before, &s.anew);

	if (!n && (s.anew.n || new_networks(w, before))) {
		s.found = calloc(MARKED_MAX, sizeof(*s.found));
		n = s.found ? hp_conntrack_each(b->ct, search_one, &s) : -ENOMEM;
		n = n > 0 ? mark_all(b, &s) : n ? n : -ENOENT;
	}
	free(s.found);
	free(s.anew.at);
	return n;
}

int hp_begun_look(struct hp_begun *b, const struct hp_gate_state *now, uint32_t mark,
		  uint32_t mask)
{
	struct search s = { .state = now, .mark = mark, .mask = mask, .found = b->list,
			    .max = HP_BEGUN_LISTED };
	int n = hp_conntrack_each(b->ct, search_one, &s);

	if (n < 0)
		return n;
	b->listed = s.n;
	b->total = s.total;
	return 0;
}
