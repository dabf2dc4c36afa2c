/* SPDX-License-Identifier: MIT
 *
 * Streams whose payload changes (core/flow/seqadj.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/seqadj.h"
#include "../harness.h"

#define ISN UINT32_C(0xfffffff0) /* numbers wrap in the middle */

static struct hp_seqadj *stream(struct hp_seqadj_dir **d)
{
	struct hp_seqadj *s = hp_seqadj_new(HP_ALG_HOLD);

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
	static uint8_t big[HP_ALG_HOLD + HP_ALG_GROW + 1];
	struct hp_seqadj_dir *d;
	struct hp_seqadj *s = stream(&d);

	CU_ASSERT_EQUAL(hp_seqadj_hold(d, big, HP_ALG_HOLD + 1), -EMSGSIZE);
	CU_ASSERT_EQUAL(hp_seqadj_piece(d, 1, big, sizeof(big)), -EMSGSIZE);
	for (unsigned int i = 0; i < HP_SEQADJ_PIECES; i++)
		CU_ASSERT_EQUAL(piece(d, 1, "x"), 0);
	CU_ASSERT_EQUAL(piece(d, 1, "x"), -ENOBUFS);
	hp_seqadj_free(s);
}

/* A gateway may ask for more; memory is taken as it is needed. */
static void a_gateway_says_how_much_is_held(void)
{
	static uint8_t big[HP_ALG_HOLD_MAX], out[HP_ALG_HOLD_MAX + HP_ALG_GROW];
	struct hp_seqadj *s = hp_seqadj_new(HP_ALG_HOLD_MAX);
	struct hp_seqadj_dir *d = &s->dir[0];

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7);
	hp_seqadj_begin(d, ISN);
	CU_ASSERT_EQUAL(hp_seqadj_hold(d, big, 1), 0);
	CU_ASSERT_EQUAL(d->hold_cap, HP_ALG_HOLD);
	for (size_t at = 1; at < sizeof(big); at += 4369)
		CU_ASSERT_EQUAL(hp_seqadj_hold(d, big + at, 4369), 0);
	CU_ASSERT_EQUAL(hp_seqadj_hold(d, big, 1), -EMSGSIZE);
	CU_ASSERT_EQUAL(memcmp(d->hold, big, sizeof(big)), 0);
	memcpy(out, big, sizeof(big));
	memset(out + sizeof(big), 'x', HP_ALG_GROW);
	CU_ASSERT_EQUAL(hp_seqadj_piece(d, sizeof(big), out, sizeof(out)), 0);
	CU_ASSERT_EQUAL(hp_seqadj_map(d, ISN + (uint32_t)sizeof(big)), ISN + (uint32_t)sizeof(out));
	hp_seqadj_free(s);
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
	HP_TEST(a_gateway_says_how_much_is_held),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("seqadj", tests, argc, argv);
}
