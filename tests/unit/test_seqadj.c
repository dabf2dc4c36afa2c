/* SPDX-License-Identifier: MIT
 *
 * Streams whose payload changes (core/flow/seqadj.c), and announced connections (expect.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/expect.h"
#include "flow/seqadj.h"
#include "../harness.h"

#define ISN 0xfffffff0u /* numbers wrap in the middle */

static struct hp_seqadj *stream(struct hp_seqadj_dir **d)
{
	struct hp_seqadj *s = hp_seqadj_new();

	*d = &s->dir[0];
	hp_seqadj_begin(*d, ISN);
	return s;
}

static int piece(struct hp_seqadj_dir *d, size_t len, const char *out)
{
	return hp_seqadj_piece(d, len, (const uint8_t *)out, strlen(out));
}

/* "ab" "CD"->"wxyz" "ef" "GHIJ"->"Q" "kl" */
static const uint8_t text[] = "abCDefGHIJkl", want[] = "abwxyzefQkl";

static struct hp_seqadj *changed(struct hp_seqadj_dir **d)
{
	struct hp_seqadj *s = stream(d);

	hp_seqadj_skip(*d, 2);
	piece(*d, 2, "wxyz");
	hp_seqadj_skip(*d, 2);
	piece(*d, 4, "Q");
	hp_seqadj_skip(*d, 2);
	return s;
}

static void any_boundaries_give_the_same_stream(void)
{
	struct hp_seqadj_dir *d;
	struct hp_seqadj *s = changed(&d);

	for (uint32_t a = 0; a <= 12; a++)
		for (uint32_t b = a; b <= 12; b++) {
			uint8_t out[32];
			uint32_t at = hp_seqadj_map(d, ISN + a) - ISN;
			int n = hp_seqadj_copy(d, ISN + a, ISN + b, text + a, ISN + a, b - a,
					       out, sizeof(out));

			CU_ASSERT_EQUAL(at + (uint32_t)n, hp_seqadj_map(d, ISN + b) - ISN);
			CU_ASSERT_EQUAL(memcmp(out, want + at, (size_t)n), 0);
		}
	hp_seqadj_free(s);
}

static void nothing_is_acknowledged_that_has_not_arrived(void)
{
	struct hp_seqadj_dir *d;
	struct hp_seqadj *s = changed(&d);
	uint32_t last = ISN;

	for (uint32_t y = 0; y <= 11; y++) {
		uint32_t x = hp_seqadj_unmap(d, ISN + y);

		CU_ASSERT_TRUE((int32_t)(x - last) >= 0);
		CU_ASSERT_TRUE(hp_seqadj_map(d, x) - ISN <= y);
		CU_ASSERT_TRUE(hp_seqadj_map(d, x + 1) - ISN > y);
		x = hp_seqadj_unmap_up(d, ISN + y);
		CU_ASSERT_TRUE(hp_seqadj_map(d, x) - ISN >= y);
		CU_ASSERT_TRUE(!y || hp_seqadj_map(d, x - 1) - ISN < y);
		last = hp_seqadj_unmap(d, ISN + y);
	}
	hp_seqadj_free(s);
}

static void acknowledged_pieces_leave_only_the_difference(void)
{
	struct hp_seqadj_dir *d;
	struct hp_seqadj *s = changed(&d);

	CU_ASSERT_EQUAL(hp_seqadj_acked(d, ISN + 6), ISN + 4);
	CU_ASSERT_EQUAL(d->n, 1);
	CU_ASSERT_EQUAL(hp_seqadj_map(d, ISN + 5), ISN + 7);
	CU_ASSERT_EQUAL(hp_seqadj_acked(d, ISN + 11), ISN + 12);
	CU_ASSERT_EQUAL(d->n, 0);
	CU_ASSERT_EQUAL(hp_seqadj_map(d, ISN + 12), ISN + 11);
	hp_seqadj_free(s);
}

