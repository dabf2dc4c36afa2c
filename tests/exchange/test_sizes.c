/* SPDX-License-Identifier: MIT
 *
 * Which keys fit into R1 and I2: what hp_hip_largest foretells is what an exchange sends, and the
 * largest RSA key works while the next one is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <hipproxy/log.h>

#include "../harness.h"
#include "hip/assoc.h"
#include "hip/sizes.h"
#include "nat.h"

#define PORT 10500

static struct world w;

/* Both messages get longest in UDP, with the largest group, and with a Responder whose HIT suite
 * has the longest hash. */
static void begin(struct hp_key *initiator, struct hp_key *responder)
{
	world_init(&w);
	w.keep = true;
	for (int i = 0; i < 2; i++) {
		w.s[i].cfg.dh_groups[0] = HP_DH_MODP3072;
		nat_plug(&w, i, NATUDP_PLAIN_UDP, PORT, 15000);
		w.s[i].di = i ? "gateway.example" : NULL;
	}
	w.s[0].key = initiator;
	w.s[1].key = responder;
}

static size_t longest(uint8_t type)
{
	size_t max = 0;

	for (size_t i = 0; i < w.n_kept; i++)
		if (w.kept[i]->msg[HP_HIP_OFF_TYPE] == type && w.kept[i]->len > max)
			max = w.kept[i]->len;
	return max;
}

static void check_lengths(void)
{
	size_t r1, i2;

	CU_ASSERT_EQUAL(hp_hip_largest(&w.s[1].cfg, w.s[1].key, w.s[1].di, &r1, &i2), 0);
	CU_ASSERT_EQUAL(longest(HP_HIP_R1), r1);
	CU_ASSERT_EQUAL(hp_hip_largest(&w.s[0].cfg, w.s[0].key, w.s[0].di, &r1, &i2), 0);
	CU_ASSERT_EQUAL(longest(HP_HIP_I2), i2);
}

static void messages_are_as_long_as_foretold(void)
{
	static const enum hp_key_kind kinds[] = { HP_KEY_RSA, HP_KEY_P256, HP_KEY_P384 };

	for (size_t i = 0; i < 3; i++)
		for (int encrypt = 0; encrypt < 2; encrypt++) {
			begin(world_key(kinds[i], 0), world_key(HP_KEY_P384, 1));
			w.s[0].cfg.encrypt_host_id = encrypt;
			world_start(&w);
			CU_ASSERT_TRUE(world_connect(&w, 100));
			check_lengths();
			world_fini(&w);
		}
	begin(world_key(HP_KEY_P256, 0), world_key(HP_KEY_RSA, 1));
	w.s[0].cfg.n_hit_suites = 1;
	w.s[0].cfg.hit_suites[0] = HP_HITSUITE_RSA_DSA_SHA256;
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 100));
	check_lengths();
	world_fini(&w);
}

static void the_largest_rsa_key_fits_and_a_larger_one_does_not(void)
{
	struct hp_key *fits, *large;
	struct hp_hip_config cfg;
	char why[HP_HIP_WHY];
	unsigned bits;

	begin(world_key(HP_KEY_P256, 0), world_key(HP_KEY_P384, 1));
	cfg = w.s[0].cfg;
	bits = hp_hip_rsa_bits_max(&cfg, 0);
	CU_ASSERT(bits > 5120 && bits < 6144);
	CU_ASSERT_FATAL(!hp_key_generate(HP_KEY_RSA, bits, &fits));
	CU_ASSERT_FATAL(!hp_key_generate(HP_KEY_RSA, bits + 8, &large));
	CU_ASSERT_EQUAL(hp_hip_key_check(&cfg, fits, NULL, why), 0);
	CU_ASSERT_EQUAL(hp_hip_key_check(&cfg, large, NULL, why), -EMSGSIZE);
	CU_ASSERT(strstr(why, "longer than a HIP message can be (2048 octets)") != NULL);

	w.s[0].key = fits;
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 100));
	CU_ASSERT(longest(HP_HIP_I2) <= HP_HIP_MAX && longest(HP_HIP_I2) > HP_HIP_MAX - 16);
	world_fini(&w);

	begin(large, world_key(HP_KEY_P384, 1));
	world_start(&w);
	CU_ASSERT_FALSE(world_connect(&w, 100));
	CU_ASSERT_EQUAL(longest(HP_HIP_I2), 0);
	CU_ASSERT(world_counted(&w, 0, HP_HIPD_SEND) > 0);
	world_fini(&w);

	/* As Responder both have room: I2 is the longer message. */
	begin(world_key(HP_KEY_P256, 0), fits);
	w.s[1].di = NULL;
	world_start(&w);
	CU_ASSERT_TRUE(world_connect(&w, 100));
	world_fini(&w);
	hp_key_unref(fits);
	hp_key_unref(large);
}

/* A domain identifier and ENCRYPTED take room too, smaller groups leave some. */
static void the_limit_follows_the_configuration(void)
{
	struct hp_hip_config cfg;
	unsigned bits;

	hp_hip_config_init(&cfg);
	bits = hp_hip_rsa_bits_max(&cfg, 0);
	CU_ASSERT(hp_hip_rsa_bits_max(&cfg, 200) < bits);
	cfg.encrypt_host_id = true;
	CU_ASSERT(hp_hip_rsa_bits_max(&cfg, 0) < bits);
	cfg.encrypt_host_id = false;
	cfg.n_dh_groups = 1; /* P-256 */
	CU_ASSERT(hp_hip_rsa_bits_max(&cfg, 0) > bits);
}

static const struct hp_test tests[] = {
	HP_TEST(messages_are_as_long_as_foretold),
	HP_TEST(the_largest_rsa_key_fits_and_a_larger_one_does_not),
	HP_TEST(the_limit_follows_the_configuration),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret;

	hp_log_level_all(HP_LOG_ERROR);
	ret = hp_test_main("sizes", tests, argc, argv);
	world_keys_free();
	return ret;
}
