/* SPDX-License-Identifier: MIT
 *
 * New SAs while data is under way: no ESP packet may be refused, whatever becomes of the
 * messages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "hip/rekey.h"
#include "hip/assoc.h"
#include "hip/i1.h"
#include "hip/sign.h"
#include "hip/updatesend.h"
#include "world.h"

static struct world w;

/* ---- ESP under way */

#define FLIGHTS 512

struct flight {
	uint64_t at_ms; /* 0: this place is free */
	int to;
	int len;
	uint8_t pkt[128];
};

static struct flight flights[FLIGHTS];
static unsigned arrived, refused;

static void begin(void)
{
	world_init(&w);
	memset(flights, 0, sizeof(flights));
	arrived = refused = 0;
}

static uint64_t now(void)
{
	return w.now_us / 1000;
}

static uint32_t dice(uint32_t sides)
{
	uint32_t r;

	w.rand.fill(w.rand.ctx, &r, sizeof(r));
	return r % sides;
}

/* One packet leaves, and is under way for so long. */
static void launch(int from, unsigned ms)
{
	struct hp_assoc *a = world_assoc(&w, from);
	struct hp_sa *out = a ? hp_assoc_sa_out(a) : NULL;
	struct flight *f = flights;

	while (f < flights + FLIGHTS && f->at_ms)
		f++;
	if (!out || f == flights + FLIGHTS)
		return;
	f->len = hp_esp_seal_copy(out, 17, (const uint8_t *)"data", 4, f->pkt, sizeof(f->pkt));
	if (f->len < 0) {
		refused++;
		return;
	}
	f->to = !from;
	f->at_ms = now() + ms;
	hp_assoc_sent(a, now());
}

static bool opens(struct flight *f)
{
	struct hp_assoc *a = world_assoc(&w, f->to);
	struct hp_esp_opened o;
	struct hp_sa *in;

	in = hp_sadb_find(hp_hip_sadb(w.s[f->to].hip), hp_get32(f->pkt));
	if (!a || !in || hp_esp_open(in, f->pkt, (size_t)f->len, &o))
		return false;
	hp_assoc_received(a, now());
	return true;
}

static void land(void)
{
	for (struct flight *f = flights; f < flights + FLIGHTS; f++) {
		if (!f->at_ms || f->at_ms > now())
			continue;
		f->at_ms = 0;
		if (opens(f))
			arrived++;
		else
			refused++;
	}
}

/* For so long data goes both ways, and is overtaken. */
static void talk(unsigned ms)
{
	while (ms--) {
		world_run(&w, 1);
		land();
		if (ms % 3 == 0)
			for (int at = 0; at < 2; at++)
				launch(at, 1 + dice(40));
	}
}

static void stand(void)
{
	world_start(&w);
	CU_ASSERT_TRUE_FATAL(world_connect(&w, 500));
	CU_ASSERT_TRUE(world_data(&w));
}

static uint64_t rekeys(int at)
{
	return world_counted(&w, at, HP_HIPC_REKEYS);
}

static void nothing_is_lost(void)
{
	CU_ASSERT_TRUE(arrived > 0);
	CU_ASSERT_EQUAL(refused, 0);
	/* No other base exchange has helped. */
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1] + w.s[1].sent[HP_HIP_I1], 1);
	CU_ASSERT_TRUE(world_data(&w));
}

/* ---- which UPDATE is it? */

static bool is_update(const struct packet *p, struct hp_hip_msg *m)
{
	return p->msg[HP_HIP_OFF_TYPE] == HP_HIP_UPDATE && !hp_hip_parse(p->msg, p->len, m);
}

static bool is_pure_ack(const struct packet *p)
{
	struct hp_hip_msg m;

	return is_update(p, &m) && !hp_hip_param_find(&m, HP_PARAM_SEQ, 0);
}

static bool has_seq(const struct packet *p)
{
	struct hp_hip_msg m;

	return is_update(p, &m) && hp_hip_param_find(&m, HP_PARAM_SEQ, 0);
}

