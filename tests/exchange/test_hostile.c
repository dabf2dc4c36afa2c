/* SPDX-License-Identifier: MIT
 *
 * Messages altered, cut, forged and replayed: nothing of it may be believed, nothing may
 * crash.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "hip/rekey.h"
#include "hip/assoc.h"
#include "hip/r1pool.h"
#include "world.h"

#include <hipproxy/log.h>

static struct world w;

static void resum(struct packet *p)
{
	hp_hip_checksum_set(p->msg, p->len, &p->src, &p->dst);
}

static void begin(void)
{
	world_init(&w);
}

static void stand(void)
{
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_TRUE(world_data(&w));
}

/* ---- one octet wrong */

struct flip {
	uint8_t type, mask;
	size_t at;
	bool reached;
};

/* Where the last octet that counts ends: padding after the signature is ignored on
 * receipt (RFC 7401, section 5.2.1). */
static size_t meaning_ends(const struct packet *p)
{
	const struct hp_hip_tlv *last;
	struct hp_hip_msg m;

	if (hp_hip_parse(p->msg, p->len, &m) || !m.params.n)
		return p->len;
	last = &m.params.tlv[m.params.n - 1];
	return (size_t)last->off + last->len;
}

static enum fate flip_octet(struct world *world, const struct side *from,
			    struct packet *p)
{
	struct flip *f = world->arg;

	(void)from;
	if (p->msg[HP_HIP_OFF_TYPE] != f->type || f->at >= meaning_ends(p))
		return PASS;
	f->reached = true;
	p->msg[f->at] ^= f->mask;
	if (f->at / 2 != HP_HIP_OFF_CSUM / 2)
		resum(p);
	return PASS;
}

static const uint8_t masks[] = {0x01, 0x80, 0xff};

/* Every message of the type is altered at this octet, always.  True if the type was that
 * long. */
static bool exchange_with(struct flip *f)
{
	bool up;

	begin();
	w.s[0].cfg.encrypt_host_id = f->mask == 0x80;
	w.fate = flip_octet;
	w.arg = f;
	world_start(&w);
	up = world_connect(&w, 1200);
	if (f->type == HP_HIP_I1)
		CU_ASSERT_TRUE(!up || world_data(&w));
	/* The Responder is up when it sends R2. */
	if (f->type != HP_HIP_I1 && f->reached)
		CU_ASSERT_FALSE(up);
	if (f->type == HP_HIP_I2 && f->reached)
		CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_UP], 0);
	/* Nothing is signed about what anybody may have sent in the Initiator's name. */
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_NOTIFY], 0);
	if (f->type != HP_HIP_I1 && f->reached)
		CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_UP], 0);
	world_fini(&w);
	return f->reached;
}

static void no_altered_octet_is_believed(void)
{
	for (uint8_t type = HP_HIP_I1; type <= HP_HIP_R2; type++)
		for (size_t m = 0; m < sizeof(masks); m++)
			for (size_t at = 0;; at++) {
				struct flip f = {type, masks[m], at, false};

				if (!exchange_with(&f))
					break;
			}
}

/* Established ones: the altered message is dropped, the repeated one does its work. */
static void no_altered_octet_of_update_and_close_is_believed(void)
{
	static const uint8_t types[] = {HP_HIP_UPDATE, HP_HIP_CLOSE, HP_HIP_CLOSE_ACK};

	for (size_t t = 0; t < sizeof(types); t++)
		for (size_t at = 0;; at++) {
			struct flip f = {types[t], 0x10, at, false};

			begin();
			w.s[0].cfg.rekey_dh = true;
			stand();
			w.fate = flip_octet;
			w.arg = &f;
			if (types[t] == HP_HIP_UPDATE)
				hp_rekey_start(world_assoc(&w, 0));
			else
				hp_hip_close(world_assoc(&w, 0));
			world_run(&w, 700);
			if (f.reached && types[t] == HP_HIP_UPDATE) {
				CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_REKEYED], 0);
				CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 0);
			} else if (f.reached && types[t] == HP_HIP_CLOSE) {
				CU_ASSERT_TRUE(hp_assoc_state(world_assoc(&w, 1)) <=
					       HP_ESTABLISHED);
			} else if (f.reached) {
				CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 0)),
						HP_CLOSING);
			}
			world_fini(&w);
			if (!f.reached)
				break;
		}
}

