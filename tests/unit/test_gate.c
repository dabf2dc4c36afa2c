/* SPDX-License-Identifier: MIT
 *
 * The gate's wanted state and differences of states (gate/gate.h): lists in, steps out.
 */
#include "../harness.h"

#include <stdlib.h>
#include <string.h>

#include "gate/gate.h"

#define DEVICE 7

static struct hp_prefix prefix(const char *s)
{
	struct hp_prefix p = { .bits = 0 };

	CU_ASSERT_FATAL(!hp_prefix_parse(s, &p));
	return p;
}

static void add(struct hp_gate_prefixes *list, const char *s)
{
	struct hp_prefix p = prefix(s);

	CU_ASSERT_FATAL(!hp_gate_prefix_add(list, &p));
}

static struct hp_gate_want wanted(void)
{
	struct hp_gate_want w = { .ifindex = DEVICE, .clients = true, .ipv6 = true };

	add(&w.protected, "192.0.2.80");
	add(&w.protected, "2001:db8:2::80");
	add(&w.networks, "10.1.0.0/24");
	add(&w.networks, "fd01::/64");
	return w;
}

static void want_free(struct hp_gate_want *w)
{
	free(w->device.at);
	free(w->protected.at);
	free(w->networks.at);
	free(w->own.at);
	free(w->hip_hosts.at);
}

/* The state of w, which is freed. */
static struct hp_gate_state built(struct hp_gate_want *w)
{
	struct hp_gate_state s = { 0 };

	CU_ASSERT_FATAL(!hp_gate_build(w, &s));
	want_free(w);
	return s;
}

/* How many rules there are of this priority, from here ("": any), to this table or priority. */
static unsigned int rules(const struct hp_gate_state *s, uint32_t priority, const char *from,
			  uint32_t table)
{
	unsigned int n = 0;

	for (size_t i = 0; i < s->n_rules; i++) {
		const struct hp_gate_rule *r = &s->rules[i];
		struct hp_prefix p = *from ? prefix(from) : r->from;

		n += r->priority == priority && r->table == table && p.bits == r->from.bits &&
		     hp_addr_eq(&p.addr, &r->from.addr);
	}
	return n;
}

static unsigned int routes(const struct hp_gate_state *s, const char *to, uint32_t table,
			   int ifindex)
{
	struct hp_prefix p = prefix(to);
	unsigned int n = 0;

	for (size_t i = 0; i < s->n_routes; i++)
		n += s->routes[i].table == table && s->routes[i].ifindex == ifindex &&
		     p.bits == s->routes[i].to.bits && hp_addr_eq(&p.addr, &s->routes[i].to.addr);
	return n;
}

static void each_protected_prefix_has_a_way_and_a_blackhole(void)
{
	struct hp_gate_want w = wanted();
	struct hp_gate_state s = built(&w);

	CU_ASSERT_EQUAL(routes(&s, "192.0.2.80", HP_GATE_TABLE, DEVICE), 1);
	CU_ASSERT_EQUAL(routes(&s, "192.0.2.80", HP_GATE_TABLE, 0), 1);
	CU_ASSERT_EQUAL(routes(&s, "2001:db8:2::80", HP_GATE_TABLE, DEVICE), 1);
	CU_ASSERT_EQUAL(routes(&s, "2001:db8:2::80", HP_GATE_TABLE, 0), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_CLIENTS, "10.1.0.0/24", HP_GATE_TABLE), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_CLIENTS, "fd01::/64", HP_GATE_TABLE), 1);
	hp_gate_state_free(&s);
}

static void the_same_prefix_twice_is_one(void)
{
	struct hp_gate_want w = wanted();
	struct hp_gate_state s;
	size_t n;

	s = built(&w);
	n = s.n_routes;
	hp_gate_state_free(&s);
	w = wanted();
	add(&w.protected, "192.0.2.80");
	add(&w.networks, "10.1.0.0/24");
	s = built(&w);
	CU_ASSERT_EQUAL(s.n_routes, n);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_CLIENTS, "10.1.0.0/24", HP_GATE_TABLE), 1);
	hp_gate_state_free(&s);
}

