/* SPDX-License-Identifier: MIT
 *
 * Echo requests in R1, I2, UPDATE and CLOSE are answered in I2, R2, the UPDATE that acknowledges,
 * and CLOSE_ACK (RFC 7401, sections 5.2.20 to 5.2.23).
 */
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "../harness.h"
#include "hip/rekey.h"
#include "forge.h"

static struct world w;

static void stand(void)
{
	world_init(&w);
	w.keep = true;
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 50));
}

static bool has(const struct packet *p, uint16_t type, unsigned nth, const void *data, size_t len)
{
	struct hp_hip_msg m;
	const struct hp_hip_tlv *t;

	if (!p || hp_hip_parse(p->msg, p->len, &m))
		return false;
	t = hp_hip_param_find(&m, type, nth);
	return t && t->len == len && !memcmp(t->data, data, len);
}

static unsigned count(const struct packet *p, uint16_t type)
{
	struct hp_hip_msg m;
	unsigned n = 0;

	if (!p || hp_hip_parse(p->msg, p->len, &m))
		return 99;
	while (hp_hip_param_find(&m, type, n))
		n++;
	return n;
}

/* "signed"; and "one", nothing, "second" unsigned: all in their order. */
static void append_unsigned(struct packet *p)
{
	forge_append(p, HP_PARAM_ECHO_REQUEST_UNSIGNED, "one", 3);
	forge_append(p, HP_PARAM_ECHO_REQUEST_UNSIGNED, "", 0);
	forge_append(p, HP_PARAM_ECHO_REQUEST_UNSIGNED, "second", 6);
}

static bool answered(const struct packet *p)
{
	return has(p, HP_PARAM_ECHO_RESPONSE_SIGNED, 0, "signed", 6) &&
	       has(p, HP_PARAM_ECHO_RESPONSE_UNSIGNED, 0, "one", 3) &&
	       has(p, HP_PARAM_ECHO_RESPONSE_UNSIGNED, 1, "", 0) &&
	       has(p, HP_PARAM_ECHO_RESPONSE_UNSIGNED, 2, "second", 6) &&
	       count(p, HP_PARAM_ECHO_RESPONSE_UNSIGNED) == 3;
}

struct asker {
	uint8_t type;
	int from;
};

/* Its first message of the type. */
static enum fate asking(struct world *world, const struct side *from, struct packet *p)
{
	const struct asker *who = world->arg;
	uint8_t type = p->msg[HP_HIP_OFF_TYPE];
	struct forge f;

	if (type != who->type || from->at != who->from || forge_kept(world, from->at, type))
		return PASS;
	forge_read(&f, p);
	/* CLOSE has one of its own, and the answer must fit that. */
	if (type != HP_HIP_CLOSE)
		forge_set(&f, HP_PARAM_ECHO_REQUEST_SIGNED, "signed", 6);
	forge_seal(&f, world, from->at, p);
	append_unsigned(p);
	return PASS;
}

static void an_exchange_echoes_both_ways(void)
{
	static const uint8_t asks[] = {HP_HIP_R1, HP_HIP_I2}, answers[] = {HP_HIP_I2, HP_HIP_R2};

	for (int i = 0; i < 2; i++) {
		struct asker who = {asks[i], !i};

		world_init(&w);
		w.keep = true;
		w.fate = asking;
		w.arg = &who;
		world_start(&w);
		CU_ASSERT_TRUE(world_connect(&w, 50));
		CU_ASSERT_TRUE(answered(forge_kept(&w, i, answers[i])));
		CU_ASSERT_TRUE(world_data(&w));
		world_fini(&w);
	}
}

static void update(struct forge *f, uint32_t id)
{
	uint8_t seq[4];

	forge_begin(f, &w, 0, HP_HIP_UPDATE);
	hp_put32(seq, id);
	forge_set(f, HP_PARAM_SEQ, seq, 4);
	forge_set(f, HP_PARAM_ECHO_REQUEST_SIGNED, "signed", 6);
}

static void give(const struct forge *f)
{
	struct packet p;

	forge_address(&w, 0, &p);
	forge_seal(f, &w, 0, &p);
	append_unsigned(&p);
	forge_deliver(&w, &p);
	world_run(&w, 5);
}

