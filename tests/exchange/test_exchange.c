/* SPDX-License-Identifier: MIT
 *
 * Base exchanges: every choice of algorithms, losses, repetitions, crossings, restarts.
 */
#include <errno.h>
#include <string.h>

#include "../harness.h"
#include "hip/rekey.h"
#include "hip/assoc.h"
#include "hip/updatesend.h"
#include "world.h"

static struct world w;

static void begin(void)
{
	world_init(&w);
}

/* Starts, connects, checks data both ways and that the peers agree. */
static void must_stand(unsigned ms)
{
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, ms));
	CU_ASSERT_TRUE(world_data(&w));
	world_run(&w, 50);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 0)), HP_ESTABLISHED);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 1)), HP_ESTABLISHED);
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_UP], 1);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_UP], 1);
}

static void each_group_stands(void)
{
	static const uint8_t groups[] = {3, 4, 7, 8, 9, 11};

	for (size_t i = 0; i < sizeof(groups); i++) {
		struct hp_assoc_info info;

		begin();
		w.s[0].cfg.dh_groups[0] = w.s[1].cfg.dh_groups[0] = groups[i];
		must_stand(20);
		hp_assoc_info(world_assoc(&w, 1), &info);
		CU_ASSERT_EQUAL(info.dh_group, groups[i]);
		CU_ASSERT_STRING_EQUAL(info.peer_di, "client@example");
		world_fini(&w);
	}
}

static void each_cipher_and_esp_suite_stands(void)
{
	static const uint16_t ciphers[] = {1, 2, 4}, suites[] = {7, 8, 9, 12, 13};

	for (size_t c = 0; c < 3; c++)
		for (size_t e = 0; e < 5; e++) {
			begin();
			for (int i = 0; i < 2; i++) {
				struct hp_hip_config *cfg = &w.s[i].cfg;

				cfg->allow_null = true;
				cfg->encrypt_host_id = true;
				cfg->ciphers[0] = ciphers[c];
				cfg->esp_suites[0] = suites[e];
				cfg->n_ciphers = cfg->n_esp_suites = 1;
			}
			must_stand(20);
			CU_ASSERT_EQUAL(hp_assoc_sa_out(world_assoc(&w, 0))->suite->id,
					suites[e]);
			world_fini(&w);
		}
}

static void each_pair_of_identities_stands(void)
{
	for (int i = HP_KEY_RSA; i <= HP_KEY_P384; i++)
		for (int r = HP_KEY_RSA; r <= HP_KEY_P384; r++)
			for (int enc = 0; enc < 2; enc++) {
				begin();
				w.s[0].key = world_key((enum hp_key_kind)i, 0);
				w.s[1].key = world_key((enum hp_key_kind)r, 1);
				w.s[0].cfg.encrypt_host_id = enc;
				must_stand(20);
				world_fini(&w);
			}
}

static void puzzles_of_0_and_10_bits_are_solved(void)
{
	for (uint8_t k = 0; k <= 10; k += 10) {
		begin();
		w.s[1].cfg.puzzle_k = k;
		must_stand(20);
		world_fini(&w);
	}
}

static void a_puzzle_too_hard_ends_in_e_failed(void)
{
	begin();
	w.s[1].cfg.puzzle_k = 12;
	w.s[0].cfg.puzzle_k_accept = 11;
	world_start(&w);
	CU_ASSERT_FALSE(world_connect(&w, 20));
	CU_ASSERT_EQUAL(w.s[0].error, -EPROTO);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 0)), HP_E_FAILED);
	world_fini(&w);
}

static void slow_workers_only_delay(void)
{
	begin();
	w.slow_jobs = true;
	w.job_delay_ms = 40;
	must_stand(400);
	world_fini(&w);
}

/* While a job runs, the same message again changes nothing. */
static void copies_during_a_job_are_dropped(void)
{
	begin();
	w.slow_jobs = true;
	w.job_delay_ms = 900;
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 8000));
	CU_ASSERT_TRUE(world_data(&w));
	CU_ASSERT_TRUE(world_counted(&w, 0, HP_HIPD_BUSY) +
			       world_counted(&w, 1, HP_HIPD_BUSY) +
			       world_counted(&w, 0, HP_HIPD_STATE) >
		       0);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_UP], 1);
	world_fini(&w);
}

static void an_association_may_go_while_its_job_runs(void)
{
	for (unsigned ms = 1; ms < 60; ms += 3) {
		begin();
		w.slow_jobs = true;
		w.job_delay_ms = 10;
		world_start(&w);
		world_connect(&w, ms);
		if (world_assoc(&w, 0))
			hp_hip_close(world_assoc(&w, 0));
		world_run(&w, 20);
		hp_hip_free(w.s[1].hip);
		w.s[1].hip = NULL;
		world_run(&w, 20);
		world_fini(&w);
	}
}

