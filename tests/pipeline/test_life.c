/* SPDX-License-Identifier: MIT
 *
 * Associations come, go, fail and change under flows and held packets.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "hip/rekey.h"
#include "lab.h"
#include "probe.h"

#define SYN 2
#define ACK 16

static struct lab l;

static void prepare(const char *client)
{
	probe_reset();
	lab_init(&l);
	l.n[0].plugin = &probe_plugin;
	l.n[0].client = client;
}

static void begin(const char *client)
{
	prepare(client);
	lab_start(&l);
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

static unsigned udp(const struct talk *t, uint8_t n)
{
	return lab_capture(&l, lab_udp(t, &n, 1));
}

static bool arrived(unsigned first, size_t n)
{
	bool good = lab_count(&l, 1) == n;

	for (size_t i = 0; i < n; i++)
		good = good && lab_out(&l, 1, i)->payload_len == 1 &&
		       lab_out(&l, 1, i)->payload[0] == first + i;
	return good;
}

static uint64_t passed(void)
{
	return hp_pipe_totals(l.n[0].pipe)->passed;
}

static enum fate dead(struct lab *lab, const struct side *from, struct packet *p)
{
	(void)lab, (void)from, (void)p;
	return LOSE;
}

/* ---- opportunistic */

static void opportunistic(enum hp_opportunistic how, const char *client)
{
	prepare(client);
	l.stranger = true;
	l.n[0].more = how == HP_OPP_PINNED ? "hip = { opportunistic_initiator = \"pinned\"; };" :
					     "hip = { opportunistic_initiator = \"on\"; };";
	l.w.s[0].cfg.opportunistic_initiator = how;
	l.w.s[1].cfg.opportunistic_responder = HP_OPP_ON;
}

static void an_opportunistic_exchange_protects(void)
{
	struct talk t = lab_talk4(1);

	opportunistic(HP_OPP_ON, "");
	lab_start(&l);
	t.served = l.w.s[1].addr;
	udp(&t, 0);
	udp(&t, 1);
	lab_run(&l, 60);
	udp(&t, 2);
	lab_run(&l, 5);
	CU_ASSERT_TRUE(arrived(0, 3));
	CU_ASSERT_EQUAL(passed(), 0);
	CU_ASSERT_STRING_EQUAL(hp_pipe_peer_source(hp_peer_find(hp_pipe_peerdb(l.n[0].pipe),
								 &t.served)), "opportunistic");
	end();
}

/* RFC 4380: a tunnel, no locator.  Nobody is asked there, and nothing waits. */
static void a_teredo_address_is_not_asked(void)
{
	struct talk t = lab_talk6(1);
	unsigned id;

	opportunistic(HP_OPP_ON, "");
	lab_start(&l);
	t.served = test_addr("2001:0:c000:25a::1");
	id = lab_capture(&l, lab_syn(&t, 1440));
	CU_ASSERT_EQUAL(lab_verdict(&l, id), MARKED);
	CU_ASSERT_EQUAL(hp_hip_count(l.w.s[0].hip), 0);
	CU_ASSERT_EQUAL(l.w.s[0].sent[HP_HIP_I1], 0);
	end();
}

static void without_hip_there_an_opportunistic_try_ends_plain(void)
{
	struct talk t = lab_talk4(1);
	unsigned id;

	opportunistic(HP_OPP_ON, "hold_timeout_ms = 2000;");
	lab_start(&l);
	t.served = test_addr("198.51.100.9");
	id = udp(&t, 0);
	lab_run(&l, 1900);
	CU_ASSERT_EQUAL(lab_verdict(&l, id), NONE);
	lab_run(&l, 200);
	CU_ASSERT_EQUAL(lab_verdict(&l, id), MARKED);
	lab_run(&l, 60000);
	CU_ASSERT_EQUAL(lab_verdict(&l, udp(&t, 1)), MARKED);
	end();
}