/* ---- every interleaving */

struct weather {
	unsigned lose, twice, late; /* percent */
};

static enum fate changeable(struct world *world, const struct side *from, struct packet *p)
{
	const struct weather *f = world->arg;
	unsigned r = dice(100);

	(void)from;
	if (p->msg[HP_HIP_OFF_TYPE] != HP_HIP_UPDATE)
		return PASS;
	world->late_ms = 1 + dice(dice(10) ? 30 : 1500);
	if (r < f->lose)
		return LOSE;
	r -= f->lose;
	return r < f->twice ? TWICE : r < f->twice + f->late ? LATE : PASS;
}

/* Either end begins, or both at nearly the same moment. */
static void begin_some(void)
{
	unsigned who = dice(4), gap = dice(12);

	if (who != 1)
		hp_rekey_start(world_assoc(&w, 0));
	if (!who)
		talk(gap);
	if (who == 0 || who == 1)
		hp_rekey_start(world_assoc(&w, 1));
	if (who == 3)
		hp_update_probe(world_assoc(&w, 1));
}

static void changeable_world(unsigned seed, struct weather *f)
{
	begin();
	w.seed += seed * UINT64_C(0x9e3779b97f4a7c15);
	f->lose = seed % 4 * 10;
	f->twice = dice(30);
	f->late = dice(40);
	w.s[0].cfg.rekey_dh = dice(2);
	w.s[1].cfg.rekey_dh = dice(2);
	w.slow_jobs = dice(4);
	stand();
	w.arg = f;
	w.fate = changeable;
}

static void no_packet_is_refused_in_any_interleaving(void)
{
	struct weather f;

	for (unsigned seed = 1; seed <= 150; seed++) {
		changeable_world(seed, &f);
		for (int i = 0; i < 6; i++) {
			w.job_delay_ms = dice(20);
			begin_some();
			talk(300 + dice(3000));
		}
		w.fate = NULL;
		talk(20000);
		CU_ASSERT_TRUE(rekeys(0) >= 1);
		CU_ASSERT_EQUAL(rekeys(0), rekeys(1));
		CU_ASSERT_FALSE(world_assoc(&w, 0)->rk.by || world_assoc(&w, 1)->rk.by);
		nothing_is_lost();
		if (refused)
			printf("seed %u: %u of %u refused\n", seed, refused, refused + arrived);
		world_fini(&w);
	}
}

/* What ends the association, or one of its ends, may come at any moment too. */
static void an_end_in_the_middle_does_no_harm(void)
{
	struct weather f;

	for (unsigned seed = 1; seed <= 90; seed++) {
		int at = seed & 1;

		changeable_world(seed, &f);
		w.job_delay_ms = dice(20);
		begin_some();
		talk(dice(60));
		if (seed % 3 == 0)
			hp_hip_close(world_assoc(&w, at));
		else if (seed % 3 == 1)
			world_restart(&w, at);
		else
			hp_i1_start(world_assoc(&w, at));
		w.fate = NULL;
		talk(10000);
		for (int i = 0; i < 100 && !world_up(&w); i++) {
			hp_hip_connect(w.s[0].hip, NULL, &w.s[1].hit, &w.s[1].addr, 1);
			talk(1000);
		}
		refused = 0;
		hp_rekey_start(world_assoc(&w, at));
		talk(3000);
		CU_ASSERT_EQUAL(refused, 0);
		CU_ASSERT_TRUE(world_data(&w));
		world_fini(&w);
	}
}

/* ---- single cases */

static enum fate no_pure_ack_of_1(struct world *world, const struct side *from, struct packet *p)
{
	(void)world;
	return from->at == 1 && is_pure_ack(p) ? LOSE : PASS;
}

/* Both begin.  Side 1 knows that side 0 is ready; side 0 does not know it of side 1, and gets data
 * by the new SA all the same. */
