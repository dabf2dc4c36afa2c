/* SPDX-License-Identifier: MIT
 *
 * Thousands of TCP connections through core.seqadj (core/pipe/l7.c, core/flow/seqadj.c) with the
 * oracle of stream.h.  HP_ORACLE_SEEDS says how many, HP_ORACLE_SEED runs a single one and shows
 * its segments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "stream.h"

#define SEEDS 2500u

static struct lab lab;
static struct stream s;

static void start(void)
{
	lab_init(&lab);
	for (int i = 0; i < 2; i++) {
		lab.w.s[i].cfg.ual_s = 0;
		lab.w.s[i].cfg.dead_peer_ms = 0;
	}
	lab.pool_sized = true;
	lab.n[0].plugin = &stream_plugin;
	lab_start(&lab);
	if (!world_connect(&lab.w, 200))
		abort();
}

/* Octets that were held and then lost, with a sender that repeats nothing that SACK covers. */
static void narrow(struct stream_plan *p)
{
	p->sack = p->trust_sack = true;
	p->super = p->nagle = p->urgent = false;
	p->lose = 300;
	p->again = p->probe = p->open = 0;
	p->mss[0] = 1460;
	p->mss[1] = 200; /* what comes of one segment is lost in parts */
	p->cut[0] = 148;
	p->len[0] = 3000;
	p->window[0] = p->window[1] = 60000;
	p->kinds[0] = 1u << STREAM_KEEP | 1u << STREAM_LONG | 1u << STREAM_GROW;
}

static const char *run(uint64_t seed, bool loud)
{
	memset(&s.plan, 0, sizeof(s.plan));
	s.lab = &lab;
	s.seed = seed;
	s.state = seed * 0x9e3779b97f4a7c15u | 1;
	s.why = NULL;
	s.loud = loud;
	for (int i = 0; i < 8; i++)
		stream_roll(&s, 2);
	stream_plan(&s);
	if (seed % 5 == 0)
		narrow(&s.plan);
	return stream_run(&s);
}

static bool again(void)
{
	return lab_renew(&lab, 0) && lab_renew(&lab, 1);
}

static void every_receiver_gets_the_changed_stream(void)
{
	const char *one = getenv("HP_ORACLE_SEED"), *many = getenv("HP_ORACLE_SEEDS");
	uint64_t first = one ? strtoull(one, NULL, 0) : 1;
	uint64_t n = one ? 1 : many ? strtoull(many, NULL, 0) : SEEDS;
	unsigned bad = 0;

	start();
	for (uint64_t seed = first; seed < first + n && bad < 10; seed++) {
		const char *why = run(seed, one);

		if (why) {
			printf("\n    seed %llu, round %llu: %s", (unsigned long long)seed,
			       (unsigned long long)s.round, why);
			bad++;
		}
		CU_ASSERT_TRUE(again());
	}
	CU_ASSERT_EQUAL(bad, 0);
	CU_ASSERT_TRUE(lab_fini(&lab));
	printf("\n    %lu calls, %lu held, %lu replaced, %lu too long, %lu transparent, "
	       "%lu retransmitted, %lu SACK, %lu urgent, %lu resets, %lu zero windows, %lu super-packets ",
	       s.calls, s.held, s.replaced, s.skipped, s.opened, s.retransmitted, s.sacks,
	       s.urgents, s.resets, s.zero_windows, s.supers);
	if (!one)
		CU_ASSERT_TRUE(s.held && s.replaced && s.skipped && s.opened && s.retransmitted &&
			       s.sacks && s.urgents && s.resets && s.zero_windows && s.supers);
}

static const struct hp_test tests[] = {
	HP_TEST(every_receiver_gets_the_changed_stream),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("l7_oracle", tests, argc, argv);
}
