/* SPDX-License-Identifier: MIT
 *
 * Proxy database, hold queues, policy.
 */
#include "../harness.h"

#include <errno.h>
#include <string.h>

#include "flow/hold.h"
#include "flow/peerdb.h"
#include "flow/policy.h"
#include "packets.h"

static uint64_t now_ms;

static uint64_t mock_ms(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static const struct hp_clock mock_clock = { mock_ms, mock_ms, NULL };
static struct hp_timers timers;
static unsigned int n_gone, n_released;

static void gone(void *ctx, struct hp_peer *e)
{
	(void)ctx;
	n_gone++;
	while (hp_peer_take(e))
		n_released++;
}

static struct hp_peerdb *db_new(size_t limit)
{
	struct hp_peerdb_config cfg = {
		.limit = limit,
		.hold = { .max_packets = 3, .max_octets = 1000, .max_total_packets = 5 },
		.gone = gone,
	};

	now_ms = 5000;
	n_gone = n_released = 0;
	hp_timers_init(&timers, now_ms);
	return hp_peerdb_new(&cfg, &timers, &mock_clock);
}

static void to_ms(uint64_t t)
{
	now_ms = t;
	hp_timers_run(&timers, now_ms);
}

static void held_packets_leave_in_order(void)
{
	struct hp_hold_pool pool = { .max_packets = 4, .max_octets = 4000, .max_total_packets = 9 };
	struct hp_packet p[4] = { { .len = 1 }, { .len = 2 }, { .len = 3 }, { .len = 4 } };
	struct hp_hold h = { 0 };

	CU_ASSERT(!hp_hold_take(&pool, &h));
	for (int i = 0; i < 4; i++)
		CU_ASSERT(!hp_hold_add(&pool, &h, &p[i]));
	CU_ASSERT(h.packets == 4 && h.octets == 10 && pool.octets == 10);
	for (int i = 0; i < 4; i++)
		CU_ASSERT(hp_hold_take(&pool, &h) == &p[i]);
	CU_ASSERT(!hp_hold_take(&pool, &h) && !pool.packets && !pool.octets && !h.last);
}

static void each_limit_of_the_hold_queue_holds(void)
{
	struct hp_hold_pool pool = { .max_packets = 2, .max_octets = 1000, .max_total_packets = 3 };
	struct hp_packet p[5] = { { .len = 600 }, { .len = 401 }, { .len = 400 }, { .len = 1 },
				  { .len = 1 } };
	struct hp_hold a = { 0 }, b = { 0 };

	CU_ASSERT(!hp_hold_add(&pool, &a, &p[0]));
	CU_ASSERT(hp_hold_add(&pool, &a, &p[1]) == -ENOBUFS); /* octets */
	CU_ASSERT(!hp_hold_add(&pool, &a, &p[2]));
	CU_ASSERT(hp_hold_add(&pool, &a, &p[3]) == -ENOBUFS); /* packets */
	CU_ASSERT(!hp_hold_add(&pool, &b, &p[3]));
	CU_ASSERT(hp_hold_add(&pool, &b, &p[4]) == -ENOBUFS); /* all queues */
	CU_ASSERT(pool.overflows == 3 && pool.held == 3 && pool.packets == 3);
}

struct again {
	struct hp_hold_pool pool;
	struct hp_hold h;
	int calls;
};

static void put_again(void *ctx, struct hp_packet *p)
{
	struct again *a = ctx;

	a->calls++;
	CU_ASSERT(!hp_hold_add(&a->pool, &a->h, p));
}

static void a_packet_held_again_waits_for_the_next_release(void)
{
	struct again a = { .pool = { 4, 4000, 9, 0, 0, 0, 0 } };
	struct hp_packet p[2] = { { .len = 1 }, { .len = 2 } };

	hp_hold_add(&a.pool, &a.h, &p[0]);
	hp_hold_add(&a.pool, &a.h, &p[1]);
	hp_hold_release(&a.pool, &a.h, put_again, &a);
	CU_ASSERT(a.calls == 2 && a.h.packets == 2 && a.pool.packets == 2);
	CU_ASSERT(hp_hold_take(&a.pool, &a.h) == &p[0]);
}

static void an_entry_lives_its_lifetime(void)
{
	struct hp_peerdb *db = db_new(10);
	struct hp_addr a = test_addr("192.0.2.1"), b = test_addr("192.0.2.2");
	struct hp_peer *e = NULL, *same;

	CU_ASSERT(!hp_peer_find(db, &a) && !hp_peer_add(db, &a, NULL, 1000, &e));
	CU_ASSERT(e->state == HP_PEER_RESOLVING && hp_peer_find(db, &a) == e);
	CU_ASSERT(hp_peer_add(db, &a, NULL, 1000, &same) == -EEXIST && same == e);
	CU_ASSERT(!hp_peer_find(db, &b));
	to_ms(5999);
	hp_peer_set(e, HP_PEER_PASSTHROUGH, 300000);
	to_ms(305998);
	CU_ASSERT(hp_peer_find(db, &a) == e && !n_gone);
	to_ms(305999);
	CU_ASSERT(!hp_peer_find(db, &a) && n_gone == 1 && !hp_peerdb_count(db));
	CU_ASSERT(hp_peerdb_counters(db)[HP_PEERC_EXPIRED] == 1);
	hp_peerdb_free(db);
}

static void a_static_entry_stays_for_ever(void)
{
	struct hp_peerdb *db = db_new(10);
	struct hp_addr a = test_addr("192.0.2.1"), b = test_addr("192.0.2.2");
	struct hp_addr hit = test_addr("2001:20::5"), loc[9] = { a };
	struct hp_peer *e, *f;

	hp_peer_add(db, &a, NULL, 0, &e);
	e->is_static = true;
	hp_peer_set_hit(e, &hit, loc, 9);
	hp_peer_set(e, HP_PEER_PROTECTED, 10);
	CU_ASSERT(e->n_locators == HP_PEER_LOCATORS && e->hit_known);
	hp_peer_add(db, &b, NULL, 0, &f);
	to_ms(100000000);
	CU_ASSERT(hp_peerdb_count(db) == 2);
	hp_peerdb_flush(db, false);
	CU_ASSERT(hp_peer_find(db, &a) == e && !hp_peer_find(db, &b));
	hp_peerdb_flush(db, true);
	CU_ASSERT(!hp_peerdb_count(db) && n_gone == 2);
	hp_peerdb_free(db);
}

/* Static entries never give way. */
static void a_full_proxy_database_refuses(void)
{
	struct hp_peerdb *db = db_new(2);
	struct hp_addr a = test_addr("192.0.2.1");
	struct hp_peer *e;

	CU_ASSERT(!hp_peer_add(db, &a, NULL, 10, &e));
	e->is_static = true;
	a.b[15]++;
	CU_ASSERT(!hp_peer_add(db, &a, NULL, 10, &e));
	e->is_static = true;
	a.b[15]++;
	CU_ASSERT(hp_peer_add(db, &a, NULL, 10, &e) == -ENOBUFS && !e);
	CU_ASSERT(hp_peerdb_count(db) == 2 && !hp_peerdb_counters(db)[HP_PEERC_LIMIT]);
	hp_peerdb_free(db);
}

static void held_packets_are_handed_back_when_an_entry_goes(void)
{
	struct hp_peerdb *db = db_new(2);
	struct hp_addr a = test_addr("192.0.2.1");
	struct hp_packet p[4] = { { .len = 1 }, { .len = 1 }, { .len = 1 }, { .len = 1 } };
	struct hp_peer *e;

	hp_peer_add(db, &a, NULL, 10, &e);
	CU_ASSERT(!hp_peer_hold(e, &p[0]) && !hp_peer_hold(e, &p[1]) && !hp_peer_hold(e, &p[2]));
	CU_ASSERT(hp_peer_hold(e, &p[3]) == -ENOBUFS);
	to_ms(6000);
	CU_ASSERT(n_gone == 1 && n_released == 3 && !hp_peerdb_hold_pool(db)->packets);
	hp_peerdb_free(db);
}

static struct hp_prefix prefix(const char *s)
{
	struct hp_prefix p = { { { 0 } }, 0 };

	CU_ASSERT(!hp_prefix_parse(s, &p));
	return p;
}

static void the_first_rule_that_matches_decides(void)
{
	const struct hp_policy_rule rules[] = {
		{ .client = prefix("10.1.0.0/24"), .destination = prefix("192.0.2.0/24"),
		  .proto = 6, .port_min = 80, .port_max = 90, .action = HP_POLICY_BLOCK },
		{ .client = prefix("10.1.0.0/16"), .port_max = 65535,
		  .action = HP_POLICY_PROTECT, .probe = HP_PROBE_BACKGROUND },
		{ .client = prefix("10.1.2.0/24"), .port_max = 65535, .action = HP_POLICY_BLOCK },
	};
	const struct hp_policy_rule other = { .action = HP_POLICY_BYPASS };
	struct hp_policy *p = hp_policy_new(rules, 3, &other);
	struct hp_addr c = test_addr("10.1.0.7"), d = test_addr("192.0.2.1");
	struct hp_addr c2 = test_addr("10.1.2.7"), c6 = test_addr("2001:db8::1");

	CU_ASSERT(hp_policy_match(p, &c, &d, 6, 80) == hp_policy_rule(p, 0));
	CU_ASSERT(hp_policy_match(p, &c, &d, 6, 90) == hp_policy_rule(p, 0));
	CU_ASSERT(hp_policy_match(p, &c, &d, 6, 91) == hp_policy_rule(p, 1));
	CU_ASSERT(hp_policy_match(p, &c, &d, 6, 79) == hp_policy_rule(p, 1));
	CU_ASSERT(hp_policy_match(p, &c, &d, 17, 80) == hp_policy_rule(p, 1));
	CU_ASSERT(hp_policy_match(p, &c2, &d, 6, 80) == hp_policy_rule(p, 1));
	CU_ASSERT(hp_policy_match(p, &c6, &c6, 6, 80)->action == HP_POLICY_BYPASS);
	CU_ASSERT(hp_policy_rule(p, 0)->hits == 2 && hp_policy_rule(p, 1)->hits == 4);
	CU_ASSERT(hp_policy_rule(p, 3)->hits == 1 && !hp_policy_rule(p, 4));
	hp_policy_free(p);
}

static void a_rule_with_ports_the_wrong_way_round_is_refused(void)
{
	const struct hp_policy_rule bad = { .port_min = 2, .port_max = 1 }, other = { .proto = 0 };

	errno = 0;
	CU_ASSERT(!hp_policy_new(&bad, 1, &other) && errno == EINVAL);
}

static const struct hp_test tests[] = {
	HP_TEST(held_packets_leave_in_order),
	HP_TEST(each_limit_of_the_hold_queue_holds),
	HP_TEST(a_packet_held_again_waits_for_the_next_release),
	HP_TEST(an_entry_lives_its_lifetime),
	HP_TEST(a_static_entry_stays_for_ever),
	HP_TEST(a_full_proxy_database_refuses),
	HP_TEST(held_packets_are_handed_back_when_an_entry_goes),
	HP_TEST(the_first_rule_that_matches_decides),
	HP_TEST(a_rule_with_ports_the_wrong_way_round_is_refused),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("flow_tables", tests, argc, argv);
}
