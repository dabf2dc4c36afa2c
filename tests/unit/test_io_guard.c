/* SPDX-License-Identifier: MIT
 *
 * The guard's table against a real kernel (see gateway.h): what it drops and what it lets pass, who
 * may remove it.
 */
#include "gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/guard.h"
#include "io/guardsets.h"

static struct hp_prefix prefix(const char *s)
{
	struct hp_prefix p = {.bits = 0};

	CU_ASSERT_FATAL(!hp_prefix_parse(s, &p));
	return p;
}

/* ---- intervals */

static unsigned int joined(const char *const *list, size_t n, int family, char *first)
{
	struct nft_interval *v;
	struct hp_prefix p[8];
	size_t n_v;

	for (size_t i = 0; i < n; i++)
		p[i] = prefix(list[i]);
	CU_ASSERT_FATAL(!guard_intervals(p, n, family, &v, &n_v));
	if (n_v)
		snprintf(first, 64, "%u.%u.%u.%u-%u.%u.%u.%u%s", v->first[0], v->first[1],
			 v->first[2], v->first[3], v->end[0], v->end[1], v->end[2], v->end[3],
			 v->open ? " open" : "");
	free(v);
	return (unsigned int)n_v;
}

static void prefixes_become_intervals(void)
{
	static const char *const nested[] = {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "fd00::/8"};
	static const char *const beside[] = {"10.0.1.0/24", "10.0.0.0/24", "10.0.3.0/24"};
	static const char *const last[] = {"255.255.255.0/24"};
	static const char *const all[] = {"0.0.0.0/0", "10.0.0.0/8", "::/0"};
	static const char *const carry[] = {"10.0.255.255"};
	char text[64] = "";

	CU_ASSERT_EQUAL(joined(nested, 4, 4, text), 1);
	CU_ASSERT_STRING_EQUAL(text, "10.0.0.0-11.0.0.0");
	CU_ASSERT_EQUAL(joined(nested, 4, 6, text), 1);
	CU_ASSERT_EQUAL(joined(beside, 3, 4, text), 2);
	CU_ASSERT_STRING_EQUAL(text, "10.0.0.0-10.0.2.0");
	CU_ASSERT_EQUAL(joined(last, 1, 4, text), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " open"));
	CU_ASSERT_EQUAL(joined(all, 3, 4, text), 1);
	CU_ASSERT(!strncmp(text, "0.0.0.0-", 8) && strstr(text, " open"));
	CU_ASSERT_EQUAL(joined(all, 3, 6, text), 1);
	CU_ASSERT_EQUAL(joined(carry, 1, 4, text), 1);
	CU_ASSERT_STRING_EQUAL(text, "10.0.255.255-10.1.0.0");
	CU_ASSERT_EQUAL(joined(NULL, 0, 4, text), 0);
}

/* ---- the table */

static const char *const devs[] = {"vethc"};

/* The server is protected for the client. */
static struct hp_gate_want wanted(void)
{
	struct hp_gate_want w = {.clients = true, .interfaces = devs, .n_interfaces = 1,
				 .ipv6 = true};
	struct hp_prefix p[] = {prefix("10.2.0.2"), prefix("2001:db8:2::2"), prefix("10.1.0.0/24"),
				prefix("2001:db8:1::/64")};

	CU_ASSERT_FATAL(!hp_gate_prefix_add(&w.protected, &p[0]) &&
			!hp_gate_prefix_add(&w.protected, &p[1]) &&
			!hp_gate_prefix_add(&w.networks, &p[2]) &&
			!hp_gate_prefix_add(&w.networks, &p[3]));
	return w;
}

static int set(struct hp_guard *g, struct hp_gate_want w)
{
	struct hp_guard_cfg cfg = {.want = &w, .tun = "hip0"};
	struct hp_io_err e = {""};
	int err = hp_guard_set(g, &cfg, &e);

	if (err)
		printf("%s ", e.text);
	free(w.protected.at);
	free(w.networks.at);
	return err;
}

static struct hp_guard *guard_open(void)
{
	struct hp_guard *g = NULL;

	CU_ASSERT_FATAL(!hp_guard_open(&g));
	return g;
}

static uint64_t count(struct hp_guard *g, enum hp_guard_counter c)
{
	uint64_t n[HP_GUARD_COUNTS];

	CU_ASSERT(!hp_guard_counts(g, n));
	return n[c];
}

/* Does a datagram from a port of one host come to a port of the other? */
static int passed(int ns_from, const char *from, uint16_t sport, int ns_to, const char *to,
		  uint16_t dport, int want)
{
	int a = socket_in(ns_from, SOCK_DGRAM, from, sport);
	int b = socket_in(ns_to, SOCK_DGRAM, to, dport), n;

	connect_to(a, to, dport);
	send(a, "x", 1, 0);
	n = received(b, want);
	close(a);
	close(b);
	return n;
}

