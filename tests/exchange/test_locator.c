/* SPDX-License-Identifier: MIT
 *
 * Addresses that a peer announces: LOCATOR_SET in UPDATE, alone, with new SAs, inside ENCRYPTED,
 * and in R1.  What does not answer there does no harm.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "hip/rekey.h"
#include "crypto/cipher.h"
#include "hip/assoc.h"
#include "hip/secrets.h"
#include "hip/sign.h"
#include "hip/updatesend.h"
#include "world.h"

#define MOVED  "192.0.2.77"
#define SILENT "192.0.2.99"

static struct world w;
static struct hp_addr silent; /* nothing arrives there, nor at the n_silent - 1 that follow */
static unsigned n_silent, to_silent, asked_elsewhere;

static bool has(const struct packet *p, uint16_t type)
{
	struct hp_hip_msg m;

	return !hp_hip_parse(p->msg, p->len, &m) && hp_hip_param_find(&m, type, 0);
}

static bool is_silent(const struct hp_addr *addr)
{
	return !memcmp(addr->b, silent.b, 15) && addr->b[15] >= silent.b[15] &&
	       addr->b[15] < silent.b[15] + n_silent;
}

static enum fate network(struct world *world, const struct side *from, struct packet *p)
{
	(void)world;
	(void)from;
	if (is_silent(&p->dst)) {
		to_silent++;
		return LOSE;
	}
	if (to_silent && has(p, HP_PARAM_ECHO_REQUEST_SIGNED))
		asked_elsewhere++;
	return PASS;
}

static void begin(void)
{
	world_init(&w);
	hp_addr_parse(SILENT, &silent);
	to_silent = asked_elsewhere = 0;
	n_silent = 1;
	w.fate = network;
}

static void stand(void)
{
	world_start(&w);
	CU_ASSERT_TRUE_FATAL(world_connect(&w, 50));
	CU_ASSERT_TRUE(world_data(&w));
}

static struct hp_locator locator(const char *addr, bool preferred)
{
	struct hp_locator l = {
		.type = HP_LOCATOR_ADDR, .preferred = preferred, .lifetime_s = UINT32_MAX};

	hp_addr_parse(addr, &l.addr);
	return l;
}

/* The path that side 1 uses leads there. */
static bool path_is(const char *addr)
{
	struct hp_addr at;

	hp_addr_parse(addr, &at);
	return hp_addr_eq(&hp_assoc_path(world_assoc(&w, 1))->dst, &at);
}

/* Side 0 has another address from now on. */
static void move_to(const char *addr)
{
	hp_addr_parse(addr, &w.s[0].addr);
	memset(&world_assoc(&w, 0)->path.src, 0, 16);
}

static void sent_seq(struct hp_hip *hip, struct hp_assoc *a, uint8_t *msg, size_t len,
		     const struct hp_path *path)
{
	(void)hip;
	hp_update_transmit(a, path, msg, len);
}

/* The set as a parameter, or inside ENCRYPTED. */
static void add_set(struct hp_hip_builder *b, const struct hp_locator *l, size_t n)
{
	hp_hip_add_locators(b, l, n);
}

static void add_encrypted_set(struct hp_hip_builder *b, const struct hp_locator *l, size_t n)
{
	const struct hp_secrets *s = world_assoc(&w, 0)->sas.cur;
	const struct hp_cipher *c = hp_cipher_find(s->cipher);
	uint8_t plain[512], iv[HP_CIPHER_BLOCK_MAX] = {7};
	struct hp_hip_builder inside;
	struct hp_encrypted e = {.iv = iv, .data = plain};
	int len;

	hp_hip_begin_list(&inside, plain, sizeof(plain));
	hp_hip_add_locators(&inside, l, n);
	len = hp_hip_finish(&inside);
	e.len = ((size_t)len / c->block + 1) * c->block;
	memset(plain + len, (int)(e.len - (size_t)len), e.len - (size_t)len);
	CU_ASSERT_EQUAL(hp_cipher_encrypt(c, s->hip.out.enc, iv, plain, e.len, plain), 0);
	hp_hip_add_encrypted(b, &e, c->iv_len);
}

/* UPDATE of side 0 with locators; ei may be NULL. */
static void announce(const struct hp_esp_info *ei, const struct hp_locator *l, size_t n,
		     bool encrypted)
{
	struct hp_assoc *a = world_assoc(&w, 0);
	struct hp_hip_builder b;
	uint8_t msg[HP_HIP_MAX];

	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_UPDATE, 0, &a->local, &a->peer);
	if (ei)
		hp_hip_add_esp_info(&b, ei);
	if (!encrypted)
		add_set(&b, l, n);
	hp_hip_add_seq(&b, hp_update_claim(a));
	if (encrypted)
		add_encrypted_set(&b, l, n);
	a->rk.update_id = a->seq.out_id;
	CU_ASSERT_EQUAL(hp_sign_start(w.s[0].hip, a, a->id, &b, &a->path, true, sent_seq), 0);
}