static void crossing_rekeyings_lose_nothing_with_an_acknowledgement(bool dh)
{
	begin();
	w.s[0].cfg.rekey_dh = dh;
	stand();
	w.fate = no_pure_ack_of_1;
	hp_rekey_start(world_assoc(&w, 0));
	hp_rekey_start(world_assoc(&w, 1));
	talk(3000);
	CU_ASSERT_EQUAL(rekeys(1), 1);
	CU_ASSERT_EQUAL(rekeys(0), 0);
	w.fate = NULL;
	talk(10000);
	CU_ASSERT_EQUAL(rekeys(0), 1);
	nothing_is_lost();
	world_fini(&w);
}

static void crossing_rekeyings_lose_nothing(void)
{
	crossing_rekeyings_lose_nothing_with_an_acknowledgement(false);
	crossing_rekeyings_lose_nothing_with_an_acknowledgement(true);
}

static enum fate no_pure_ack(struct world *world, const struct side *from, struct packet *p)
{
	(void)world;
	(void)from;
	return is_pure_ack(p) ? LOSE : PASS;
}

/* Another implementation may make its inbound SA only when it is acknowledged. */
static void nothing_leaves_by_a_new_sa_before_the_acknowledgement(bool both, bool dh)
{
	uint32_t spi;

	begin();
	w.slow_jobs = true;
	w.s[0].cfg.rekey_dh = dh;
	stand();
	w.job_delay_ms = 10;
	spi = hp_assoc_sa_out(world_assoc(&w, 0))->spi;
	hp_rekey_start(world_assoc(&w, 0));
	world_run(&w, both ? 7 : 1);
	if (both)
		hp_rekey_start(world_assoc(&w, 1));
	for (int i = 0; i < 1000 && hp_assoc_sa_out(world_assoc(&w, 0))->spi == spi; i++)
		world_run(&w, 1);
	CU_ASSERT_EQUAL(rekeys(0), 1);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_UPDATE], 2);
	world_fini(&w);
}

static void the_acknowledgement_goes_before_data_by_the_new_sa(void)
{
	for (int i = 0; i < 4; i++)
		nothing_leaves_by_a_new_sa_before_the_acknowledgement(i & 1, i & 2);
}

/* The end that answers uses its old SA as long as its answer is not acknowledged. */
static void the_old_sa_opens_until_the_new_one_is_used(void)
{
	begin();
	stand();
	w.fate = no_pure_ack;
	hp_rekey_start(world_assoc(&w, 0));
	talk(12000);
	CU_ASSERT_EQUAL(rekeys(0), 1);
	CU_ASSERT_EQUAL(rekeys(1), 0);
	w.fate = NULL;
	talk(10000);
	CU_ASSERT_EQUAL(rekeys(1), 1);
	nothing_is_lost();
	world_fini(&w);
}