/* ---- cut and mixed up */

/* The life of an association, every message kept. */
static void record_life(void)
{
	begin();
	w.keep = true;
	stand();
	hp_rekey_start(world_assoc(&w, 0));
	world_run(&w, 50);
	hp_hip_close(world_assoc(&w, 0));
	world_run(&w, 50);
	w.keep = false;
	CU_ASSERT_TRUE(w.n_kept >= 9);
}

static void give(const struct packet *p, const uint8_t *msg, size_t len)
{
	struct hp_path path = {.src = p->dst, .dst = p->src};
	uint8_t *exact = malloc(len ? len : 1);

	memcpy(exact, msg, len);
	hp_hip_input(w.s[p->to].hip, &path, exact, len);
	free(exact);
}

static void no_cut_message_does_harm(void)
{
	record_life();
	for (size_t k = 0; k < w.n_kept; k++)
		for (size_t len = 0; len <= w.kept[k]->len; len++) {
			struct packet p = *w.kept[k];

			give(&p, p.msg, len);
			if (len < HP_HIP_HLEN || len % 8)
				continue;
			p.msg[HP_HIP_OFF_HLEN] = (uint8_t)(len / 8 - 1);
			p.len = len;
			resum(&p);
			give(&p, p.msg, len);
		}
	world_run(&w, 100);
	world_fini(&w);
}

static void no_random_message_does_harm(void)
{
	record_life();
	for (int round = 0; round < 20000; round++) {
		struct packet p = *w.kept[(size_t)round % w.n_kept];
		uint8_t r[8];

		w.rand.fill(&w, r, sizeof(r));
		for (int i = 0; i < 1 + (r[0] & 3); i++) {
			uint8_t at[3];

			w.rand.fill(&w, at, 3);
			p.msg[(at[0] << 8 | at[1]) % p.len] = at[2];
		}
		p.msg[3] = 0x21;
		resum(&p);
		give(&p, p.msg, p.len);
		if (round % 100 == 0)
			world_run(&w, 5);
	}
	world_fini(&w);
}

/* ---- replays */

static const struct packet *kept(uint8_t type)
{
	for (size_t i = 0; i < w.n_kept; i++)
		if (w.kept[i]->msg[HP_HIP_OFF_TYPE] == type)
			return w.kept[i];
	return NULL;
}

static void replay(uint8_t type)
{
	const struct packet *p = kept(type);

	give(p, p->msg, p->len);
	world_run(&w, 5);
}

static void a_replayed_i2_changes_nothing_while_established(void)
{
	uint32_t spi;

	begin();
	w.keep = true;
	stand();
	spi = hp_assoc_sa_out(world_assoc(&w, 0))->spi;
	for (int i = 0; i < 5; i++)
		replay(HP_HIP_I2);
	/* Answered with the same R2. */
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_R2], 6);
	CU_ASSERT_EQUAL(hp_assoc_sa_out(world_assoc(&w, 0))->spi, spi);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 0);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void a_replayed_i2_makes_no_association(void)
{
	begin();
	w.keep = true;
	stand();
	hp_hip_close(world_assoc(&w, 1));
	world_run(&w, 50);
	CU_ASSERT_PTR_NULL(world_assoc(&w, 1));
	replay(HP_HIP_I2);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_REPLAY), 1);
	CU_ASSERT_PTR_NULL(world_assoc(&w, 1));
	/* Much later the R1 itself is gone, and with it the memory of its solutions. */
	world_run(&w, 500000);
	replay(HP_HIP_I2);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_PUZZLE_OLD), 1);
	CU_ASSERT_PTR_NULL(world_assoc(&w, 1));
	world_fini(&w);
}