static void an_update_is_acknowledged_with_the_echo(void)
{
	struct forge f;

	stand();
	update(&f, 100);
	give(&f);
	CU_ASSERT_TRUE(answered(forge_kept(&w, 1, HP_HIP_UPDATE)));
	CU_ASSERT_EQUAL(count(forge_kept(&w, 1, HP_HIP_UPDATE), HP_PARAM_ACK), 1);
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_UPDATE], 1);
	/* Again: it was lost. */
	give(&f);
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_UPDATE], 2);
	CU_ASSERT_TRUE(answered(forge_kept(&w, 1, HP_HIP_UPDATE)));
	world_fini(&w);
}

static void one_that_asks_for_new_sas_too(void)
{
	for (int dh = 0; dh < 2; dh++) {
		struct asker who = {HP_HIP_UPDATE, 0};

		stand();
		w.s[0].cfg.rekey_dh = dh;
		hp_hip_reconfigure(w.s[0].hip, &w.s[0].cfg);
		w.fate = asking;
		w.arg = &who;
		hp_rekey_start(world_assoc(&w, 0));
		world_run(&w, 20);
		CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_REKEYED], 1);
		/* The first answer acknowledges, and has its own ESP_INFO. */
		CU_ASSERT_TRUE(answered(forge_kept(&w, 1, HP_HIP_UPDATE)));
		CU_ASSERT_TRUE(world_data(&w));
		world_fini(&w);
	}
}

/* Both ask for new SAs at once, and one asks for an echo besides. */
static void one_that_crosses_ours_too(void)
{
	struct asker who = {HP_HIP_UPDATE, 0};
	bool found = false;

	stand();
	w.fate = asking;
	w.arg = &who;
	hp_rekey_start(world_assoc(&w, 0));
	hp_rekey_start(world_assoc(&w, 1));
	world_run(&w, 20);
	for (size_t i = 0; i < w.n_kept; i++)
		found = found || (w.kept[i]->msg[HP_HIP_OFF_TYPE] == HP_HIP_UPDATE &&
				  answered(w.kept[i]));
	CU_ASSERT_TRUE(found);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* The answer goes to the new address, with a question of its own. */
static void one_that_announces_an_address_too(void)
{
	struct hp_locator l = {.type = HP_LOCATOR_SPI_ADDR, .preferred = true, .lifetime_s = 100};
	struct hp_esp_info ei;
	struct hp_hip_builder b;
	uint8_t buf[200];
	struct forge f;
	int len;

	stand();
	hp_addr_parse("192.0.2.77", &l.addr);
	l.spi = ei.old_spi = ei.new_spi = hp_assoc_sa_in(world_assoc(&w, 0))->spi;
	ei.keymat_idx = 0;
	hp_hip_begin_list(&b, buf, sizeof(buf));
	hp_hip_add_esp_info(&b, &ei);
	hp_hip_add_locators(&b, &l, 1);
	len = hp_hip_finish(&b);
	CU_ASSERT_FATAL(len > 0);
	update(&f, 100);
	forge_set(&f, HP_PARAM_ESP_INFO, buf + 4, 12);
	forge_set(&f, HP_PARAM_LOCATOR_SET, buf + 16 + 4, hp_get16(buf + 16 + 2));
	{
		struct packet p;

		forge_address(&w, 0, &p);
		p.src = l.addr;
		forge_seal(&f, &w, 0, &p);
		append_unsigned(&p);
		forge_deliver(&w, &p);
	}
	world_run(&w, 5);
	CU_ASSERT_TRUE(answered(forge_kept(&w, 1, HP_HIP_UPDATE)));
	CU_ASSERT_EQUAL(count(forge_kept(&w, 1, HP_HIP_UPDATE), HP_PARAM_ECHO_REQUEST_SIGNED), 1);
	world_fini(&w);
}

static void a_close_is_acknowledged_with_the_echo(void)
{
	struct asker who = {HP_HIP_CLOSE, 0};
	const struct packet *ack;

	stand();
	w.fate = asking;
	w.arg = &who;
	hp_hip_close(world_assoc(&w, 0));
	world_run(&w, 20);
	ack = forge_kept(&w, 1, HP_HIP_CLOSE_ACK);
	CU_ASSERT_TRUE(has(ack, HP_PARAM_ECHO_RESPONSE_UNSIGNED, 0, "one", 3));
	CU_ASSERT_TRUE(has(ack, HP_PARAM_ECHO_RESPONSE_UNSIGNED, 2, "second", 6));
	CU_ASSERT_EQUAL(count(ack, HP_PARAM_ECHO_RESPONSE_SIGNED), 1);
	CU_ASSERT_PTR_NULL(world_assoc(&w, 0));
	world_fini(&w);
}

/* ---- sizes */

/* Anybody on the way can add so much that the answer would be too long. */
static enum fate filling(struct world *world, const struct side *from, struct packet *p)
{
	static const uint8_t octets[HP_HIP_MAX];
	uint8_t type = p->msg[HP_HIP_OFF_TYPE];

	(void)world, (void)from;
	if (type == HP_HIP_I1 || type == HP_HIP_R2 || type == HP_HIP_CLOSE_ACK ||
	    p->len > HP_HIP_MAX - 64)
		return PASS;
	forge_append(p, HP_PARAM_ECHO_REQUEST_UNSIGNED, "small", 5);
	forge_append(p, HP_PARAM_ECHO_REQUEST_UNSIGNED, octets, HP_HIP_MAX - p->len - 4 - 16 - 4);
	forge_append(p, HP_PARAM_ECHO_REQUEST_UNSIGNED, "last", 4);
	return PASS;
}

static void what_does_not_fit_is_left_out(void)
{
	for (int rsa = 0; rsa < 2; rsa++) {
		world_init(&w);
		w.keep = true;
		w.fate = filling;
		/* The answers of a host with a longer key are longer. */
		if (rsa)
			w.s[0].key = world_key(HP_KEY_RSA, 0);
		world_start(&w);
		CU_ASSERT_TRUE(world_connect(&w, 200));
		CU_ASSERT_TRUE(has(forge_kept(&w, 0, HP_HIP_I2), HP_PARAM_ECHO_RESPONSE_UNSIGNED, 0,
				   "small", 5));
		CU_ASSERT_TRUE(world_data(&w));
		hp_rekey_start(world_assoc(&w, 0));
		world_run(&w, 50);
		CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 1);
		hp_hip_close(world_assoc(&w, 0));
		world_run(&w, 50);
		CU_ASSERT_PTR_NULL(world_assoc(&w, 0));
		world_fini(&w);
	}
}

