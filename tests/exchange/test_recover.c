/* SPDX-License-Identifier: MIT
 *
 * Finding peers again after a loss of state, while somebody forges what they would send (RFC 7401,
 * sections 4.5.4 and 6.16).
 */
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "../harness.h"
#include "hip/rekey.h"
#include "forge.h"

static struct world w;
static struct hp_addr victim, elsewhere;

static void begin(void)
{
	world_init(&w);
	hp_addr_parse("203.0.113.66", &victim);
	hp_addr_parse("198.51.100.1", &elsewhere);
}

static unsigned to_victim;

/* Nobody is at other addresses than those of the two sides. */
static enum fate count_victim(struct world *world, const struct side *from, struct packet *p)
{
	(void)from;
	to_victim += hp_addr_eq(&p->dst, &victim);
	return hp_addr_eq(&p->dst, &world->s[0].addr) || hp_addr_eq(&p->dst, &world->s[1].addr)
		       ? PASS
		       : LOSE;
}

/* An UPDATE whose sender's HIT is made up, with numbers for MAC and signature. */
static void spoofed_update(const struct hp_addr *src, uint32_t number)
{
	static const uint8_t rubbish[64] = {0, 7};
	struct packet p = {.to = 1, .src = *src, .dst = w.s[1].addr};
	struct hp_addr hit = w.s[0].hit;
	struct hp_hip_builder b;

	hp_put32(hit.b + 12, number * 2654435761u);
	hp_hip_begin(&b, p.msg, sizeof(p.msg), HP_HIP_UPDATE, 0, &hit, &w.s[1].hit);
	hp_hip_add_seq(&b, 1);
	hp_hip_param(&b, HP_PARAM_HIP_MAC, rubbish, 48);
	hp_hip_param(&b, HP_PARAM_HIP_SIGNATURE, rubbish, 64);
	p.len = (size_t)hp_hip_finish(&b);
	hp_hip_checksum_set(p.msg, p.len, &p.src, &p.dst);
	forge_deliver(&w, &p);
}

static void a_spoofed_update_is_no_weapon(void)
{
	begin();
	w.fate = count_victim;
	world_start(&w);
	to_victim = 0;
	for (uint32_t ms = 0; ms < 8000; ms++) {
		spoofed_update(&victim, ms);
		world_run(&w, 1);
	}
	CU_ASSERT(to_victim >= 1);
	CU_ASSERT(to_victim <= 12);
	/* Nothing of it is left soon, and nobody is told that it failed. */
	world_run(&w, 3000);
	CU_ASSERT_EQUAL(hp_hip_count(w.s[1].hip), 0);
	CU_ASSERT_EQUAL(w.s[1].events[HP_HIP_FAILED], 0);
	world_fini(&w);
}

/* Side 0 stands, side 1 has forgotten all but where it has met it. */
static void forget(bool met)
{
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 50));
	world_restart(&w, 1);
	if (met)
		hp_hip_known_pair(w.s[1].hip, &w.s[1].hit, &w.s[0].hit, &w.s[0].addr, 0);
}

static bool recovers_within(unsigned ms, bool flood)
{
	for (unsigned t = 0; t < ms; t++) {
		for (uint32_t i = 0; flood && i < 20; i++)
			spoofed_update(i & 1 ? &victim : &w.s[0].addr, t * 20 + i);
		world_run(&w, 1);
		if (world_up(&w) && world_data(&w))
			return true;
	}
	return false;
}

/* From everywhere, also in the peer's address: what it says itself is heard. */
static void floods_do_not_keep_a_known_peer_out(void)
{
	begin();
	w.fate = count_victim;
	forget(true);
	for (uint32_t i = 0; i < 1000; i++)
		spoofed_update(i & 1 ? &victim : &w.s[0].addr, i);
	CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&w, 0)), 0);
	CU_ASSERT_TRUE(recovers_within(1500, true));
	world_fini(&w);
}

static void a_stranger_that_is_real_comes_back_too(void)
{
	begin();
	forget(false);
	CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&w, 0)), 0);
	CU_ASSERT_TRUE(recovers_within(100, false));
	world_fini(&w);
}

/* ---- unknown SPIs */

static void esp_from(const struct hp_addr *src, uint32_t spi)
{
	struct hp_path path = {.src = w.s[1].addr, .dst = *src};

	hp_hip_unknown_spi(w.s[1].hip, &path, spi);
}