static void an_i2_does_not_outlive_a_restart(void)
{
	begin();
	w.keep = true;
	stand();
	world_restart(&w, 1);
	replay(HP_HIP_I2);
	CU_ASSERT_PTR_NULL(world_assoc(&w, 1));
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_PUZZLE_OLD), 1);
	world_fini(&w);
}

static void all_else_replayed_changes_nothing(void)
{
	static const uint8_t types[] = {HP_HIP_R1, HP_HIP_R2, HP_HIP_UPDATE};
	uint32_t spi;

	begin();
	w.keep = true;
	stand();
	hp_rekey_start(world_assoc(&w, 0));
	world_run(&w, 20);
	spi = hp_assoc_sa_out(world_assoc(&w, 0))->spi;
	for (size_t i = 0; i < 3; i++)
		replay(types[i]);
	for (size_t i = 0, n = w.n_kept; i < n; i++)
		give(w.kept[i], w.kept[i]->msg, w.kept[i]->len);
	world_run(&w, 3000);
	CU_ASSERT_EQUAL(hp_assoc_sa_out(world_assoc(&w, 0))->spi, spi);
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_REKEYED], 1);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 1);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void a_close_of_an_earlier_life_is_refused(void)
{
	begin();
	w.keep = true;
	stand();
	hp_hip_close(world_assoc(&w, 0));
	world_run(&w, 50);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	replay(HP_HIP_CLOSE);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_MAC), 1);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* An R1 of an earlier generation, sent in answer to a new I1. */
static void an_old_r1_is_refused(void)
{
	begin();
	w.s[1].cfg.r1_lifetime_s = 5;
	w.keep = true;
	stand();
	hp_hip_close(world_assoc(&w, 1));
	world_run(&w, 20);
	world_run(&w, 7000);
	/* The next exchange teaches the Initiator the new generation. */
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_TRUE(world_data(&w));
	hp_hip_close(world_assoc(&w, 1));
	world_run(&w, 20);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 0)), HP_CLOSED);
	hp_hip_connect(w.s[0].hip, NULL, &w.s[1].hit, &w.s[1].addr, 1);
	give(kept(HP_HIP_R1), kept(HP_HIP_R1)->msg, kept(HP_HIP_R1)->len);
	CU_ASSERT_EQUAL(world_counted(&w, 0, HP_HIPD_R1_COUNTER), 1);
	world_run(&w, 20);
	CU_ASSERT_TRUE(world_up(&w));
	world_fini(&w);
}

/* ---- forged */

static enum fate wrong_j(struct world *world, const struct side *from, struct packet *p)
{
	struct hp_hip_msg m;
	const struct hp_hip_tlv *t;

	(void)world;
	(void)from;
	if (p->msg[HP_HIP_OFF_TYPE] != HP_HIP_I2 || hp_hip_parse(p->msg, p->len, &m))
		return PASS;
	t = hp_hip_param_find(&m, HP_PARAM_SOLUTION, 0);
	p->msg[t->off + t->len - 1] ^= 0x5a;
	resum(p);
	return PASS;
}

static void a_wrong_solution_costs_no_public_key_work(void)
{
	begin();
	w.s[1].cfg.puzzle_k = 10;
	w.fate = wrong_j;
	world_start(&w);
	CU_ASSERT_FALSE(world_connect(&w, 5000));
	CU_ASSERT_TRUE(world_counted(&w, 1, HP_HIPD_PUZZLE_WRONG) >= 3);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_MAC), 0);
	world_fini(&w);
}

/* Somebody between cuts the better group out of I1. */
static enum fate cut_group(struct world *world, const struct side *from, struct packet *p)
{
	struct hp_hip_builder b;
	struct hp_addr src, dst;
	uint8_t group = HP_DH_P256;