/* ---- R2 was lost */

static enum fate another_nonce(struct world *world, const struct side *from, struct packet *p)
{
	char nonce[8];

	(void)from;
	if (p->msg[HP_HIP_OFF_TYPE] == HP_HIP_R2)
		return world->count < 3 ? LOSE : PASS;
	if (p->msg[HP_HIP_OFF_TYPE] != HP_HIP_I2)
		return PASS;
	snprintf(nonce, sizeof(nonce), "n%u", world->count++);
	forge_append(p, HP_PARAM_ECHO_REQUEST_UNSIGNED, nonce, 2);
	return PASS;
}

/* A middlebox asks anew with each I2; it is the same I2 all the same. */
static void a_repeated_i2_gets_the_answer_to_its_own_question(void)
{
	world_init(&w);
	w.keep = true;
	w.fate = another_nonce;
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 8000));
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], 1);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_UP], 1);
	CU_ASSERT_EQUAL(world_counted(&w, 1, HP_HIPD_REPLAY), 0);
	CU_ASSERT_TRUE(has(forge_kept(&w, 1, HP_HIP_R2), HP_PARAM_ECHO_RESPONSE_UNSIGNED, 0, "n2",
			   2));
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

static const struct hp_test tests[] = {
	HP_TEST(an_exchange_echoes_both_ways),
	HP_TEST(an_update_is_acknowledged_with_the_echo),
	HP_TEST(one_that_asks_for_new_sas_too),
	HP_TEST(one_that_crosses_ours_too),
	HP_TEST(one_that_announces_an_address_too),
	HP_TEST(a_close_is_acknowledged_with_the_echo),
	HP_TEST(what_does_not_fit_is_left_out),
	HP_TEST(a_repeated_i2_gets_the_answer_to_its_own_question),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret;

	hp_log_level_all(HP_LOG_ERROR);
	ret = hp_test_main("echo", tests, argc, argv);
	world_keys_free();
	return ret;
}
