/* SPDX-License-Identifier: MIT
 *
 * The wanted state of the gate (see gate.h).
 */
#include "gate/gate.h"

#include <errno.h>
#include <stdio.h>

#define METRIC_DEVICE 10
#define METRIC_CLOSED 20000
#define ICMP  1
#define ICMP6 58

static const struct hp_prefix any4 = { .addr = { .b = { [10] = 0xff, [11] = 0xff } }, .bits = 96 };
static const struct hp_prefix any6 = { .bits = 0 };

static uint8_t family_of(const struct hp_prefix *p)
{
	return hp_addr_is4(&p->addr) ? 4 : 6;
}

/* As small as possible; bits 0 is "any" and contains everything. */
static bool contains(const struct hp_prefix *outer, const struct hp_prefix *inner)
{
	return !outer->bits || (outer->bits <= inner->bits &&
				hp_prefix_contains(outer, &inner->addr));
}

/* A rule leads to a table or past ours. */
static int lead(struct hp_gate_state *s, struct hp_gate_rule r, uint32_t table)
{
	r.table = table;
	r.skip_to = table ? 0 : HP_GATE_END;
	/* All of IPv4 is 0 bits to the kernel, and to the state it reads. */
	if (r.to.bits == 96 && r.family == 4)
		r.to = any6;
	return hp_gate_rule_add(s, &r);
}

/* ---- errors that quote */

/* Errors about packets this machine forwards.  Not those about packets that were for itself:
 * protocol and port unreachable, unrecognised next header.  They say that no daemon runs. */
static const struct { uint8_t family, proto; uint16_t min, max; } errors[] = {
	{ 4, ICMP, 0x0300, 0x0301 },
	{ 4, ICMP, 0x0304, 0x03ff },
	{ 4, ICMP, 0x0b00, 0x0cff },
	{ 6, ICMP6, 0x0100, 0x0103 },
	{ 6, ICMP6, 0x0200, 0x0400 },
};

static int own_errors(const struct hp_gate_want *w, struct hp_gate_state *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(errors) / sizeof(*errors); i++) {
		struct hp_gate_rule r = { .priority = HP_GATE_ICMP, .family = errors[i].family,
					  .proto = errors[i].proto, .port_min = errors[i].min,
					  .port_max = errors[i].max, .iif = "lo" };

		if (r.family == 4 || w->ipv6)
			err = lead(s, r, HP_GATE_TABLE);
	}
	return err;
}

/* The address of a router between the clients and this machine is in no client network.  The guard
 * marks its errors.  Without that all ICMP that comes in there matches: rules see no types of what is
 * forwarded, and the kernel looks for the protocol of each packet. */
static int routers_errors(const struct hp_gate_want *w, struct hp_gate_state *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < w->n_lan; i++) {
		struct hp_gate_rule r = { .priority = HP_GATE_ICMP, .family = 4 };

		r.mark = r.mask = w->icmp_mark;
		if (!r.mark) {
			snprintf(r.iif, sizeof(r.iif), "%s", w->lan[i]);
			r.proto = ICMP;
		}
		err = lead(s, r, HP_GATE_TABLE);
		r.family = 6;
		if (r.proto)
			r.proto = ICMP6;
		if (!err && w->ipv6)
			err = lead(s, r, HP_GATE_TABLE);
	}
	return err;
}

/* ---- what goes past */

static int past(const struct hp_gate_want *w, struct hp_gate_state *s, const struct hp_prefix *from)
{
	struct hp_gate_rule r = { .priority = HP_GATE_OWN, .family = family_of(from), .from = *from };

	return r.family == 4 || w->ipv6 ? lead(s, r, 0) : 0;
}

static bool in_networks(const struct hp_gate_want *w, const struct hp_prefix *p)
{
	for (size_t i = 0; i < w->networks.n; i++)
		if (family_of(&w->networks.at[i]) == family_of(p) &&
		    contains(&w->networks.at[i], p))
			return true;
	return false;
}

static int marked(const struct hp_gate_want *w, struct hp_gate_state *s, uint8_t family)
{
	struct hp_gate_rule r = { .priority = HP_GATE_MARK, .family = family, .mark = w->mark,
				  .mask = w->mask };

	return w->mark && (family == 4 || w->ipv6) ? lead(s, r, 0) : 0;
}

static int exempt(const struct hp_gate_want *w, struct hp_gate_state *s)
{
	/* A look-up of this machine before it has chosen a source address. */
	static const struct hp_prefix unset = { .addr = { .b = { [10] = 0xff, [11] = 0xff } },
						.bits = 128 };
	int err = marked(w, s, 4);

	if (!err)
		err = marked(w, s, 6);
	if (!err && in_networks(w, &unset))
		err = past(w, s, &unset);
	for (size_t i = 0; !err && i < w->own.n; i++)
		if (in_networks(w, &w->own.at[i]))
			err = past(w, s, &w->own.at[i]);
	for (size_t i = 0; !err && i < w->hip_hosts.n; i++)
		err = past(w, s, &w->hip_hosts.at[i]);
	return err;
}

/* ---- clients */

/* Everything is two halves.  IPv6 rules without a source match look-ups that have none yet, of this
 * machine; and the kernel takes a new rule without a source for any older one that has one. */
static int from_net(struct hp_gate_state *s, struct hp_gate_rule r, uint32_t table)
{
	unsigned int any = r.family == 4 ? 96 : 0;
	int err;

	if (r.from.bits != any)
		return lead(s, r, table);
	r.from.bits++;
	err = lead(s, r, table);
	r.from.addr.b[any / 8] |= 0x80;
	return err ? err : lead(s, r, table);
}

