/* SPDX-License-Identifier: MIT
 *
 * SPIs and KEYMAT indices of ESP_INFO, and locators, that can't be (RFC 7402, sections 5.1.1 and
 * 6.9; RFC 8046, sections 4 and 5.3): sealed rightly, by a peer with other ideas.
 */
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "../harness.h"
#include "forge.h"

static struct world w;
static uint32_t next_id;

static void stand(void)
{
	world_init(&w);
	w.keep = true;
	next_id = 100;
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_TRUE(world_data(&w));
}

/* The SPI to which side 1 sends. */
static uint32_t current(void)
{
	return hp_assoc_sa_out(world_assoc(&w, 1))->spi;
}

static void put_info(struct forge *f, uint16_t idx, uint32_t old_spi, uint32_t new_spi)
{
	uint8_t data[12] = {0};

	hp_put16(data + 2, idx);
	hp_put32(data + 4, old_spi);
	hp_put32(data + 8, new_spi);
	forge_set(f, HP_PARAM_ESP_INFO, data, 12);
}

static void begin_update(struct forge *f)
{
	uint8_t seq[4];

	forge_begin(f, &w, 0, HP_HIP_UPDATE);
	hp_put32(seq, next_id++);
	forge_set(f, HP_PARAM_SEQ, seq, 4);
}

static uint16_t index_now(void)
{
	return (uint16_t)world_assoc(&w, 1)->sas.cur->km_next;
}

/* What side 1 says to it: the reason counted, 0 if it has answered; with_info: an UPDATE with
 * ESP_INFO of its own. */
static int judged(const struct forge *f, bool *with_info)
{
	static const int reasons[] = {HP_HIPD_SPI, HP_HIPD_KEYMAT, HP_HIPD_MALFORMED,
				      HP_HIPD_MISSING};
	unsigned sent = w.s[1].sent[HP_HIP_UPDATE];
	uint64_t before[4];
	struct hp_hip_msg m;
	const struct packet *p;

	for (int i = 0; i < 4; i++)
		before[i] = world_counted(&w, 1, (enum hp_hip_count)reasons[i]);
	forge_give(f, &w, 0);
	world_run(&w, 1);
	for (int i = 0; i < 4; i++)
		if (world_counted(&w, 1, (enum hp_hip_count)reasons[i]) != before[i]) {
			CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_UPDATE], sent);
			return reasons[i];
		}
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_UPDATE], sent + 1);
	p = forge_kept(&w, 1, HP_HIP_UPDATE);
	*with_info = p && !hp_hip_parse(p->msg, p->len, &m) &&
		     hp_hip_param_find(&m, HP_PARAM_ESP_INFO, 0);
	return 0;
}

static int judge_spis(uint32_t old_spi, uint32_t new_spi, bool *with_info)
{
	struct forge f;

	begin_update(&f);
	put_info(&f, index_now(), old_spi, new_spi);
	return judged(&f, with_info);
}

static void spis_that_can_not_be_change_nothing(void)
{
	static const uint32_t ones[] = {0, 1, 255, 0xdeadbeef};
	bool info;
	uint32_t spi;

	stand();
	spi = current();
	/* OLD SPI is not one of the peer's. */
	CU_ASSERT_EQUAL(judge_spis(0xdeadbeef, 0x11112222, &info), HP_HIPD_SPI);
	CU_ASSERT_EQUAL(judge_spis(hp_assoc_sa_in(world_assoc(&w, 1))->spi, 0x11112222, &info),
			HP_HIPD_SPI);
	/* Neither old nor new is. */
	for (size_t i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(judge_spis(ones[i], ones[i], &info), HP_HIPD_SPI);
		CU_ASSERT_EQUAL(judge_spis(0xdeadbeef, ones[i], &info), HP_HIPD_SPI);
	}
	for (size_t i = 1; i < 3; i++)
		CU_ASSERT_EQUAL(judge_spis(spi, ones[i], &info), HP_HIPD_SPI);
	CU_ASSERT_EQUAL(current(), spi);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 0);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* Cases 1 and 4 of section 5.3: acknowledged, and no SA is made. */