static void plain_packets_pass_in_neither_direction(void)
{
	struct hp_guard *g = guard_open();

	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 1), 1);
	CU_ASSERT(!set(g, wanted()));
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 0), 0);
	CU_ASSERT_EQUAL(count(g, HP_GUARD_OUT), 1);
	CU_ASSERT_EQUAL(passed(ns_server, "10.2.0.2", 53, ns_client, "10.1.0.2", 5000, 0), 0);
	CU_ASSERT_EQUAL(count(g, HP_GUARD_SOURCE), 1);
	/* Counters go on when the table is set again. */
	CU_ASSERT(!set(g, wanted()));
	CU_ASSERT_EQUAL(count(g, HP_GUARD_OUT), 1);
	CU_ASSERT(!hp_guard_remove(g, NULL));
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 1), 1);
	CU_ASSERT_EQUAL(hp_guard_present(g), 0);
	CU_ASSERT(!hp_guard_remove(g, NULL));
	hp_guard_close(g);
}

static void rules_except_both_ways(void)
{
	static const struct hp_gate_policy rules[] = {
		{.proto = 17, .port_min = 54, .port_max = 54, .action = HP_GATE_BLOCK},
		{.proto = 17, .port_min = 50, .port_max = 60, .action = HP_GATE_BYPASS},
	};
	struct hp_guard *g = guard_open();
	struct hp_gate_want w = wanted();

	w.rules = rules;
	w.n_rules = 2;
	CU_ASSERT(!set(g, w));
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 1), 1);
	CU_ASSERT_EQUAL(passed(ns_server, "10.2.0.2", 53, ns_client, "10.1.0.2", 5000, 1), 1);
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 54, 0), 0);
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 61, 0), 0);
	CU_ASSERT_EQUAL(passed(ns_server, "10.2.0.2", 61, ns_client, "10.1.0.2", 53, 0), 0);
	CU_ASSERT(!hp_guard_remove(g, NULL));
	hp_guard_close(g);
}

static void a_pools_address_comes_from_nowhere_else(void)
{
	struct hp_gate_want w = {.ipv6 = true};
	struct hp_prefix one = prefix("10.1.0.0/28");
	struct hp_guard_cfg cfg = {.want = &w, .tun = "hip0", .pools = &one, .n_pools = 1};
	struct hp_guard *g = guard_open();

	CU_ASSERT(!hp_guard_set(g, &cfg, NULL));
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 0), 0);
	CU_ASSERT_EQUAL(count(g, HP_GUARD_POOL), 1);
	CU_ASSERT_EQUAL(passed(ns_server, "10.2.0.2", 53, ns_client, "10.1.0.2", 5000, 1), 1);
	CU_ASSERT(!hp_guard_remove(g, NULL));
	hp_guard_close(g);
}

/* Its maker is gone; the next one takes it over.  One that may fail open goes with its maker. */
static void the_table_outlives_its_maker(void)
{
	struct hp_guard *g = guard_open(), *next = guard_open();
	struct hp_gate_want w;

	CU_ASSERT(!set(g, wanted()));
	printf("(%s) ", hp_guard_owned(g) ? "owned" : "shared");
	if (hp_guard_owned(g)) {
		netns_sh("nft flush ruleset; nft delete table inet hipproxy_guard 2>/dev/null; true");
		CU_ASSERT_EQUAL(hp_guard_present(g), 1);
	}
	hp_guard_close(g);
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 0), 0);
	CU_ASSERT(!set(next, wanted()));
	CU_ASSERT_EQUAL(count(next, HP_GUARD_OUT), 1);
	hp_guard_close(next);
	next = guard_open();
	CU_ASSERT(!hp_guard_remove(next, NULL));
	CU_ASSERT_EQUAL(hp_guard_present(next), 0);
	w = wanted();
	w.stays_open = true;
	if (!set(next, w)) {
		CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 0), 0);
		hp_guard_close(next);
		next = NULL;
	}
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 1), 1);
	hp_guard_close(next);
}

static void a_table_of_another_shape_is_replaced(void)
{
	struct hp_guard *g = guard_open();
	struct hp_gate_want w = wanted();

	CU_ASSERT(netns_sh("nft 'table inet hipproxy_guard { set protected4 { type ipv6_addr; }; }'"));
	CU_ASSERT(!set(g, wanted()));
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 0), 0);
	/* With marks the chain has another priority.  Counters go on. */
	w.mark = w.mask = MARK;
	CU_ASSERT(!set(g, w));
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 0), 0);
	CU_ASSERT_EQUAL(count(g, HP_GUARD_OUT), 2);
	CU_ASSERT(!hp_guard_remove(g, NULL));
	hp_guard_close(g);
}

