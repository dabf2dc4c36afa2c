/* SPDX-License-Identifier: MIT
 *
 * Slabs of numbered objects, and the index that finds them by hash.
 */
#include "../harness.h"

#include <stdlib.h>
#include <string.h>

#include "util/index.h"
#include "util/slab.h"

static uint64_t seed = 1;

static uint32_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32);
}

/* ---- slabs */

static void a_new_object_is_zeroed_even_if_used_before(void)
{
	static const uint8_t zero[64];
	struct hp_slab s;
	uint32_t n;

	hp_slab_init(&s, 64, 24);
	for (int i = 0; i < 3; i++) {
		n = hp_slab_get(&s);
		CU_ASSERT(n == 1 && s.used == 1);
		CU_ASSERT(!memcmp(hp_slab_at(&s, n), zero, 64));
		CU_ASSERT(!memcmp(hp_slab_extra(&s, n), zero, 24));
		CU_ASSERT((uintptr_t)hp_slab_extra(&s, n) % 16 == 0);
		memset(hp_slab_at(&s, n), 0xff, 64);
		memset(hp_slab_extra(&s, n), 0xff, 24);
		hp_slab_put(&s, n);
	}
	CU_ASSERT(s.used == 0);
	hp_slab_fini(&s);
}

static void the_lowest_number_is_given_first(void)
{
	struct hp_slab s;

	hp_slab_init(&s, 8, 0);
	for (uint32_t i = 1; i <= 200; i++)
		CU_ASSERT(hp_slab_get(&s) == i);
	hp_slab_put(&s, 150);
	hp_slab_put(&s, 7);
	CU_ASSERT(hp_slab_get(&s) == 7 && hp_slab_get(&s) == 150 && hp_slab_get(&s) == 201);
	hp_slab_fini(&s);
}

static uint32_t chunks_there(const struct hp_slab *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->objects.n; i++)
		n += s->objects.at[i] != NULL;
	return n;
}

static void empty_chunks_go_back_but_one(void)
{
	const uint32_t n = HP_CHUNK_ITEMS * 4;
	struct hp_slab s;

	hp_slab_init(&s, 8, 16);
	for (uint32_t i = 1; i <= n; i++)
		if (hp_slab_get(&s) != i)
			CU_FAIL("not the next number");
	CU_ASSERT(chunks_there(&s) == 5);
	for (uint32_t i = HP_CHUNK_ITEMS; i <= n; i++)
		hp_slab_put(&s, i);
	CU_ASSERT(chunks_there(&s) == 2 && s.used == HP_CHUNK_ITEMS - 1);
	for (uint32_t i = HP_CHUNK_ITEMS; i <= n; i++)
		hp_slab_get(&s);
	CU_ASSERT(s.used == n && chunks_there(&s) == 5);
	hp_slab_fini(&s);
}

static void walking_meets_each_object_once(void)
{
	const uint32_t n = HP_CHUNK_ITEMS + 1000;
	struct hp_slab s;
	uint32_t seen = 0, at;

	hp_slab_init(&s, 8, 0);
	CU_ASSERT(hp_slab_next(&s, 1) == 0);
	for (uint32_t i = 1; i <= n; i++)
		hp_slab_get(&s);
	for (uint32_t i = 1; i <= n; i++)
		if (i % 3)
			hp_slab_put(&s, i);
	/* Those that are walked over may go meanwhile. */
	for (at = hp_slab_next(&s, 1); at; at = hp_slab_next(&s, at + 1)) {
		if (at % 3)
			CU_FAIL("an object that is not there");
		seen++;
		hp_slab_put(&s, at);
	}
	CU_ASSERT(seen == n / 3 && s.used == 0 && hp_slab_next(&s, 1) == 0);
	hp_slab_fini(&s);
}

/* ---- index */

static bool same(const void *ctx, uint32_t number, const void *key)
{
	(void)ctx;
	return number == *(const uint32_t *)key;
}

static bool has(const struct hp_index *x, uint32_t hash, uint32_t number)
{
	return hp_index_find(x, hash, same, NULL, &number) == number;
}

static void equal_hashes_make_a_chain_that_works(void)
{
	struct hp_index x;

	CU_ASSERT_FATAL(!hp_index_init(&x));
	for (uint32_t i = 1; i <= 1000; i++)
		CU_ASSERT(!hp_index_add(&x, 77, i));
	for (uint32_t i = 1; i <= 1000; i += 2)
		hp_index_del(&x, 77, i);
	for (uint32_t i = 1; i <= 1000; i++)
		CU_ASSERT(has(&x, 77, i) == !(i % 2));
	CU_ASSERT(x.count == 500 && hp_index_peek(&x, 77) && !hp_index_peek(&x, 78));
	for (uint32_t i = 2; i <= 1000; i += 2)
		hp_index_del(&x, 77, i);
	CU_ASSERT(x.count == 0 && x.extra.used == 0 && !hp_index_peek(&x, 77));
	hp_index_fini(&x);
}