	(void)world;
	(void)from;
	if (p->msg[HP_HIP_OFF_TYPE] != HP_HIP_I1)
		return PASS;
	src = hp_addr_from6(p->msg + HP_HIP_OFF_SRC);
	dst = hp_addr_from6(p->msg + HP_HIP_OFF_DST);
	hp_hip_begin(&b, p->msg, sizeof(p->msg), HP_HIP_I1, 0, &src, &dst);
	hp_hip_add_u8list(&b, HP_PARAM_DH_GROUP_LIST, &group, 1);
	p->len = (size_t)hp_hip_finish(&b);
	resum(p);
	return PASS;
}

static void a_downgrade_of_the_group_is_noticed(void)
{
	begin();
	for (int i = 0; i < 2; i++) {
		w.s[i].cfg.dh_groups[0] = HP_DH_P384;
		w.s[i].cfg.dh_groups[1] = HP_DH_P256;
		w.s[i].cfg.n_dh_groups = 2;
	}
	w.fate = cut_group;
	world_start(&w);
	CU_ASSERT_FALSE(world_connect(&w, 2000));
	CU_ASSERT_TRUE(world_counted(&w, 0, HP_HIPD_DOWNGRADE) >= 2);
	world_fini(&w);
}

static void add_critical(struct packet *p, uint16_t type)
{
	hp_put16(p->msg + p->len, type);
	hp_put16(p->msg + p->len + 2, 4);
	memset(p->msg + p->len + 4, 0, 4);
	p->len += 8;
	p->msg[HP_HIP_OFF_HLEN]++;
	resum(p);
}

static void an_unknown_critical_parameter_is_refused_and_told(void)
{
	struct packet p;

	begin();
	w.keep = true;
	stand();
	hp_rekey_start(world_assoc(&w, 0));
	world_run(&w, 20);
	p = *kept(HP_HIP_UPDATE);
	add_critical(&p, 65001);
	give(&p, p.msg, p.len);
	world_run(&w, 5);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_CRITICAL), 1);
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_NOTIFY], 1);
	CU_ASSERT_EQUAL(world_counted(&w, 0, HP_HIPC_NOTIFY_IN), 1);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* A NOTIFY without a right signature, in the middle of an exchange. */
static void a_forged_notify_changes_no_state(void)
{
	struct hp_notification n = {HP_NOTIFY_BLOCKED_BY_POLICY, NULL, 0};
	struct packet p = {.to = 0};
	struct hp_hip_builder b;

	begin();
	world_start(&w);
	hp_hip_connect(w.s[0].hip, NULL, &w.s[1].hit, &w.s[1].addr, 1);
	p.src = w.s[1].addr;
	p.dst = w.s[0].addr;
	hp_hip_begin(&b, p.msg, sizeof(p.msg), HP_HIP_NOTIFY, 0, &w.s[1].hit,
		     &w.s[0].hit);
	hp_hip_add_notification(&b, &n);
	p.len = (size_t)hp_hip_finish(&b);
	resum(&p);
	give(&p, p.msg, p.len);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 0)), HP_I1_SENT);
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_FAILED], 0);
	world_run(&w, 20);
	CU_ASSERT_TRUE(world_up(&w));
	give(&p, p.msg, p.len);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* ---- a NOTIFY that the peer did sign, at another time */

static struct packet refusal;

/* The exchange takes a while; the attacker has a copy of the refusal ready at every moment. */
static enum fate far_away(struct world *world, const struct side *from, struct packet *p)
{
	(void)world, (void)from, (void)p;
	return LATE;
}

static void keep_a_refusal(void)
{
	begin();
	w.s[1].accept_err = -EPERM;
	w.keep = true;
	world_start(&w);
	CU_ASSERT_FALSE(world_connect(&w, 50));
	refusal = *kept(HP_HIP_NOTIFY);
	world_fini(&w);
}