/* One that was to stay is left; the next maker's may fail open. */
static void flags_of_a_table_that_is_left_may_change(void)
{
	struct hp_guard *g = guard_open();
	struct hp_gate_want w = wanted();

	CU_ASSERT(!set(g, wanted()));
	hp_guard_close(g);
	g = guard_open();
	w.stays_open = true;
	CU_ASSERT(!set(g, w));
	CU_ASSERT(!set(g, wanted()));
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 0), 0);
	CU_ASSERT(!hp_guard_remove(g, NULL));
	hp_guard_close(g);
}

/* So many prefixes of each length: the frequent ones are hashed, the rest are intervals. */
static void add_many(struct hp_gate_want *w, unsigned int n, unsigned int bits, uint32_t first)
{
	for (unsigned int i = 0; i < n; i++) {
		struct hp_prefix p = {.addr = hp_addr_from4(htonl(first + (i << (32 - bits)))),
				      .bits = (uint8_t)(96 + bits)};

		CU_ASSERT_FATAL(!hp_gate_prefix_add(&w->protected, &p));
	}
}

static void a_prefix_of_any_length_is_found(void)
{
	/* Each holds 10.2.0.2. */
	static const char *const holds[] = {"10.2.0.2", "10.2.0.0/30", "10.2.0.0/24", "10.2.0.0/15",
					    "10.0.0.0/8", "10.2.0.0/29"};
	struct hp_guard *g = guard_open();

	for (size_t i = 0; i < sizeof(holds) / sizeof(*holds); i++) {
		struct hp_gate_want w = {.clients = true, .interfaces = devs, .n_interfaces = 1};
		struct hp_prefix p = prefix(holds[i]), client = prefix("10.1.0.2");

		add_many(&w, 30, 32, 0xc6120000);
		add_many(&w, 20, 30, 0xc6130000);
		add_many(&w, 10, 24, 0xc6140000);
		add_many(&w, 9, 29, 0xc6150000);
		CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, i ? 0 : 1),
				i ? 0 : 1);
		CU_ASSERT_FATAL(!hp_gate_prefix_add(&w.protected, &p) &&
				!hp_gate_prefix_add(&w.networks, &client));
		CU_ASSERT(!set(g, w));
		CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 0), 0);
	}
	CU_ASSERT_EQUAL(count(g, HP_GUARD_OUT), 2 * sizeof(holds) / sizeof(*holds) - 1);
	CU_ASSERT(!hp_guard_remove(g, NULL));
	hp_guard_close(g);
}

/* A HIT that is learned, and forgotten, without writing the table anew. */
static void a_learned_address_is_guarded_at_once(void)
{
	struct hp_gate_want w = {.clients = true, .learns = true};
	struct hp_addr server = hp_addr_from4(htonl(0x0a020002));
	struct hp_prefix client = prefix("10.1.0.0/24");
	struct hp_guard *g = guard_open();

	CU_ASSERT_FATAL(!hp_gate_prefix_add(&w.networks, &client));
	CU_ASSERT(!set(g, w));
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 1), 1);
	CU_ASSERT(!hp_guard_learn(g, &server, true));
	CU_ASSERT(!hp_guard_learn(g, &server, true));
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 0), 0);
	CU_ASSERT(!hp_guard_learn(g, &server, false));
	CU_ASSERT(!hp_guard_learn(g, &server, false));
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 1), 1);
	CU_ASSERT(!hp_guard_remove(g, NULL));
	hp_guard_close(g);
}

/* Ten thousand destinations in one transaction. */
static void many_prefixes_fit(void)
{
	struct hp_guard *g = guard_open();
	struct hp_gate_want w = wanted();

	for (unsigned int i = 0; i < 10000; i++) {
		struct hp_prefix p = {.addr = hp_addr_from4(htonl(0xc6120000 + 2 * i)), .bits = 128};

		CU_ASSERT_FATAL(!hp_gate_prefix_add(&w.protected, &p));
	}
	CU_ASSERT(!set(g, w));
	CU_ASSERT_EQUAL(passed(ns_client, "10.1.0.2", 5000, ns_server, "10.2.0.2", 53, 0), 0);
	CU_ASSERT(!hp_guard_remove(g, NULL));
	hp_guard_close(g);
}

static const struct hp_test tests[] = {
	HP_TEST(prefixes_become_intervals),
	HP_TEST(plain_packets_pass_in_neither_direction),
	HP_TEST(rules_except_both_ways),
	HP_TEST(a_pools_address_comes_from_nowhere_else),
	HP_TEST(the_table_outlives_its_maker),
	HP_TEST(a_table_of_another_shape_is_replaced),
	HP_TEST(flags_of_a_table_that_is_left_may_change),
	HP_TEST(a_prefix_of_any_length_is_found),
	HP_TEST(a_learned_address_is_guarded_at_once),
	HP_TEST(many_prefixes_fit),
	HP_TEST_END};

int main(int argc, char **argv)
{
	return gateway_main("io_guard", tests, argc, argv);
}