static void a_full_queue_drops_and_raises_k(void)
{
	begin();
	world_start(&w);
	w.max_jobs = 0;
	CU_ASSERT_FALSE(world_connect(&w, 700));
	CU_ASSERT_TRUE(world_counted(&w, 0, HP_HIPD_QUEUE_FULL) > 0);
	world_run(&w, 1000);
	w.max_jobs = WORLD_QUEUE;
	CU_ASSERT_TRUE(world_connect(&w, 8000));
	world_fini(&w);
}

/* ---- the network at its worst */

struct nth {
	uint8_t type;
	unsigned times;
	enum fate fate;
};

static enum fate first_ones(struct world *world, const struct side *from,
			    struct packet *p)
{
	const struct nth *n = world->arg;

	(void)from;
	if (p->msg[HP_HIP_OFF_TYPE] != n->type || world->count >= n->times)
		return PASS;
	world->count++;
	return n->fate;
}

static void each_fate(enum fate f, unsigned times)
{
	for (uint8_t type = HP_HIP_I1; type <= HP_HIP_R2; type++) {
		struct nth n = {type, times, f};

		begin();
		w.fate = first_ones;
		w.arg = &n;
		must_stand(10000);
		world_fini(&w);
	}
}

static void each_message_may_be_lost_once(void)
{
	each_fate(LOSE, 1);
}

static void each_message_may_be_lost_three_times(void)
{
	each_fate(LOSE, 3);
}

static void each_message_may_come_twice(void)
{
	each_fate(TWICE, 100);
}

static void each_message_may_be_late(void)
{
	each_fate(LATE, 1);
}

static enum fate random_fate(struct world *world, const struct side *from,
			     struct packet *p)
{
	uint8_t r;

	(void)from;
	(void)p;
	world->rand.fill(world, &r, 1);
	return r < 70 ? LOSE : r < 110 ? TWICE : r < 160 ? LATE : PASS;
}

static void random_networks_end_in_agreement(void)
{
	for (unsigned seed = 1; seed <= 60; seed++) {
		begin();
		w.seed += seed * 0x1234567u;
		w.fate = random_fate;
		world_start(&w);
		world_connect(&w, 60000);
		w.fate = NULL;
		world_run(&w, 30000);
		if (!world_up(&w))
			CU_ASSERT_TRUE(world_connect(&w, 40000));
		CU_ASSERT_TRUE(world_data(&w));
		world_fini(&w);
	}
}

static enum fate nothing(struct world *world, const struct side *from, struct packet *p)
{
	(void)world;
	(void)from;
	(void)p;
	return LOSE;
}

static void no_answer_ends_in_e_failed_and_is_forgotten(void)
{
	begin();
	w.fate = nothing;
	world_start(&w);
	CU_ASSERT_FALSE(world_connect(&w, 40000));
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_FAILED], 1);
	CU_ASSERT_EQUAL(w.s[0].error, -ETIMEDOUT);
	/* The last one asks the address which HIT it has. */
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], 2 + w.s[0].cfg.retransmit_max);
	world_run(&w, 31000);
	CU_ASSERT_PTR_NULL(world_assoc(&w, 0));
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_GONE], 1);
	world_fini(&w);
}

static enum fate no_r2(struct world *world, const struct side *from, struct packet *p)
{
	(void)world;
	(void)from;
	return p->msg[HP_HIP_OFF_TYPE] == HP_HIP_R2 ? LOSE : PASS;
}

static void no_r2_ends_in_e_failed(void)
{
	begin();
	w.fate = no_r2;
	world_start(&w);
	CU_ASSERT_FALSE(world_connect(&w, 60000));
	CU_ASSERT_EQUAL(w.s[0].error, -ETIMEDOUT);
	world_fini(&w);
}

static int lesser(void)
{
	return hp_addr_cmp(&w.s[0].hit, &w.s[1].hit) > 0;
}