static void no_rekeying_and_a_deprecated_sa_are_acknowledged(void)
{
	bool info = true;
	uint32_t spi;

	stand();
	spi = current();
	CU_ASSERT_EQUAL(judge_spis(spi, spi, &info), 0);
	CU_ASSERT_FALSE(info);
	info = true;
	CU_ASSERT_EQUAL(judge_spis(spi, 0, &info), 0);
	CU_ASSERT_FALSE(info);
	/* There is no other SA: it goes on. */
	CU_ASSERT_EQUAL(current(), spi);
	CU_ASSERT_TRUE(world_data(&w));
	world_fini(&w);
}

/* Cases 2 and 3. */
static void rekeying_and_a_new_sa_are_answered(void)
{
	for (int fresh = 0; fresh < 2; fresh++) {
		bool info = false;

		stand();
		CU_ASSERT_EQUAL(judge_spis(fresh ? 0 : current(), 0x11112222, &info), 0);
		CU_ASSERT_TRUE(info);
		world_fini(&w);
	}
}

static int judge_index(uint16_t idx, bool *with_info)
{
	struct forge f;

	begin_update(&f);
	put_info(&f, idx, current(), 0x11112222);
	return judged(&f, with_info);
}

/* The suite's keys, both ways: the last place in KEYMAT from which they can be drawn. */
static size_t last_index(void)
{
	const struct hp_secrets *s = world_assoc(&w, 1)->sas.cur;
	size_t idx = s->km_next;

	while (hp_secrets_reach(s, idx + 1))
		idx++;
	return idx;
}

static void keymat_ends_somewhere(void)
{
	bool info;
	size_t end;

	stand();
	end = last_index();
	CU_ASSERT(end > 5000 && end < 255 * 48);
	CU_ASSERT_EQUAL(judge_index((uint16_t)(index_now() - 1), &info), HP_HIPD_KEYMAT);
	CU_ASSERT_EQUAL(judge_index((uint16_t)(end + 1), &info), HP_HIPD_KEYMAT);
	CU_ASSERT_EQUAL(judge_index(UINT16_MAX, &info), HP_HIPD_KEYMAT);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_REKEYED], 0);
	CU_ASSERT_TRUE(world_data(&w));
	CU_ASSERT_EQUAL(judge_index((uint16_t)end, &info), 0);
	CU_ASSERT_TRUE(info);
	world_fini(&w);
}

/* ---- in the exchange */

struct wrong {
	uint8_t type;
	uint16_t idx; /* added */
	uint32_t old_spi, new_spi; /* new_spi 0: as it is */
};

static enum fate wrong_info(struct world *world, const struct side *from, struct packet *p)
{
	const struct wrong *x = world->arg;
	struct hp_esp_info ei;
	struct hp_hip_tlv t;
	struct forge f;

	if (!x || p->msg[HP_HIP_OFF_TYPE] != x->type)
		return PASS;
	forge_read(&f, p);
	t = (struct hp_hip_tlv){HP_PARAM_ESP_INFO, 12, 0, forge_find(&f, HP_PARAM_ESP_INFO)->data};
	hp_hip_read_esp_info(&t, &ei);
	put_info(&f, (uint16_t)(ei.keymat_idx + x->idx), x->old_spi,
		 x->new_spi ? x->new_spi : ei.new_spi);
	forge_seal(&f, world, from->at, p);
	return PASS;
}

static void an_exchange_with_such_values_does_not_stand(void)
{
	static const struct {
		struct wrong x;
		int at, reason;
	} cases[] = {
		{{HP_HIP_I2, 0, 0x11112222, 0}, 1, HP_HIPD_SPI},
		{{HP_HIP_I2, 0, 0, 255}, 1, HP_HIPD_SPI},
		{{HP_HIP_I2, 0xffff - 400, 0, 0}, 1, HP_HIPD_KEYMAT},
		{{HP_HIP_I2, 0xffff, 0, 0}, 1, HP_HIPD_KEYMAT}, /* one less */
		{{HP_HIP_R2, 0, 0x11112222, 0}, 0, HP_HIPD_SPI},
		{{HP_HIP_R2, 0, 0, 255}, 0, HP_HIPD_SPI},
		{{HP_HIP_R2, 1, 0, 0}, 0, HP_HIPD_KEYMAT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		world_init(&w);
		w.fate = wrong_info;
		w.arg = (void *)&cases[i].x;
		world_start(&w);
		CU_ASSERT_FALSE(world_connect(&w, 100));
		CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_UP], 0);
		CU_ASSERT_EQUAL(w.s[cases[i].at].events[HP_HIP_FAILED], 0);
		CU_ASSERT(world_counted(&w, cases[i].at, (enum hp_hip_count)cases[i].reason) > 0);
		world_fini(&w);
	}
}

