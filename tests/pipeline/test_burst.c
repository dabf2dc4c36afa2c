/* SPDX-License-Identifier: MIT
 *
 * Packets that are received together are processed together (core/pipe/burst.h): all of them
 * leave, in order within a flow, with one verdict each, and none outlives the call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "lab.h"
#include "probe.h"

#define FLOWS 40

static struct lab l;
static struct talk talks[FLOWS];

static void begin(uint32_t ahead_flows)
{
	probe_reset();
	lab_init(&l);
	l.ahead_flows = ahead_flows;
	l.n[0].plugin = &probe_plugin;
	lab_start(&l);
	for (int i = 0; i < FLOWS; i++)
		talks[i] = i & 1 ? lab_talk6((uint16_t)(100 + i)) : lab_talk4((uint16_t)(100 + i));
	lab_open(&l, &talks[0]);
	l.n[0].told = 0;
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

/* No packet is anywhere in the pipeline, and the kernel knows all verdicts. */
static bool nothing_rests(int at)
{
	unsigned open = 0;

	for (unsigned i = 0; !at && i < l.n[0].n_captured; i++)
		open += lab_verdict(&l, i) == NONE;
	return !l.n[at].live && !open;
}

/* Datagram number `number` of a flow. */
static void datagram(int flow, uint32_t number, size_t len)
{
	uint8_t data[1400] = { 0 };

	memcpy(data, &number, sizeof(number));
	lab_receive(&l, lab_udp(&talks[flow], data, len));
}

static uint32_t number_of(const struct seen *s)
{
	uint32_t number = 0;

	if (s->payload_len >= sizeof(number))
		memcpy(&number, s->payload, sizeof(number));
	return number;
}

/* What left node `at`: n packets, whose numbers rise within each flow, by `step` if it is not 0. */
static void in_order(int at, size_t n, uint32_t step)
{
	uint32_t next[FLOWS] = { 0 };

	CU_ASSERT_EQUAL(lab_count(&l, at), n);
	for (size_t i = 0; i < lab_count(&l, at); i++) {
		const struct seen *s = lab_out(&l, at, i);
		int flow = (at ? s->sport : s->dport) - 100;

		if (flow < 0 || flow >= FLOWS)
			CU_FAIL_FATAL("a flow that there is not");
		CU_ASSERT_TRUE(step ? number_of(s) == next[flow] : number_of(s) >= next[flow]);
		next[flow] = number_of(s) + (step ? step : 1);
	}
}

/* n packets of five flows in one burst. */
static void burst(unsigned n)
{
	uint32_t number[FLOWS] = { 0 };

	for (unsigned i = 0; i < n; i++) {
		int flow = (int)(i * 7 % 5);

		datagram(flow, number[flow]++, i % 11 ? 20 : 1200);
	}
	lab_end_burst(&l);
}

static void every_packet_leaves_in_order_before_the_call_returns(void)
{
	static const unsigned sizes[] = { 1, 2, 3, 8, 9, 40, 63, 64, 65, 128, 129, 300 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		for (int ahead = 0; ahead < 2; ahead++) {
			begin(ahead ? 0 : 1000);
			l.n[0].esp_sent = 0;
			burst(sizes[i]);
			CU_ASSERT_TRUE(nothing_rests(0));
			CU_ASSERT_EQUAL(l.n[0].esp_sent, sizes[i]);
			CU_ASSERT_EQUAL(l.n[0].told, 1);
			lab_run(&l, 10);
			in_order(1, sizes[i], 1);
			end();
		}
	}
}

static void an_empty_burst_is_nothing(void)
{
	begin(0);
	lab_end_burst(&l);
	hp_pipe_esp_arrived(l.n[0].pipe, NULL, 0);
	CU_ASSERT_TRUE(nothing_rests(0));
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	end();
}

/* Every flow begins in this burst, and each packet gets an answer. */
static void flows_begin_while_others_are_fetched(void)
{
	begin(0);
	for (uint32_t k = 0; k < 3; k++)
		for (int i = 0; i < FLOWS; i++)
			datagram(i, k, 20);
	lab_end_burst(&l);
	lab_run(&l, 10);
	in_order(1, FLOWS * 3, 1);
	CU_ASSERT_EQUAL(hp_flowdb_count(hp_pipe_flowdb(l.n[0].pipe)), FLOWS + 1);
	for (size_t i = 0; i < lab_count(&l, 1); i++) {
		const struct seen *s = lab_out(&l, 1, i);

		lab_local(&l, 1, lab_reply(s, 0, s->payload, s->payload_len));
		CU_ASSERT_TRUE(nothing_rests(1));
	}
	lab_run(&l, 10);
	in_order(0, FLOWS * 3, 1);
	CU_ASSERT_TRUE(nothing_rests(0));
	end();
}

