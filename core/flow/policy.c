/* SPDX-License-Identifier: MIT
 *
 * Policy rules: see policy.h.
 */
#include "flow/policy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct hp_policy {
	size_t n; /* with the default rule, which is the last */
	struct hp_policy_rule rules[];
};

struct hp_policy *hp_policy_new(const struct hp_policy_rule *rules, size_t n,
				const struct hp_policy_rule *otherwise)
{
	struct hp_policy *p = calloc(1, sizeof(*p) + (n + 1) * sizeof(p->rules[0]));

	if (!p)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (rules[i].port_min > rules[i].port_max) {
			free(p);
			errno = EINVAL;
			return NULL;
		}
		p->rules[i] = rules[i];
		p->rules[i].hits = 0;
	}
	p->rules[n] = (struct hp_policy_rule){ .port_max = UINT16_MAX,
					       .action = otherwise->action,
					       .probe = otherwise->probe };
	p->n = n + 1;
	return p;
}

void hp_policy_free(struct hp_policy *p)
{
	free(p);
}

static bool covers(const struct hp_prefix *prefix, const struct hp_addr *a)
{
	return !prefix->bits || hp_prefix_contains(prefix, a);
}

const struct hp_policy_rule *hp_policy_match(struct hp_policy *p, const struct hp_addr *client,
					     const struct hp_addr *destination, uint8_t proto,
					     uint16_t dport)
{
	struct hp_policy_rule *r = p->rules;
	const struct hp_policy_rule *last = p->rules + p->n - 1;

	for (; r < last; r++)
		if ((!r->proto || r->proto == proto) && dport >= r->port_min &&
		    dport <= r->port_max && covers(&r->client, client) &&
		    covers(&r->destination, destination))
			break;
	r->hits++;
	return r;
}

const struct hp_policy_rule *hp_policy_rule(const struct hp_policy *p, size_t i)
{
	return i < p->n ? &p->rules[i] : NULL;
}

const char *hp_policy_action_name(enum hp_policy_action a)
{
	static const char *const names[] = { "protect", "bypass", "block" };

	return (unsigned int)a < HP_POLICY_ACTIONS ? names[a] : "?";
}