static void what_may_fail_open_has_no_blackhole(void)
{
	struct hp_gate_want w = wanted();
	struct hp_gate_state s;

	w.stays_open = true;
	s = built(&w);
	for (size_t i = 0; i < s.n_routes; i++)
		CU_ASSERT_EQUAL(s.routes[i].ifindex, DEVICE);
	hp_gate_state_free(&s);
}

static void without_a_device_the_blackholes_remain(void)
{
	struct hp_gate_want w = wanted();
	struct hp_gate_state s;

	w.ifindex = 0;
	s = built(&w);
	CU_ASSERT_EQUAL(routes(&s, "192.0.2.80", HP_GATE_TABLE, 0), 1);
	for (size_t i = 0; i < s.n_routes; i++)
		CU_ASSERT_EQUAL(s.routes[i].ifindex, 0);
	hp_gate_state_free(&s);
}

static void own_addresses_among_clients_go_past(void)
{
	struct hp_gate_want w = wanted();
	struct hp_gate_state s;

	add(&w.own, "10.1.0.1");
	add(&w.own, "192.0.2.1");
	add(&w.own, "fd01::1");
	add(&w.hip_hosts, "10.1.0.13");
	s = built(&w);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_OWN, "10.1.0.1", 0), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_OWN, "fd01::1", 0), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_OWN, "10.1.0.13", 0), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_OWN, "192.0.2.1", 0), 0);
	hp_gate_state_free(&s);
}

/* A look-up without a source yet is this machine's own, and must not be a client's. */
static void everywhere_is_two_halves_without_the_unset_address(void)
{
	struct hp_gate_want w = { .ifindex = DEVICE, .clients = true, .ipv6 = true };
	struct hp_gate_state s;

	add(&w.networks, "0.0.0.0/0");
	add(&w.networks, "::/0");
	s = built(&w);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_CLIENTS, "0.0.0.0/1", HP_GATE_TABLE), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_CLIENTS, "128.0.0.0/1", HP_GATE_TABLE), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_CLIENTS, "::/1", HP_GATE_TABLE), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_CLIENTS, "8000::/1", HP_GATE_TABLE), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_CLIENTS, "", HP_GATE_TABLE), 4);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_OWN, "0.0.0.0/32", 0), 1);
	hp_gate_state_free(&s);
}

static void blocking_the_unknown_leads_everything_to_the_daemon(void)
{
	struct hp_gate_want w = wanted();
	struct hp_gate_state s;

	w.block_unknown = true;
	s = built(&w);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_CLIENTS, "10.1.0.0/24", HP_GATE_TABLE_ALL), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_CLIENTS, "10.1.0.0/24", HP_GATE_TABLE), 0);
	CU_ASSERT_EQUAL(routes(&s, "0.0.0.0/0", HP_GATE_TABLE_ALL, DEVICE), 1);
	CU_ASSERT_EQUAL(routes(&s, "::/0", HP_GATE_TABLE_ALL, 0), 1);
	hp_gate_state_free(&s);
}