static void what_was_held_is_sent_again(void)
{
	struct hp_seqadj_dir *d;
	struct hp_seqadj *s = stream(&d);
	uint8_t out[16];

	CU_ASSERT_EQUAL(hp_seqadj_hold(d, (const uint8_t *)"PAS", 3), 0);
	CU_ASSERT_EQUAL(hp_seqadj_acked(d, ISN), ISN + 3); /* all before it is there */
	CU_ASSERT_EQUAL(piece(d, 6, "EPSV\r\n"), 0);
	CU_ASSERT_EQUAL(hp_seqadj_from(d, ISN + 3), ISN);
	CU_ASSERT_EQUAL(hp_seqadj_from(d, ISN + 4), ISN + 4);
	CU_ASSERT_EQUAL(hp_seqadj_copy(d, ISN, ISN + 6, (const uint8_t *)"V\r\n", ISN + 3, 3, out,
				       sizeof(out)), 6);
	CU_ASSERT_EQUAL(memcmp(out, "EPSV\r\n", 6), 0);
	CU_ASSERT_EQUAL(hp_seqadj_acked(d, ISN), ISN + 3); /* never less than before */
	CU_ASSERT_EQUAL(hp_seqadj_acked(d, ISN + 6), ISN + 6);
	CU_ASSERT_EQUAL(hp_seqadj_from(d, ISN + 6), ISN + 6);
	hp_seqadj_free(s);
}

/* A function may use fewer octets than were offered to it before. */
static void less_than_is_held_may_become_a_piece(void)
{
	struct hp_seqadj_dir *d;
	struct hp_seqadj *s = stream(&d);
	uint8_t out[16];

	CU_ASSERT_EQUAL(hp_seqadj_hold(d, (const uint8_t *)"abcde", 5), 0);
	CU_ASSERT_EQUAL(hp_seqadj_acked(d, ISN), ISN + 5);
	CU_ASSERT_EQUAL(piece(d, 2, "X"), 0);
	CU_ASSERT_EQUAL(d->held, 3);
	CU_ASSERT_EQUAL(memcmp(d->hold, "cde", 3), 0);
	CU_ASSERT_EQUAL(d->next, ISN + 2);
	/* All that was acknowledged is still there. */
	CU_ASSERT_EQUAL(piece(d, 4, "cdef"), 0);
	CU_ASSERT_EQUAL(d->held, 0);
	CU_ASSERT_EQUAL(hp_seqadj_from(d, ISN + 5), ISN);
	CU_ASSERT_EQUAL(hp_seqadj_copy(d, ISN, ISN + 6, (const uint8_t *)"f", ISN + 5, 1, out,
				       sizeof(out)), 5);
	CU_ASSERT_EQUAL(memcmp(out, "Xcdef", 5), 0);
	hp_seqadj_free(s);
}

/* Its receiver never sees it: once all before it has arrived, so has it. */
static void what_vanishes_counts_as_arrived(void)
{
	struct hp_seqadj_dir *d;
	struct hp_seqadj *s = stream(&d);

	hp_seqadj_skip(d, 3);
	piece(d, 4, "");
	CU_ASSERT_EQUAL(hp_seqadj_acked(d, ISN + 2), ISN + 2);
	CU_ASSERT_EQUAL(hp_seqadj_acked(d, ISN + 3), ISN + 7);
	CU_ASSERT_EQUAL(d->n, 0);
	piece(d, 5, "");
	CU_ASSERT_EQUAL(hp_seqadj_acked(d, hp_seqadj_map(d, d->una)), ISN + 12);
	hp_seqadj_free(s);
}

static void copying_asks_for_room_and_octets(void)
{
	struct hp_seqadj_dir *d;
	struct hp_seqadj *s = changed(&d);
	uint8_t out[16];

	for (size_t cap = 0; cap < 11; cap++)
		CU_ASSERT_EQUAL(hp_seqadj_copy(d, ISN, ISN + 12, text, ISN, 12, out, cap), -ENOBUFS);
	CU_ASSERT_EQUAL(hp_seqadj_copy(d, ISN, ISN + 12, text + 1, ISN + 1, 11, out, sizeof(out)),
			-ENODATA);
	CU_ASSERT_EQUAL(hp_seqadj_copy(d, ISN, ISN + 12, text, ISN, 11, out, sizeof(out)), -ENODATA);
	/* What became something else need not be there. */
	CU_ASSERT_EQUAL(hp_seqadj_copy(d, ISN + 2, ISN + 4, text, ISN, 0, out, sizeof(out)), 4);
	hp_seqadj_free(s);
}

static void the_log_and_what_is_held_are_limited(void)
{
	static uint8_t big[HP_SEQADJ_OUT + 1];
	struct hp_seqadj_dir *d;
	struct hp_seqadj *s = stream(&d);

	CU_ASSERT_NOT_EQUAL(hp_seqadj_hold(d, big, HP_SEQADJ_HOLD + 1), 0);
	CU_ASSERT_NOT_EQUAL(hp_seqadj_piece(d, 1, big, sizeof(big)), 0);
	for (unsigned int i = 0; i < HP_SEQADJ_PIECES; i++)
		CU_ASSERT_EQUAL(piece(d, 1, "x"), 0);
	CU_ASSERT_NOT_EQUAL(piece(d, 1, "x"), 0);
	hp_seqadj_free(s);
}