/* The same with new SAs, as RFC 8046, section 3.2.2, has it. */
static void announce_and_rekey(const struct hp_locator *l, size_t n, bool encrypted)
{
	struct hp_assoc *a = world_assoc(&w, 0);
	struct hp_esp_info ei = {(uint16_t)a->sas.cur->km_next, a->sas.in->spi, 0x77777777};

	a->rk.by = HP_REKEY_OURS;
	a->rk.started_ms = w.now_us / 1000;
	a->rk.my_idx = ei.keymat_idx;
	a->rk.spi_in = ei.new_spi;
	announce(&ei, l, n, encrypted);
}

static void run_with_data(unsigned ms)
{
	while (ms--) {
		world_run(&w, 1);
		if (ms % 10 == 0)
			CU_ASSERT_TRUE(world_data(&w));
	}
}

static void no_other_exchange(void)
{
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1] + w.s[1].sent[HP_HIP_I1], 1);
	CU_ASSERT_TRUE(world_data(&w));
}

/* ---- an address that answers */

static void a_move_with_new_sas_is_followed_once_it_answered(void)
{
	struct hp_locator l = locator(MOVED, true);

	l.type = HP_LOCATOR_SPI_ADDR;
	l.spi = 0x77777777;

	for (int encrypted = 0; encrypted < 2; encrypted++) {
		begin();
		stand();
		move_to(MOVED);
		announce_and_rekey(&l, 1, encrypted);
		world_run(&w, 1);
		CU_ASSERT_FALSE(path_is(MOVED));
		run_with_data(100);
		CU_ASSERT_TRUE(path_is(MOVED));
		CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_PATH_CHANGED], 1);
		for (int at = 0; at < 2; at++)
			CU_ASSERT_EQUAL(world_counted(&w, at, HP_HIPC_REKEYS), 1);
		CU_ASSERT_EQUAL(hp_assoc_sa_out(world_assoc(&w, 1))->spi, 0x77777777);
		/* RFC 8046, figure 4: three messages. */
		CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_UPDATE] + w.s[1].sent[HP_HIP_UPDATE], 3);
		no_other_exchange();
		world_fini(&w);
	}
}

static void a_locator_inside_encrypted_is_followed(void)
{
	struct hp_locator l = locator(MOVED, true);

	begin();
	stand();
	move_to(MOVED);
	announce(NULL, &l, 1, true);
	run_with_data(100);
	CU_ASSERT_TRUE(path_is(MOVED));
	no_other_exchange();
	world_fini(&w);
}

/* A move crosses a rekeying that the other end has begun; its UPDATE goes to where the peer is. */
static enum fate old_address_is_gone(struct world *world, const struct side *from,
				     struct packet *p)
{
	struct hp_addr before;

	(void)world;
	hp_addr_parse("192.0.2.1", &before);
	return from->at == 1 && hp_addr_eq(&p->dst, &before) ? LOSE : PASS;
}

static void a_move_during_our_own_rekeying_is_followed(void)
{
	struct hp_locator l = locator(MOVED, true);

	begin();
	stand();
	w.fate = old_address_is_gone;
	CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&w, 1)), 0);
	run_with_data(100);
	move_to(MOVED);
	announce(NULL, &l, 1, false);
	run_with_data(2000);
	CU_ASSERT_TRUE(path_is(MOVED));
	for (int at = 0; at < 2; at++)
		CU_ASSERT_EQUAL(world_counted(&w, at, HP_HIPC_REKEYS), 1);
	no_other_exchange();
	world_fini(&w);
}

/* ---- one that does not */

static void nothing_is_torn_down(void)
{
	CU_ASSERT_TRUE(to_silent > 0);
	CU_ASSERT_EQUAL(asked_elsewhere, 0);
	CU_ASSERT_TRUE(path_is("192.0.2.1"));
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_DOWN] + w.s[1].events[HP_HIP_DOWN], 0);
	no_other_exchange();
}

static void a_silent_locator_tears_nothing_down(void)
{
	struct hp_locator l[] = {locator("192.0.2.1", false), locator(SILENT, true)};

	for (size_t n = 1; n <= 2; n++) {
		begin();
		stand();
		announce(NULL, l + 2 - n, n, false);
		run_with_data(60000);
		nothing_is_torn_down();
		world_fini(&w);
	}
}