static void a_refusal_of_another_time_stops_no_exchange(void)
{
	for (int lossy = 0; lossy < 2; lossy++) {
		keep_a_refusal();
		begin();
		w.fate = far_away;
		/* The verifications of its signature take longer than it takes to send one more. */
		w.slow_jobs = lossy;
		w.job_delay_ms = 3;
		world_start(&w);
		hp_hip_connect(w.s[0].hip, NULL, &w.s[1].hit, &w.s[1].addr, 1);
		for (int ms = 0; ms < 3000 && !world_up(&w); ms++) {
			give(&refusal, refusal.msg, refusal.len);
			world_run(&w, 1);
		}
		CU_ASSERT_TRUE(world_up(&w));
		CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_FAILED], 0);
		/* It took one of each message: nothing had to be repeated. */
		CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I2], 1);
		CU_ASSERT_TRUE(world_data(&w));
		world_fini(&w);
	}
}

/* From I2 on the Responder's policy refuses; arg: whether the I2's signature is spoiled. */
static enum fate refused_i2(struct world *world, const struct side *from, struct packet *p)
{
	const bool *spoil = world->arg;

	(void)from;
	if (p->msg[HP_HIP_OFF_TYPE] != HP_HIP_I2)
		return PASS;
	world->s[1].accept_err = -EPERM;
	if (*spoil)
		p->msg[meaning_ends(p) - 1] ^= 1;
	resum(p);
	return PASS;
}

/* A Responder that refuses asks who it is first, and tells nobody else. */
static void a_refusal_goes_to_who_has_proved_its_hit(void)
{
	for (int i = 0; i < 2; i++) {
		bool spoil = i;

		begin();
		w.fate = refused_i2;
		w.arg = &spoil;
		world_start(&w);
		CU_ASSERT_FALSE(world_connect(&w, 50));
		CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_SIGNATURE), spoil);
		CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_POLICY), !spoil);
		CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_NOTIFY], !spoil);
		world_fini(&w);
	}
}

/* ---- an R1 that the attacker has got from the Responder */

struct stolen {
	struct hp_addr attacker;
	struct packet r1;
	unsigned i2_to_attacker;
};

/* What goes to the attacker ends there. */
static enum fate steal(struct world *world, const struct side *from, struct packet *p)
{
	struct stolen *t = world->arg;

	(void)from;
	if (!hp_addr_eq(&p->dst, &t->attacker))
		return PASS;
	if (p->msg[HP_HIP_OFF_TYPE] == HP_HIP_R1)
		t->r1 = *p;
	t->i2_to_attacker += p->msg[HP_HIP_OFF_TYPE] == HP_HIP_I2;
	return LOSE;
}

/* The attacker asks in the victim's name, from his own address. */
static void steal_r1(struct stolen *t)
{
	struct packet p = {.to = 1, .src = t->attacker, .dst = w.s[1].addr};
	struct hp_hip_builder b;

	hp_hip_begin(&b, p.msg, sizeof(p.msg), HP_HIP_I1, 0, &w.s[0].hit, &w.s[1].hit);
	hp_hip_add_u8list(&b, HP_PARAM_DH_GROUP_LIST, w.s[0].cfg.dh_groups,
			  w.s[0].cfg.n_dh_groups);
	p.len = (size_t)hp_hip_finish(&b);
	resum(&p);
	give(&p, p.msg, p.len);
	CU_ASSERT_FATAL(t->r1.len > 0);
	t->r1.to = 0;
	t->r1.dst = w.s[0].addr;
}

/* source: the attacker's own address, or the Responder's, forged.  Milliseconds until the
 * association stands, 0: never. */
static unsigned exchange_beside(struct stolen *t, const struct hp_addr *source, unsigned attack_ms)
{
	unsigned ms;

	hp_hip_connect(w.s[0].hip, NULL, &w.s[1].hit, &w.s[1].addr, 1);
	t->r1.src = *source;
	resum(&t->r1);
	for (ms = 1; ms < 20000; ms++) {
		if (ms <= attack_ms)
			give(&t->r1, t->r1.msg, t->r1.len);
		world_run(&w, 1);
		if (world_up(&w))
			return ms;
	}
	return 0;
}