static int each_net(const struct hp_gate_want *w, struct hp_gate_state *s, struct hp_gate_rule r,
		    uint32_t table)
{
	const struct hp_prefix client = r.from;
	int err = 0;

	for (size_t i = 0; !err && i < w->networks.n; i++) {
		const struct hp_prefix *net = &w->networks.at[i];

		if (family_of(net) != r.family || (!w->ipv6 && r.family == 6))
			continue;
		if (!client.bits || contains(&client, net))
			r.from = *net;
		else if (contains(net, &client))
			r.from = client;
		else
			continue;
		err = from_net(s, r, table);
	}
	return err;
}

static bool applies(const struct hp_gate_policy *p, uint8_t family)
{
	return (!p->client.bits || family_of(&p->client) == family) &&
	       (!p->destination.bits || family_of(&p->destination) == family) &&
	       p->proto != (family == 4 ? ICMP6 : ICMP);
}

static int policy(const struct hp_gate_want *w, struct hp_gate_state *s, size_t i)
{
	const struct hp_gate_policy *p = &w->rules[i];
	bool ports = p->port_min || p->port_max != UINT16_MAX;
	uint32_t table = p->action == HP_GATE_BLOCK || w->block_unknown ? HP_GATE_TABLE_ALL :
									  HP_GATE_TABLE;
	int err = 0;

	for (uint8_t family = 4; !err && family <= 6; family += 2) {
		struct hp_gate_rule r = { .priority = HP_GATE_RULES + (uint32_t)i,
					  .family = family, .from = p->client,
					  .to = p->destination, .proto = p->proto };

		r.port_min = ports ? p->port_min : 0;
		r.port_max = ports ? p->port_max : 0;
		if (applies(p, family))
			err = each_net(w, s, r, p->action == HP_GATE_BYPASS ? 0 : table);
	}
	return err;
}

static int clients(const struct hp_gate_want *w, struct hp_gate_state *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < w->n_rules && i < HP_GATE_RULES_MAX; i++)
		err = policy(w, s, i);
	for (uint8_t family = 4; !err && family <= 6; family += 2)
		err = each_net(w, s,
			       (struct hp_gate_rule){ .priority = HP_GATE_CLIENTS,
						      .family = family },
			       w->block_unknown ? HP_GATE_TABLE_ALL : HP_GATE_TABLE);
	return err;
}

static int end(const struct hp_gate_want *w, struct hp_gate_state *s)
{
	struct hp_gate_rule r = { .priority = HP_GATE_END, .family = 4 };
	int err = hp_gate_rule_add(s, &r);

	r.family = 6;
	return err || !w->ipv6 ? err : hp_gate_rule_add(s, &r);
}

/* ---- routes */

void hp_gate_routes_of(const struct hp_gate_want *w, const struct hp_prefix *to,
		       struct hp_gate_route out[2], size_t *n)
{
	*n = 0;
	if (w->ifindex)
		out[(*n)++] = (struct hp_gate_route){ .table = HP_GATE_TABLE, .to = *to,
						      .metric = METRIC_DEVICE,
						      .ifindex = w->ifindex };
	if (!w->stays_open)
		out[(*n)++] = (struct hp_gate_route){ .table = HP_GATE_TABLE, .to = *to,
						      .metric = METRIC_CLOSED };
}

static int routes_to(const struct hp_gate_want *w, struct hp_gate_state *s,
		     const struct hp_prefix *to, uint32_t table)
{
	struct hp_gate_route r[2];
	size_t n;
	int err = 0;

	if (family_of(to) == 6 && !w->ipv6)
		return 0;
	hp_gate_routes_of(w, to, r, &n);
	for (size_t i = 0; !err && i < n; i++) {
		r[i].table = table;
		err = hp_gate_route_add(s, &r[i]);
	}
	return err;
}

/* Other rules, of a VPN perhaps, shall not lead these elsewhere. */
static int device(const struct hp_gate_want *w, struct hp_gate_state *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < w->device.n; i++) {
		const struct hp_prefix *to = &w->device.at[i];
		struct hp_gate_rule r = { .priority = HP_GATE_DEVICE, .family = family_of(to),
					  .to = *to };

		if (r.family == 6 && !w->ipv6)
			continue;
		err = lead(s, r, HP_GATE_TABLE_DEVICE);
		if (!err)
			err = routes_to(w, s, to, HP_GATE_TABLE_DEVICE);
	}
	return err;
}

static int all_routes(const struct hp_gate_want *w, struct hp_gate_state *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < w->protected.n; i++)
		err = routes_to(w, s, &w->protected.at[i], HP_GATE_TABLE);
	if (!err)
		err = routes_to(w, s, &any4, HP_GATE_TABLE_ALL);
	return err ? err : routes_to(w, s, &any6, HP_GATE_TABLE_ALL);
}

static int all_clients(const struct hp_gate_want *w, struct hp_gate_state *s)
{
	int err = all_routes(w, s);

	if (!err)
		err = own_errors(w, s);
	if (!err)
		err = routers_errors(w, s);
	if (!err)
		err = exempt(w, s);
	if (!err)
		err = clients(w, s);
	return err ? err : end(w, s);
}

int hp_gate_build(const struct hp_gate_want *w, struct hp_gate_state *out)
{
	struct hp_gate_state s = { 0 };
	int err = device(w, &s);

	if (!err && w->clients)
		err = all_clients(w, &s);
	if (err) {
		hp_gate_state_free(&s);
		return err;
	}
	hp_gate_sort(&s);
	*out = s;
	return 0;
}
