/* SPDX-License-Identifier: MIT
 *
 * A peer that does not accept the HIT suite of our identity gets another one, if the configuration
 * has one for that (RFC 7401, section 4.4.3, table 3).
 */
#include <errno.h>
#include <stdlib.h>

#include <hipproxy/log.h>

#include "../harness.h"
#include "hip/assoc.h"
#include "world.h"

static struct world w;
static const struct hp_addr nobody;

static void only_suite(int at, uint8_t suite)
{
	w.s[at].cfg.hit_suites[0] = suite;
	w.s[at].cfg.n_hit_suites = 1;
}

static const struct hp_addr *rsa_hit(void)
{
	return hp_key_hit(world_key(HP_KEY_RSA, 0));
}

/* Side 0 has an ECDSA identity, and an RSA one; side 1 accepts RSA only. */
static void begin(bool stands_in)
{
	world_init(&w);
	w.s[1].key = world_key(HP_KEY_RSA, 1);
	only_suite(1, HP_HITSUITE_RSA_DSA_SHA256);
	w.s[0].cfg.opportunistic_initiator = HP_OPP_ON;
	w.s[1].cfg.opportunistic_responder = HP_OPP_ON;
	world_start(&w);
	CU_ASSERT_EQUAL(hp_hip_identity_add(w.s[0].hip, world_key(HP_KEY_RSA, 0), 0, NULL), 0);
	if (stands_in)
		CU_ASSERT_EQUAL(hp_hip_identity_instead(w.s[0].hip, rsa_hit(), &w.s[0].hit), 0);
}

static struct hp_assoc *connect_to(const struct hp_addr *peer)
{
	struct hp_assoc *a =
		hp_hip_connect(w.s[0].hip, &w.s[0].hit, peer, &w.s[1].addr, 1);

	world_run(&w, 100);
	return a;
}

/* From now on world_assoc and world_data are about the RSA identity. */
static bool stands_as_rsa(void)
{
	w.s[0].hit = *rsa_hit();
	return world_up(&w) && world_data(&w);
}

static void another_identity_is_used(void)
{
	struct hp_addr first;
	struct hp_assoc *a;

	begin(true);
	first = w.s[0].hit;
	a = connect_to(&w.s[1].hit);
	CU_ASSERT_TRUE(stands_as_rsa());
	CU_ASSERT_PTR_EQUAL(world_assoc(&w, 0), a);
	CU_ASSERT_EQUAL(w.s[0].events[HP_HIP_FAILED], 0);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], 2);
	/* Whoever asks by the first name gets it. */
	w.s[0].hit = first;
	CU_ASSERT_PTR_EQUAL(connect_to(&w.s[1].hit), a);
	CU_ASSERT_EQUAL(hp_hip_count(w.s[0].hip), 1);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], 2);
	/* Also when it has gone and comes again. */
	hp_hip_close(a);
	world_run(&w, 100);
	CU_ASSERT_EQUAL(hp_hip_count(w.s[0].hip), 0);
	connect_to(&w.s[1].hit);
	CU_ASSERT_TRUE(stands_as_rsa());
	world_fini(&w);
}

static void none_is_shown_that_is_not_meant_for_it(void)
{
	begin(false);
	connect_to(&w.s[1].hit);
	CU_ASSERT_EQUAL(w.s[0].error, -EPROTO);
	CU_ASSERT_FALSE(stands_as_rsa());
	world_fini(&w);
}

/* The list holds neither: one exchange, and no circle. */
static void without_a_common_suite_it_fails(void)
{
	begin(true);
	CU_ASSERT_EQUAL(hp_hip_identity_instead(w.s[0].hip, &nobody, &w.s[0].hit), -ENOENT);
	CU_ASSERT_EQUAL(hp_hip_identity_instead(w.s[0].hip, rsa_hit(), rsa_hit()), -ENOENT);
	only_suite(1, HP_HITSUITE_ECDSA_LOW_SHA1);
	CU_ASSERT_EQUAL(hp_hip_reconfigure(w.s[1].hip, &w.s[1].cfg), 0);
	world_run(&w, 10);
	connect_to(&w.s[1].hit);
	CU_ASSERT_EQUAL(w.s[0].error, -EPROTO);
	CU_ASSERT_EQUAL(w.s[0].sent[HP_HIP_I1], 1);
	world_fini(&w);
}

/* The peer has changed its mind: back to the first one. */
static void the_first_one_is_used_again(void)
{
	struct hp_assoc *a;

	begin(true);
	a = connect_to(&w.s[1].hit);
	only_suite(1, HP_HITSUITE_ECDSA_SHA384);
	CU_ASSERT_EQUAL(hp_hip_reconfigure(w.s[1].hip, &w.s[1].cfg), 0);
	world_run(&w, 10);
	/* The peer ends it; the association begins anew as it was. */
	hp_hip_close(hp_hip_find(w.s[1].hip, &w.s[1].hit, rsa_hit()));
	world_run(&w, 100);
	CU_ASSERT_EQUAL(hp_assoc_state(a), HP_CLOSED);
	connect_to(&w.s[1].hit);
	CU_ASSERT_TRUE(world_up(&w) && world_data(&w));
	CU_ASSERT(hp_addr_eq(hp_assoc_local_hit(a), &w.s[0].hit));
	world_fini(&w);
}

static void an_opportunistic_exchange_does_the_same(void)
{
	begin(true);
	connect_to(&nobody);
	CU_ASSERT_TRUE(stands_as_rsa());
	world_fini(&w);
}

/* The other identity has an association with this peer: there is no second one. */
static void what_is_there_is_used(void)
{
	struct hp_assoc *a;

	begin(true);
	a = hp_hip_connect(w.s[0].hip, rsa_hit(), &w.s[1].hit, &w.s[1].addr, 1);
	world_run(&w, 100);
	CU_ASSERT_PTR_NOT_NULL(hp_assoc_sa_out(a));
	CU_ASSERT_PTR_EQUAL(connect_to(&w.s[1].hit), a);
	CU_ASSERT_TRUE(stands_as_rsa());
	CU_ASSERT_EQUAL(hp_hip_count(w.s[0].hip), 1);
	world_fini(&w);
	/* Both at the same time. */
	begin(true);
	hp_hip_connect(w.s[0].hip, &w.s[0].hit, &w.s[1].hit, &w.s[1].addr, 1);
	hp_hip_connect(w.s[0].hip, rsa_hit(), &w.s[1].hit, &w.s[1].addr, 1);
	world_run(&w, 200);
	CU_ASSERT_EQUAL(hp_hip_count(w.s[0].hip), 1);
	CU_ASSERT_TRUE(stands_as_rsa());
	world_fini(&w);
}

static const struct hp_test tests[] = {
	HP_TEST(another_identity_is_used),
	HP_TEST(none_is_shown_that_is_not_meant_for_it),
	HP_TEST(without_a_common_suite_it_fails),
	HP_TEST(the_first_one_is_used_again),
	HP_TEST(an_opportunistic_exchange_does_the_same),
	HP_TEST(what_is_there_is_used),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret;

	hp_log_level_all(HP_LOG_ERROR);
	ret = hp_test_main("instead", tests, argc, argv);
	world_keys_free();
	return ret;
}