static void begin_theft(struct stolen *t)
{
	memset(t, 0, sizeof(*t));
	hp_addr_parse("203.0.113.66", &t->attacker);
	begin();
	w.fate = steal;
	w.arg = t;
	world_start(&w);
	world_run(&w, 5);
	steal_r1(t);
}

static void a_foreign_r1_takes_no_exchange_away(void)
{
	static struct stolen t;
	unsigned ms;

	begin_theft(&t);
	/* Before the Responder's own, as long as the exchange lasts. */
	ms = exchange_beside(&t, &t.attacker, 20000);
	CU_ASSERT(ms && ms < 50);
	CU_ASSERT_EQUAL(t.i2_to_attacker, 0);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* With the Responder's source address forged: the exchange stands soon after the attack has
 * ended, and a short one costs one repetition. */
static void a_forged_r1_costs_moments(void)
{
	static struct stolen t;
	unsigned ms;

	begin_theft(&t);
	ms = exchange_beside(&t, &w.s[1].addr, 1);
	CU_ASSERT(ms && ms < 4000);
	world_fini(&w);
	begin_theft(&t);
	ms = exchange_beside(&t, &w.s[1].addr, 3000);
	CU_ASSERT(ms > 3000 && ms < 8000);
	CU_ASSERT_EQUAL(t.i2_to_attacker, 0);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* A host that signs with its own key under another's HIT. */
static void a_stolen_hit_is_refused(void)
{
	for (int thief = 0; thief < 2; thief++) {
		struct hp_addr victim = *hp_key_hit(world_key(HP_KEY_P384, 0));
		struct hp_list *n;

		begin();
		world_start(&w);
		n = hp_list_first(&w.s[thief].hip->identities);
		HP_CONTAINER(n, struct hp_identity, node)->hit = victim;
		hp_r1_retire_all(w.s[thief].hip,
				 HP_CONTAINER(n, struct hp_identity, node));
		hp_r1_make_all(w.s[thief].hip, HP_CONTAINER(n, struct hp_identity, node));
		w.s[thief].hit = victim;
		CU_ASSERT_FALSE(world_connect(&w, 3000));
		CU_ASSERT_TRUE(world_counted(&w, !thief, HP_HIPD_HIT) > 0);
		CU_ASSERT_EQUAL(w.s[!thief].events[HP_HIP_UP], 0);
		world_fini(&w);
	}
}

static enum fate lose_r2(struct world *world, const struct side *from, struct packet *p)
{
	(void)world;
	(void)from;
	return p->msg[HP_HIP_OFF_TYPE] == HP_HIP_R2 ? LOSE : PASS;
}

/* Rightly signed by the right host for the right HIT, but of another exchange: the MAC.
 */
static void an_r2_of_another_exchange_is_refused(void)
{
	begin();
	w.keep = true;
	stand();
	world_restart(&w, 0);
	w.keep = false;
	w.fate = lose_r2;
	world_connect(&w, 30);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 0)), HP_I2_SENT);
	replay(HP_HIP_R2);
	CU_ASSERT_EQUAL(world_counted(&w, 0, HP_HIPD_MAC), 1);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 0)), HP_I2_SENT);
	world_fini(&w);
}

static void a_close_ack_must_answer_our_close(void)
{
	begin();
	stand();
	hp_hip_close(world_assoc(&w, 0));
	world_assoc(&w, 0)->closing.echo[3] ^= 1;
	world_run(&w, 50);
	CU_ASSERT_EQUAL(world_counted(&w, 0, HP_HIPD_ECHO), 1);
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 0)), HP_CLOSING);
	world_fini(&w);
}