static void an_old_sa_that_nobody_replaces_ends(void)
{
	uint32_t spi;

	begin();
	stand();
	spi = hp_assoc_sa_out(world_assoc(&w, 0))->spi;
	hp_rekey_start(world_assoc(&w, 0));
	world_run(&w, 20);
	CU_ASSERT_EQUAL(rekeys(1), 1);
	world_run(&w, 60000);
	CU_ASSERT_PTR_NOT_NULL(hp_sadb_find(hp_hip_sadb(w.s[1].hip), spi));
	world_run(&w, 61000);
	CU_ASSERT_PTR_NULL(hp_sadb_find(hp_hip_sadb(w.s[1].hip), spi));
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* Many in a short time: packets by the SAs before still arrive. */
static void several_old_sas_open_packets(void)
{
	begin();
	stand();
	for (int i = 0; i < HP_OLD_SAS; i++) {
		launch(0, 1000);
		launch(1, 1000);
		hp_rekey_start(world_assoc(&w, i & 1));
		talk(100);
	}
	talk(2000);
	CU_ASSERT_EQUAL(rekeys(0), HP_OLD_SAS);
	nothing_is_lost();
	world_fini(&w);
}

/* The peer that has finished begins again; its acknowledgement was lost. */
static void the_next_rekeying_acknowledges_the_one_before(void)
{
	begin();
	stand();
	w.fate = no_pure_ack;
	hp_rekey_start(world_assoc(&w, 0));
	talk(300);
	CU_ASSERT_EQUAL(rekeys(0), 1);
	CU_ASSERT_EQUAL(rekeys(1), 0);
	hp_rekey_start(world_assoc(&w, 0));
	talk(300);
	CU_ASSERT_EQUAL(rekeys(0), 2);
	CU_ASSERT_EQUAL(rekeys(1), 1);
	w.fate = NULL;
	talk(5000);
	CU_ASSERT_EQUAL(rekeys(1), 2);
	nothing_is_lost();
	world_fini(&w);
}

/* No message of either is refused or sent again, though both are busy signing. */
static void an_update_is_taken_while_ours_is_signed(void)
{
	for (int dh = 0; dh < 4; dh++) {
		begin();
		w.s[0].cfg.rekey_dh = dh & 1;
		w.s[1].cfg.rekey_dh = dh & 2;
		w.slow_jobs = true;
		stand();
		w.job_delay_ms = 10;
		hp_rekey_start(world_assoc(&w, 0));
		talk(8);
		w.job_delay_ms = 40; /* the other's UPDATE comes during this */
		hp_rekey_start(world_assoc(&w, 1));
		w.job_delay_ms = 5;
		talk(200);
		for (int at = 0; at < 2; at++) {
			CU_ASSERT_EQUAL(rekeys(at), 1);
			CU_ASSERT_EQUAL(world_counted(&w, at, HP_HIPD_BUSY), 0);
			CU_ASSERT_EQUAL(world_counted(&w, at, HP_HIPC_RETRANSMITTED), 0);
		}
		nothing_is_lost();
		world_fini(&w);
	}
}

static void an_update_takes_the_place_of_a_question(void)
{
	begin();
	w.slow_jobs = true;
	stand();
	w.job_delay_ms = 3;
	hp_rekey_start(world_assoc(&w, 0));
	world_run(&w, 2);
	w.job_delay_ms = 40;
	hp_update_probe(world_assoc(&w, 1));
	CU_ASSERT_TRUE(world_assoc(&w, 1)->seq.signing);
	w.job_delay_ms = 1;
	talk(400);
	CU_ASSERT_EQUAL(rekeys(0), 1);
	CU_ASSERT_EQUAL(rekeys(1), 1);
	CU_ASSERT_EQUAL(world_counted(&w, 0, HP_HIPC_RETRANSMITTED), 0);
	nothing_is_lost();
	world_fini(&w);
}

static enum fate no_update(struct world *world, const struct side *from, struct packet *p)
{
	(void)world;
	(void)from;
	return p->msg[HP_HIP_OFF_TYPE] == HP_HIP_UPDATE ? LOSE : PASS;
}

static void a_peer_that_never_acknowledges_keeps_its_sas_while_it_lives(void)
{
	begin();
	stand();
	w.fate = no_update;
	hp_rekey_start(world_assoc(&w, 0));
	hp_rekey_start(world_assoc(&w, 1));
	talk(60000);
	CU_ASSERT_EQUAL(rekeys(0) + rekeys(1), 0);
	w.fate = NULL;
	talk(20000);
	CU_ASSERT_EQUAL(rekeys(0), 1);
	CU_ASSERT_EQUAL(rekeys(1), 1);
	nothing_is_lost();
	world_fini(&w);
}

static void a_peer_of_which_nothing_is_heard_is_given_up(void)
{
	begin();
	stand();
	w.fate = no_update;
	hp_rekey_start(world_assoc(&w, 0));
	world_run(&w, 40000);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1] + w.s[1].sent[HP_HIP_I1], 2);
	w.fate = NULL;
	world_run(&w, 1000);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* It has restarted before it could send its ESP_INFO. */