static void rules_keep_their_order_and_their_clients(void)
{
	struct hp_gate_policy p[] = {
		{ .client = prefix("10.1.0.12"), .port_max = 65535, .action = HP_GATE_PROTECT },
		{ .destination = prefix("192.0.2.80"), .port_min = 22, .port_max = 22, .proto = 6,
		  .action = HP_GATE_BYPASS },
		{ .client = prefix("10.0.0.0/8"), .port_max = 65535, .action = HP_GATE_BLOCK },
		{ .client = prefix("172.16.0.0/12"), .port_max = 65535, .action = HP_GATE_BYPASS },
		{ .proto = 58, .port_max = 65535, .action = HP_GATE_BYPASS },
	};
	struct hp_gate_want w = wanted();
	struct hp_gate_state s;

	w.rules = p;
	w.n_rules = sizeof(p) / sizeof(*p);
	s = built(&w);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_RULES, "10.1.0.12", HP_GATE_TABLE), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_RULES + 1, "10.1.0.0/24", 0), 1);
	/* Of the other family, and of all clients: their network only. */
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_RULES + 1, "", 0), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_RULES + 2, "10.1.0.0/24", HP_GATE_TABLE_ALL), 1);
	/* Nobody's network. */
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_RULES + 3, "", 0), 0);
	/* ICMPv6 is of IPv6 alone. */
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_RULES + 4, "fd01::/64", 0), 1);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_RULES + 4, "", 0), 1);
	for (size_t i = 0; i < s.n_rules; i++)
		if (s.rules[i].priority == HP_GATE_RULES + 1) {
			CU_ASSERT(s.rules[i].proto == 6 && s.rules[i].port_min == 22 &&
				  s.rules[i].port_max == 22 && s.rules[i].to.bits == 128);
			CU_ASSERT_EQUAL(s.rules[i].skip_to, HP_GATE_END);
		} else {
			CU_ASSERT(s.rules[i].priority < HP_GATE_RULES || !s.rules[i].port_max);
		}
	hp_gate_state_free(&s);
}

static void without_ipv6_nothing_is_said_of_it(void)
{
	struct hp_gate_want w = wanted();
	struct hp_gate_state s;

	w.ipv6 = false;
	w.block_unknown = true;
	add(&w.own, "fd01::1");
	s = built(&w);
	for (size_t i = 0; i < s.n_rules; i++)
		CU_ASSERT_EQUAL(s.rules[i].family, 4);
	for (size_t i = 0; i < s.n_routes; i++)
		CU_ASSERT(hp_addr_is4(&s.routes[i].to.addr));
	hp_gate_state_free(&s);
}

static void without_clients_only_what_is_the_devices_is_led_there(void)
{
	struct hp_gate_want w = wanted();
	struct hp_gate_state s;

	w.clients = false;
	add(&w.device, "2001:20::/28");
	add(&w.device, "10.99.0.0/24");
	s = built(&w);
	CU_ASSERT_EQUAL(s.n_rules, 2);
	CU_ASSERT_EQUAL(rules(&s, HP_GATE_DEVICE, "", HP_GATE_TABLE_DEVICE), 2);
	CU_ASSERT_EQUAL(s.n_routes, 4);
	CU_ASSERT_EQUAL(routes(&s, "2001:20::/28", HP_GATE_TABLE_DEVICE, DEVICE), 1);
	CU_ASSERT_EQUAL(routes(&s, "10.99.0.0/24", HP_GATE_TABLE_DEVICE, 0), 1);
	hp_gate_state_free(&s);
}

/* ---- differences */

struct counts {
	unsigned int rules_added, rules_removed, routes_added, routes_removed;
};

static struct counts steps(const struct hp_gate_state *have, const struct hp_gate_state *want)
{
	struct counts c = { 0 };
	struct hp_gate_op *ops;
	int phase = 0, now;
	size_t n;

	CU_ASSERT_FATAL(!hp_gate_diff(have, want, &ops, &n));
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT((ops[i].rule != NULL) != (ops[i].route != NULL));
		now = ops[i].add ? (ops[i].rule ? 1 : 0) : (ops[i].rule ? 2 : 3);
		CU_ASSERT(now >= phase); /* closing first, opening last */
		phase = now;
		c.rules_added += now == 1;
		c.routes_added += now == 0;
		c.rules_removed += now == 2;
		c.routes_removed += now == 3;
	}
	free(ops);
	return c;
}

static void no_difference_needs_no_step(void)
{
	struct hp_gate_want w = wanted(), v = wanted();
	struct hp_gate_state s = built(&w), t = built(&v);
	struct counts c = steps(&s, &t);

	CU_ASSERT(!c.rules_added && !c.rules_removed && !c.routes_added && !c.routes_removed);
	hp_gate_state_free(&s);
	hp_gate_state_free(&t);
}