/* Packets that a hook drops leave gaps; one of another family, a fragment and rubbish are among
 * the rest. */
static void a_hook_may_drop_some(void)
{
	struct hp_packet *bad;

	begin(0);
	probe.at = 'f';
	probe.say = HP_DROP;
	probe.every = 3;
	for (uint32_t i = 0; i < 30; i++)
		datagram((int)i % 2, i, 20);
	bad = lab_udp(&talks[0], "x", 1);
	bad->data[0] = 0x95;
	lab_receive(&l, bad);
	for (uint32_t i = 30; i < 60; i++)
		datagram((int)i % 2, i, 20);
	lab_end_burst(&l);
	CU_ASSERT_TRUE(nothing_rests(0));
	lab_run(&l, 10);
	in_order(1, 40, 0);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_PLUGIN), 20);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_BAD_PACKET), 1);
	end();
}

/* The hook passes some of them before anything is known: this packet only. */
static void a_hook_may_pass_some(void)
{
	unsigned passed = 0;

	begin(0);
	probe.at = 'c';
	probe.say = HP_PASS;
	probe.every = 4;
	for (uint32_t i = 0; i < 64; i++)
		datagram(0, i, 20);
	lab_end_burst(&l);
	CU_ASSERT_TRUE(nothing_rests(0));
	for (unsigned i = 0; i < l.n[0].n_captured; i++)
		passed += lab_verdict(&l, i) == PASSED;
	CU_ASSERT_EQUAL(passed, 16);
	CU_ASSERT_EQUAL(hp_pipe_totals(l.n[0].pipe)->passed, 16);
	lab_run(&l, 10);
	in_order(1, 48, 0);
	end();
}

/* ---- what ends in the middle */

static void flush_flows(void)
{
	hp_pipe_forget(l.n[0].pipe, HP_FLUSH_FLOWS);
}

static void end_association(void)
{
	hp_pipe_assoc_event(l.n[0].pipe, world_assoc(&l.w, 0), HP_HIP_GONE);
}

/* n answers of the host are on their way to node 0. */
static void answers(int n)
{
	for (int i = 0; i < n; i++)
		datagram(0, (uint32_t)i, 20);
	lab_end_burst(&l);
	lab_run(&l, 10);
	for (int i = 0; i < n; i++) {
		const struct seen *s = lab_out(&l, 1, (size_t)i);

		lab_local(&l, 1, lab_reply(s, 0, s->payload, s->payload_len));
	}
}

static void an_association_takes_the_rest_of_its_burst_with_it(void)
{
	begin(0);
	answers(12);
	probe.at = 'F';
	probe.every = 5; /* the fifth is still its own */
	probe.act = end_association;
	lab_run(&l, 10);
	CU_ASSERT_TRUE(nothing_rests(0));
	in_order(0, 5, 1);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_SA), 7);
	end();
}

/* Runs that were received together meet their hooks first, and are opened then. */
static void an_association_may_go_before_its_packets_are_opened(void)
{
	struct seen syn;

	begin(0);
	lab_capture(&l, lab_tcp(&talks[0], "x", 1));
	lab_run(&l, 5);
	syn = *lab_out(&l, 1, 0);
	for (int i = 0; i < 3; i++)
		lab_local(&l, 1, lab_reply(&syn, 16, lab_text(), 500));
	probe.at = 'O';
	probe.every = 3;
	probe.act = end_association;
	lab_run(&l, 10);
	CU_ASSERT_TRUE(nothing_rests(0));
	CU_ASSERT_EQUAL(probe.times, 3);
	CU_ASSERT_EQUAL(lab_count(&l, 0) + lab_drops(&l, 0, HP_DROP_NO_SA), 3);
	end();
}

static void an_association_may_go_before_its_packets_are_sealed(void)
{
	begin(0);
	probe.at = 'c';
	probe.every = 10;
	probe.act = end_association;
	for (uint32_t i = 0; i < 30; i++)
		datagram(0, i, 20);
	lab_end_burst(&l);
	CU_ASSERT_TRUE(nothing_rests(0));
	lab_run(&l, 10);
	in_order(1, 30, 1);
	end();
}

/* A hook on its run ends it, and then the path turns out to be too narrow: of what was kept for the
 * association nothing is left that could note it. */