static void a_peer_that_restarts_before_it_answers_is_found_again(void)
{
	begin();
	w.slow_jobs = true;
	stand();
	w.fate = no_update;
	hp_rekey_start(world_assoc(&w, 0));
	world_run(&w, 2);
	world_assoc(&w, 0)->rk.acked = true;
	hp_assoc_sent_clear(world_assoc(&w, 0));
	world_restart(&w, 1);
	w.fate = NULL;
	talk(8000);
	refused = 0;
	talk(1000);
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static enum fate no_seq_of_1(struct world *world, const struct side *from, struct packet *p)
{
	(void)world;
	return from->at == 1 && has_seq(p) ? LOSE : PASS;
}

/* RFC 7402, section 6.8, step 5.  The new UPDATE asks for the same SA, so that the answer to the
 * first one, should it come at last, is right. */
static void a_peer_without_esp_info_is_asked_again(void)
{
	uint32_t spi;

	begin();
	stand();
	w.fate = no_seq_of_1;
	hp_rekey_start(world_assoc(&w, 0));
	talk(1000);
	spi = world_assoc(&w, 0)->rk.spi_in;
	CU_ASSERT_TRUE(world_assoc(&w, 0)->rk.acked);
	talk(35000);
	CU_ASSERT_TRUE(world_assoc(&w, 0)->seq.next >= 2);
	CU_ASSERT_EQUAL(world_assoc(&w, 0)->rk.spi_in, spi);
	CU_ASSERT_EQUAL(rekeys(0) + rekeys(1), 0);
	w.fate = NULL;
	talk(10000);
	CU_ASSERT_EQUAL(rekeys(0), 1);
	CU_ASSERT_EQUAL(rekeys(1), 1);
	CU_ASSERT_EQUAL(hp_assoc_sa_in(world_assoc(&w, 0))->spi, spi);
	nothing_is_lost();
	world_fini(&w);
}

static void sequence_numbers_that_end_bring_a_new_exchange(void)
{
	struct hp_assoc *a;

	begin();
	world_start(&w);
	hp_hip_known_peer(w.s[0].hip, &w.s[1].hit, &w.s[1].addr, 1, true);
	hp_hip_known_peer(w.s[1].hip, &w.s[0].hit, &w.s[0].addr, 1, true);
	CU_ASSERT_TRUE_FATAL(world_connect(&w, 50));
	a = world_assoc(&w, 0);
	w.fate = no_update;
	hp_assoc_sa_out(a)->seq = 0xf0000000;
	hp_assoc_sa_in(world_assoc(&w, 1))->replay.top = 0xf0000000;
	talk(3000);
	CU_ASSERT_TRUE(a->rk.by);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], 1);
	hp_assoc_sa_out(a)->seq = 0xff000000; /* what is under way is too old now */
	talk(100);
	refused = 0;
	talk(3000);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], 2);
	CU_ASSERT_TRUE(hp_assoc_sa_out(a)->seq < 1000000);
	CU_ASSERT_EQUAL(refused, 0);
	world_fini(&w);
}

static enum fate count_starts(struct world *world, const struct side *from, struct packet *p)
{
	struct hp_hip_msg m;

	(void)from;
	if (has_seq(p) && is_update(p, &m) && !hp_hip_param_find(&m, HP_PARAM_ACK, 0))
		world->count++;
	return PASS;
}

/* Both ends have the same limit, and much to say.  They seldom begin both. */
static void equal_limits_at_both_ends(void)
{
	begin();
	w.s[0].cfg.rekey_packets = w.s[1].cfg.rekey_packets = 1000;
	w.slow_jobs = true;
	stand();
	w.job_delay_ms = 20;
	w.fate = count_starts;
	talk(100000);
	CU_ASSERT_TRUE(rekeys(0) >= 20);
	CU_ASSERT_EQUAL(rekeys(0), rekeys(1));
	CU_ASSERT_TRUE(w.count < rekeys(0) * 3 / 2);
	nothing_is_lost();
	world_fini(&w);
}

