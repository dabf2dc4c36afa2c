/* SPDX-License-Identifier: MIT
 *
 * Why an exchange failed: wrong HIT, dead peer, other key, same key at both ends, blocked
 * protocol, denied; and what the other side sees of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "../harness.h"
#include "hip/inquiry.h"
#include "hip/assoc.h"
#include "world.h"

#define FAILED_MS 40000 /* all retransmissions, and the question after them */

static struct world w;

/* The HIT that s[0] asks for: nobody has it. */
static const struct hp_addr *wrong(void)
{
	return hp_key_hit(world_key(HP_KEY_P384, 0));
}

static struct hp_assoc *ask_for(const struct hp_addr *hit)
{
	return hp_hip_connect(w.s[0].hip, NULL, hit, &w.s[1].addr, 1);
}

static enum fate lose_all(struct world *world, const struct side *from, struct packet *p)
{
	(void)world, (void)from, (void)p;
	return LOSE;
}

static void a_wrong_hit_is_found_by_asking_the_address(void)
{
	struct hp_assoc *a;

	world_init(&w);
	w.s[1].cfg.opportunistic_responder = HP_OPP_ON;
	world_start(&w);
	a = ask_for(wrong());
	world_run(&w, FAILED_MS);
	CU_ASSERT_EQUAL(hp_assoc_why(a), HP_WHY_OTHER_HIT);
	CU_ASSERT_TRUE(hp_addr_eq(hp_assoc_shown_hit(a), &w.s[1].hit));
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_FAILED], 2); /* silent, then known better */
	/* Shown, and no more. */
	CU_ASSERT_TRUE(hp_addr_eq(hp_assoc_peer_hit(a), wrong()));
	CU_ASSERT_PTR_NULL(hp_hip_find(w.s[0].hip, &w.s[0].hit, &w.s[1].hit));
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I2], 0);
	CU_ASSERT_EQUAL(hp_hip_count(w.s[1].hip), 0);
	world_fini(&w);
}

static void a_peer_that_was_met_before_has_another_key(void)
{
	struct hp_assoc *a;

	world_init(&w);
	w.s[1].cfg.opportunistic_responder = HP_OPP_ON;
	world_start(&w);
	hp_hip_known_peer(w.s[0].hip, wrong(), &w.s[1].addr, 1, false);
	hp_hip_known_met(w.s[0].hip, wrong(), &w.s[0].addr); /* elsewhere */
	a = ask_for(wrong());
	world_run(&w, FAILED_MS);
	CU_ASSERT_EQUAL(hp_assoc_why(a), HP_WHY_OTHER_HIT);
	hp_hip_known_met(w.s[0].hip, wrong(), &w.s[1].addr);
	a = ask_for(wrong());
	world_run(&w, FAILED_MS);
	CU_ASSERT_EQUAL(hp_assoc_why(a), HP_WHY_OTHER_KEY);
	world_fini(&w);
}

/* It was up, then the peer comes back with a new key. */
static void a_new_key_is_noticed_after_an_association(void)
{
	struct hp_addr old;
	struct hp_assoc *a;

	world_init(&w);
	w.s[1].cfg.opportunistic_responder = HP_OPP_ON;
	world_start(&w);
	hp_hip_known_peer(w.s[0].hip, &w.s[1].hit, &w.s[1].addr, 1, false);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	old = w.s[1].hit;
	w.s[1].key = world_key(HP_KEY_P384, 1);
	world_restart(&w, 1);
	a = hp_hip_find(w.s[0].hip, &w.s[0].hit, &old);
	hp_hip_close(a);
	world_run(&w, FAILED_MS);
	a = ask_for(&old);
	world_run(&w, FAILED_MS);
	CU_ASSERT_EQUAL(hp_assoc_why(a), HP_WHY_OTHER_KEY);
	CU_ASSERT_TRUE(hp_addr_eq(hp_assoc_shown_hit(a), &w.s[1].hit));
	world_fini(&w);
}

static enum fate forge_hit(struct world *world, const struct side *from, struct packet *p)
{
	(void)world;
	if (from->at == 1 && p->msg[HP_HIP_OFF_TYPE] == HP_HIP_R1) {
		memcpy(p->msg + 8, hp_key_hit(world_key(HP_KEY_P256, 0))->b, 16);
		p->msg[23] ^= 1;
		hp_put16(p->msg + HP_HIP_OFF_CSUM, 0);
		hp_hip_checksum_set(p->msg, p->len, &p->src, &p->dst);
	}
	return PASS;
}

