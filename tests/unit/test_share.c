/* SPDX-License-Identifier: MIT
 *
 * Shares of tables: what one client may have, and what gives way when a table is full.
 */
#include "../harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flowdb.h"
#include "flow/peerdb.h"
#include "packets.h"
#include "util/limit.h"
#include "util/sketch.h"
#include "util/tally.h"
#include "wire/tcp.h"

static uint64_t now_ms;

static uint64_t mock_ms(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static uint64_t mock_us(void *ctx)
{
	return mock_ms(ctx) * 1000;
}

static const struct hp_clock mock_clock = { mock_ms, mock_us, NULL };
static struct hp_timers timers;

static void pass_ms(uint64_t ms)
{
	now_ms += ms;
	hp_timers_run(&timers, now_ms);
}

/* ---- counts */

static void a_tally_counts_each_owner(void)
{
	struct hp_tally t;

	CU_ASSERT(!hp_tally_init(&t));
	for (uint64_t i = 0; i < 1000; i++)
		for (uint64_t k = 0; k <= i % 7; k++)
			CU_ASSERT(!hp_tally_add(&t, i * 0x9e3779b97f4a7c15));
	for (uint64_t i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(hp_tally_get(&t, i * 0x9e3779b97f4a7c15), 1 + i % 7);
	hp_tally_sub(&t, 5); /* nobody's */
	for (uint64_t i = 0; i < 1000; i++)
		for (uint64_t k = 0; k <= i % 7; k++)
			hp_tally_sub(&t, i * 0x9e3779b97f4a7c15);
	CU_ASSERT_EQUAL(t.owners.count, 0);
	CU_ASSERT_EQUAL(hp_tally_get(&t, 0), 0);
	CU_ASSERT(!hp_tally_add(&t, 0));
	hp_tally_fini(&t);
}

/* A million owners in a fixed space: nobody is said to have less than he has, and who has much is
 * told from who has little. */
static void a_sketch_finds_those_who_have_much(void)
{
	struct hp_hash_key key = { { 3, 4 } };
	struct hp_sketch s;
	uint32_t low = 0, wrong = 0;

	CU_ASSERT(!hp_sketch_init(&s, 1000000));
	for (int pass = 0; pass < 2; pass++) {
		for (uint64_t i = 0; i < 1000000; i++)
			pass ? hp_sketch_sub(&s, hp_hash(&key, &i, 8)) :
			       hp_sketch_add(&s, hp_hash(&key, &i, 8));
		for (uint64_t i = 0; !pass && i < 16128; i++)
			hp_sketch_add(&s, hp_hash(&key, &(uint64_t){ 77 }, 8));
		for (uint64_t i = 0; i < 1000000; i++) {
			uint32_t n = hp_sketch_get(&s, hp_hash(&key, &i, 8));

			low += n < !pass;
			wrong += i != 77 && n >= 16128;
		}
		CU_ASSERT(hp_sketch_get(&s, hp_hash(&key, &(uint64_t){ 77 }, 8)) >= 16128);
		CU_ASSERT(hp_sketch_get(&s, hp_hash(&key, &(uint64_t){ 77 }, 8)) < 16128 + 64);
	}
	CU_ASSERT(!low && !wrong);
	hp_sketch_fini(&s);
}

static void a_limit_begins_and_ends_once(void)
{
	struct hp_limit l = { 0 };
	uint64_t n = 0;

	CU_ASSERT(!hp_limit_over(&l, 5, &n) && !hp_limit_bites(&l));
	CU_ASSERT(hp_limit_hit(&l, 0) && !hp_limit_hit(&l, 10) && hp_limit_bites(&l));
	CU_ASSERT(!hp_limit_over(&l, 10 + HP_LIMIT_QUIET_MS - 1, &n));
	CU_ASSERT(hp_limit_over(&l, 10 + HP_LIMIT_QUIET_MS, &n));
	CU_ASSERT_EQUAL(n, 2);
	CU_ASSERT(!hp_limit_over(&l, 99999999, &n) && !hp_limit_bites(&l));
	CU_ASSERT(hp_limit_hit(&l, 99999999) && l.since_ms == 99999999 && l.refused == 3);
	CU_ASSERT(hp_limit_over(&l, 99999999 + HP_LIMIT_QUIET_MS, &n));
	CU_ASSERT_EQUAL(n, 1);
}

/* ---- flows */

static struct hp_flowdb *flows_new(size_t limit, struct hp_flow_shares share)
{
	struct hp_flowdb_config cfg = {
		.limit = limit,
		.share = share,
		.timeouts = hp_flow_timeouts_default,
		.hash_key = { { 1, 2 } },
	};

	now_ms = 1000000;
	hp_timers_init(&timers, now_ms);
	return hp_flowdb_new(&cfg, &timers, &mock_clock);
}

static struct hp_flow_key key(uint8_t client, uint16_t sport, uint16_t service)
{
	struct hp_flow_key k = {
		.legacy = test_addr("10.0.0.0"),
		.far = test_addr("192.0.2.80"),
		.local_hit = test_addr("2001:20::1"),
		.peer_hit = test_addr("2001:20::2"),
		.legacy_port = sport,
		.far_port = service,
		.peer_port = service,
		.proto = 6,
	};

	k.legacy.b[15] = client;
	return k;
}

static int add(struct hp_flowdb *db, uint8_t client, uint16_t sport, uint16_t service,
	       struct hp_flow **f)
{
	struct hp_flow_key k = key(client, sport, service);
	struct hp_flow *any;

	return hp_flow_add(db, &k, true, f ? f : &any);
}

static uint32_t count(struct hp_flowdb *db, uint8_t client)
{
	struct hp_flow_key k = key(client, 0, 0);

	return hp_flowdb_client_count(db, &k.legacy);
}

static void ends(struct hp_flow *f, bool reset)
{
	hp_flow_track(f, HP_OUTBOUND, HP_TCP_SYN, 60);
	hp_flow_track(f, HP_INBOUND, HP_TCP_SYN | HP_TCP_ACK, 60);
	hp_flow_track(f, HP_OUTBOUND, HP_TCP_ACK | (reset ? HP_TCP_RST : HP_TCP_FIN), 60);
	if (!reset)
		hp_flow_track(f, HP_INBOUND, HP_TCP_FIN | HP_TCP_ACK, 60);
}

static void answered(struct hp_flow *f)
{
	hp_flow_track(f, HP_OUTBOUND, HP_TCP_SYN, 60);
	hp_flow_track(f, HP_INBOUND, HP_TCP_SYN | HP_TCP_ACK, 60);
	hp_flow_track(f, HP_OUTBOUND, HP_TCP_ACK, 60);
}

static void one_client_leaves_room_for_others(void)
{
	struct hp_flowdb *db = flows_new(100, (struct hp_flow_shares){ .client = 10 });

	for (uint16_t i = 0; i < 10; i++)
		CU_ASSERT(!add(db, 1, (uint16_t)(4000 + i), 80, NULL));
	CU_ASSERT_EQUAL(add(db, 1, 5000, 80, NULL), -EDQUOT);
	CU_ASSERT_EQUAL(add(db, 1, 5000, 81, NULL), -EDQUOT);
	CU_ASSERT_EQUAL(hp_flowdb_counters(db)[HP_FLOWC_SHARE], 2);
	CU_ASSERT(!add(db, 2, 5000, 80, NULL));
	CU_ASSERT_EQUAL(count(db, 1), 10);
	CU_ASSERT_EQUAL(count(db, 2), 1);
	hp_flowdb_free(db);
}

/* Whatever makes a flow end, or come back, its client's count follows. */
static void ended_flows_are_not_counted(void)
{
	struct hp_flowdb *db = flows_new(100, (struct hp_flow_shares){ .client = 2 });
	struct hp_flow *a = NULL, *b = NULL, *c = NULL;

	CU_ASSERT(!add(db, 1, 4000, 80, &a) && !add(db, 1, 4001, 80, &b));
	ends(a, true);
	CU_ASSERT_EQUAL(count(db, 1), 1);
	CU_ASSERT(!add(db, 1, 4002, 80, &c));
	CU_ASSERT_EQUAL(add(db, 1, 4003, 80, NULL), -EDQUOT);
	hp_flow_track(a, HP_INBOUND, HP_TCP_ACK, 60); /* the RST was ignored */
	CU_ASSERT_EQUAL(count(db, 1), 3);
	ends(b, false);
	hp_flow_track(b, HP_INBOUND, HP_TCP_ACK, 60); /* the last one */
	CU_ASSERT_EQUAL(count(db, 1), 2);
	hp_flow_del(a);
	hp_flow_del(b);
	CU_ASSERT_EQUAL(count(db, 1), 1);
	hp_flow_del(c);
	CU_ASSERT_EQUAL(count(db, 1), 0);
	hp_flowdb_free(db);
}

static void expired_flows_are_not_counted(void)
{
	struct hp_flowdb *db = flows_new(100, (struct hp_flow_shares){ .client = 2 });
	struct hp_flow *f = NULL;

	CU_ASSERT(!add(db, 1, 4000, 80, NULL) && !add(db, 1, 4001, 80, &f));
	ends(f, false);
	for (int i = 0; i < 300; i++)
		pass_ms(1000);
	CU_ASSERT_EQUAL(hp_flowdb_count(db), 0);
	CU_ASSERT_EQUAL(count(db, 1), 0);
	hp_flowdb_free(db);
}

/* The ports to one service are the scarce thing: 64,512 for all clients together. */
static void one_client_leaves_ports_for_others(void)
{
	struct hp_flowdb *db = flows_new(100000, (struct hp_flow_shares){ .port = 16128 });
	uint32_t made = 0, refused = 0;

	for (uint32_t port = 1024; port < 65536; port++) {
		int err = add(db, 1, (uint16_t)port, 80, NULL);

		made += !err;
		refused += err == -EUSERS;
	}
	CU_ASSERT_EQUAL(made, 16128);
	CU_ASSERT_EQUAL(made + refused, 64512);
	CU_ASSERT(!add(db, 1, 1024, 81, NULL)); /* another service */
	for (uint32_t port = 1024; port < 1024 + 16128; port++)
		CU_ASSERT(!add(db, 2, (uint16_t)port, 80, NULL));
	CU_ASSERT_EQUAL(hp_flowdb_counters(db)[HP_FLOWC_PORT_SHARE], refused);
	hp_flowdb_free(db);
}

static void a_peer_has_a_share_of_its_own(void)
{
	struct hp_flowdb *db = flows_new(100, (struct hp_flow_shares){ .client = 1, .peer = 3 });
	struct hp_flow_key k = key(1, 80, 80);
	struct hp_flow *f;

	for (uint16_t i = 0; i < 3; i++) {
		k.peer_port = (uint16_t)(4000 + i);
		CU_ASSERT(!hp_flow_add(db, &k, false, &f));
	}
	k.peer_port = 5000;
	CU_ASSERT_EQUAL(hp_flow_add(db, &k, false, &f), -EDQUOT);
	CU_ASSERT_EQUAL(hp_flowdb_client_count(db, &k.peer_hit), 3);
	k.peer_hit.b[15]++;
	CU_ASSERT(!hp_flow_add(db, &k, false, &f));
	CU_ASSERT(!add(db, 1, 4000, 80, NULL)); /* the same machine, as a client */
	hp_flowdb_free(db);
}

static void in_a_full_table_the_ended_give_way_first(void)
{
	struct hp_flowdb *db = flows_new(8, (struct hp_flow_shares){ 0 });
	struct hp_flow *f[8];
	uint64_t ended, silent;

	for (uint16_t i = 0; i < 8; i++)
		CU_ASSERT(!add(db, 1, (uint16_t)(4000 + i), 80, &f[i]));
	for (int i = 0; i < 6; i++)
		answered(f[i]);
	ends(f[0], false);
	ended = hp_flow_id(f[0]);
	silent = hp_flow_id(f[7]);
	CU_ASSERT_EQUAL(add(db, 1, 5000, 80, NULL), -ENOBUFS); /* too early */
	pass_ms(7000);
	hp_flow_track(f[6], HP_OUTBOUND, HP_TCP_SYN, 60); /* sent again */
	pass_ms(7000);
	CU_ASSERT(!add(db, 1, 5000, 80, &f[0]));
	CU_ASSERT(hp_flow_id(f[0]) != ended && hp_flow_id(f[7]) == silent);
	answered(f[0]);
	CU_ASSERT(!add(db, 1, 5001, 80, &f[7]));
	CU_ASSERT(hp_flow_id(f[7]) != silent);
	answered(f[7]);
	CU_ASSERT_EQUAL(add(db, 1, 5002, 80, NULL), -ENOBUFS); /* the rest is in use */
	CU_ASSERT_EQUAL(hp_flowdb_counters(db)[HP_FLOWC_EVICTED], 2);
	CU_ASSERT_EQUAL(hp_flowdb_counters(db)[HP_FLOWC_LIMIT], 2);
	CU_ASSERT_EQUAL(hp_flowdb_count(db), 8);
	hp_flowdb_free(db);
}

/* ---- destinations */

static struct hp_peerdb *peers_new(size_t limit, size_t share)
{
	struct hp_peerdb_config cfg = {
		.limit = limit,
		.share = share,
		.hold = { .max_packets = 100, .max_octets = 10000, .max_total_packets = 8 },
		.hold_share = 3,
	};

	now_ms = 5000;
	hp_timers_init(&timers, now_ms);
	return hp_peerdb_new(&cfg, &timers, &mock_clock);
}

static struct hp_addr dest(uint8_t n)
{
	struct hp_addr a = test_addr("192.0.2.0");

	a.b[15] = n;
	return a;
}

static struct hp_peer *ask(struct hp_peerdb *db, uint8_t client, uint8_t n)
{
	struct hp_addr c = test_addr("10.0.0.0"), a = dest(n);
	struct hp_peer *e = NULL;

	c.b[15] = client;
	CU_ASSERT(!hp_peer_add(db, &a, &c, 0, &e));
	return e;
}

static bool there(struct hp_peerdb *db, uint8_t n)
{
	struct hp_addr a = dest(n);

	return hp_peer_find(db, &a);
}

static void a_client_with_its_share_loses_its_oldest(void)
{
	struct hp_peerdb *db = peers_new(100, 3);

	ask(db, 2, 50);
	for (uint8_t i = 1; i <= 3; i++)
		ask(db, 1, i);
	hp_peer_asked(hp_peer_find(db, &(struct hp_addr){ .b = { [10] = 0xff, [11] = 0xff,
								 192, 0, 2, 1 } }));
	ask(db, 1, 4);
	CU_ASSERT(there(db, 1) && !there(db, 2) && there(db, 3) && there(db, 4) && there(db, 50));
	for (uint8_t i = 5; i < 40; i++)
		ask(db, 1, i);
	CU_ASSERT(there(db, 50) && there(db, 39) && !there(db, 1));
	CU_ASSERT_EQUAL(hp_peerdb_count(db), 4);
	CU_ASSERT_EQUAL(hp_peerdb_counters(db)[HP_PEERC_SHARE], 36);
	hp_peerdb_free(db);
}

/* With a share of one, the client's only entry gives way to the next. */
static void a_share_of_one_works(void)
{
	struct hp_peerdb *db = peers_new(100, 1);

	for (uint8_t i = 0; i < 20; i++)
		ask(db, 1, i);
	CU_ASSERT(hp_peerdb_count(db) == 1 && there(db, 19));
	hp_peerdb_flush(db, true);
	ask(db, 1, 7);
	CU_ASSERT(hp_peerdb_count(db) == 1 && there(db, 7));
	hp_peerdb_free(db);
}

static void in_a_full_table_those_without_a_hit_go_first(void)
{
	struct hp_peerdb *db = peers_new(3, 0);
	struct hp_addr hit = test_addr("2001:20::9");

	hp_peer_set_hit(ask(db, 1, 1), &hit, NULL, 0);
	ask(db, 1, 2);
	ask(db, 2, 3);
	ask(db, 3, 4);
	CU_ASSERT(there(db, 1) && !there(db, 2) && there(db, 3) && there(db, 4));
	ask(db, 4, 5);
	CU_ASSERT(there(db, 1) && !there(db, 3));
	hp_peer_set_hit(hp_peer_find(db, &(struct hp_addr){ .b = { [10] = 0xff, [11] = 0xff,
								   192, 0, 2, 4 } }), &hit, NULL, 0);
	hp_peer_set_hit(hp_peer_find(db, &(struct hp_addr){ .b = { [10] = 0xff, [11] = 0xff,
								   192, 0, 2, 5 } }), &hit, NULL, 0);
	ask(db, 4, 6);
	CU_ASSERT(!there(db, 1) && there(db, 4) && there(db, 5) && there(db, 6));
	CU_ASSERT_EQUAL(hp_peerdb_counters(db)[HP_PEERC_LIMIT], 3);
	hp_peerdb_free(db);
}

static void held_packets_have_shares_and_a_reserve(void)
{
	struct hp_peerdb *db = peers_new(100, 0);
	struct hp_addr hit = test_addr("2001:20::9");
	struct hp_peer *unknown = ask(db, 1, 1), *known = ask(db, 1, 2);
	struct hp_packet p[12];

	memset(p, 0, sizeof(p));
	for (int i = 0; i < 12; i++) {
		p[i].src = dest((uint8_t)(i / 4));
		p[i].len = 10;
	}
	hp_peer_set_hit(known, &hit, NULL, 0);
	for (int i = 0; i < 3; i++)
		CU_ASSERT(!hp_peer_hold(unknown, &p[i]));
	CU_ASSERT_EQUAL(hp_peer_hold(unknown, &p[3]), -EDQUOT);
	CU_ASSERT_EQUAL(hp_peer_hold(known, &p[3]), -EDQUOT);
	for (int i = 4; i < 7; i++)
		CU_ASSERT(!hp_peer_hold(unknown, &p[i]));
	/* Six of eight: the rest is for those whose HIT is known. */
	CU_ASSERT_EQUAL(hp_peer_hold(unknown, &p[8]), -ENOSPC);
	CU_ASSERT(!hp_peer_hold(known, &p[8]) && !hp_peer_hold(known, &p[9]));
	CU_ASSERT_EQUAL(hp_peer_hold(known, &p[10]), -ENOSPC);
	CU_ASSERT(hp_peer_take(unknown) == &p[0]);
	CU_ASSERT(!hp_peer_hold(known, &p[3]));
	while (hp_peer_take(known) || hp_peer_take(unknown))
		;
	CU_ASSERT(!hp_peer_hold(unknown, &p[0]) && hp_peer_take(unknown) == &p[0]);
	CU_ASSERT_EQUAL(hp_peerdb_counters(db)[HP_PEERC_HOLD_SHARE], 2);
	CU_ASSERT_EQUAL(hp_peerdb_counters(db)[HP_PEERC_HOLD], 2);
	hp_peerdb_free(db);
}

static const struct hp_test tests[] = {
	HP_TEST(a_tally_counts_each_owner),
	HP_TEST(a_sketch_finds_those_who_have_much),
	HP_TEST(a_limit_begins_and_ends_once),
	HP_TEST(one_client_leaves_room_for_others),
	HP_TEST(ended_flows_are_not_counted),
	HP_TEST(expired_flows_are_not_counted),
	HP_TEST(one_client_leaves_ports_for_others),
	HP_TEST(a_peer_has_a_share_of_its_own),
	HP_TEST(in_a_full_table_the_ended_give_way_first),
	HP_TEST(a_client_with_its_share_loses_its_oldest),
	HP_TEST(a_share_of_one_works),
	HP_TEST(in_a_full_table_those_without_a_hit_go_first),
	HP_TEST(held_packets_have_shares_and_a_reserve),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("share", tests, argc, argv);
}