/* The exchange gives up before those that wait do. */
static void a_failed_opportunistic_exchange_lets_go(void)
{
	struct talk t = lab_talk4(1);
	unsigned id;

	opportunistic(HP_OPP_ON, "hold_timeout_ms = 60000;");
	lab_start(&l);
	t.served = test_addr("198.51.100.9");
	id = udp(&t, 0);
	lab_run(&l, 2000);
	CU_ASSERT_EQUAL(lab_verdict(&l, id), NONE);
	lab_run(&l, 57000);
	CU_ASSERT_EQUAL(lab_verdict(&l, id), MARKED);
	end();
}

/* The first connection could not wait; the next ones are protected. */
static void an_opportunistic_exchange_that_ends_late_still_counts(void)
{
	struct talk t = lab_talk4(1);
	unsigned id;

	opportunistic(HP_OPP_ON, "hold_timeout_ms = 300;");
	lab_start(&l);
	l.hip_fate = dead;
	t.served = l.w.s[1].addr;
	id = udp(&t, 0);
	lab_run(&l, 400);
	CU_ASSERT_EQUAL(lab_verdict(&l, id), MARKED);
	l.hip_fate = NULL;
	lab_run(&l, 2000);
	t.sport = 2;
	CU_ASSERT_EQUAL(lab_verdict(&l, udp(&t, 1)), STOLEN);
	lab_run(&l, 5);
	CU_ASSERT_TRUE(arrived(1, 1));
	end();
}

/* Two addresses, one host: the second exchange meets a HIT that has an association. */
static void two_addresses_of_one_host_share_its_association(void)
{
	struct talk t = lab_talk4(1);

	opportunistic(HP_OPP_ON, "");
	l.also = test_addr("192.0.2.3");
	lab_start(&l);
	t.served = l.w.s[1].addr;
	udp(&t, 0);
	lab_run(&l, 60);
	t.served = l.also;
	udp(&t, 1);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(0, 2));
	CU_ASSERT_EQUAL(passed(), 0);
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 1), 0, "r", 1));
	lab_run(&l, 5);
	CU_ASSERT_TRUE(hp_addr_eq(&lab_out(&l, 0, 0)->src, &l.also));
	end();
}

static void another_hit_than_the_pinned_one_is_never_spoken_to(void)
{
	struct talk t = lab_talk4(1);

	opportunistic(HP_OPP_PINNED, "");
	l.w.s[0].peer_pin = test_addr("2001:21::bad");
	lab_start(&l);
	t.served = l.w.s[1].addr;
	udp(&t, 0);
	lab_run(&l, 60000);
	udp(&t, 1);
	lab_run(&l, 1000);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
	CU_ASSERT_EQUAL(passed(), 0);
	CU_ASSERT_TRUE(lab_count(&l, 0) >= 1);
	CU_ASSERT_EQUAL(lab_out(&l, 0, 0)->type, 3);
	end();
}

static void the_pinned_one_is(void)
{
	struct talk t = lab_talk4(1);

	opportunistic(HP_OPP_PINNED, "");
	lab_start(&l);
	t.served = l.w.s[1].addr;
	udp(&t, 0);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(0, 1));
	CU_ASSERT_EQUAL(l.w.s[0].pin_calls, 1);
	end();
}

/* ---- a known peer that does not answer */

static void a_known_peer_that_is_silent_is_never_spoken_to_plain(void)
{
	struct talk t = lab_talk4(1);
	unsigned id;

	begin("hold_timeout_ms = 2000;");
	l.hip_fate = dead;
	id = udp(&t, 0);
	lab_run(&l, 2100);
	CU_ASSERT_EQUAL(lab_verdict(&l, id), STOLEN);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_HOLD_TIMEOUT), 1);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0); /* it proves nothing yet */
	for (uint8_t i = 1; i < 100; i++) {
		udp(&t, i);
		lab_run(&l, 1000);
	}
	CU_ASSERT_TRUE(lab_drops(&l, 0, HP_DROP_PEER_UNREACHABLE) > 0);
	CU_ASSERT(lab_out(&l, 0, 0)->type == 3 && lab_out(&l, 0, 0)->code == 1);
	CU_ASSERT_EQUAL(passed(), 0);
	CU_ASSERT_EQUAL(l.w.s[0].error, -ETIMEDOUT);
	l.hip_fate = NULL;
	for (uint8_t i = 0; i < 100; i++) {
		udp(&t, i);
		lab_run(&l, 1000);
	}
	CU_ASSERT_TRUE(lab_count(&l, 1) > 60);
	CU_ASSERT_EQUAL(passed(), 0);
	end();
}