static void an_association_may_go_while_its_run_leaves(void)
{
	begin(0);
	probe.at = 'o';
	probe.act = end_association;
	l.n[0].esp_err = -EMSGSIZE;
	for (uint32_t i = 0; i < 30; i++)
		datagram(0, i, 20);
	lab_end_burst(&l);
	CU_ASSERT_TRUE(nothing_rests(0));
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NARROWED), 30);
	end();
}

static void flows_may_go_meanwhile(void)
{
	begin(0);
	answers(12);
	probe.at = 'O';
	probe.every = 12;
	probe.act = flush_flows;
	lab_run(&l, 10);
	CU_ASSERT_TRUE(nothing_rests(0));
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_FLOW), 12);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	probe.times = 0;
	probe.at = 'c';
	for (uint32_t i = 0; i < 24; i++)
		datagram(0, i, 20);
	lab_end_burst(&l);
	CU_ASSERT_TRUE(nothing_rests(0));
	lab_forget(&l, 1);
	lab_run(&l, 10);
	in_order(1, 24, 1);
	end();
}

/* ---- what rests */

/* More than a burst: they leave as several, in order, with the packet that came last. */
static void held_packets_and_fragments_are_all_that_rests(void)
{
	enum { HELD = 70 };

	probe_reset();
	lab_init(&l);
	l.n[0].client = "hold_packets = 100; hold_bytes = 1000000;";
	lab_start(&l);
	for (int i = 0; i < 2; i++)
		talks[i] = lab_talk4((uint16_t)(100 + i));
	for (uint32_t i = 0; i < HELD; i++)
		datagram((int)i % 2, i / 2, 20);
	lab_end_burst(&l);
	CU_ASSERT_EQUAL(l.n[0].live, HELD);
	CU_ASSERT_EQUAL(hp_peerdb_hold_pool(hp_pipe_peerdb(l.n[0].pipe))->packets, HELD);
	l.n[0].told = 0;
	lab_run(&l, 2000);
	CU_ASSERT(l.n[0].told > 0);
	CU_ASSERT_TRUE(nothing_rests(0));
	in_order(1, HELD, 1);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	end();
}

/* Their verdicts are sent, although nothing is received when their time is over. */
static void held_packets_that_are_dropped_have_their_verdict(void)
{
	probe_reset();
	lab_init(&l);
	l.w.s[1].addr = test_addr("192.0.2.99"); /* nobody answers */
	lab_start(&l);
	talks[0] = lab_talk4(100);
	datagram(0, 0, 20);
	lab_end_burst(&l);
	CU_ASSERT_EQUAL(l.n[0].live, 1);
	l.n[0].told = 0;
	hp_pipe_forget(l.n[0].pipe, HP_FLUSH_PEERS);
	CU_ASSERT_TRUE(nothing_rests(0));
	CU_ASSERT_EQUAL(l.n[0].told, 1);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_CLOSED), 1);
	CU_ASSERT_TRUE(lab_fini(&l));
}

/* What a command does to a flow is sent before it returns. */
static void a_reset_is_sent_with_the_command(void)
{
	struct hp_flow *f;

	begin(0);
	l.n[0].esp_sent = 0;
	f = hp_flow_find_legacy(hp_pipe_flowdb(l.n[0].pipe), 6, &talks[0].client, talks[0].sport,
				&talks[0].served, talks[0].dport);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	hp_pipe_cut(l.n[0].pipe, f);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 1);
	CU_ASSERT_TRUE(nothing_rests(0));
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(every_packet_leaves_in_order_before_the_call_returns),
	HP_TEST(an_empty_burst_is_nothing),
	HP_TEST(flows_begin_while_others_are_fetched),
	HP_TEST(a_hook_may_drop_some),
	HP_TEST(a_hook_may_pass_some),
	HP_TEST(an_association_takes_the_rest_of_its_burst_with_it),
	HP_TEST(an_association_may_go_before_its_packets_are_opened),
	HP_TEST(an_association_may_go_before_its_packets_are_sealed),
	HP_TEST(an_association_may_go_while_its_run_leaves),
	HP_TEST(flows_may_go_meanwhile),
	HP_TEST(held_packets_and_fragments_are_all_that_rests),
	HP_TEST(held_packets_that_are_dropped_have_their_verdict),
	HP_TEST(a_reset_is_sent_with_the_command),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int r = hp_test_main("pipeline_burst", tests, argc, argv);

	world_keys_free();
	return r;
}