static void crossing_i1s_make_one_association(void)
{
	for (int order = 0; order < 2; order++)
		for (unsigned gap = 0; gap < 6; gap++) {
			begin();
			w.slow_jobs = gap & 1;
			w.job_delay_ms = gap;
			w.s[order].key = world_key(HP_KEY_P256, 0);
			w.s[!order].key = world_key(HP_KEY_P256, 1);
			world_start(&w);
			hp_hip_connect(w.s[0].hip, NULL, &w.s[1].hit, &w.s[1].addr, 1);
			world_run(&w, gap);
			hp_hip_connect(w.s[1].hip, NULL, &w.s[0].hit, &w.s[0].addr, 1);
			for (int i = 0; i < 5000 && !world_up(&w); i++)
				world_run(&w, 1);
			CU_ASSERT_TRUE(world_up(&w));
			world_run(&w, 3000);
			CU_ASSERT_TRUE(world_data(&w));
			CU_ASSERT_EQUAL(hp_hip_count(w.s[0].hip), 1);
			CU_ASSERT_EQUAL(hp_hip_count(w.s[1].hip), 1);
			/* Section 4.4.4: the lesser HIT answers no I1 while it has sent
			 * one. */
			if (!gap)
				CU_ASSERT_EQUAL(w.s[lesser()].sent[HP_HIP_R1], 0);
			world_fini(&w);
		}
}

/* ---- restarts */

static void a_restarted_initiator_connects_again(void)
{
	begin();
	must_stand(20);
	world_restart(&w, 0);
	CU_ASSERT_TRUE(world_connect(&w, 20));
	CU_ASSERT_TRUE(world_data(&w));
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 1);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_GONE], 0);
	world_fini(&w);
}

static void a_restarted_responder_is_noticed_by_silence(void)
{
	begin();
	must_stand(20);
	world_restart(&w, 1);
	/* The new Responder knows nothing of us; UPDATE wakes it. */
	for (int i = 0; i < 9 && !world_up(&w); i++) {
		world_one_way(&w, 0);
		world_run(&w, 1000);
	}
	CU_ASSERT_TRUE(world_up(&w));
	CU_ASSERT_TRUE(world_data(&w));
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_GONE], 0);
	world_fini(&w);
}

static void a_restarted_responder_asks_known_peers(void)
{
	struct hp_path path;

	begin();
	must_stand(20);
	world_restart(&w, 1);
	hp_hip_known_peer(w.s[1].hip, &w.s[0].hit, &w.s[0].addr, 1, false);
	path = (struct hp_path){.src = w.s[1].addr, .dst = w.s[0].addr};
	hp_hip_unknown_spi(w.s[1].hip, &path, 0x12345678);
	world_run(&w, 10);
	CU_ASSERT_TRUE(world_up(&w));
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* The side that came back has nothing to send, and the other must hear from it before it
 * leaves R2-SENT (RFC 7401, section 4.4.4, table 5): strict ones send nothing till then. */
static void who_asks_for_a_new_exchange_is_heard_after_it(void)
{
	struct hp_path path;

	begin();
	must_stand(20);
	world_restart(&w, 1);
	hp_hip_known_peer(w.s[1].hip, &w.s[0].hit, &w.s[0].addr, 1, false);
	path = (struct hp_path){.src = w.s[1].addr, .dst = w.s[0].addr};
	hp_hip_unknown_spi(w.s[1].hip, &path, 0x12345678);
	world_run(&w, 20);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 0)), HP_ESTABLISHED);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 1)), HP_ESTABLISHED);
	world_fini(&w);
}

static void a_dead_peer_is_asked_then_given_up(void)
{
	begin();
	must_stand(20);
	w.fate = nothing;
	for (int i = 0; i < 60; i++) {
		world_one_way(&w, 0);
		world_run(&w, 1000);
		if (world_assoc(&w, 0) &&
		    hp_assoc_state(world_assoc(&w, 0)) == HP_E_FAILED)
			break;
	}
	CU_ASSERT_TRUE(w.s[0].sent[HP_HIP_UPDATE] > 1);
	CU_ASSERT_EQUAL(w.s[0].error, -ETIMEDOUT);
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_DOWN], 1);
	world_fini(&w);
}

static enum fate lose_acks(struct world *world, const struct side *from, struct packet *p)
{
	if (p->msg[HP_HIP_OFF_TYPE] != HP_HIP_UPDATE || from->at != 1)
		return PASS;
	return world->count++ < 2 ? LOSE : PASS;
}

/* The peer knows the question already and must answer it again. */
static void a_repeated_update_is_acknowledged_again(void)
{
	begin();
	must_stand(20);
	w.fate = lose_acks;
	hp_update_probe(world_assoc(&w, 0));
	world_run(&w, 10000);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_UPDATE], 3);
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_UPDATE], 3);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], 1);
	world_fini(&w);
}

static void two_way_traffic_asks_nothing(void)
{
	begin();
	must_stand(20);
	for (int i = 0; i < 30; i++) {
		CU_ASSERT_TRUE(world_data(&w));
		world_run(&w, 1000);
	}
	/* The side that sends last hears within the second. */
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_UPDATE] + w.s[1].sent[HP_HIP_UPDATE], 0);
	world_fini(&w);
}

