/* SPDX-License-Identifier: MIT
 *
 * core/util and the harness itself.
 */
#include "../harness.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/addr.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/count.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/timer.h"
#include "util/tokens.h"
#include "util/wipe.h"

static void source_paths_end_in_the_name_given(void)
{
	const char *p = hp_test_path("tests/harness.h");

	CU_ASSERT(strlen(p) > 15 && !strcmp(p + strlen(p) - 15, "tests/harness.h"));
}

static void addresses_parse_and_format(void)
{
	char buf[HP_ADDR_STRLEN];
	struct hp_addr a, b;

	CU_ASSERT(!hp_addr_parse("192.0.2.1", &a) && hp_addr_is4(&a));
	CU_ASSERT_STRING_EQUAL(hp_addr_format(&a, buf), "192.0.2.1");
	CU_ASSERT(!hp_addr_parse("::ffff:192.0.2.1", &b) && hp_addr_eq(&a, &b));
	CU_ASSERT(!hp_addr_parse("2001:2f:0:0::1", &b) && hp_addr_is_hit(&b));
	CU_ASSERT_STRING_EQUAL(hp_addr_format(&b, buf), "2001:2f::1");
	CU_ASSERT(!hp_addr_parse("2001:30::1", &b) && !hp_addr_is_hit(&b));
	CU_ASSERT(hp_addr_cmp(&a, &b) < 0);
	CU_ASSERT(hp_addr_parse("192.0.2", &a) == -EINVAL && hp_addr_parse("", &a) == -EINVAL);
	CU_ASSERT(hp_addr_parse("2001::1::2", &a) == -EINVAL);
}

/* 2001::/32 and 2001:20::/28 have no address in common, and neither reaches further. */
static void teredo_is_no_hit(void)
{
	static const struct {
		const char *text;
		bool teredo, hit;
	} all[] = {
		{ "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false },
		{ "2001::", true, false },
		{ "2001:0:c000:25a:0:f227:3fff:fdfe", true, false },
		{ "2001:0:20::1", true, false },
		{ "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", true, false },
		{ "2001:1::", false, false },
		{ "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", false, false },
		{ "2001:20::", false, true },
		{ "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", false, true },
		{ "2001:2000::1", false, false },
		{ "2001:db8::1", false, false },
		{ "32.1.0.0", false, false },
	};
	struct hp_addr a;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		CU_ASSERT_FATAL(!hp_addr_parse(all[i].text, &a));
		CU_ASSERT_EQUAL(hp_addr_is_teredo(&a), all[i].teredo);
		CU_ASSERT_EQUAL(hp_addr_is_hit(&a), all[i].hit);
	}
}

static void prefixes_contain_what_they_should(void)
{
	char buf[HP_PREFIX_STRLEN];
	struct hp_prefix p;
	struct hp_addr in, out;

	CU_ASSERT(!hp_prefix_parse("10.1.16.0/20", &p) && p.bits == 116);
	CU_ASSERT_STRING_EQUAL(hp_prefix_format(&p, buf), "10.1.16.0/20");
	hp_addr_parse("10.1.31.255", &in);
	hp_addr_parse("10.1.32.0", &out);
	CU_ASSERT(hp_prefix_contains(&p, &in) && !hp_prefix_contains(&p, &out));
	CU_ASSERT(!hp_prefix_parse("2001:20::/28", &p) && p.bits == 28);
	CU_ASSERT_STRING_EQUAL(hp_prefix_format(&p, buf), "2001:20::/28");
	hp_addr_parse("2001:2a::1", &in);
	CU_ASSERT(hp_prefix_contains(&p, &in) && !hp_prefix_contains(&p, &out));
	CU_ASSERT(!hp_prefix_parse("0.0.0.0/0", &p) && hp_prefix_contains(&p, &out) &&
		  !hp_prefix_contains(&p, &in));
	CU_ASSERT(!hp_prefix_parse("::/0", &p) && hp_prefix_contains(&p, &in));
	CU_ASSERT(!hp_prefix_parse("10.0.0.1", &p) && p.bits == 128);
}