static void an_answer_that_is_not_signed_by_its_hit_says_nothing(void)
{
	struct hp_assoc *a;

	world_init(&w);
	w.s[1].cfg.opportunistic_responder = HP_OPP_ON;
	w.fate = forge_hit;
	world_start(&w);
	a = ask_for(wrong());
	world_run(&w, FAILED_MS);
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_R1], 1);
	CU_ASSERT_EQUAL(hp_assoc_why(a), HP_WHY_SILENT);
	CU_ASSERT_TRUE(hp_addr_is_zero(hp_assoc_shown_hit(a)));
	world_fini(&w);
}

static void silence_stays_silence_and_one_question_is_asked(void)
{
	struct hp_assoc *a;

	world_init(&w);
	w.fate = lose_all;
	world_start(&w);
	a = ask_for(&w.s[1].hit);
	CU_ASSERT_EQUAL(hp_assoc_why(a), HP_WHY_NONE);
	world_run(&w, FAILED_MS);
	CU_ASSERT_EQUAL(hp_assoc_why(a), HP_WHY_SILENT);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], w.s[0].cfg.retransmit_max + 2);
	world_fini(&w);
}

static void what_icmp_says_is_the_reason_when_nobody_answers(void)
{
	static const enum hp_hip_why whys[] = { HP_WHY_NO_HIP, HP_WHY_PROHIBITED,
						HP_WHY_UNREACHABLE };
	struct hp_assoc *a;

	for (size_t i = 0; i < 3; i++) {
		world_init(&w);
		w.fate = lose_all;
		world_start(&w);
		a = ask_for(&w.s[1].hit);
		hp_hip_refused(w.s[0].hip, &w.s[0].addr, whys[i]); /* about another one */
		CU_ASSERT_EQUAL(hp_assoc_why(a), HP_WHY_NONE);
		hp_hip_refused(w.s[0].hip, &w.s[1].addr, whys[i]);
		CU_ASSERT_EQUAL(hp_assoc_why(a), whys[i]); /* so far */
		world_run(&w, FAILED_MS);
		CU_ASSERT_EQUAL(hp_assoc_why(a), whys[i]);
		world_fini(&w);
	}
}

static void success_ends_the_reason(void)
{
	world_init(&w);
	world_start(&w);
	w.fate = lose_all;
	world_connect(&w, FAILED_MS);
	CU_ASSERT_EQUAL(hp_assoc_why(world_assoc(&w, 0)), HP_WHY_SILENT);
	w.fate = NULL;
	CU_ASSERT_TRUE(world_connect(&w, 1000));
	CU_ASSERT_EQUAL(hp_assoc_why(world_assoc(&w, 0)), HP_WHY_NONE);
	world_fini(&w);
}

static enum fate no_r2(struct world *world, const struct side *from, struct packet *p)
{
	(void)world, (void)from;
	return p->msg[HP_HIP_OFF_TYPE] == HP_HIP_R2 ? LOSE : PASS;
}

static void an_i2_without_answer_is_told_apart(void)
{
	world_init(&w);
	world_start(&w);
	w.fate = no_r2;
	world_connect(&w, 50);
	for (int i = 0; i < 1000 && !w.s[0].events[HP_HIP_FAILED]; i++)
		world_run(&w, 100);
	CU_ASSERT_EQUAL_FATAL(w.s[0].events[HP_HIP_FAILED], 1);
	CU_ASSERT_EQUAL(hp_assoc_why(world_assoc(&w, 0)), HP_WHY_NO_R2);
	world_fini(&w);
}

static void a_denial_is_told_apart(void)
{
	world_init(&w);
	w.s[1].accept_err = -EPERM;
	world_start(&w);
	world_connect(&w, 100);
	CU_ASSERT_EQUAL(hp_assoc_why(world_assoc(&w, 0)), HP_WHY_POLICY);
	world_fini(&w);
}

/* ---- HITs that are revoked */

static bool peer_is_revoked(void *ctx, const struct hp_addr *hit)
{
	const struct side *s = ctx;

	return hp_addr_eq(hit, &s->w->s[1].hit);
}

static void nobody_is_asked_whose_hit_is_revoked(void)
{
	world_init(&w);
	w.s[0].ops.revoked = peer_is_revoked;
	world_start(&w);
	errno = 0;
	CU_ASSERT_PTR_NULL(hp_hip_connect(w.s[0].hip, NULL, &w.s[1].hit, &w.s[1].addr, 1));
	CU_ASSERT_EQUAL(errno, EKEYREVOKED);
	world_run(&w, 1000);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], 0);
	world_fini(&w);
}