/* The connection began protected; now nobody knows a HIT any more, and the association ends. */
static void a_protected_connection_never_turns_plain(void)
{
	struct talk t = lab_talk4(1), u = lab_talk4(2);

	begin("");
	udp(&t, 0);
	lab_run(&l, 60);
	l.stranger = true;
	lab_reconfigure(&l);
	hp_hip_close(world_assoc(&l.w, 0));
	lab_run(&l, 100);
	for (uint8_t i = 1; i < 4; i++)
		CU_ASSERT_EQUAL(lab_verdict(&l, udp(&t, i)), STOLEN);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_SA), 3);
	CU_ASSERT_EQUAL(lab_verdict(&l, udp(&u, 9)), MARKED);
	end();
}

static void used_up_sequence_numbers_are_counted(void)
{
	struct talk t = lab_talk4(1);
	struct hp_packet *p;

	begin("");
	lab_open(&l, &t);
	hp_assoc_sa_out(world_assoc(&l.w, 0))->seq = UINT64_MAX - 1;
	lab_capture(&l, lab_tcp(&t, "x", 1));
	lab_capture(&l, lab_tcp(&t, "x", 1));
	p = lab_tcp(&t, lab_text(), 5000);
	p->gso = true;
	lab_capture(&l, p);
	CU_ASSERT_EQUAL(l.n[0].esp_sent, 1);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_SEAL), 2);
	end();
}

/* ---- associations that end */

static void a_flow_outlives_its_association(void)
{
	struct talk t = lab_talk4(1);
	uint16_t port;

	begin("");
	udp(&t, 0);
	lab_run(&l, 60);
	port = lab_out(&l, 1, 0)->sport;
	hp_hip_close(world_assoc(&l.w, 0));
	lab_run(&l, 2);
	udp(&t, 1);
	lab_run(&l, 60);
	udp(&t, 2);
	lab_run(&l, 300000);
	t.seq++;
	CU_ASSERT_TRUE(arrived(0, 3));
	CU_ASSERT_EQUAL(lab_out(&l, 1, 2)->sport, port);
	CU_ASSERT_EQUAL(passed(), 0);
	CU_ASSERT_TRUE(probe.events[HP_EVENT_ASSOC_DOWN] >= 1);
	end();
}

static void the_peer_may_close_too(void)
{
	struct talk t = lab_talk4(1);

	begin("");
	udp(&t, 0);
	lab_run(&l, 60);
	hp_hip_close(world_assoc(&l.w, 1));
	lab_run(&l, 500);
	udp(&t, 1);
	lab_run(&l, 5000);
	CU_ASSERT_TRUE(arrived(0, 2));
	end();
}

static void held_packets_survive_the_end_of_an_exchange_that_never_was(void)
{
	struct talk t = lab_talk4(1);

	begin("");
	l.hip_fate = dead;
	udp(&t, 0);
	lab_run(&l, 100);
	l.hip_fate = NULL;
	hp_hip_close(world_assoc(&l.w, 0)); /* gone at once */
	lab_run(&l, 2000);
	CU_ASSERT_TRUE(arrived(0, 1));
	end();
}

static void a_restarted_peer_is_found_again(void)
{
	struct talk t = lab_talk4(1);
	unsigned got = 0;

	begin("");
	l.w.s[1].cfg.opportunistic_responder = HP_OPP_ON;
	lab_open(&l, &t);
	lab_restart(&l, 1);
	for (uint8_t i = 0; i < 60; i++) {
		udp(&t, i);
		lab_run(&l, 1000);
		got += lab_count(&l, 1) > 0;
	}
	CU_ASSERT_TRUE(got > 10);
	CU_ASSERT_TRUE(lab_drops(&l, 1, HP_DROP_ESP_SPI) > 0);
	CU_ASSERT_EQUAL(passed(), 0);
	end();
}