static void a_flood_of_i1_is_answered_in_part_and_remembered_not_at_all(void)
{
	struct packet p;

	begin();
	w.keep = true;
	w.s[1].cfg.r1_per_s = 10;
	stand();
	p = *kept(HP_HIP_I1);
	for (int i = 0; i < 1000; i++) {
		p.msg[HP_HIP_OFF_SRC + 15]++;
		p.msg[HP_HIP_OFF_SRC + 14] = (uint8_t)(i >> 4);
		resum(&p);
		give(&p, p.msg, p.len);
	}
	CU_ASSERT_TRUE(world_counted(&w, 1, HP_HIPD_RATE) > 900);
	CU_ASSERT_EQUAL(hp_hip_count(w.s[1].hip), 1);
	world_fini(&w);
}

/* ---- another version of HIP */

static unsigned problems;
static struct hp_path problem_path;
static size_t problem_at;

static void on_problem(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len,
		       size_t at)
{
	(void)ctx, (void)msg, (void)len;
	problems++;
	problem_path = *path;
	problem_at = at;
}

static void give_version(uint8_t version, size_t len)
{
	struct packet p = *kept(HP_HIP_I1);

	p.msg[3] = (uint8_t)(version << 4 | 1);
	give(&p, p.msg, len);
}

static void another_version_is_answered_with_the_place_of_its_number(void)
{
	begin();
	w.keep = true;
	w.s[1].ops.problem = on_problem;
	problems = 0;
	stand();
	for (uint8_t v = 0; v < 16; v++)
		if (v != 2)
			give_version(v, kept(HP_HIP_I1)->len);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_VERSION), 15);
	CU_ASSERT(problems >= 5 && problems <= 10);
	CU_ASSERT_EQUAL(problem_at, 3);
	CU_ASSERT(hp_addr_eq(&problem_path.dst, &w.s[0].addr));
	/* Too short to have a version; or an I1 as it should be. */
	world_run(&w, 5000);
	problems = 0;
	give_version(1, 39);
	give_version(2, kept(HP_HIP_I1)->len);
	CU_ASSERT_EQUAL(problems, 0);
	/* A flood gets a few. */
	for (int i = 0; i < 5000; i++) {
		give_version(1, kept(HP_HIP_I1)->len);
		world_run(&w, 1);
	}
	CU_ASSERT(problems > 10 && problems < 50);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static const struct hp_test tests[] = {
	HP_TEST(another_version_is_answered_with_the_place_of_its_number),
	HP_TEST(no_altered_octet_is_believed),
	HP_TEST(no_altered_octet_of_update_and_close_is_believed),
	HP_TEST(no_cut_message_does_harm),
	HP_TEST(no_random_message_does_harm),
	HP_TEST(a_replayed_i2_changes_nothing_while_established),
	HP_TEST(a_replayed_i2_makes_no_association),
	HP_TEST(an_i2_does_not_outlive_a_restart),
	HP_TEST(all_else_replayed_changes_nothing),
	HP_TEST(a_close_of_an_earlier_life_is_refused),
	HP_TEST(an_old_r1_is_refused),
	HP_TEST(a_wrong_solution_costs_no_public_key_work),
	HP_TEST(a_downgrade_of_the_group_is_noticed),
	HP_TEST(an_unknown_critical_parameter_is_refused_and_told),
	HP_TEST(a_forged_notify_changes_no_state),
	HP_TEST(a_refusal_of_another_time_stops_no_exchange),
	HP_TEST(a_refusal_goes_to_who_has_proved_its_hit),
	HP_TEST(a_foreign_r1_takes_no_exchange_away),
	HP_TEST(a_forged_r1_costs_moments),
	HP_TEST(a_stolen_hit_is_refused),
	HP_TEST(an_r2_of_another_exchange_is_refused),
	HP_TEST(a_close_ack_must_answer_our_close),
	HP_TEST(a_flood_of_i1_is_answered_in_part_and_remembered_not_at_all),
	HP_TEST_END};

int main(int argc, char **argv)
{
	int ret;

	hp_log_level_all(HP_LOG_ERROR);
	ret = hp_test_main("hostile", tests, argc, argv);
	world_keys_free();
	return ret;
}