static void from_nothing_and_to_nothing(void)
{
	struct hp_gate_state none = { 0 }, s;
	struct hp_gate_want w = wanted();
	struct counts c;

	s = built(&w);
	c = steps(&none, &s);
	CU_ASSERT(c.rules_added == s.n_rules && c.routes_added == s.n_routes);
	CU_ASSERT(!c.rules_removed && !c.routes_removed);
	c = steps(&s, &none);
	CU_ASSERT(c.rules_removed == s.n_rules && c.routes_removed == s.n_routes);
	CU_ASSERT(!c.rules_added && !c.routes_added);
	hp_gate_state_free(&s);
}

static void only_what_differs_is_touched(void)
{
	struct hp_gate_want w = wanted(), v = wanted();
	struct hp_gate_state s, t;
	struct counts c;

	add(&w.protected, "198.51.100.0/24");
	add(&v.protected, "203.0.113.0/24");
	add(&v.networks, "10.2.0.0/24");
	s = built(&w);
	t = built(&v);
	c = steps(&s, &t);
	CU_ASSERT(c.routes_added == 2 && c.routes_removed == 2);
	CU_ASSERT(c.rules_added == 1 && c.rules_removed == 0);
	hp_gate_state_free(&s);
	hp_gate_state_free(&t);
}

/* The device was made anew, or somebody has put a route of his own into the table. */
static void what_is_not_ours_is_replaced(void)
{
	struct hp_gate_want w = wanted(), v = wanted();
	struct hp_gate_route odd = { .table = HP_GATE_TABLE, .to = prefix("192.0.2.80"),
				     .metric = 1, .ifindex = -1 };
	struct hp_gate_state s, t;
	struct counts c;

	w.ifindex = DEVICE + 1;
	s = built(&w);
	CU_ASSERT_FATAL(!hp_gate_route_add(&s, &odd));
	hp_gate_sort(&s);
	t = built(&v);
	c = steps(&s, &t);
	/* Two prefixes and "everything" of both families; the odd one goes. */
	CU_ASSERT(c.routes_added == 4 && c.routes_removed == 5);
	CU_ASSERT(!c.rules_added && !c.rules_removed);
	hp_gate_state_free(&s);
	hp_gate_state_free(&t);
}

static void a_state_knows_what_it_has(void)
{
	struct hp_gate_want w = wanted();
	struct hp_gate_state s = built(&w), none = { 0 };
	struct hp_gate_rule rule = s.rules[0];
	struct hp_gate_route route = s.routes[0];

	CU_ASSERT(hp_gate_has(&s, &(struct hp_gate_op){ .rule = &rule }));
	CU_ASSERT(hp_gate_has(&s, &(struct hp_gate_op){ .route = &route }));
	CU_ASSERT(!hp_gate_has(&none, &(struct hp_gate_op){ .rule = &rule }));
	CU_ASSERT(!hp_gate_has(&none, &(struct hp_gate_op){ .route = &route }));
	rule.mark = route.metric = 4711;
	CU_ASSERT(!hp_gate_has(&s, &(struct hp_gate_op){ .rule = &rule }));
	CU_ASSERT(!hp_gate_has(&s, &(struct hp_gate_op){ .route = &route }));
	hp_gate_state_free(&s);
}

static const struct hp_test tests[] = {
	HP_TEST(each_protected_prefix_has_a_way_and_a_blackhole),
	HP_TEST(the_same_prefix_twice_is_one),
	HP_TEST(what_may_fail_open_has_no_blackhole),
	HP_TEST(without_a_device_the_blackholes_remain),
	HP_TEST(own_addresses_among_clients_go_past),
	HP_TEST(everywhere_is_two_halves_without_the_unset_address),
	HP_TEST(blocking_the_unknown_leads_everything_to_the_daemon),
	HP_TEST(rules_keep_their_order_and_their_clients),
	HP_TEST(without_ipv6_nothing_is_said_of_it),
	HP_TEST(without_clients_only_what_is_the_devices_is_led_there),
	HP_TEST(no_difference_needs_no_step),
	HP_TEST(from_nothing_and_to_nothing),
	HP_TEST(only_what_differs_is_touched),
	HP_TEST(what_is_not_ours_is_replaced),
	HP_TEST(a_state_knows_what_it_has),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("gate", tests, argc, argv);
}