static void a_restarted_proxy_takes_up_its_connections(void)
{
	struct talk t = lab_talk4(1);

	begin("");
	lab_open(&l, &t);
	lab_restart(&l, 0);
	for (int i = 0; i < 20; i++) {
		lab_capture(&l, lab_tcp(&t, "x", 1));
		lab_run(&l, 1000);
	}
	CU_ASSERT_TRUE(lab_count(&l, 1) >= 19);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->sport, 1);
	end();
}

/* Two clients with one port, one of them translated: after a restart each has its own again. */
static void restored_flows_keep_their_ports(void)
{
	struct talk a = lab_talk4(5), b = lab_talk4(5);
	struct hp_flow_key keys[2];
	uint16_t ports[2];
	struct hp_flow *f;

	begin("");
	b.client = test_addr("10.0.0.9");
	udp(&a, 0);
	udp(&b, 1);
	lab_run(&l, 60);
	for (int i = 0; i < 2; i++) {
		const struct talk *t = i ? &b : &a;

		f = hp_flow_find_legacy(hp_pipe_flowdb(l.n[0].pipe), 17, &t->client, 5,
					&t->served, 80);
		keys[i] = f->key;
		ports[i] = lab_out(&l, 1, i)->sport;
	}
	lab_restart(&l, 0);
	for (int i = 1; i >= 0; i--) {
		f = hp_pipe_flow_restore(l.n[0].pipe, &keys[i], true);
		CU_ASSERT_PTR_NOT_NULL(f);
		CU_ASSERT_PTR_NULL(hp_pipe_flow_restore(l.n[0].pipe, &keys[i], true));
	}
	udp(&b, 3);
	udp(&a, 2);
	lab_run(&l, 3000);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 4);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 2)->sport, ports[1]);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 3)->sport, ports[0]);
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 2), 0, "r", 1));
	lab_run(&l, 5);
	CU_ASSERT_TRUE(hp_addr_eq(&lab_out(&l, 0, 0)->dst, &b.client));
	end();
}

/* The peer speaks first after our restart: its SPI is unknown, it is asked for a new exchange. */
static void a_restored_flow_is_reached_by_its_peer(void)
{
	struct talk t = lab_talk4(5);
	struct hp_flow_key key;
	struct seen q;
	uint8_t keep[100];
	size_t got = 0;

	begin("");
	udp(&t, 0);
	lab_run(&l, 60);
	q = *lab_out(&l, 1, 0);
	memcpy(keep, q.data, q.len);
	q.l4 = keep + 40;
	key = hp_flow_find_legacy(hp_pipe_flowdb(l.n[0].pipe), 17, &t.client, 5, &t.served,
				  80)->key;
	lab_restart(&l, 0);
	hp_hip_known_peer(l.w.s[0].hip, &l.w.s[1].hit, &l.w.s[1].addr, 1, false);
	hp_pipe_flow_restore(l.n[0].pipe, &key, true);
	for (int i = 0; i < 20; i++) {
		lab_local(&l, 1, lab_reply(&q, 0, "r", 1));
		lab_run(&l, 500);
		got = lab_count(&l, 0);
	}
	CU_ASSERT_TRUE(got >= 10);
	CU_ASSERT_TRUE(hp_addr_eq(&lab_out(&l, 0, 0)->dst, &t.client));
	end();
}

/* The peer has a new key: flows to the old HIT end, new ones reach the new HIT. */
static void a_changed_hit_ends_the_flow_and_begins_another(void)
{
	struct talk t = lab_talk4(1);

	begin("");
	udp(&t, 0);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(0, 1));
	l.w.s[1].key = world_key(HP_KEY_P384, 1);
	lab_restart(&l, 1);
	l.w.s[0].cfg.n_hit_suites = 2;
	lab_reconfigure(&l);
	for (uint8_t i = 1; i < 120; i++) {
		udp(&t, i);
		lab_run(&l, 1000);
	}
	CU_ASSERT_TRUE(lab_drops(&l, 0, HP_DROP_PEER_CHANGED) >= 1);
	CU_ASSERT_TRUE(lab_count(&l, 1) > 20);
	CU_ASSERT_TRUE(hp_addr_eq(&lab_out(&l, 1, lab_count(&l, 1) - 1)->dst, &l.w.s[1].hit));
	CU_ASSERT_EQUAL(passed(), 0);
	end();
}