static void a_revoked_hit_that_shows_itself_is_refused(void)
{
	static const struct hp_addr any;
	struct hp_assoc *a;

	world_init(&w);
	w.s[0].cfg.opportunistic_initiator = HP_OPP_ON;
	w.s[1].cfg.opportunistic_responder = HP_OPP_ON;
	w.s[0].ops.revoked = peer_is_revoked;
	world_start(&w);
	a = hp_hip_connect(w.s[0].hip, NULL, &any, &w.s[1].addr, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	world_run(&w, 2000);
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_FAILED], 1);
	CU_ASSERT_EQUAL(w.s[0].error, -EKEYREVOKED);
	CU_ASSERT_EQUAL(hp_assoc_why(a), HP_WHY_REVOKED);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I2], 0);
	world_fini(&w);
}

/* ---- who is told of what was dropped */

static int dropped_reason, n_dropped;
static struct hp_addr dropped_hit, dropped_at;

static void dropped(void *ctx, int reason, const struct hp_addr *peer_hit,
		    const struct hp_path *path)
{
	(void)ctx;
	if (reason != HP_HIPD_MAC && reason != HP_HIPD_SIGNATURE)
		return;
	n_dropped++;
	dropped_reason = reason;
	dropped_hit = *peer_hit;
	dropped_at = path ? path->dst : (struct hp_addr){ 0 };
}

/* The signature of an R1 is its last parameter. */
static enum fate spoil_r1(struct world *world, const struct side *from, struct packet *p)
{
	(void)from;
	if (p->msg[HP_HIP_OFF_TYPE] != HP_HIP_R1 || world->count++)
		return PASS;
	p->msg[p->len - 16] ^= 1;
	hp_hip_checksum_set(p->msg, p->len, &p->src, &p->dst);
	return PASS;
}

static void a_wrong_signature_is_told_with_hit_and_address(void)
{
	world_init(&w);
	n_dropped = 0;
	w.s[0].ops.dropped = dropped;
	world_start(&w);
	w.fate = spoil_r1;
	CU_ASSERT_TRUE(world_connect(&w, 5000));
	CU_ASSERT_EQUAL(n_dropped, 1);
	CU_ASSERT_EQUAL(dropped_reason, HP_HIPD_SIGNATURE);
	CU_ASSERT_TRUE(hp_addr_eq(&dropped_hit, &w.s[1].hit));
	CU_ASSERT_TRUE(hp_addr_eq(&dropped_at, &w.s[1].addr));
	world_fini(&w);
}

/* ---- walking */

static void a_walk_outlives_the_associations_it_meets(void)
{
	struct hp_addr peer, at;
	struct hp_assoc *a, *seen[40];
	struct hp_walk walk;
	int n = 0;

	world_init(&w);
	world_start(&w);
	hp_addr_parse("192.0.2.9", &at);
	hp_addr_parse("2001:21::", &peer);
	for (int i = 0; i < 40; i++) {
		peer.b[15] = (uint8_t)(i + 1);
		CU_ASSERT_PTR_NOT_NULL(hp_hip_connect(w.s[0].hip, NULL, &peer, &at, 1));
	}
	hp_hip_walk(w.s[0].hip, &walk);
	while ((a = hp_hip_walk_next(w.s[0].hip, &walk))) {
		for (int i = 0; i < n; i++)
			CU_ASSERT_PTR_NOT_EQUAL(a, seen[i]);
		seen[n++] = a;
		peer.b[15] = hp_assoc_peer_hit(a)->b[15] + 1;
		/* In I1-SENT an association goes at once: this one, or the next one. */
		if (n % 4 == 1)
			hp_hip_close(a);
		if (n % 4 == 2 && hp_hip_find(w.s[0].hip, &w.s[0].hit, &peer))
			hp_hip_close(hp_hip_find(w.s[0].hip, &w.s[0].hit, &peer));
	}
	hp_walk_stop(&walk);
	CU_ASSERT_EQUAL(n, 32);
	CU_ASSERT_EQUAL(hp_hip_count(w.s[0].hip), 24);
	world_fini(&w);
}

static int no_source(void *ctx, const struct hp_addr *dst, struct hp_addr *src)
{
	(void)ctx, (void)dst, (void)src;
	return -ENETUNREACH;
}

static void a_missing_route_is_told_apart(void)
{
	world_init(&w);
	w.s[0].ops.source = no_source;
	world_start(&w);
	world_connect(&w, FAILED_MS);
	CU_ASSERT_EQUAL(hp_assoc_why(world_assoc(&w, 0)), HP_WHY_NO_ROUTE);
	world_fini(&w);
}