/* The nonce is sent to the announced address and nowhere else: an answer must prove something. */
static void a_silent_locator_does_not_keep_new_sas_away(void)
{
	struct hp_locator l = locator(SILENT, true);

	for (int encrypted = 0; encrypted < 2; encrypted++) {
		begin();
		stand();
		announce_and_rekey(&l, 1, encrypted);
		run_with_data(20000);
		for (int at = 0; at < 2; at++)
			CU_ASSERT_EQUAL(world_counted(&w, at, HP_HIPC_REKEYS), 1);
		nothing_is_torn_down();
		world_fini(&w);
	}
}

/* The UPDATE seems to come from elsewhere: the answer goes there, and to where the peer was. */
static enum fate from_elsewhere(struct world *world, const struct side *from, struct packet *p)
{
	if (!from->at && p->msg[HP_HIP_OFF_TYPE] == HP_HIP_UPDATE && has(p, HP_PARAM_SEQ)) {
		p->src = silent;
		hp_hip_checksum_set(p->msg, p->len, &p->src, &p->dst);
	}
	return network(world, from, p);
}

static void an_update_from_a_wrong_source_does_not_keep_new_sas_away(void)
{
	begin();
	stand();
	w.fate = from_elsewhere;
	CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&w, 0)), 0);
	run_with_data(1000);
	for (int at = 0; at < 2; at++)
		CU_ASSERT_EQUAL(world_counted(&w, at, HP_HIPC_REKEYS), 1);
	nothing_is_torn_down();
	world_fini(&w);
}

/* Several that do not answer delay new SAs no more than one. */
static void many_silent_locators_delay_new_sas_no_more_than_one(void)
{
	struct hp_locator l[4];

	begin();
	stand();
	for (int i = 0; i < 4; i++) {
		l[i] = locator(SILENT, i == 2);
		l[i].addr.b[15] = (uint8_t)(99 + i);
	}
	n_silent = 4;
	announce_and_rekey(l, 4, false);
	run_with_data(9000);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPC_REKEYS), 1);
	no_other_exchange();
	world_fini(&w);
}

static void a_silent_locator_announced_during_our_own_rekeying_does_no_harm(void)
{
	struct hp_locator l = locator(SILENT, true);

	begin();
	w.slow_jobs = true;
	stand();
	w.job_delay_ms = 20;
	announce(NULL, &l, 1, false);
	CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&w, 1)), 0);
	run_with_data(30000);
	for (int at = 0; at < 2; at++)
		CU_ASSERT_EQUAL(world_counted(&w, at, HP_HIPC_REKEYS), 1);
	nothing_is_torn_down();
	world_fini(&w);
}

/* It is asked again, but seldom. */
static void a_silent_locator_is_asked_ever_more_seldom(void)
{
	struct hp_locator l = locator(SILENT, true);
	unsigned first;

	begin();
	stand();
	announce(NULL, &l, 1, false);
	run_with_data(10000);
	first = to_silent;
	run_with_data(590000);
	CU_ASSERT_TRUE(to_silent > first);
	CU_ASSERT_TRUE(to_silent <= 6 * first);
	nothing_is_torn_down();
	/* Now it is there. */
	n_silent = 0;
	move_to(SILENT);
	run_with_data(1000000);
	CU_ASSERT_TRUE(path_is(SILENT));
	no_other_exchange();
	world_fini(&w);
}

static void what_cannot_be_a_locator_is_not_asked(void)
{
	static const char *const bad[] = {"224.0.0.1", "255.255.255.255", "0.0.0.0", "::",
					  "ff02::1", "2001:20::7", "2001::7",
					  "2001:0:c000:25a::1"};
	struct hp_locator l;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin();
		stand();
		l = locator(bad[i], true);
		silent = l.addr;
		announce(NULL, &l, 1, false);
		run_with_data(1000);
		CU_ASSERT_EQUAL(to_silent, 0);
		CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_ADDRESS), 1);
		no_other_exchange();
		world_fini(&w);
	}
}

/* RFC 8046, section 4: each has a lifetime; we want data and messages; the SA must be ours. */
static void a_locator_that_is_not_for_our_data_is_not_asked(void)
{
	struct hp_locator all[3];

	for (size_t i = 0; i < 3; i++)
		all[i] = locator(SILENT, true);
	all[0].lifetime_s = 0;
	all[1].traffic = HP_LOCATOR_SIGNALING;
	all[2].type = HP_LOCATOR_SPI_ADDR;
	all[2].spi = 0x99999999;
	for (size_t i = 0; i < 3; i++) {
		begin();
		stand();
		announce(NULL, &all[i], 1, false);
		run_with_data(1000);
		CU_ASSERT_EQUAL(to_silent, 0);
		no_other_exchange();
		world_fini(&w);
	}
}

