/* SPDX-License-Identifier: MIT
 *
 * Hooks of a plugin in the pipeline, and traces.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "lab.h"
#include "probe.h"

#define SYN 2
#define ACK 16

static struct lab l;

static void begin(void)
{
	probe_reset();
	lab_init(&l);
	l.n[0].plugin = &probe_plugin;
	lab_start(&l);
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
	CU_ASSERT_EQUAL(probe.bad, 0);
}

static void stages_come_in_their_order(void)
{
	struct talk t = lab_talk4(1);

	begin();
	lab_capture(&l, lab_syn(&t, 1460));
	CU_ASSERT_STRING_EQUAL(probe.met, "c");
	lab_run(&l, 60);
	CU_ASSERT_STRING_EQUAL(probe.met, "cflxo");
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 0), SYN | ACK, NULL, 0));
	lab_run(&l, 5);
	CU_ASSERT_STRING_EQUAL(probe.met, "cflxoOFXLE");
	CU_ASSERT_EQUAL(probe.events[HP_EVENT_ASSOC_UP], 1);
	CU_ASSERT_EQUAL(probe.events[HP_EVENT_FLOW_NEW], 1);
	end();
}

static void a_flow_meets_only_the_hooks_it_matches(void)
{
	struct talk t = lab_talk4(1), u = lab_talk4(2);

	begin();
	u.dport = 81;
	lab_open(&l, &t);
	probe.met[0] = 0;
	memset(probe.met, 0, sizeof(probe.met));
	lab_capture(&l, lab_udp(&t, "x", 1));
	lab_capture(&l, lab_syn(&u, 1460));
	CU_ASSERT_STRING_EQUAL(probe.met, "cfxocfxo");
	lab_run(&l, 5);
	end();
}

static void each_flow_has_an_area(void)
{
	struct talk t = lab_talk4(1), u = lab_talk4(2);

	begin();
	lab_open(&l, &t);
	lab_open(&l, &u);
	for (int i = 0; i < 4; i++)
		lab_capture(&l, lab_tcp(&t, "x", 1));
	lab_capture(&l, lab_tcp(&u, "x", 1));
	CU_ASSERT_EQUAL(probe.most, 5);
	end();
}

static void a_flag_changes_the_choice_at_once(void)
{
	struct talk t = lab_talk4(1), u = lab_talk4(2);

	begin();
	lab_open(&l, &t);
	lab_open(&l, &u);
	memset(probe.met, 0, sizeof(probe.met));
	probe.set_flag = true;
	lab_capture(&l, lab_tcp(&t, "x", 1));
	probe.set_flag = false;
	lab_capture(&l, lab_tcp(&t, "x", 1));
	lab_capture(&l, lab_tcp(&u, "x", 1));
	CU_ASSERT_STRING_EQUAL(probe.met, "cf+lxocf+lxocflxo");
	end();
}

static void a_drop_in_any_hook_is_counted_and_final(void)
{
	static const char out[] = "cflxo", in[] = "OFXLE";
	struct talk t = lab_talk4(1);
	struct seen q;
	uint8_t keep[100];
	unsigned n = 0;

	begin();
	lab_open(&l, &t);
	probe.say = HP_DROP;
	for (size_t i = 0; i < 5; i++, n++) {
		probe.at = out[i];
		CU_ASSERT_EQUAL(lab_verdict(&l, lab_capture(&l, lab_tcp(&t, "x", 1))), STOLEN);
		CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_PLUGIN), n + 1);
	}
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 0);
	probe.at = 0;
	lab_capture(&l, lab_tcp(&t, "x", 1));
	lab_run(&l, 5);
	q = *lab_out(&l, 1, 0);
	memcpy(keep, q.data, q.len);
	q.l4 = keep + 40;
	for (size_t i = 0; i < 5; i++, n++) {
		probe.at = in[i];
		lab_local(&l, 1, lab_reply(&q, ACK, "y", 1));
		lab_run(&l, 5);
		CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_PLUGIN), n + 1);
	}
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), n);
	CU_ASSERT_EQUAL(hp_count_get(&hp_registry_plugin(l.n[0].registry, 0)->drops, 0), n);
	end();
}

static void pass_in_classify_lets_this_packet_go(void)
{
	struct talk t = lab_talk4(1);
	struct hp_packet *p;

	begin();
	probe.at = 'c';
	probe.say = HP_PASS;
	CU_ASSERT_EQUAL(lab_verdict(&l, lab_capture(&l, lab_udp(&t, "x", 1))), PASSED);
	CU_ASSERT_EQUAL(hp_hip_count(l.w.s[0].hip), 0);
	/* A whole one made of fragments goes out anew. */
	p = lab_udp(&t, lab_text(), 72);
	for (int i = 0; i < 2; i++) {
		struct hp_packet *f = test_packet_new();

		memcpy(f->data, p->data, 20);
		memcpy(f->data + 20, p->data + 20 + 40 * i, 40);
		f->len = 60;
		hp_put16(f->data + 2, 60);
		hp_put16(f->data + 6, i ? 5 : 0x2000);
		CU_ASSERT_EQUAL(lab_verdict(&l, lab_capture(&l, f)), STOLEN);
	}
	test_packet_free(p);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	CU_ASSERT_EQUAL(lab_out(&l, 0, 0)->payload_len, 72);
	end();
}