static void one_way_traffic_to_a_living_peer_goes_on(void)
{
	begin();
	must_stand(20);
	for (int i = 0; i < 30; i++) {
		CU_ASSERT_TRUE(world_one_way(&w, 0));
		world_run(&w, 1000);
	}
	CU_ASSERT_TRUE(w.s[0].sent[HP_HIP_UPDATE] >= 4);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], 1);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* ---- closing */

static void close_ends_both_sides(void)
{
	begin();
	must_stand(20);
	hp_hip_close(world_assoc(&w, 0));
	CU_ASSERT_PTR_NULL(hp_assoc_sa_out(world_assoc(&w, 0)));
	world_run(&w, 20);
	CU_ASSERT_PTR_NULL(world_assoc(&w, 0));
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 1)), HP_CLOSED);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_DOWN], 1);
	world_run(&w, 61000);
	CU_ASSERT_PTR_NULL(world_assoc(&w, 1));
	world_fini(&w);
}

static void crossing_closes_end_both_sides(void)
{
	begin();
	must_stand(20);
	hp_hip_close(world_assoc(&w, 0));
	hp_hip_close(world_assoc(&w, 1));
	world_run(&w, 100);
	CU_ASSERT_PTR_NULL(world_assoc(&w, 0));
	CU_ASSERT_PTR_NULL(world_assoc(&w, 1));
	world_fini(&w);
}

static void a_lost_close_ack_is_asked_for_again(void)
{
	struct nth n = {HP_HIP_CLOSE_ACK, 1, LOSE};

	begin();
	must_stand(20);
	w.fate = first_ones;
	w.arg = &n;
	hp_hip_close(world_assoc(&w, 0));
	world_run(&w, 1000);
	CU_ASSERT_PTR_NULL(world_assoc(&w, 0));
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_CLOSE], 2);
	world_fini(&w);
}

/* R2 is lost and the Responder goes: its CLOSE is all that the Initiator hears. */
static void a_close_instead_of_r2_ends_the_exchange(void)
{
	begin();
	w.fate = no_r2;
	world_start(&w);
	CU_ASSERT_FALSE(world_connect(&w, 50));
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 0)), HP_I2_SENT);
	hp_hip_close(world_assoc(&w, 1));
	world_run(&w, 20);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 0)), HP_CLOSED);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_CLOSE_ACK], 1);
	CU_ASSERT_PTR_NULL(world_assoc(&w, 1));
	w.fate = NULL;
	CU_ASSERT_TRUE(world_connect(&w, 100));
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void closed_ones_connect_again(void)
{
	begin();
	must_stand(20);
	hp_hip_close(world_assoc(&w, 0));
	world_run(&w, 20);
	CU_ASSERT_PTR_NOT_NULL(
		hp_hip_connect(w.s[1].hip, NULL, &w.s[0].hit, &w.s[0].addr, 1));
	world_run(&w, 20);
	CU_ASSERT_TRUE(world_up(&w));
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void idle_ones_are_closed(void)
{
	begin();
	w.s[0].cfg.ual_s = 20;
	must_stand(20);
	world_run(&w, 25000);
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_DOWN], 1);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_DOWN], 1);
	world_fini(&w);
}

static void shutdown_closes_all(void)
{
	begin();
	must_stand(20);
	hp_hip_shutdown(w.s[1].hip);
	world_run(&w, 20);
	CU_ASSERT_EQUAL(hp_hip_count(w.s[1].hip), 0);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 0)), HP_CLOSED);
	world_fini(&w);
}

/* ---- rekeying */

static void rekey(bool dh0, bool dh1, bool both)
{
	uint32_t spi;

	begin();
	w.s[0].cfg.rekey_dh = dh0;
	w.s[1].cfg.rekey_dh = dh1;
	must_stand(20);
	spi = hp_assoc_sa_out(world_assoc(&w, 0))->spi;
	CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&w, 0)), 0);
	if (both)
		CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&w, 1)), 0);
	for (int i = 0; i < 20; i++) {
		world_run(&w, 1);
		CU_ASSERT_TRUE(world_data(&w));
	}
	CU_ASSERT_NOT_EQUAL(hp_assoc_sa_out(world_assoc(&w, 0))->spi, spi);
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_REKEYED], 1);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 1);
	CU_ASSERT_EQUAL(hp_sadb_find(hp_hip_sadb(w.s[1].hip), spi) != NULL, 1);
	world_run(&w, 6000);
	CU_ASSERT_PTR_NULL(hp_sadb_find(hp_hip_sadb(w.s[1].hip), spi));
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void rekeying_with_and_without_new_dh_values(void)
{
	rekey(false, false, false);
	rekey(true, false, false);
	rekey(true, true, false);
}