/* ---- several */

static void an_address_whose_lifetime_ends_is_left(void)
{
	struct hp_locator l[] = {locator(MOVED, true), locator("192.0.2.1", false)};

	begin();
	stand();
	l[0].lifetime_s = 20;
	announce(NULL, l, 2, false);
	run_with_data(1000);
	CU_ASSERT_TRUE(path_is(MOVED));
	run_with_data(25000);
	CU_ASSERT_TRUE(path_is("192.0.2.1"));
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_PATH_CHANGED], 2);
	no_other_exchange();
	world_fini(&w);
}

/* Section 5.3: who is not in the new set is deprecated; section 5.5: who has answered is used at
 * once. */
static void a_new_set_replaces_the_one_before(void)
{
	struct hp_locator l[] = {locator("192.0.2.1", false), locator(MOVED, true)};

	begin();
	stand();
	announce(NULL, l, 2, false);
	run_with_data(1000);
	CU_ASSERT_TRUE(path_is(MOVED));
	announce(NULL, l, 1, false);
	run_with_data(3000);
	CU_ASSERT_TRUE(path_is("192.0.2.1"));
	/* All are deprecated: there is nothing else, and it works. */
	announce(NULL, l, 0, false);
	run_with_data(3000);
	CU_ASSERT_TRUE(path_is("192.0.2.1"));
	no_other_exchange();
	world_fini(&w);
}

static void more_locators_than_there_is_room_for_do_no_harm(void)
{
	struct hp_locator l[30];
	char text[HP_ADDR_STRLEN];

	begin();
	stand();
	for (unsigned i = 0; i < 30; i++) {
		snprintf(text, sizeof(text), "192.0.2.%u", 100 + i);
		l[i] = locator(text, i == 3);
	}
	announce(NULL, l, 30, false);
	run_with_data(1000);
	CU_ASSERT_TRUE(path_is("192.0.2.103"));
	announce(NULL, l + 20, 10, false);
	run_with_data(3000);
	no_other_exchange();
	world_fini(&w);
}

static void a_set_that_is_cut_is_refused(void)
{
	struct hp_assoc *a;
	struct hp_hip_builder b;
	uint8_t msg[HP_HIP_MAX], half[12] = {0, 0, 4, 1, 0, 0, 0, 9, 192, 0, 2, 7};

	begin();
	stand();
	a = world_assoc(&w, 0);
	hp_hip_begin(&b, msg, sizeof(msg), HP_HIP_UPDATE, 0, &a->local, &a->peer);
	hp_hip_param(&b, HP_PARAM_LOCATOR_SET, half, sizeof(half));
	hp_hip_add_seq(&b, a->seq.next++);
	CU_ASSERT_EQUAL(hp_sign_start(w.s[0].hip, a, a->id, &b, &a->path, true, NULL), 0);
	run_with_data(100);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_MALFORMED), 1);
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_UPDATE], 0);
	no_other_exchange();
	world_fini(&w);
}

/* ---- R1 */

static void copy_params(struct hp_hip_builder *b, const struct hp_hip_msg *m, uint16_t from,
			uint16_t to)
{
	for (size_t i = 0; i < m->params.n; i++)
		if (m->params.tlv[i].type >= from && m->params.tlv[i].type < to)
			hp_hip_param(b, m->params.tlv[i].type, m->params.tlv[i].data,
				     m->params.tlv[i].len);
}

/* R1 prefers another address, signed anew. */
static enum fate r1_with_locator(struct world *world, const struct side *from, struct packet *p)
{
	uint8_t out[HP_HIP_MAX], scratch[HP_HIP_MAX], sig[HP_KEY_SIG_MAX];
	struct hp_signature s = {HP_HIALG_ECDSA, sig, 0};
	const struct hp_locator *l = world->arg;
	struct hp_hip_builder b;
	struct hp_hip_msg m;
	int n;

	if (p->msg[HP_HIP_OFF_TYPE] != HP_HIP_R1 || hp_hip_parse(p->msg, p->len, &m))
		return network(world, from, p);
	hp_hip_begin(&b, out, sizeof(out), HP_HIP_R1, 0, &m.src_hit, &m.dst_hit);
	copy_params(&b, &m, 0, HP_PARAM_LOCATOR_SET);
	hp_hip_add_locators(&b, l, 1);
	copy_params(&b, &m, HP_PARAM_LOCATOR_SET, HP_PARAM_HIP_SIGNATURE_2);
	n = hp_hip_finish(&b);
	n = hp_hip_covered_sig2(out, (size_t)n, (size_t)n, scratch);
	hp_key_sign(from->key, scratch, (size_t)n, sig, &s.len);
	hp_hip_add_signature(&b, HP_PARAM_HIP_SIGNATURE_2, &s);
	p->len = (size_t)hp_hip_finish(&b);
	memcpy(p->msg, out, p->len);
	hp_hip_checksum_set(p->msg, p->len, &p->src, &p->dst);
	return PASS;
}

