/* SPDX-License-Identifier: MIT
 *
 * States of the gate as sorted lists, and the difference between two (see gate.h).
 */
#include "gate/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more element in a list; false when memory is out. */
static bool grow(void **list, size_t n, size_t *max, size_t bytes)
{
	size_t more = *max ? *max * 2 : 16;
	void *p;

	if (n < *max)
		return true;
	p = reallocarray(*list, more, bytes);
	if (!p)
		return false;
	*list = p;
	*max = more;
	return true;
}

int hp_gate_prefix_add(struct hp_gate_prefixes *list, const struct hp_prefix *p)
{
	if (!grow((void **)&list->at, list->n, &list->max, sizeof(*list->at)))
		return -ENOMEM;
	list->at[list->n++] = *p;
	return 0;
}

int hp_gate_rule_add(struct hp_gate_state *s, const struct hp_gate_rule *r)
{
	if (!grow((void **)&s->rules, s->n_rules, &s->max_rules, sizeof(*s->rules)))
		return -ENOMEM;
	s->rules[s->n_rules++] = *r;
	return 0;
}

int hp_gate_route_add(struct hp_gate_state *s, const struct hp_gate_route *r)
{
	if (!grow((void **)&s->routes, s->n_routes, &s->max_routes, sizeof(*s->routes)))
		return -ENOMEM;
	s->routes[s->n_routes++] = *r;
	return 0;
}

void hp_gate_state_free(struct hp_gate_state *s)
{
	free(s->rules);
	free(s->routes);
	*s = (struct hp_gate_state){ 0 };
}

/* ---- order */

static int cmp(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int prefix_cmp(const struct hp_prefix *a, const struct hp_prefix *b)
{
	int c = hp_addr_cmp(&a->addr, &b->addr);

	return c ? c : cmp(a->bits, b->bits);
}

static int rule_cmp(const void *x, const void *y)
{
	const struct hp_gate_rule *a = x, *b = y;
	int c[] = {
		cmp(a->priority, b->priority), cmp(a->family, b->family),
		prefix_cmp(&a->from, &b->from), prefix_cmp(&a->to, &b->to),
		cmp(a->table, b->table), cmp(a->skip_to, b->skip_to), cmp(a->mark, b->mark),
		cmp(a->mask, b->mask), cmp(a->proto, b->proto), cmp(a->port_min, b->port_min),
		cmp(a->port_max, b->port_max), strcmp(a->iif, b->iif),
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++)
		if (c[i])
			return c[i];
	return 0;
}

static int route_cmp(const void *x, const void *y)
{
	const struct hp_gate_route *a = x, *b = y;
	int c = prefix_cmp(&a->to, &b->to);

	if (!c)
		c = cmp(a->table, b->table);
	if (!c)
		c = cmp(a->metric, b->metric);
	return c ? c : cmp(a->ifindex, b->ifindex);
}

static size_t unique(void *list, size_t n, size_t bytes,
		     int (*order)(const void *, const void *))
{
	char *at = list;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept && !order(at + (kept - 1) * bytes, at + i * bytes))
			continue;
		if (kept != i)
			memcpy(at + kept * bytes, at + i * bytes, bytes);
		kept++;
	}
	return kept;
}

void hp_gate_sort(struct hp_gate_state *s)
{
	if (s->n_rules)
		qsort(s->rules, s->n_rules, sizeof(*s->rules), rule_cmp);
	if (s->n_routes)
		qsort(s->routes, s->n_routes, sizeof(*s->routes), route_cmp);
	s->n_rules = unique(s->rules, s->n_rules, sizeof(*s->rules), rule_cmp);
	s->n_routes = unique(s->routes, s->n_routes, sizeof(*s->routes), route_cmp);
}

/* ---- difference */

struct steps {
	struct hp_gate_op *at;
	size_t n;
};

enum which { MARKED, UNMARKED, ALL };

static void rules_of(struct steps *s, const struct hp_gate_state *of,
		     const struct hp_gate_state *without, bool add, enum which which)
{
	size_t k = 0;

	for (size_t i = 0; i < of->n_rules; i++) {
		if (which != ALL && (which == MARKED) != (of->rules[i].priority == HP_GATE_MARK))
			continue;
		while (k < without->n_rules && rule_cmp(&without->rules[k], &of->rules[i]) < 0)
			k++;
		if (k < without->n_rules && !rule_cmp(&without->rules[k], &of->rules[i]))
			continue;
		s->at[s->n++] = (struct hp_gate_op){ .add = add, .rule = &of->rules[i] };
	}
}

static void routes_of(struct steps *s, const struct hp_gate_state *of,
		      const struct hp_gate_state *without, bool add)
{
	size_t k = 0;

	for (size_t i = 0; i < of->n_routes; i++) {
		while (k < without->n_routes &&
		       route_cmp(&without->routes[k], &of->routes[i]) < 0)
			k++;
		if (k < without->n_routes && !route_cmp(&without->routes[k], &of->routes[i]))
			continue;
		s->at[s->n++] = (struct hp_gate_op){ .add = add, .route = &of->routes[i] };
	}
}

int hp_gate_diff(const struct hp_gate_state *have, const struct hp_gate_state *want,
		 struct hp_gate_op **ops, size_t *n)
{
	size_t most = have->n_rules + have->n_routes + want->n_rules + want->n_routes;
	struct steps s = { calloc(most + 1, sizeof(struct hp_gate_op)), 0 };

	if (!s.at)
		return -ENOMEM;
	rules_of(&s, want, have, true, MARKED);
	routes_of(&s, want, have, true);
	rules_of(&s, want, have, true, UNMARKED);
	rules_of(&s, have, want, false, ALL);
	routes_of(&s, have, want, false);
	*ops = s.at;
	*n = s.n;
	return 0;
}

bool hp_gate_has(const struct hp_gate_state *s, const struct hp_gate_op *op)
{
	if (op->rule)
		return s->n_rules && bsearch(op->rule, s->rules, s->n_rules, sizeof(*s->rules),
					     rule_cmp);
	return s->n_routes &&
	       bsearch(op->route, s->routes, s->n_routes, sizeof(*s->routes), route_cmp);
}
