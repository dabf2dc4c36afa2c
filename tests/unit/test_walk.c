/* SPDX-License-Identifier: MIT
 *
 * Walks that take many steps: what is there from the first to the last is met once, whatever comes
 * and goes between them; and how long the loop stands still.
 */
#include "../harness.h"

#include <stdlib.h>
#include <string.h>

#include "flow/flowdb.h"
#include "flow/peerdb.h"
#include "io/loop.h"
#include "packets.h"
#include "util/walk.h"
#include "wire/tcp.h"

static uint64_t now_ms, now_us;

static uint64_t mock_ms(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static uint64_t mock_us(void *ctx)
{
	(void)ctx;
	return now_us;
}

static const struct hp_clock mock_clock = { mock_ms, mock_us, NULL };
static struct hp_timers timers;
static uint32_t seed;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % sides;
}

/* ---- flows */

#define FLOWS 120000u /* places in several chunks; tables grow on the way */

static struct hp_flow *add_flow(struct hp_flowdb *db, uint32_t i)
{
	struct hp_flow_key k = {
		.legacy = test_addr("10.0.0.1"), .far = test_addr("192.0.2.80"),
		.local_hit = test_addr("2001:20::1"), .peer_hit = test_addr("2001:20::2"),
		.far_port = 80, .peer_port = 80, .proto = 6,
	};
	struct hp_flow *f = NULL;

	k.legacy_port = k.local_port = (uint16_t)(i % 50000 + 1);
	k.legacy.b[13] = (uint8_t)(i / 50000);
	k.local_hit.b[15] = (uint8_t)(i / 50000);
	CU_ASSERT_EQUAL_FATAL(hp_flow_restore(db, &k, true, &f), 0);
	f->flags = i;
	return f;
}

static void flows_that_stay_are_met_once_while_others_come_and_go(void)
{
	struct hp_flowdb_config cfg = { .limit = 2 * FLOWS, .timeouts = hp_flow_timeouts_default };
	struct hp_flow **all = calloc(2 * FLOWS, sizeof(*all)), *f;
	uint8_t *met = calloc(2 * FLOWS, 1);
	uint32_t n = 0, at = 0, came = 0, went = 0;
	struct hp_flowdb *db;

	now_ms = 1000;
	seed = 7;
	hp_timers_init(&timers, now_ms);
	db = hp_flowdb_new(&cfg, &timers, &mock_clock);
	for (; n < FLOWS; n++)
		all[n] = add_flow(db, n);
	while ((f = hp_flowdb_walk(db, &at))) {
		CU_ASSERT(!met[f->flags]);
		met[f->flags] = 1;
		/* One in three of those that were there at first goes: also the one just met. */
		if (dice(2)) {
			uint32_t i = dice(FLOWS / 3) * 3;

			went += all[i] != NULL;
			if (all[i])
				hp_flow_del(all[i]);
			all[i] = NULL;
		}
		if (n < 2 * FLOWS && dice(2)) {
			all[n] = add_flow(db, n);
			n++, came++;
		}
	}
	for (uint32_t i = 0; i < FLOWS; i++)
		if (i % 3)
			CU_ASSERT(met[i]);
	CU_ASSERT(came > FLOWS / 4 && went > FLOWS / 8);
	CU_ASSERT(at <= hp_flowdb_places(db));
	hp_flowdb_free(db);
	free(met);
	free(all);
}

static void a_flow_that_is_cut_ends_and_gives_back_its_share(void)
{
	struct hp_flowdb_config cfg = { .limit = 1000, .timeouts = hp_flow_timeouts_default };
	struct hp_flow *f, *g;
	struct hp_flowdb *db;

	now_ms = 1000;
	hp_timers_init(&timers, now_ms);
	db = hp_flowdb_new(&cfg, &timers, &mock_clock);
	f = add_flow(db, 1);
	g = add_flow(db, 2);
	CU_ASSERT_EQUAL(hp_flowdb_client_count(db, &f->key.legacy), 2);
	hp_flow_cut(f);
	CU_ASSERT(f->cut && f->state == HP_FLOW_CLOSING);
	CU_ASSERT_EQUAL(hp_flowdb_client_count(db, &g->key.legacy), 1);
	hp_flow_cut(f); /* no second time */
	CU_ASSERT_EQUAL(hp_flowdb_client_count(db, &g->key.legacy), 1);
	CU_ASSERT(hp_flow_begins_anew(f, HP_TCP_SYN) && !hp_flow_begins_anew(f, HP_TCP_ACK));
	CU_ASSERT(hp_flow_left_ms(f) >= 1000ull * cfg.timeouts.tcp_closing);
	now_ms += 1000ull * cfg.timeouts.tcp_closing + 2000;
	hp_timers_run(&timers, now_ms);
	CU_ASSERT(hp_flowdb_count(db) <= 1);
	hp_flowdb_free(db);
}

/* ---- destinations */

#define PEERS 5000u

static struct hp_peer *add_peer(struct hp_peerdb *db, uint32_t i)
{
	struct hp_addr a = test_addr("10.0.0.0");
	struct hp_peer *e = NULL;

