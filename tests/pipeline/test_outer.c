/* SPDX-License-Identifier: MIT
 *
 * The stages OUT_OUTER and IN_OUTER: a transport plugin of somebody else (toy.c) at both ends, or at
 * one only; runs, HIP messages, sizes.
 */
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "lab.h"

#define SYN 2
#define ACK 16

extern const struct hp_plugin hipproxy_plugin_toy;

static struct lab l;
static unsigned control_toys;

/* What the daemon does with messages of the engine, and with those that leave the pipeline. */
static void engine_send(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len)
{
	struct side *s = ctx;

	s->sent[msg[HP_HIP_OFF_TYPE]]++;
	hp_pipe_control_send(l.n[s->at].pipe, path, msg, len);
}

static int control_send(struct node *n, const struct hp_outer_run *r)
{
	struct wire_esp *e = malloc(sizeof(*e) + r->last);

	*e = (struct wire_esp){ .to = !n->at, .kind = HP_OUTER_CONTROL, .path = r->path,
				.ttl = 64, .len = r->last,
				.at_ms = l.w.now_us / 1000 + WORLD_LATENCY_MS };
	CU_ASSERT_EQUAL(r->n, 1);
	control_toys += r->last > 4 && !memcmp(r->data, "toy", 3);
	memcpy(e->data, r->data, r->last);
	l.wire[l.n_wire++] = e;
	return 0;
}

static void begin(bool here, bool there)
{
	control_toys = 0;
	lab_init(&l);
	for (int i = 0; i < 2; i++) {
		l.w.s[i].ops.send = engine_send;
		l.n[i].control_send = control_send;
	}
	l.n[0].plugin = here ? &hipproxy_plugin_toy : NULL;
	l.n[1].plugin = there ? &hipproxy_plugin_toy : NULL;
	lab_start(&l);
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

static uint64_t counted(int at, size_t i)
{
	return hp_count_get(&hp_registry_plugin(l.n[at].registry, 0)->counters, i);
}

static uint64_t strange(int at)
{
	return hp_count_get(&hp_registry_plugin(l.n[at].registry, 0)->drops, 0);
}

static void an_exchange_and_data_pass_a_foreign_transport(void)
{
	struct talk t = lab_talk4(1);

	begin(true, true);
	lab_capture(&l, lab_syn(&t, 1460));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 0), SYN | ACK, NULL, 0));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	/* I1, R1, I2, R2: each is a run of one. */
	CU_ASSERT_EQUAL(control_toys, 4);
	CU_ASSERT_EQUAL(counted(0, 0), 3);
	CU_ASSERT_EQUAL(counted(1, 0), 3);
	CU_ASSERT_EQUAL(strange(0) + strange(1), 0);
	CU_ASSERT(l.last && !memcmp(l.last->data, "toy", 3));
	end();
}

/* A super-packet's segments leave in one run, and the hook is called once for it. */
static void a_burst_is_one_call_of_the_hook(void)
{
	struct talk t = lab_talk4(1);
	struct hp_packet *p;
	size_t octets = 0;
	uint64_t runs, packets;

	begin(true, true);
	lab_open(&l, &t);
	lab_run(&l, 20);
	runs = counted(0, 0);
	packets = counted(0, 1);
	lab_forget(&l, 1);
	p = lab_tcp(&t, lab_text(), 40000);
	p->gso = true;
	lab_capture(&l, p);
	CU_ASSERT_EQUAL(counted(0, 0) - runs, 1);
	CU_ASSERT(counted(0, 1) - packets > 20);
	lab_run(&l, 5);
	for (size_t i = 0; i < lab_count(&l, 1); i++)
		octets += lab_out(&l, 1, i)->payload_len;
	CU_ASSERT_EQUAL(octets, 40000);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 1), 0);
	end();
}

/* The core counts what the hook says it adds: nothing is longer than the path. */
static void packets_with_what_hooks_add_fit_the_path(void)
{
	struct talk t = lab_talk4(1);
	size_t longest[2];

	for (int toy = 0; toy < 2; toy++) {
		begin(toy, toy);
		lab_open(&l, &t);
		lab_forget(&l, 0);
		for (size_t len = 1200; len < 1460; len++)
			lab_capture(&l, lab_udp(&t, lab_text(), len));
		longest[toy] = l.n[0].esp_longest;
		CU_ASSERT(l.n[0].esp_longest <= l.n[0].mtu_outer);
		CU_ASSERT_EQUAL(l.n[0].esp_cut, 0);
		CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NARROWED), 0);
		lab_run(&l, 5);
		t = lab_talk4(1);
		end();
	}
	CU_ASSERT(longest[0] > 1490 && longest[1] > 1490);
}

/* Runs are filled until what hooks add just fits into the buffer. */
static void the_fullest_run_has_room_for_what_hooks_add(void)
{
	struct talk t = lab_talk4(1);

	begin(true, true);
	lab_open(&l, &t);
	lab_run(&l, 20);
	lab_forget(&l, 1);
	for (int i = 0; i < 200; i++)
		lab_receive(&l, lab_udp(&t, lab_text(), 1100));
	lab_end_burst(&l);
	CU_ASSERT_EQUAL(strange(0), 0);
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 200);
	end();
}

/* Without it at the other end nothing is understood, and all of it is counted. */
static void a_peer_without_the_plugin_is_not_understood(void)
{
	struct talk t = lab_talk4(1);

	begin(false, true);
	lab_capture(&l, lab_syn(&t, 1460));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
	CU_ASSERT_EQUAL(hp_hip_count(l.w.s[1].hip), 0);
	CU_ASSERT(strange(1) >= 1);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(an_exchange_and_data_pass_a_foreign_transport),
	HP_TEST(a_burst_is_one_call_of_the_hook),
	HP_TEST(packets_with_what_hooks_add_fit_the_path),
	HP_TEST(the_fullest_run_has_room_for_what_hooks_add),
	HP_TEST(a_peer_without_the_plugin_is_not_understood),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("outer", tests, argc, argv);

	world_keys_free();
	return ret;
}