static void hash_zero_and_absent_numbers_are_no_exception(void)
{
	struct hp_index x;

	CU_ASSERT_FATAL(!hp_index_init(&x));
	CU_ASSERT(!has(&x, 0, 1) && !hp_index_peek(&x, 0));
	CU_ASSERT(!hp_index_add(&x, 0, 1) && has(&x, 0, 1) && hp_index_peek(&x, 0) == 1);
	hp_index_del(&x, 0, 2);
	hp_index_del(&x, 5, 1);
	CU_ASSERT(x.count == 1 && has(&x, 0, 1));
	hp_index_fini(&x);
}

/* Every bucket that is there is looked at for every number in it. */
static bool in_order(const struct hp_index *x)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < x->n; i++) {
		const struct hp_index_bucket *b = hp_chunks_at(&x->buckets, i);

		for (; b; b = b->more ? hp_slab_at(&x->extra, b->more) : NULL)
			for (uint32_t j = 0; j < b->n; j++, n++)
				if (hp_index_bucket(x, b->hash[j]) !=
				    hp_chunks_at(&x->buckets, i))
					return false;
	}
	return n == x->count;
}

static void it_grows_and_shrinks_a_bucket_at_a_time(void)
{
	const uint32_t n = 300000; /* more than two chunks of buckets */
	struct hp_index x;
	uint32_t *hash = malloc((n + 1) * sizeof(*hash)), before;

	CU_ASSERT_FATAL(hash && !hp_index_init(&x));
	for (uint32_t i = 1; i <= n; i++) {
		hash[i] = any();
		before = x.n;
		CU_ASSERT(!hp_index_add(&x, hash[i], i) && x.n - before <= 1);
	}
	CU_ASSERT(x.n >= n / 4 && in_order(&x));
	for (uint32_t i = 1; i <= n; i++)
		if (!has(&x, hash[i], i))
			CU_FAIL("a number was lost while it grew");
	for (uint32_t i = 1; i <= n; i++) {
		before = x.n;
		hp_index_del(&x, hash[i], i);
		if (before - x.n > 1)
			CU_FAIL("two buckets went at once");
		if (i % 50000 == 0)
			CU_ASSERT(in_order(&x) && has(&x, hash[i + 1 < n ? i + 1 : n], i + 1) == (i < n));
	}
	CU_ASSERT(x.count == 0 && x.n == 16 && x.extra.used == 0);
	hp_index_fini(&x);
	free(hash);
}

/* Against an array that says what is there; few hashes, so that chains are long. */
static void it_agrees_with_a_plain_table(uint32_t hash_mask)
{
	enum { N = 5000 };
	static uint32_t hash[N + 1];
	static bool there[N + 1];
	struct hp_index x;

	CU_ASSERT_FATAL(!hp_index_init(&x));
	memset(there, 0, sizeof(there));
	for (uint32_t step = 0; step < 100000; step++) {
		uint32_t i = 1 + any() % (step / 20000 % 2 ? N / 10 : N);

		if (there[i])
			hp_index_del(&x, hash[i], i);
		else if (hp_index_add(&x, hash[i] = any() & hash_mask, i))
			CU_FAIL("no room");
		there[i] = !there[i];
		i = 1 + any() % N;
		if (has(&x, hash[i], i) != there[i])
			CU_FAIL("the index is wrong");
	}
	CU_ASSERT(in_order(&x));
	for (uint32_t i = 1; i <= N; i++)
		CU_ASSERT(has(&x, hash[i], i) == there[i]);
	hp_index_fini(&x);
}

static void random_changes_agree_with_a_plain_table(void)
{
	it_agrees_with_a_plain_table(UINT32_MAX);
	it_agrees_with_a_plain_table(0xf0f);
	it_agrees_with_a_plain_table(0xff000000);
}

static const struct hp_test tests[] = {
	HP_TEST(a_new_object_is_zeroed_even_if_used_before),
	HP_TEST(the_lowest_number_is_given_first),
	HP_TEST(empty_chunks_go_back_but_one),
	HP_TEST(walking_meets_each_object_once),
	HP_TEST(equal_hashes_make_a_chain_that_works),
	HP_TEST(hash_zero_and_absent_numbers_are_no_exception),
	HP_TEST(it_grows_and_shrinks_a_bucket_at_a_time),
	HP_TEST(random_changes_agree_with_a_plain_table),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("slab", tests, argc, argv);
}