/* ---- expect.c */

static uint64_t now_ms(void *ctx)
{
	return *(uint64_t *)ctx;
}

struct lab {
	uint64_t now;
	struct hp_clock clock;
	struct hp_timers timers;
	struct hp_expect_db *db;
};

static void lab_init(struct lab *l)
{
	struct hp_hash_key key = { { 1, 2 } };

	l->now = 1000;
	l->clock = (struct hp_clock){ .now_ms = now_ms, .ctx = &l->now };
	hp_timers_init(&l->timers, l->now);
	l->db = hp_expect_db_new(&key, &l->timers, &l->clock);
}

static struct hp_expect inbound(uint16_t port, uint64_t parent)
{
	struct hp_expect e = { .parent = parent, .key = { .local_port = port, .proto = 6 } };

	hp_addr_parse("2001:20::1", &e.key.local_hit);
	hp_addr_parse("2001:20::2", &e.key.peer_hit);
	return e;
}

static int take(struct lab *l, uint16_t port)
{
	struct hp_expect like = inbound(port, 0), out;

	return hp_expect_take_in(l->db, 6, &like.key.local_hit, port, &like.key.peer_hit, &out);
}

static void an_expectation_serves_once(void)
{
	struct hp_expect e = inbound(5000, 1);
	struct lab l;

	lab_init(&l);
	CU_ASSERT_EQUAL(hp_expect_add(l.db, &e, 1000), 0);
	CU_ASSERT_NOT_EQUAL(take(&l, 5001), 0);
	CU_ASSERT_EQUAL(take(&l, 5000), 0);
	CU_ASSERT_NOT_EQUAL(take(&l, 5000), 0);
	hp_expect_db_free(l.db);
}

static void expectations_end_with_time_and_flow(void)
{
	struct hp_expect a = inbound(5000, 1), b = inbound(5001, 2);
	struct lab l;

	lab_init(&l);
	hp_expect_add(l.db, &a, 1000);
	hp_expect_add(l.db, &b, 9000);
	l.now += 1001;
	hp_timers_run(&l.timers, l.now);
	CU_ASSERT_EQUAL(hp_expect_count(l.db), 1);
	hp_expect_forget(l.db, 1);
	CU_ASSERT_EQUAL(hp_expect_count(l.db), 1);
	hp_expect_forget(l.db, 2);
	CU_ASSERT_EQUAL(hp_expect_count(l.db), 0);
	hp_expect_db_free(l.db);
}

static void a_flow_has_few_and_nobody_takes_anothers(void)
{
	struct hp_expect e = inbound(5000, 1), other = inbound(5000, 2);
	struct lab l;

	lab_init(&l);
	for (uint16_t i = 0; i < HP_EXPECT_PER_FLOW; i++) {
		e.key.local_port = (uint16_t)(5000 + i);
		CU_ASSERT_EQUAL(hp_expect_add(l.db, &e, 1000), 0);
	}
	CU_ASSERT_EQUAL(hp_expect_add(l.db, &e, 1000), 0); /* the same again */
	e.key.local_port = 6000;
	CU_ASSERT_EQUAL(hp_expect_add(l.db, &e, 1000), -ENOBUFS);
	CU_ASSERT_EQUAL(hp_expect_add(l.db, &other, 1000), -EADDRINUSE);
	hp_expect_db_free(l.db);
}

static const struct hp_test tests[] = {
	HP_TEST(any_boundaries_give_the_same_stream),
	HP_TEST(nothing_is_acknowledged_that_has_not_arrived),
	HP_TEST(acknowledged_pieces_leave_only_the_difference),
	HP_TEST(what_was_held_is_sent_again),
	HP_TEST(less_than_is_held_may_become_a_piece),
	HP_TEST(what_vanishes_counts_as_arrived),
	HP_TEST(copying_asks_for_room_and_octets),
	HP_TEST(the_log_and_what_is_held_are_limited),
	HP_TEST(an_expectation_serves_once),
	HP_TEST(expectations_end_with_time_and_flow),
	HP_TEST(a_flow_has_few_and_nobody_takes_anothers),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("seqadj", tests, argc, argv);
}