static void malformed_prefixes_are_refused(void)
{
	static const char *const bad[] = { "10.0.0.1/24", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
					   "10.0.0.0/8x", "::/129", "/8", "2001:20::1/28",
					   "10.0.0.0/ 8", "10.0.0.0/0008" };
	struct hp_prefix p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT(hp_prefix_parse(bad[i], &p) == -EINVAL);
}

static void a_bucket_gives_its_burst_and_then_its_rate(void)
{
	struct hp_tokens t;
	int got = 0;

	hp_tokens_init(&t, 10, 5);
	for (int i = 0; i < 20; i++)
		got += hp_tokens_take(&t, 1000, 1);
	CU_ASSERT(got == 5 && t.refused == 15);
	CU_ASSERT(!hp_tokens_take(&t, 1099, 1) && hp_tokens_take(&t, 1100, 1));
	CU_ASSERT(!hp_tokens_take(&t, 500, 1)); /* a clock that jumps back gives nothing */
	CU_ASSERT(hp_tokens_take(&t, UINT64_MAX, 5) && !hp_tokens_take(&t, UINT64_MAX, 1));
}

static void siphash_known_answers(void)
{
	struct hp_hash_key k = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	uint8_t in[15];

	for (uint8_t i = 0; i < 15; i++)
		in[i] = i;
	CU_ASSERT(hp_siphash24(&k, in, 15) == 0xa129ca6149be45e5);
	CU_ASSERT(hp_siphash24(&k, in, 0) == 0x726fdb47dd0e0e31);
	CU_ASSERT(hp_siphash13(&k, in, 0) == 0xabac0158050fc4dc);
}

static void hashing_words_is_hashing_their_octets(void)
{
	struct hp_hash_key k = { { 3, 0x0f0e0d0c0b0a0908 } };
	uint64_t w[5] = { 1, 0x8000000000000000, 3, 0x0102030405060708, 5 }, le[5];

	for (size_t n = 0; n <= 5; n++) {
		for (size_t i = 0; i < n; i++)
			le[i] = htole64(w[i]);
		CU_ASSERT(hp_hash_words(&k, w, n) == hp_siphash13(&k, le, n * 8));
	}
}

struct item {
	struct hp_hnode node;
	unsigned key;
};

static bool item_eq(const struct hp_hnode *n, const void *key)
{
	return HP_CONTAINER(n, struct item, node)->key == *(const unsigned *)key;
}

static int item_drop_odd(struct hp_hnode *n, void *arg)
{
	struct item *it = HP_CONTAINER(n, struct item, node);

	if (it->key & 1) {
		hp_htab_del(arg, n);
		memset(it, 0xee, sizeof(*it));
	}
	return 0;
}

static void the_table_finds_everything_while_it_grows(void)
{
	enum { N = 5000 };
	struct hp_hash_key k = { { 1, 2 } };
	struct item *items = calloc(N, sizeof(*items));
	struct hp_htab t;

	CU_ASSERT_FATAL(items && !hp_htab_init(&t, N));
	for (unsigned i = 0; i < N; i++) {
		unsigned probe = i ? (unsigned)rand() % i : 0;

		items[i].key = i;
		CU_ASSERT(!hp_htab_add(&t, &items[i].node, hp_hash(&k, &i, sizeof(i))));
		CU_ASSERT(hp_htab_find(&t, hp_hash(&k, &probe, sizeof(probe)), item_eq,
				       &probe) == &items[probe].node);
	}
	CU_ASSERT(t.count == N && hp_htab_add(&t, &items[0].node, 0) == -ENOBUFS);
	CU_ASSERT(!hp_htab_each(&t, item_drop_odd, &t) && t.count == N / 2);
	for (unsigned i = 0; i < N; i++)
		CU_ASSERT((hp_htab_find(&t, hp_hash(&k, &i, sizeof(i)), item_eq, &i) != NULL) ==
			  !(i & 1));
	hp_htab_fini(&t);
	free(items);
}

static void lists_keep_their_order(void)
{
	struct hp_list a, b, n[4];

	hp_list_init(&a);
	hp_list_init(&b);
	for (int i = 0; i < 4; i++)
		hp_list_add_tail(i < 2 ? &a : &b, &n[i]);
	hp_list_splice_tail(&a, &b);
	CU_ASSERT(hp_list_empty(&b) && hp_list_last(&a) == &n[3]);
	hp_list_del(&n[1]);
	hp_list_del(&n[1]);
	CU_ASSERT(hp_list_pop(&a) == &n[0] && hp_list_pop(&a) == &n[2] &&
		  hp_list_pop(&a) == &n[3] && hp_list_pop(&a) == NULL);
}

