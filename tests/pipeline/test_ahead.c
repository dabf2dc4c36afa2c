/* SPDX-License-Identifier: MIT
 *
 * Small packets of a batch wait for what their flows need (core/pipe/ahead.c): all of them
 * leave, in order, and none after its association.
 */
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "lab.h"

#define FLOWS 40

static struct lab l;
static struct talk talks[FLOWS];

static void begin(void)
{
	lab_init(&l);
	lab_start(&l);
	for (int i = 0; i < FLOWS; i++)
		talks[i] = i & 1 ? lab_talk6((uint16_t)(100 + i)) : lab_talk4((uint16_t)(100 + i));
	lab_open(&l, &talks[0]);
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

/* Datagram number `number` of a flow. */
static unsigned datagram(int flow, uint32_t number, size_t len)
{
	uint8_t data[1400] = { 0 };

	memcpy(data, &number, sizeof(number));
	return lab_receive(&l, lab_udp(&talks[flow], data, len));
}

static uint32_t number_of(const struct seen *s)
{
	uint32_t number = 0;

	if (s->payload_len >= sizeof(number))
		memcpy(&number, s->payload, sizeof(number));
	return number;
}

static int flow_of(const struct seen *s)
{
	return s->sport - 100;
}

/* What left node `at` from the first on: numbers of each flow rise by one. */
static void in_order(int at, size_t n)
{
	uint32_t next[FLOWS] = { 0 };

	CU_ASSERT_EQUAL(lab_count(&l, at), n);
	for (size_t i = 0; i < lab_count(&l, at); i++) {
		const struct seen *s = lab_out(&l, at, i);
		int flow = at ? flow_of(s) : s->dport - 100;

		if (flow < 0 || flow >= FLOWS)
			CU_FAIL_FATAL("a flow that there is not");
		CU_ASSERT_EQUAL(number_of(s), next[flow]);
		next[flow]++;
	}
}

static void every_packet_of_a_batch_leaves_in_order(void)
{
	/* Shorter and longer than what waits. */
	for (unsigned n = 1; n < 40; n++) {
		uint32_t number[FLOWS] = { 0 };

		begin();
		for (unsigned i = 0; i < n; i++) {
			int flow = (int)(i * 7 % 5);

			datagram(flow, number[flow]++, 20);
		}
		hp_pipe_flush(l.n[0].pipe);
		lab_run(&l, 10);
		in_order(1, n);
		end();
	}
}

static void large_ones_do_not_overtake(void)
{
	uint32_t number = 0;

	begin();
	for (int i = 0; i < 30; i++) {
		datagram(0, number++, i % 3 ? 20 : 1200);
		/* A large one goes at once, and so what was before it does. */
		if (!(i % 3))
			CU_ASSERT_EQUAL(hp_pipe_totals(l.n[0].pipe)->out_packets, 1 + number);
	}
	hp_pipe_flush(l.n[0].pipe);
	lab_run(&l, 10);
	in_order(1, number);
	end();
}

/* Every flow begins in this batch, and each gets an answer. */
static void flows_begin_while_others_are_fetched(void)
{
	begin();
	for (uint32_t k = 0; k < 3; k++)
		for (int i = 0; i < FLOWS; i++)
			datagram(i, k, 20);
	hp_pipe_flush(l.n[0].pipe);
	lab_run(&l, 10);
	in_order(1, FLOWS * 3);
	CU_ASSERT_EQUAL(hp_flowdb_count(hp_pipe_flowdb(l.n[0].pipe)), FLOWS + 1);
	for (size_t i = 0; i < lab_count(&l, 1); i++) {
		const struct seen *s = lab_out(&l, 1, i);

		lab_local(&l, 1, lab_reply(s, 0, s->payload, s->payload_len));
	}
	lab_run(&l, 10);
	in_order(0, FLOWS * 3);
	end();
}

/* Into node 0, and the batch goes on. */
static void arrive(void)
{
	l.w.now_us += 5000;
	for (size_t i = 0; i < l.n_wire; i++) {
		struct wire_esp *e = l.wire[i];
		struct hp_esp_arrived r = { .data = e->data, .n = 1, .seg = (uint32_t)e->len,
					    .last = (uint32_t)e->len, .src = l.w.s[1].addr,
					    .dst = l.w.s[0].addr, .family = 4, .ttl = 60 };

		hp_pipe_esp_arrived(l.n[0].pipe, &r);
		free(e);
	}
	l.n_wire = 0;
}

static void answers(int n)
{
	for (int i = 0; i < n; i++)
		datagram(0, (uint32_t)i, 20);
	hp_pipe_flush(l.n[0].pipe);
	lab_run(&l, 10);
	for (int i = 0; i < n; i++) {
		const struct seen *s = lab_out(&l, 1, (size_t)i);

		lab_local(&l, 1, lab_reply(s, 0, s->payload, s->payload_len));
	}
	arrive();
}

static void an_association_takes_what_waits_with_it(void)
{
	struct hp_assoc *a;

	begin();
	a = world_assoc(&l.w, 0);
	answers(12);
	/* Some went on; the others wait for the end of the batch. */
	CU_ASSERT(lab_count(&l, 0) > 0 && lab_count(&l, 0) < 12);
	hp_pipe_assoc_event(l.n[0].pipe, a, HP_HIP_GONE);
	hp_pipe_flush(l.n[0].pipe);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_SA) + lab_count(&l, 0), 12);
	in_order(0, lab_count(&l, 0));
	end();
}

static void flows_may_go_meanwhile(void)
{
	size_t before;

	begin();
	answers(12);
	before = lab_count(&l, 0);
	hp_pipe_forget(l.n[0].pipe, HP_FLUSH_FLOWS);
	hp_pipe_flush(l.n[0].pipe);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_FLOW) + before, 12);
	CU_ASSERT_EQUAL(lab_count(&l, 0), before);
	end();
}

/* lab_fini sees whether each came back, and has one verdict. */
static void a_pipeline_may_end_in_the_middle_of_a_batch(void)
{
	begin();
	answers(12);
	for (uint32_t i = 0; i < 12; i++)
		datagram(1, i, 20);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(every_packet_of_a_batch_leaves_in_order),
	HP_TEST(large_ones_do_not_overtake),
	HP_TEST(flows_begin_while_others_are_fetched),
	HP_TEST(an_association_takes_what_waits_with_it),
	HP_TEST(flows_may_go_meanwhile),
	HP_TEST(a_pipeline_may_end_in_the_middle_of_a_batch),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int r = hp_test_main("pipeline_ahead", tests, argc, argv);

	world_keys_free();
	return r;
}