/* The same ports again, after a connection has ended: for plugins the old one is gone and another
 * one has begun. */
static void a_syn_on_ended_ports_is_a_new_connection(void)
{
	struct talk t = lab_talk4(1);

	begin("");
	lab_open(&l, &t);
	lab_capture(&l, lab_tcp(&t, "x", 1));
	lab_run(&l, 5);
	lab_capture(&l, lab_syn(&t, 1460)); /* a repeated SYN of the live one */
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(probe.events[HP_EVENT_FLOW_NEW], 1);
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 0), 4 /* RST */, NULL, 0));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(probe.events[HP_EVENT_FLOW_GONE], 0);
	lab_forget(&l, 1);
	lab_capture(&l, lab_syn(&t, 1460));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_EQUAL(probe.events[HP_EVENT_FLOW_GONE], 1);
	CU_ASSERT_EQUAL(probe.events[HP_EVENT_FLOW_NEW], 2);
	CU_ASSERT_EQUAL(hp_flowdb_count(hp_pipe_flowdb(l.n[0].pipe)), 1);
	end();
}

static void flows_go_when_the_database_is_flushed(void)
{
	struct talk t = lab_talk4(1);

	begin("");
	lab_open(&l, &t);
	hp_pipe_forget(l.n[0].pipe, HP_FLUSH_FLOWS);
	CU_ASSERT_EQUAL(l.n[0].flows_gone, 1);
	lab_capture(&l, lab_tcp(&t, "again", 5));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->payload_len, 5);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->sport, 1);
	end();
}

static void a_path_that_refuses_is_counted(void)
{
	struct talk t = lab_talk4(1);

	begin("");
	lab_open(&l, &t);
	l.n[0].esp_err = -ENETUNREACH;
	lab_capture(&l, lab_tcp(&t, "x", 1));
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_SEND), 1);
	end();
}

static void rekeying_goes_unnoticed(void)
{
	struct talk t = lab_talk4(1);

	begin("");
	udp(&t, 0);
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(hp_rekey_start(world_assoc(&l.w, 0)), 0);
	for (uint8_t i = 1; i < 50; i++) {
		udp(&t, i);
		lab_run(&l, 1);
	}
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(0, 50));
	CU_ASSERT_EQUAL(l.w.s[0].events[HP_HIP_REKEYED], 1);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(an_opportunistic_exchange_protects),
	HP_TEST(a_teredo_address_is_not_asked),
	HP_TEST(without_hip_there_an_opportunistic_try_ends_plain),
	HP_TEST(a_failed_opportunistic_exchange_lets_go),
	HP_TEST(an_opportunistic_exchange_that_ends_late_still_counts),
	HP_TEST(two_addresses_of_one_host_share_its_association),
	HP_TEST(another_hit_than_the_pinned_one_is_never_spoken_to),
	HP_TEST(the_pinned_one_is),
	HP_TEST(a_known_peer_that_is_silent_is_never_spoken_to_plain),
	HP_TEST(a_protected_connection_never_turns_plain),
	HP_TEST(used_up_sequence_numbers_are_counted),
	HP_TEST(a_flow_outlives_its_association),
	HP_TEST(the_peer_may_close_too),
	HP_TEST(held_packets_survive_the_end_of_an_exchange_that_never_was),
	HP_TEST(a_restarted_peer_is_found_again),
	HP_TEST(a_restarted_proxy_takes_up_its_connections),
	HP_TEST(restored_flows_keep_their_ports),
	HP_TEST(a_restored_flow_is_reached_by_its_peer),
	HP_TEST(a_changed_hit_ends_the_flow_and_begins_another),
	HP_TEST(a_syn_on_ended_ports_is_a_new_connection),
	HP_TEST(flows_go_when_the_database_is_flushed),
	HP_TEST(a_path_that_refuses_is_counted),
	HP_TEST(rekeying_goes_unnoticed),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("life", tests, argc, argv);

	world_keys_free();
	return ret;
}