static void rekeyings_may_cross(void)
{
	rekey(false, false, true);
	rekey(true, false, true);
	rekey(false, true, true);
	rekey(true, true, true);
}

static void rekeying_survives_a_lossy_network(void)
{
	for (unsigned seed = 1; seed <= 40; seed++) {
		begin();
		w.seed += seed * 7919;
		w.s[0].cfg.rekey_dh = seed & 1;
		must_stand(20);
		w.fate = random_fate;
		hp_rekey_start(world_assoc(&w, 0));
		if (seed & 2)
			hp_rekey_start(world_assoc(&w, 1));
		world_run(&w, 4000);
		w.fate = NULL;
		for (int i = 0; i < 60; i++) {
			world_data(&w);
			world_run(&w, 1000);
		}
		CU_ASSERT_TRUE(world_up(&w));
		CU_ASSERT_TRUE(world_data(&w));
		world_fini(&w);
	}
}

static void soft_limits_start_rekeying(void)
{
	begin();
	w.s[0].cfg.rekey_packets = 100;
	must_stand(20);
	for (int i = 0; i < 300; i++) {
		CU_ASSERT_TRUE(world_data(&w));
		world_run(&w, 20);
	}
	CU_ASSERT_TRUE(world_counted(&w, 0, HP_HIPC_REKEYS) >= 1);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void many_rekeyings_run_out_of_keymat_and_go_on(void)
{
	begin();
	must_stand(20);
	for (int i = 0; i < 400; i++) {
		CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&w, i & 1)), 0);
		world_run(&w, 10);
		CU_ASSERT_TRUE(world_data(&w));
	}
	CU_ASSERT_EQUAL(world_counted(&w, 0, HP_HIPC_REKEYS), 400);
	world_fini(&w);
}

static const struct hp_test tests[] = {
	HP_TEST(each_group_stands),
	HP_TEST(each_cipher_and_esp_suite_stands),
	HP_TEST(each_pair_of_identities_stands),
	HP_TEST(puzzles_of_0_and_10_bits_are_solved),
	HP_TEST(a_puzzle_too_hard_ends_in_e_failed),
	HP_TEST(slow_workers_only_delay),
	HP_TEST(copies_during_a_job_are_dropped),
	HP_TEST(an_association_may_go_while_its_job_runs),
	HP_TEST(a_full_queue_drops_and_raises_k),
	HP_TEST(each_message_may_be_lost_once),
	HP_TEST(each_message_may_be_lost_three_times),
	HP_TEST(each_message_may_come_twice),
	HP_TEST(each_message_may_be_late),
	HP_TEST(random_networks_end_in_agreement),
	HP_TEST(no_answer_ends_in_e_failed_and_is_forgotten),
	HP_TEST(no_r2_ends_in_e_failed),
	HP_TEST(crossing_i1s_make_one_association),
	HP_TEST(a_restarted_initiator_connects_again),
	HP_TEST(a_restarted_responder_is_noticed_by_silence),
	HP_TEST(a_restarted_responder_asks_known_peers),
	HP_TEST(who_asks_for_a_new_exchange_is_heard_after_it),
	HP_TEST(a_dead_peer_is_asked_then_given_up),
	HP_TEST(a_repeated_update_is_acknowledged_again),
	HP_TEST(two_way_traffic_asks_nothing),
	HP_TEST(one_way_traffic_to_a_living_peer_goes_on),
	HP_TEST(close_ends_both_sides),
	HP_TEST(crossing_closes_end_both_sides),
	HP_TEST(a_lost_close_ack_is_asked_for_again),
	HP_TEST(a_close_instead_of_r2_ends_the_exchange),
	HP_TEST(closed_ones_connect_again),
	HP_TEST(idle_ones_are_closed),
	HP_TEST(shutdown_closes_all),
	HP_TEST(rekeying_with_and_without_new_dh_values),
	HP_TEST(rekeyings_may_cross),
	HP_TEST(rekeying_survives_a_lossy_network),
	HP_TEST(soft_limits_start_rekeying),
	HP_TEST(many_rekeyings_run_out_of_keymat_and_go_on),
	HP_TEST_END};

int main(int argc, char **argv)
{
	int ret = hp_test_main("exchange", tests, argc, argv);

	world_keys_free();
	return ret;
}