static struct hp_timers wheel;
static uint64_t last_at;
static int fired, disorder;

static void note_fired(struct hp_timer *t)
{
	fired++;
	disorder += t->at_ms < last_at || t->at_ms > wheel.now_ms;
	last_at = t->at_ms;
}

static void timers_fire_once_in_order_and_never_early(void)
{
	enum { N = 2000 };
	static struct hp_timer t[N];
	uint64_t now = 123456789;
	int wait, rounds = 0;

	fired = disorder = 0;
	last_at = 0;
	hp_timers_init(&wheel, now);
	for (int i = 0; i < N; i++) {
		hp_timer_init(&t[i], note_fired);
		hp_timer_set(&wheel, &t[i],
			     now + 1 + ((uint64_t)rand() << (rand() % 8)) % 400000000);
	}
	for (int i = 0; i < N; i += 4)
		hp_timer_cancel(&wheel, &t[i]);
	while ((wait = hp_timers_next(&wheel, now)) >= 0 && rounds++ < 200000) {
		now += (uint64_t)wait;
		hp_timers_run(&wheel, now);
	}
	CU_ASSERT(fired == N * 3 / 4 && !disorder && !wheel.count);
	CU_ASSERT(rounds < N * 6 && !hp_timer_armed(&t[1]));
}

static void timers_agree_with_a_plain_search(void)
{
	enum { N = 64 };
	static struct hp_timer t[N];
	uint64_t now = UINT64_MAX / 2 - 1000;

	fired = disorder = 0;
	hp_timers_init(&wheel, now);
	for (int i = 0; i < N; i++)
		hp_timer_init(&t[i], note_fired);
	for (int step = 0; step < 20000; step++) {
		int i = rand() % N, due = 0, before;

		if (rand() % 3)
			hp_timer_set(&wheel, &t[i], now + (uint64_t)(rand() % 5000));
		else
			hp_timer_cancel(&wheel, &t[i]);
		now += (uint64_t)(rand() % 40);
		for (int k = 0; k < N; k++)
			due += hp_timer_armed(&t[k]) && t[k].at_ms <= now;
		before = fired;
		last_at = 0;
		hp_timers_run(&wheel, now);
		CU_ASSERT(fired - before == due);
	}
}

static int again;

static void rearm_for_the_past(struct hp_timer *t)
{
	again++;
	hp_timer_set(&wheel, t, 0);
}

static void a_timer_set_for_the_past_waits_for_the_next_run(void)
{
	struct hp_timer t;

	again = 0;
	hp_timers_init(&wheel, 50);
	hp_timer_init(&t, rearm_for_the_past);
	hp_timer_set(&wheel, &t, 60);
	CU_ASSERT(hp_timers_next(&wheel, 50) == 10);
	hp_timers_run(&wheel, 59);
	CU_ASSERT(again == 0);
	hp_timers_run(&wheel, 1000);
	CU_ASSERT(again == 1 && hp_timers_next(&wheel, 1000) == 0);
	hp_timers_run(&wheel, 1000);
	CU_ASSERT(again == 2);
	hp_timer_cancel(&wheel, &t);
	CU_ASSERT(hp_timers_next(&wheel, 1000) == -1 && !wheel.count);
}

static struct hp_timer *victim;

static void cancel_victim(struct hp_timer *t)
{
	fired++;
	hp_timer_cancel(&wheel, victim);
}

static void a_callback_may_cancel_one_due_at_the_same_time(void)
{
	struct hp_timer a, b;

	fired = 0;
	hp_timers_init(&wheel, 0);
	hp_timer_init(&a, cancel_victim);
	hp_timer_init(&b, cancel_victim);
	victim = &b;
	hp_timer_set(&wheel, &a, 5);
	hp_timer_set(&wheel, &b, 5);
	hp_timers_run(&wheel, 10);
	CU_ASSERT(fired == 1 && !hp_timer_armed(&b) && !wheel.count);
}