/* An UPDATE as another implementation may make it. */
static void other_update(int from, const struct hp_esp_info *ei)
{
	struct hp_assoc *a = world_assoc(&w, from);
	struct hp_hip_builder b;
	uint8_t msg[HP_HIP_MAX];

	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_UPDATE, 0, &a->local, &a->peer);
	hp_hip_add_esp_info(&b, ei);
	hp_hip_add_seq(&b, a->seq.next++);
	CU_ASSERT_EQUAL(hp_sign_start(w.s[from].hip, a, a->id, &b, &a->path, true, NULL), 0);
}

static enum fate look_for_dh(struct world *world, const struct side *from, struct packet *p)
{
	struct hp_hip_msg m;

	if (from->at == 1 && is_update(p, &m) && hp_hip_param_find(&m, HP_PARAM_DIFFIE_HELLMAN, 0))
		world->count++;
	return PASS;
}

/* The index leaves no room for four keys: the answer has a new value, and index 0. */
static void keymat_that_ends_is_made_anew_by_who_answers(void)
{
	struct hp_esp_info ei = {255 * 48 - 50, 0, 0x12345678};

	begin();
	stand();
	ei.old_spi = hp_assoc_sa_in(world_assoc(&w, 0))->spi;
	w.fate = look_for_dh;
	other_update(0, &ei);
	world_run(&w, 20);
	CU_ASSERT_TRUE(w.count > 0);
	CU_ASSERT_EQUAL(world_assoc(&w, 1)->rk.my_idx, 0);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* Another association got the SPI meanwhile: this rekeying is given up, the next one works. */
static void an_spi_that_is_taken_only_costs_a_rekeying(void)
{
	struct hp_sa other = {.spi = 0};
	struct hp_assoc *a;

	begin();
	stand();
	a = world_assoc(&w, 0);
	hp_rekey_start(a);
	other.spi = a->rk.spi_in;
	CU_ASSERT_EQUAL(hp_sadb_add(hp_hip_sadb(w.s[0].hip), &other), 0);
	talk(5000);
	hp_sadb_del(hp_hip_sadb(w.s[0].hip), &other);
	CU_ASSERT_EQUAL(rekeys(0), rekeys(1));
	hp_rekey_start(a);
	talk(5000);
	CU_ASSERT_TRUE(rekeys(0) >= 1);
	CU_ASSERT_EQUAL(rekeys(0), rekeys(1));
	nothing_is_lost();
	world_fini(&w);
}

static const struct hp_test tests[] = {
	HP_TEST(no_packet_is_refused_in_any_interleaving),
	HP_TEST(an_end_in_the_middle_does_no_harm),
	HP_TEST(crossing_rekeyings_lose_nothing),
	HP_TEST(the_acknowledgement_goes_before_data_by_the_new_sa),
	HP_TEST(the_old_sa_opens_until_the_new_one_is_used),
	HP_TEST(an_old_sa_that_nobody_replaces_ends),
	HP_TEST(several_old_sas_open_packets),
	HP_TEST(the_next_rekeying_acknowledges_the_one_before),
	HP_TEST(an_update_is_taken_while_ours_is_signed),
	HP_TEST(an_update_takes_the_place_of_a_question),
	HP_TEST(a_peer_that_never_acknowledges_keeps_its_sas_while_it_lives),
	HP_TEST(a_peer_of_which_nothing_is_heard_is_given_up),
	HP_TEST(a_peer_that_restarts_before_it_answers_is_found_again),
	HP_TEST(a_peer_without_esp_info_is_asked_again),
	HP_TEST(sequence_numbers_that_end_bring_a_new_exchange),
	HP_TEST(equal_limits_at_both_ends),
	HP_TEST(keymat_that_ends_is_made_anew_by_who_answers),
	HP_TEST(an_spi_that_is_taken_only_costs_a_rekeying),
	HP_TEST_END};

int main(int argc, char **argv)
{
	int ret = hp_test_main("rekey", tests, argc, argv);

	world_keys_free();
	return ret;
}