/* There is nothing the kernel could do with it: it must not vanish unseen. */
static void pass_on_the_way_in_is_a_counted_drop(void)
{
	static const char in[] = "OFXLE";
	struct talk t = lab_talk4(1);
	struct seen q;
	uint8_t keep[100];

	begin();
	lab_open(&l, &t);
	lab_capture(&l, lab_tcp(&t, "x", 1));
	lab_run(&l, 5);
	q = *lab_out(&l, 1, 0);
	memcpy(keep, q.data, q.len);
	q.l4 = keep + 40;
	probe.say = HP_PASS;
	for (unsigned i = 0; i < 5; i++) {
		probe.at = in[i];
		lab_local(&l, 1, lab_reply(&q, ACK, "y", 1));
		lab_run(&l, 5);
		CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_PLUGIN), i + 1);
	}
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	end();
}

/* Between headers of HITs and a verdict for the kernel there is nothing to pass. */
static void pass_behind_translation_is_a_counted_drop(void)
{
	struct talk t = lab_talk4(1);

	begin();
	lab_open(&l, &t);
	probe.say = HP_PASS;
	probe.at = 'x';
	CU_ASSERT_EQUAL(lab_verdict(&l, lab_capture(&l, lab_tcp(&t, "x", 1))), STOLEN);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_PLUGIN), 1);
	end();
}

/* ---- traces */

static struct {
	unsigned n;
	char all[2000];
} traced;

static void line(void *ctx, const struct hp_trace_line *t)
{
	size_t at = strlen(traced.all);

	(void)ctx;
	traced.n++;
	snprintf(traced.all + at, sizeof(traced.all) - at, "%s,%s,%s,%s;", t->stage, t->hook,
		 t->verdict, t->reason);
}

static void traces_tell_every_verdict(void)
{
	struct talk t = lab_talk4(1), u = lab_talk4(2);

	begin();
	memset(&traced, 0, sizeof(traced));
	u.client = test_addr("10.0.0.77");
	hp_pipe_trace(l.n[0].pipe, &t.client, line, NULL);
	lab_capture(&l, lab_syn(&t, 1460));
	lab_capture(&l, lab_syn(&u, 1460));
	lab_run(&l, 60);
	CU_ASSERT_STRING_EQUAL(traced.all, "out.hold,,held,protected;out.seal,,sent,ESTABLISHED;");
	memset(&traced, 0, sizeof(traced));
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 0), SYN | ACK, NULL, 0));
	lab_run(&l, 5);
	CU_ASSERT_STRING_EQUAL(traced.all, "in.emit,,sent,;");
	memset(&traced, 0, sizeof(traced));
	probe.at = 'f';
	probe.say = HP_DROP;
	lab_capture(&l, lab_tcp(&t, "x", 1));
	CU_ASSERT_STRING_EQUAL(traced.all, "out.flow,probe.flow,drop,refused;");
	hp_pipe_trace(l.n[0].pipe, NULL, NULL, NULL);
	lab_capture(&l, lab_tcp(&t, "x", 1));
	CU_ASSERT_EQUAL(traced.n, 1);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(stages_come_in_their_order),
	HP_TEST(a_flow_meets_only_the_hooks_it_matches),
	HP_TEST(each_flow_has_an_area),
	HP_TEST(a_flag_changes_the_choice_at_once),
	HP_TEST(a_drop_in_any_hook_is_counted_and_final),
	HP_TEST(pass_in_classify_lets_this_packet_go),
	HP_TEST(pass_on_the_way_in_is_a_counted_drop),
	HP_TEST(pass_behind_translation_is_a_counted_drop),
	HP_TEST(traces_tell_every_verdict),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("hooks", tests, argc, argv);

	world_keys_free();
	return ret;
}