/* The Initiator has restarted.  Its bad I2 does not end what stands. */
static void a_bad_i2_leaves_the_association_alone(void)
{
	static struct wrong x = {HP_HIP_I2, 0xffff - 400, 0, 0};

	world_init(&w);
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	CU_ASSERT_TRUE(world_data(&w));
	world_restart(&w, 0);
	w.fate = wrong_info;
	w.arg = &x;
	CU_ASSERT_FALSE(world_connect(&w, 100));
	CU_ASSERT_EQUAL(hp_assoc_state(world_assoc(&w, 1)), HP_ESTABLISHED);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_FAILED] + w.s[1].events[HP_HIP_DOWN], 0);
	CU_ASSERT_PTR_NOT_NULL(hp_assoc_sa_out(world_assoc(&w, 1)));
	w.arg = NULL;
	world_run(&w, 6000);
	CU_ASSERT_TRUE(world_up(&w) && world_data(&w));
	world_fini(&w);
}

/* ---- locators */

/* Does side 1 ask there, and how many unusable locators does it count? */
static bool asked_at(const char *addr, uint32_t lifetime_s, uint32_t spi, uint64_t *unusable)
{
	struct hp_locator l = {.type = HP_LOCATOR_SPI_ADDR, .preferred = true,
			       .lifetime_s = lifetime_s, .spi = spi};
	struct hp_hip_builder b;
	const struct packet *p;
	uint8_t buf[64];
	struct forge f;

	hp_addr_parse(addr, &l.addr);
	hp_hip_begin_list(&b, buf, sizeof(buf));
	hp_hip_add_locators(&b, &l, 1);
	hp_hip_finish(&b);
	*unusable = world_counted(&w, 1, HP_HIPD_ADDRESS);
	begin_update(&f);
	put_info(&f, index_now(), current(), current());
	forge_set(&f, HP_PARAM_LOCATOR_SET, buf + 4, hp_get16(buf + 2));
	forge_give(&f, &w, 0);
	*unusable = world_counted(&w, 1, HP_HIPD_ADDRESS) - *unusable;
	for (size_t i = w.n_kept; i-- > 0;) {
		p = w.kept[i];
		if (p->msg[HP_HIP_OFF_TYPE] == HP_HIP_UPDATE && hp_addr_eq(&p->dst, &l.addr))
			return true;
	}
	return false;
}

static void a_locator_must_live_and_belong_to_the_sa(void)
{
	uint64_t n;

	stand();
	CU_ASSERT_FALSE(asked_at("192.0.2.50", 0, current(), &n));
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_FALSE(asked_at("192.0.2.51", 100, current() ^ 1, &n));
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_FALSE(asked_at("224.0.0.1", 100, current(), &n));
	CU_ASSERT_EQUAL(n, 1);
	/* They are acknowledged all the same. */
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_UPDATE], 3);
	CU_ASSERT_TRUE(world_data(&w));
	CU_ASSERT_TRUE(asked_at("192.0.2.52", 100, current(), &n));
	CU_ASSERT_EQUAL(n, 0);
	world_fini(&w);
}

static const struct hp_test tests[] = {
	HP_TEST(spis_that_can_not_be_change_nothing),
	HP_TEST(no_rekeying_and_a_deprecated_sa_are_acknowledged),
	HP_TEST(rekeying_and_a_new_sa_are_answered),
	HP_TEST(keymat_ends_somewhere),
	HP_TEST(an_exchange_with_such_values_does_not_stand),
	HP_TEST(a_bad_i2_leaves_the_association_alone),
	HP_TEST(a_locator_must_live_and_belong_to_the_sa),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret;

	hp_log_level_all(HP_LOG_ERROR);
	ret = hp_test_main("espinfo", tests, argc, argv);
	world_keys_free();
	return ret;
}
