/* SPDX-License-Identifier: MIT
 *
 * The pipeline's limits as they are reported, and who is told when one is reached
 * (core/pipe/limits.c).
 */
#include <string.h>

#include "../harness.h"
#include "lab.h"
#include "pipe/limits.h"

static struct lab l;
static unsigned told[2]; /* no longer reached, reached */
static char said[64];
static struct hp_addr first;

static void limit(void *ctx, const char *setting, const struct hp_addr *who, bool reached)
{
	(void)ctx;
	told[reached]++;
	strncpy(said, setting, sizeof(said) - 1);
	if (who)
		first = *who;
}

static void begin(const char *limits)
{
	lab_init(&l);
	memset(told, 0, sizeof(told));
	l.n[0].more = limits;
	l.n[0].ops.limit = limit;
	lab_start(&l);
	if (!world_connect(&l.w, 200))
		CU_FAIL_FATAL("no association");
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_fini(&l));
}

static struct hp_limit_row row(enum hp_pipe_limit which)
{
	struct hp_limit_row r;

	hp_pipe_limit_row(l.n[0].pipe, which, &r);
	return r;
}

static void each_limit_is_what_the_settings_say(void)
{
	static const uint64_t most[] = {
		[HP_PIPE_LIMIT_FLOWS] = 2000, [HP_PIPE_LIMIT_CLIENT_FLOWS] = 200,
		[HP_PIPE_LIMIT_PEER_FLOWS] = 400, [HP_PIPE_LIMIT_PEERS] = 3000,
		[HP_PIPE_LIMIT_CLIENT_PEERS] = 300, [HP_PIPE_LIMIT_HOLD] = 4000,
		[HP_PIPE_LIMIT_CLIENT_HOLD] = 400, [HP_PIPE_LIMIT_REASSEMBLY] = 100,
		[HP_PIPE_LIMIT_CLIENT_REASSEMBLY] = 64, /* never less */
	};

	begin("limits = { flows = 2000; peers = 3000; hold_packets = 4000; reassembly = 100;"
	      " client_share = 10; peer_share = 20; };");
	for (int i = 0; i < HP_PIPE_LIMIT_MAX; i++) {
		struct hp_limit_row r = row((enum hp_pipe_limit)i);

		CU_ASSERT_TRUE(i == HP_PIPE_LIMIT_CLIENT_PORTS ? r.most > 64 : r.most == most[i]);
		CU_ASSERT_EQUAL(strncmp(r.setting, "limits.", 7), 0);
		CU_ASSERT_EQUAL(r.used, 0);
	}
	end();
}

static void what_is_in_use_is_counted(void)
{
	struct talk t = lab_talk4(1);

	begin("");
	lab_open(&l, &t);
	t = lab_talk6(2);
	lab_open(&l, &t);
	CU_ASSERT_EQUAL(row(HP_PIPE_LIMIT_FLOWS).used, 2);
	CU_ASSERT_EQUAL(row(HP_PIPE_LIMIT_PEERS).used, hp_peerdb_count(hp_pipe_peerdb(l.n[0].pipe)));
	CU_ASSERT_TRUE(row(HP_PIPE_LIMIT_PEERS).used >= 1);
	CU_ASSERT_EQUAL(row(HP_PIPE_LIMIT_HOLD).used, 0);
	CU_ASSERT_EQUAL(row(HP_PIPE_LIMIT_REASSEMBLY).used, 0);
	/* A share is no one number. */
	CU_ASSERT_EQUAL(row(HP_PIPE_LIMIT_CLIENT_FLOWS).used, 0);
	end();
}

static void a_client_that_reaches_its_share_is_named_once(void)
{
	struct talk t = lab_talk4(0);

	begin("limits = { flows = 1000; client_share = 1; };");
	for (uint16_t i = 0; i < 80; i++) {
		t.sport = (uint16_t)(1000 + i);
		t.dport = (uint16_t)(100 + i);
		lab_capture(&l, lab_udp(&t, "x", 1));
	}
	lab_run(&l, 3);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 64);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_CLIENT_FLOWS), 16);
	CU_ASSERT_EQUAL(told[1], 1);
	CU_ASSERT_STRING_EQUAL(said, "limits.client_share");
	CU_ASSERT_TRUE(hp_addr_eq(&first, &t.client));
	CU_ASSERT_EQUAL(told[0], 0);
	lab_run(&l, 120000);
	CU_ASSERT_EQUAL(told[0], 1);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(each_limit_is_what_the_settings_say),
	HP_TEST(what_is_in_use_is_counted),
	HP_TEST(a_client_that_reaches_its_share_is_named_once),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("limits", tests, argc, argv);
}