	a.b[13] = (uint8_t)(i >> 16);
	a.b[14] = (uint8_t)(i >> 8);
	a.b[15] = (uint8_t)i;
	CU_ASSERT_EQUAL_FATAL(hp_peer_add(db, &a, NULL, 0, &e), 0);
	e->hits = i;
	return e;
}

static void destinations_that_stay_are_met_once(void)
{
	struct hp_peerdb_config cfg = { .limit = 100000 };
	struct hp_peer *all[2 * PEERS] = { NULL }, *e;
	uint8_t met[2][2 * PEERS] = { { 0 } };
	struct hp_walk w[2];
	uint32_t n = 0, ended = 0;
	struct hp_peerdb *db;

	seed = 3;
	hp_timers_init(&timers, now_ms);
	db = hp_peerdb_new(&cfg, &timers, &mock_clock);
	for (; n < PEERS; n++)
		all[n] = add_peer(db, n);
	hp_peerdb_walk(db, &w[0]);
	hp_peerdb_walk(db, &w[1]);
	/* Two walks at different speeds. */
	while (ended != 3) {
		int k = dice(3) == 0;
		uint32_t i = dice(PEERS / 3) * 3;

		e = hp_peerdb_walk_next(db, &w[k]);
		if (e) {
			CU_ASSERT(!met[k][e->hits]);
			met[k][e->hits] = 1;
		} else {
			ended |= 1u << k;
		}
		/* The next one of a walk goes, too. */
		if (all[i])
			hp_peer_del(all[i]);
		all[i] = NULL;
		if (n < 2 * PEERS && !ended) {
			all[n] = add_peer(db, n);
			n++;
		}
	}
	for (uint32_t i = 0; i < PEERS; i++)
		if (i % 3)
			CU_ASSERT(met[0][i] && met[1][i]);
	hp_walk_stop(&w[0]);
	hp_walk_stop(&w[1]);
	hp_peerdb_free(db);
}

static void a_walk_survives_the_end_of_all(void)
{
	struct hp_peerdb_config cfg = { .limit = 100 };
	struct hp_walk w;
	struct hp_peerdb *db;

	hp_timers_init(&timers, now_ms);
	db = hp_peerdb_new(&cfg, &timers, &mock_clock);
	for (uint32_t i = 0; i < 50; i++)
		add_peer(db, i);
	hp_peerdb_walk(db, &w);
	CU_ASSERT(hp_peerdb_walk_next(db, &w) != NULL);
	hp_peerdb_flush(db, true);
	CU_ASSERT(hp_peerdb_walk_next(db, &w) == NULL);
	add_peer(db, 1);
	CU_ASSERT(hp_peerdb_walk_next(db, &w) == NULL || hp_peerdb_walk_next(db, &w) == NULL);
	hp_walk_stop(&w);
	hp_peerdb_free(db);
}

/* ---- the loop */

static uint64_t busy_us;

static void be_busy(void *ctx)
{
	(void)ctx;
	now_us += busy_us;
}

static void round_of(struct hp_loop *loop, uint64_t us)
{
	busy_us = us;
	CU_ASSERT_EQUAL(hp_loop_once(loop, 0), 0);
}

static void the_longest_round_is_known_and_forgotten_after_a_minute(void)
{
	struct hp_flush flush;
	struct hp_loop *loop;

	now_ms = 1000000;
	now_us = 0;
	hp_timers_init(&timers, now_ms);
	loop = hp_loop_new(&timers, &mock_clock);
	hp_loop_flush_add(loop, &flush, be_busy, NULL);
	round_of(loop, 300);
	round_of(loop, 7000);
	round_of(loop, 20);
	CU_ASSERT_EQUAL(hp_loop_stalls(loop).rounds, 3);
	CU_ASSERT_EQUAL(hp_loop_stalls(loop).worst_us, 7000);
	CU_ASSERT_EQUAL(hp_loop_stalls(loop).recent_worst_us, 7000);
	now_ms += 40000;
	round_of(loop, 50);
	CU_ASSERT_EQUAL(hp_loop_stalls(loop).recent_worst_us, 7000);
	now_ms += 20000;
	round_of(loop, 10);
	CU_ASSERT_EQUAL(hp_loop_stalls(loop).recent_worst_us, 50);
	CU_ASSERT_EQUAL(hp_loop_stalls(loop).worst_us, 7000);
	now_ms += 3600000;
	round_of(loop, 10);
	CU_ASSERT_EQUAL(hp_loop_stalls(loop).recent_worst_us, 10);
	hp_loop_flush_del(loop, &flush);
	hp_loop_free(loop);
}

static const struct hp_test tests[] = {
	HP_TEST(flows_that_stay_are_met_once_while_others_come_and_go),
	HP_TEST(a_flow_that_is_cut_ends_and_gives_back_its_share),
	HP_TEST(destinations_that_stay_are_met_once),
	HP_TEST(a_walk_survives_the_end_of_all),
	HP_TEST(the_longest_round_is_known_and_forgotten_after_a_minute),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("walk", tests, argc, argv);
}