static void unknown_addresses_use_nothing_up(void)
{
	begin();
	w.fate = count_victim;
	forget(true);
	for (uint32_t i = 0; i < 10000; i++) {
		struct hp_addr src = elsewhere;

		hp_put16(src.b + 14, (uint16_t)i);
		esp_from(&src, i);
	}
	esp_from(&w.s[0].addr, 4711);
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_I1], 1);
	world_run(&w, 20);
	CU_ASSERT_TRUE(world_up(&w) && world_data(&w));
	world_fini(&w);
}

/* Behind a service's identity, not the first one of the machine. */
static void hosted_identities_are_found(void)
{
	struct hp_key *hosted = world_key(HP_KEY_P384, 1);
	const struct hp_addr *hit = hp_key_hit(hosted);
	struct hp_assoc *a;

	for (int with_conf = 0; with_conf < 2; with_conf++) {
		begin();
		world_start(&w);
		hp_hip_identity_add(w.s[1].hip, hosted, HP_IDENTITY_NEVER_OPPORTUNISTIC, NULL);
		hp_hip_connect(w.s[0].hip, NULL, hit, &w.s[1].addr, 1);
		world_run(&w, 50);
		a = hp_hip_find(w.s[0].hip, &w.s[0].hit, hit);
		CU_ASSERT_PTR_NOT_NULL_FATAL(hp_assoc_sa_out(a));
		world_restart(&w, 1);
		hp_hip_identity_add(w.s[1].hip, hosted, HP_IDENTITY_NEVER_OPPORTUNISTIC, NULL);
		if (with_conf)
			hp_hip_known_peer(w.s[1].hip, &w.s[0].hit, &w.s[0].addr, 1, false);
		hp_hip_known_pair(w.s[1].hip, hit, &w.s[0].hit, &w.s[0].addr, 0);
		esp_from(&w.s[0].addr, hp_assoc_sa_out(a)->spi);
		esp_from(&w.s[0].addr, hp_assoc_sa_out(a)->spi);
		world_run(&w, 50);
		a = hp_hip_find(w.s[1].hip, hit, &w.s[0].hit);
		CU_ASSERT_PTR_NOT_NULL(a);
		CU_ASSERT(a && hp_assoc_sa_out(a));
		/* No other association is begun besides. */
		CU_ASSERT_EQUAL(hp_hip_count(w.s[1].hip), 1);
		esp_from(&w.s[0].addr, 9999);
		CU_ASSERT_EQUAL(hp_hip_count(w.s[1].hip), 1);
		world_fini(&w);
	}
}

static void a_configured_peer_is_found_by_its_address(void)
{
	begin();
	forget(false);
	hp_hip_known_peer(w.s[1].hip, &w.s[0].hit, &elsewhere, 1, false);
	esp_from(&w.s[0].addr, 4711);
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_I1], 0);
	/* Another address is configured now. */
	hp_hip_known_peer(w.s[1].hip, &w.s[0].hit, &w.s[0].addr, 1, false);
	esp_from(&elsewhere, 4711);
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_I1], 0);
	esp_from(&w.s[0].addr, 4711);
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_I1], 1);
	world_run(&w, 20);
	CU_ASSERT_TRUE(world_up(&w) && world_data(&w));
	/* Nobody is remembered after this. */
	hp_hip_forget_peers(w.s[1].hip);
	hp_hip_close(world_assoc(&w, 1));
	world_run(&w, 50);
	esp_from(&w.s[0].addr, 4711);
	CU_ASSERT_EQUAL(w.s[1].sent[HP_HIP_I1], 1);
	world_fini(&w);
}

/* Spoofed in the known peer's name: one exchange at a time, which ends. */
static void a_forged_spi_costs_one_exchange(void)
{
	begin();
	w.fate = count_victim;
	world_start(&w);
	hp_hip_known_pair(w.s[1].hip, &w.s[1].hit, &w.s[0].hit, &victim, 0);
	to_victim = 0;
	for (uint32_t ms = 0; ms < 8000; ms++) {
		esp_from(&victim, ms);
		world_run(&w, 1);
	}
	CU_ASSERT(to_victim >= 1 && to_victim <= 6);
	world_fini(&w);
}

static const struct hp_test tests[] = {
	HP_TEST(a_spoofed_update_is_no_weapon),
	HP_TEST(floods_do_not_keep_a_known_peer_out),
	HP_TEST(a_stranger_that_is_real_comes_back_too),
	HP_TEST(unknown_addresses_use_nothing_up),
	HP_TEST(hosted_identities_are_found),
	HP_TEST(a_configured_peer_is_found_by_its_address),
	HP_TEST(a_forged_spi_costs_one_exchange),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret;

	hp_log_level_all(HP_LOG_ERROR);
	ret = hp_test_main("recover", tests, argc, argv);
	world_keys_free();
	return ret;
}
