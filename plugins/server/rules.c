/* SPDX-License-Identifier: MIT
 *
 * Access rules.
 */
#include "rules.h"

static bool is_for(const struct rule *r, const struct hp_addr *client,
		   const struct hp_addr *hosted)
{
	return (hp_addr_is_zero(&r->client) || hp_addr_eq(&r->client, client)) &&
	       (hp_addr_is_zero(&r->hosted) || hp_addr_eq(&r->hosted, hosted));
}

static bool has_ports(uint8_t proto)
{
	return proto == 6 || proto == 17;
}

static bool matches(const struct rule *r, const struct question *q)
{
	bool any_port = r->port_min == 0 && r->port_max == 65535;

	if (!is_for(r, &q->client, &q->hosted) || (r->proto && r->proto != q->proto))
		return false;
	return any_port ||
	       (has_ports(q->proto) && q->port >= r->port_min && q->port <= r->port_max);
}

size_t rules_find(const struct rules *r, const struct question *q)
{
	size_t i = 0;

	while (i < r->n && !matches(&r->at[i], q))
		i++;
	return i;
}

bool rules_decide(struct rules *r, const struct question *q)
{
	size_t i = rules_find(r, q);

	if (i < r->n) {
		r->at[i].hits++;
		return r->at[i].allow;
	}
	r->otherwise_hits++;
	return r->otherwise;
}

bool rules_any(const struct rules *r, const struct hp_addr *client,
	       const struct hp_addr *hosted)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct rule *rule = &r->at[i];
		bool whole = !rule->proto && rule->port_min == 0 && rule->port_max == 65535;

		if (!is_for(rule, client, hosted))
			continue;
		if (rule->allow)
			return true;
		if (whole)
			return false;
	}
	return r->otherwise;
}

static bool is_same(const struct rule *a, const struct rule *b)
{
	return a->proto == b->proto && a->port_min == b->port_min && a->port_max == b->port_max &&
	       a->allow == b->allow && hp_addr_eq(&a->client, &b->client) &&
	       hp_addr_eq(&a->hosted, &b->hosted);
}

void rules_inherit(struct rules *r, const struct rules *old)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < old->n && !r->at[i].hits; k++)
			if (is_same(&r->at[i], &old->at[k]))
				r->at[i].hits = old->at[k].hits;
	if (r->otherwise == old->otherwise)
		r->otherwise_hits = old->otherwise_hits;
}