static bool connect_with(struct hp_locator *l, unsigned ms)
{
	begin();
	w.arg = l;
	w.fate = r1_with_locator;
	w.keep = true;
	world_start(&w);
	return world_connect(&w, ms);
}

static const struct packet *i2_number(unsigned n)
{
	for (size_t i = 0; i < w.n_kept; i++)
		if (w.kept[i]->msg[HP_HIP_OFF_TYPE] == HP_HIP_I2 && !n--)
			return w.kept[i];
	return NULL;
}

static void i2_goes_to_the_locator_that_r1_prefers(void)
{
	struct hp_locator l = locator(MOVED, true);
	const struct packet *i2;

	CU_ASSERT_FALSE(connect_with(&l, 100));
	i2 = i2_number(0);
	CU_ASSERT_TRUE(i2 && hp_addr_eq(&i2->dst, &l.addr));
	/* The puzzle of our own Responder holds for the address that was asked. */
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_PUZZLE_OLD), 1);
	world_fini(&w);
}

static void i2_goes_where_i1_went_if_the_locator_of_r1_is_silent(void)
{
	struct hp_locator l = locator(SILENT, true);
	const struct packet *i2;

	CU_ASSERT_TRUE(connect_with(&l, 700));
	CU_ASSERT_EQUAL(to_silent, 1);
	i2 = i2_number(0);
	CU_ASSERT_TRUE(i2 && hp_addr_eq(&i2->dst, &l.addr));
	i2 = i2_number(1);
	CU_ASSERT_TRUE(i2 && hp_addr_eq(&i2->dst, &w.s[1].addr));
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static void a_teredo_address_that_r1_prefers_is_not_asked(void)
{
	struct hp_locator l = locator("2001:0:c000:25a::1", true);
	const struct packet *i2;

	CU_ASSERT_TRUE(connect_with(&l, 100));
	i2 = i2_number(0);
	CU_ASSERT_TRUE(i2 && hp_addr_eq(&i2->dst, &w.s[1].addr));
	world_fini(&w);
}

static void an_r1_without_a_preference_changes_nothing(void)
{
	struct hp_locator l = locator(SILENT, false);

	CU_ASSERT_TRUE(connect_with(&l, 100));
	CU_ASSERT_EQUAL(to_silent, 0);
	world_fini(&w);
	l = locator("224.0.0.1", true);
	CU_ASSERT_TRUE(connect_with(&l, 100));
	world_fini(&w);
}

static const struct hp_test tests[] = {
	HP_TEST(a_move_with_new_sas_is_followed_once_it_answered),
	HP_TEST(a_locator_inside_encrypted_is_followed),
	HP_TEST(a_move_during_our_own_rekeying_is_followed),
	HP_TEST(a_silent_locator_tears_nothing_down),
	HP_TEST(a_silent_locator_does_not_keep_new_sas_away),
	HP_TEST(an_update_from_a_wrong_source_does_not_keep_new_sas_away),
	HP_TEST(many_silent_locators_delay_new_sas_no_more_than_one),
	HP_TEST(a_silent_locator_announced_during_our_own_rekeying_does_no_harm),
	HP_TEST(a_silent_locator_is_asked_ever_more_seldom),
	HP_TEST(what_cannot_be_a_locator_is_not_asked),
	HP_TEST(a_locator_that_is_not_for_our_data_is_not_asked),
	HP_TEST(an_address_whose_lifetime_ends_is_left),
	HP_TEST(a_new_set_replaces_the_one_before),
	HP_TEST(more_locators_than_there_is_room_for_do_no_harm),
	HP_TEST(a_set_that_is_cut_is_refused),
	HP_TEST(i2_goes_to_the_locator_that_r1_prefers),
	HP_TEST(i2_goes_where_i1_went_if_the_locator_of_r1_is_silent),
	HP_TEST(a_teredo_address_that_r1_prefers_is_not_asked),
	HP_TEST(an_r1_without_a_preference_changes_nothing),
	HP_TEST_END};

int main(int argc, char **argv)
{
	int ret = hp_test_main("locator", tests, argc, argv);

	world_keys_free();
	return ret;
}