static void the_responder_remembers_who_asked_wrongly(void)
{
	const struct hp_hip_stranger *s;

	world_init(&w);
	world_start(&w);
	s = hp_hip_stranger(w.s[1].hip, HP_STRANGE_WRONG_HIT);
	CU_ASSERT_EQUAL(s->last_ms, 0);
	ask_for(wrong());
	world_run(&w, 10);
	CU_ASSERT_NOT_EQUAL(s->last_ms, 0);
	CU_ASSERT_TRUE(hp_addr_eq(&s->addr, &w.s[0].addr));
	CU_ASSERT_TRUE(hp_addr_eq(&s->hit, wrong()));
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_NOT_OUR_HIT), 1);
	world_fini(&w);

	/* Both ends have the same key: the I1 goes to another HIT of the address. */
	world_init(&w);
	w.s[0].key = w.s[1].key;
	world_start(&w);
	s = hp_hip_stranger(w.s[1].hip, HP_STRANGE_OWN_HIT);
	CU_ASSERT_EQUAL(s->last_ms, 0);
	ask_for(wrong());
	world_run(&w, 10);
	CU_ASSERT_NOT_EQUAL(s->last_ms, 0);
	CU_ASSERT_TRUE(hp_addr_eq(&s->hit, &w.s[1].hit));
	world_fini(&w);
}

static void every_reason_has_a_name_and_a_sentence(void)
{
	CU_ASSERT_STRING_EQUAL(hp_hip_why_name(HP_WHY_NONE), "");
	for (int i = HP_WHY_NONE + 1; i < HP_WHYS; i++) {
		const char *name = hp_hip_why_name((enum hp_hip_why)i);

		CU_ASSERT_PTR_NOT_NULL_FATAL(name);
		CU_ASSERT_TRUE(strlen(name) > 0);
		for (int k = HP_WHY_NONE + 1; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(hp_hip_why_name((enum hp_hip_why)k), name);
		CU_ASSERT_TRUE(strlen(hp_hip_why_text((enum hp_hip_why)i)) > 10);
	}
}

/* ---- reading an answer, as hipproxyctl does without a daemon */

static void an_answer_is_read_at_its_full_length_only(void)
{
	struct hp_path path;
	struct hp_inquiry_answer answer;
	const struct packet *r1 = NULL;

	world_init(&w);
	w.s[1].cfg.opportunistic_responder = HP_OPP_ON;
	w.keep = true;
	world_start(&w);
	world_connect(&w, 50);
	for (size_t i = 0; i < w.n_kept; i++)
		if (w.kept[i]->msg[HP_HIP_OFF_TYPE] == HP_HIP_R1)
			r1 = w.kept[i];
	CU_ASSERT_PTR_NOT_NULL_FATAL(r1);
	path = (struct hp_path){ .src = w.s[0].addr, .dst = w.s[1].addr };
	CU_ASSERT_EQUAL(hp_inquiry_read(r1->msg, r1->len, &path, &w.s[0].hit, &answer), 0);
	CU_ASSERT_TRUE(hp_addr_eq(&answer.hit, &w.s[1].hit));
	CU_ASSERT_EQUAL(answer.notify, 0);
	CU_ASSERT_EQUAL(hp_inquiry_read(r1->msg, r1->len, &path, &w.s[1].hit, &answer), -ENOMSG);
	for (size_t len = 0; len < r1->len; len++) {
		uint8_t *cut = malloc(len ? len : 1);

		memcpy(cut, r1->msg, len);
		CU_ASSERT_EQUAL(hp_inquiry_read(cut, len, &path, &w.s[0].hit, &answer),
				-EBADMSG);
		free(cut);
	}
	world_fini(&w);
}

static const struct hp_test tests[] = {
	HP_TEST(a_wrong_hit_is_found_by_asking_the_address),
	HP_TEST(a_peer_that_was_met_before_has_another_key),
	HP_TEST(a_new_key_is_noticed_after_an_association),
	HP_TEST(an_answer_that_is_not_signed_by_its_hit_says_nothing),
	HP_TEST(silence_stays_silence_and_one_question_is_asked),
	HP_TEST(what_icmp_says_is_the_reason_when_nobody_answers),
	HP_TEST(success_ends_the_reason),
	HP_TEST(an_i2_without_answer_is_told_apart),
	HP_TEST(a_denial_is_told_apart),
	HP_TEST(nobody_is_asked_whose_hit_is_revoked),
	HP_TEST(a_revoked_hit_that_shows_itself_is_refused),
	HP_TEST(a_wrong_signature_is_told_with_hit_and_address),
	HP_TEST(a_walk_outlives_the_associations_it_meets),
	HP_TEST(a_missing_route_is_told_apart),
	HP_TEST(the_responder_remembers_who_asked_wrongly),
	HP_TEST(every_reason_has_a_name_and_a_sentence),
	HP_TEST(an_answer_is_read_at_its_full_length_only),
	HP_TEST_END};

int main(int argc, char **argv)
{
	int ret;

	hp_log_level_all(HP_LOG_ERROR);
	ret = hp_test_main("why", tests, argc, argv);
	world_keys_free();
	return ret;
}