static void buffers_grow(void)
{
	struct hp_buf b = HP_BUF_INIT;
	char *s;

	for (int i = 0; i < 200; i++)
		hp_buf_addf(&b, "%d,", i);
	hp_buf_add(&b, "end", 3);
	CU_ASSERT(b.len == 10 * 2 + 90 * 3 + 100 * 4 + 3);
	s = hp_buf_take(&b);
	CU_ASSERT_FATAL(s != NULL);
	CU_ASSERT(!strncmp(s, "0,1,2,", 6) && !strcmp(s + strlen(s) - 7, "199,end"));
	free(s);
	s = hp_buf_take(&b);
	CU_ASSERT(s && !*s);
	free(s);
}

static void secrets_compare_and_vanish(void)
{
	uint8_t a[9] = "12345678", b[9] = "12345678";

	CU_ASSERT(hp_memeq(a, b, 8) && hp_memeq(a, b, 0));
	b[7] ^= 1;
	CU_ASSERT(!hp_memeq(a, b, 8) && hp_memeq(a, b, 7));
	hp_wipe(a, 8);
	CU_ASSERT(!a[0] && !a[7]);
}

static void counters_count_by_name(void)
{
	static const struct hp_counter names[] = { { "in", "" }, { "out", "" } };
	uint64_t v[2] = { 0 };
	struct hp_counters c = { names, v, 2 };

	hp_count(&c, 1);
	hp_count_add(&c, 1, 4);
	hp_count(&c, 2); /* beyond the table: nothing */
	CU_ASSERT(hp_count_find(&c, "out") == 1 && hp_count_find(&c, "x") == -1);
	CU_ASSERT(hp_count_get(&c, 1) == 5 && hp_count_get(&c, 0) == 0);
	hp_count_reset(&c);
	CU_ASSERT(!v[1]);
}

static void log_levels_go_by_subsystem(void)
{
	CU_ASSERT(hp_log_on(HP_LOG_HIP, HP_LOG_INFO) && !hp_log_on(HP_LOG_HIP, HP_LOG_DEBUG));
	hp_log_level_set(HP_LOG_HIP, HP_LOG_DEBUG);
	CU_ASSERT(hp_log_on(HP_LOG_HIP, HP_LOG_DEBUG) && !hp_log_on(HP_LOG_ESP, HP_LOG_DEBUG));
	hp_log_level_all(HP_LOG_ERROR);
	CU_ASSERT(!hp_log_on(HP_LOG_CTL, HP_LOG_WARNING));
	CU_ASSERT(hp_log_level_parse("notice") == HP_LOG_NOTICE);
	CU_ASSERT(hp_log_subsys_parse("plugin") == HP_LOG_PLUGIN);
	CU_ASSERT(hp_log_level_parse("loud") == -EINVAL);
}

static void the_clock_goes_forward(void)
{
	uint64_t us = hp_clock_us(&hp_clock_monotonic);
	uint64_t ms = hp_clock_ms(&hp_clock_monotonic);

	CU_ASSERT(ms >= us / 1000 && hp_clock_us(&hp_clock_monotonic) >= us);
}

static const struct hp_test tests[] = {
	HP_TEST(source_paths_end_in_the_name_given),
	HP_TEST(addresses_parse_and_format),
	HP_TEST(teredo_is_no_hit),
	HP_TEST(prefixes_contain_what_they_should),
	HP_TEST(malformed_prefixes_are_refused),
	HP_TEST(a_bucket_gives_its_burst_and_then_its_rate),
	HP_TEST(siphash_known_answers),
	HP_TEST(hashing_words_is_hashing_their_octets),
	HP_TEST(the_table_finds_everything_while_it_grows),
	HP_TEST(lists_keep_their_order),
	HP_TEST(timers_fire_once_in_order_and_never_early),
	HP_TEST(timers_agree_with_a_plain_search),
	HP_TEST(a_timer_set_for_the_past_waits_for_the_next_run),
	HP_TEST(a_callback_may_cancel_one_due_at_the_same_time),
	HP_TEST(buffers_grow),
	HP_TEST(secrets_compare_and_vanish),
	HP_TEST(counters_count_by_name),
	HP_TEST(log_levels_go_by_subsystem),
	HP_TEST(the_clock_goes_forward),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("util", tests, argc, argv);
}
