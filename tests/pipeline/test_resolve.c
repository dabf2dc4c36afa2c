/* SPDX-License-Identifier: MIT
 *
 * From a destination to an association or to none: who is asked, who waits, and that nothing
 * which began protected is ever sent plain.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "../journal.h"
#include "lab.h"
#include "probe.h"
#include "pipe/limits.h"

#define SYN 2
#define ACK 16

static struct lab l;

static void prepare(void)
{
	probe_reset();
	lab_init(&l);
	l.n[0].plugin = &probe_plugin;
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
	CU_ASSERT_EQUAL(probe.bad, 0);
}

/* A stranger's network: node 0 knows nobody but who its client settings name. */
static void begin_unknown(const char *client)
{
	prepare();
	l.stranger = true;
	l.n[0].client = client;
	lab_start(&l);
	probe.answer.hit = l.w.s[1].hit;
	probe.answer.locators[0] = l.w.s[1].addr;
	probe.answer.n = 1;
}

static void begin_known(const char *client)
{
	prepare();
	l.n[0].client = client;
	lab_start(&l);
}

static unsigned udp(const struct talk *t, uint8_t n)
{
	return lab_capture(&l, lab_udp(t, &n, 1));
}

/* The host got packets numbered first .. first+n-1, in order. */
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

static void slow_answers(int err)
{
	for (unsigned i = 0; i < 16; i++) {
		struct hp_ticket t = probe.tickets[i];

		probe.tickets[i].id = 0;
		if (t.id)
			hp_resolve_done(probe.self, t, err, err ? NULL : &probe.answer);
	}
}

/* ---- nobody knows the destination */

static void the_unknown_passes_with_a_mark(void)
{
	struct talk t = lab_talk4(1);
	unsigned id;

	begin_unknown("unknown = \"pass\";");
	id = lab_capture(&l, lab_syn(&t, 1460));
	CU_ASSERT_EQUAL(lab_verdict(&l, id), MARKED);
	id = udp(&t, 1);
	CU_ASSERT_EQUAL(lab_verdict(&l, id), MARKED);
	CU_ASSERT_EQUAL(passed(), 2);
	CU_ASSERT_EQUAL(hp_hip_count(l.w.s[0].hip), 0);
	end();
}

static void the_unknown_is_refused_with_an_icmp_error(void)
{
	struct talk t = lab_talk4(1), t6 = lab_talk6(1);

	begin_unknown("unknown = \"block\";");
	CU_ASSERT_EQUAL(lab_verdict(&l, lab_capture(&l, lab_syn(&t, 1460))), STOLEN);
	CU_ASSERT_EQUAL(lab_verdict(&l, lab_capture(&l, lab_syn(&t6, 1460))), STOLEN);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_UNKNOWN_BLOCKED), 2);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 2);
	CU_ASSERT(lab_out(&l, 0, 0)->type == 3 && lab_out(&l, 0, 0)->code == 13);
	CU_ASSERT(lab_out(&l, 0, 1)->type == 1 && lab_out(&l, 0, 1)->code == 1);
	CU_ASSERT_TRUE(hp_addr_eq(&lab_out(&l, 0, 1)->dst, &t6.client));
	end();
}

static void the_unknown_is_asked_for_again_after_its_lifetime(void)
{
	struct talk t = lab_talk4(1);

	begin_unknown("resolvers = [ \"none\" ]; negative_lifetime_s = 10;");
	udp(&t, 0);
	lab_run(&l, 9000);
	udp(&t, 1);
	CU_ASSERT_STRING_EQUAL(probe.asked, "n");
	lab_run(&l, 1100);
	udp(&t, 2);
	CU_ASSERT_STRING_EQUAL(probe.asked, "nn");
	CU_ASSERT_EQUAL(passed(), 3);
	end();
}

/* ---- policy */

static void rules_bypass_and_block(void)
{
	struct talk t = lab_talk4(1), u = lab_talk4(2);

	begin_known("rules = ( { destination = \"203.0.113.5/32\"; protocol = \"udp\"; ports = \"80\"; "
		    "action = \"bypass\"; }, { client = \"10.0.0.0/24\"; action = \"block\"; } );");
	CU_ASSERT_EQUAL(lab_verdict(&l, udp(&t, 0)), MARKED);
	u.dport = 81;
	CU_ASSERT_EQUAL(lab_verdict(&l, udp(&u, 0)), STOLEN);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_POLICY), 1);
	CU_ASSERT(lab_out(&l, 0, 0)->type == 3 && lab_out(&l, 0, 0)->code == 13);
	u.client = test_addr("10.0.1.2");
	udp(&u, 7);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(7, 1));
	end();
}

/* The next entry whose text holds this, in a static buffer; "" if there is none. */
static const char *logged(const char *text)
{
	static char entry[8192];
	size_t len;

	while (hp_test_journal_read(entry, sizeof(entry), &len))
		if (strstr(entry, text))
			return entry;
	return "";
}

static void drops_are_logged_with_who_and_why(void)
{
	struct talk t = lab_talk4(1), u = lab_talk6(2);
	char big[1452] = { 0 }, client[HP_ADDR_STRLEN], peer[HP_ADDR_STRLEN], want[256];
	const char *e;

	hp_test_journal_start();
	hp_log_target(HP_LOG_JOURNAL, "test");
	hp_log_level_set(HP_LOG_PIPE, HP_LOG_DEBUG);
	begin_known("rules = ( { client = \"10.0.0.0/24\"; action = \"block\"; } );");
	udp(&t, 0);
	e = logged("dropped, policy: proto 17 10.0.0.");
	CU_ASSERT(strstr(e, "HIP_SUBSYSTEM=pipe\nHIP_CLIENT=10.0.0.") != NULL);
	CU_ASSERT(strstr(e, "\nHIP_REASON=policy\n") && !strstr(e, "HIP_PEER="));
	udp(&u, 0);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(0, 1));
	l.routed = true;
	lab_capture(&l, lab_udp(&u, big, sizeof(big)));
	snprintf(want, sizeof(want), "\nHIP_PEER=%s\nHIP_CLIENT=%s\nHIP_REASON=too-big\n",
		 hp_addr_format(&l.w.s[1].hit, peer), hp_addr_format(&u.client, client));
	CU_ASSERT(strstr(logged("dropped, too-big"), want) != NULL);
	hp_log_level_set(HP_LOG_PIPE, HP_LOG_INFO);
	hp_log_target(HP_LOG_STDERR, "test");
	hp_test_journal_stop();
	end();
}

static void in_the_background_first_connections_go_plain(void)
{
	struct talk t = lab_talk4(1);

	begin_unknown("resolvers = [ \"slow\" ]; probe = \"background\";");
	CU_ASSERT_EQUAL(lab_verdict(&l, udp(&t, 0)), MARKED);
	CU_ASSERT_EQUAL(lab_verdict(&l, udp(&t, 1)), MARKED);
	CU_ASSERT_STRING_EQUAL(probe.asked, "l");
	slow_answers(0);
	t.sport = 2;
	CU_ASSERT_EQUAL(lab_verdict(&l, udp(&t, 2)), NONE);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(2, 1));
	CU_ASSERT_EQUAL(passed(), 2);
	end();
}

/* GRE, AH, SCTP and UDP-Lite to a protected destination: the sender is told so. */
static void a_protocol_without_mapping_is_refused_not_passed(void)
{
	static const uint8_t protocols[] = { 47, 51, 132, 136 };

	for (size_t i = 0; i < 2 * sizeof(protocols); i++) {
		struct talk t = i & 1 ? lab_talk6(1) : lab_talk4(1);
		const struct seen *e;

		begin_known("");
		lab_capture(&l, test_packet_l4(&t.client, &t.served, protocols[i / 2], lab_text(), 20));
		lab_run(&l, 60);
		CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_MAPPING), 1);
		CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
		CU_ASSERT_EQUAL(passed(), 0);
		CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
		e = lab_out(&l, 0, 0);
		CU_ASSERT(hp_addr_eq(&e->dst, &t.client));
		/* Next header not recognized, and where it stands; protocol unreachable. */
		CU_ASSERT(i & 1 ? e->type == 4 && e->code == 1 && hp_get32(e->l4 + 4) == 6 :
				  e->type == 3 && e->code == 2);
		end();
	}
}

/* ---- resolvers */

static void resolvers_are_asked_in_their_order(void)
{
	struct talk t = lab_talk4(1);

	begin_unknown("resolvers = [ \"missing\", \"none\", \"sour\", \"quick\", \"slow\" ];");
	udp(&t, 0);
	lab_run(&l, 60);
	CU_ASSERT_STRING_EQUAL(probe.asked, "nsq");
	CU_ASSERT_TRUE(arrived(0, 1));
	CU_ASSERT_STRING_EQUAL(hp_pipe_peer_source(hp_peer_find(hp_pipe_peerdb(l.n[0].pipe),
								 &t.served)), "quick");
	end();
}

/* The HIT is known, but not where the peer is. */
static void a_teredo_address_is_not_where_the_peer_is(void)
{
	struct talk t = lab_talk6(1);

	begin_unknown("resolvers = [ \"quick\" ];");
	probe.answer.n = 0;
	t.served = test_addr("2001:0:c000:25a::1");
	CU_ASSERT_EQUAL(lab_verdict(&l, lab_capture(&l, lab_syn(&t, 1440))), STOLEN);
	lab_run(&l, 20000);
	CU_ASSERT_STRING_EQUAL(probe.asked, "q");
	CU_ASSERT_EQUAL(l.w.s[0].sent[HP_HIP_I1], 0);
	CU_ASSERT_EQUAL(passed(), 0);
	end();
}

static void a_late_answer_lets_held_packets_go_in_order(void)
{
	struct talk t = lab_talk4(1);

	begin_unknown("resolvers = [ \"slow\" ];");
	for (uint8_t i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(lab_verdict(&l, udp(&t, i)), NONE);
	lab_run(&l, 1000);
	CU_ASSERT_STRING_EQUAL(probe.asked, "l");
	slow_answers(0);
	udp(&t, 5);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(0, 6));
	end();
}

static void a_late_no_lets_held_packets_pass(void)
{
	struct talk t = lab_talk4(1);
	unsigned a, b;

	begin_unknown("resolvers = [ \"slow\", \"none\" ];");
	a = udp(&t, 0);
	b = udp(&t, 1);
	slow_answers(-ENOENT);
	CU_ASSERT_STRING_EQUAL(probe.asked, "ln");
	CU_ASSERT_EQUAL(lab_verdict(&l, a), MARKED);
	CU_ASSERT_EQUAL(lab_verdict(&l, b), MARKED);
	end();
}

static void a_late_no_is_told_to_held_packets_when_blocking(void)
{
	struct talk t = lab_talk4(1);

	begin_unknown("resolvers = [ \"slow\" ]; unknown = \"block\";");
	udp(&t, 0);
	udp(&t, 1);
	slow_answers(-EIO);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_UNKNOWN_BLOCKED), 2);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 2);
	CU_ASSERT_EQUAL(passed(), 0);
	end();
}

static void a_resolver_that_is_silent_is_cancelled(void)
{
	struct talk t = lab_talk4(1);
	unsigned id;

	begin_unknown("resolvers = [ \"slow\" ]; hold_timeout_ms = 700;");
	id = udp(&t, 0);
	lab_run(&l, 690);
	CU_ASSERT_EQUAL(lab_verdict(&l, id), NONE);
	lab_run(&l, 20);
	CU_ASSERT_EQUAL(lab_verdict(&l, id), MARKED);
	CU_ASSERT_EQUAL(probe.cancelled, 1);
	CU_ASSERT_EQUAL(lab_verdict(&l, udp(&t, 1)), MARKED);
	end();
}

static void a_resolver_that_is_silent_in_the_background_is_cancelled(void)
{
	struct talk t = lab_talk4(1);

	begin_unknown("resolvers = [ \"slow\" ]; hold_timeout_ms = 700; probe = \"background\";");
	udp(&t, 0);
	lab_run(&l, 800);
	CU_ASSERT_EQUAL(probe.cancelled, 1);
	end();
	CU_ASSERT_EQUAL(probe.cancelled, 1);
}

static void a_flush_cancels_and_drops_what_is_held(void)
{
	struct talk t = lab_talk4(1);
	unsigned id;

	begin_unknown("resolvers = [ \"slow\" ];");
	id = udp(&t, 0);
	hp_pipe_forget(l.n[0].pipe, HP_FLUSH_PEERS | HP_FLUSH_FLOWS);
	CU_ASSERT_EQUAL(probe.cancelled, 1);
	CU_ASSERT_EQUAL(lab_verdict(&l, id), STOLEN);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_CLOSED), 1);
	udp(&t, 1);
	CU_ASSERT_STRING_EQUAL(probe.asked, "ll");
	end(); /* and so does the end */
	CU_ASSERT_EQUAL(probe.cancelled, 2);
}

static void an_answer_with_a_lifetime_is_asked_for_again(void)
{
	struct talk t = lab_talk4(1);

	begin_unknown("resolvers = [ \"quick\" ];");
	probe.answer.ttl_s = 5;
	udp(&t, 0);
	lab_run(&l, 5100);
	t.sport = 2;
	udp(&t, 1);
	lab_run(&l, 60);
	CU_ASSERT_STRING_EQUAL(probe.asked, "qq");
	CU_ASSERT_TRUE(arrived(0, 2));
	end();
}

/* What is known may expire while packets wait for the exchange. */
static enum fate dead(struct lab *lab, const struct side *from, struct packet *p)
{
	(void)lab, (void)from, (void)p;
	return LOSE;
}

static void a_short_lifetime_does_not_end_waiting(void)
{
	struct talk t = lab_talk4(1);

	begin_unknown("resolvers = [ \"quick\" ];");
	probe.answer.ttl_s = 1;
	l.hip_fate = dead;
	udp(&t, 0);
	lab_run(&l, 1100);
	l.hip_fate = NULL;
	lab_run(&l, 3000);
	CU_ASSERT_TRUE(arrived(0, 1));
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	t.sport = 2;
	udp(&t, 1);
	lab_run(&l, 5100);
	t.sport = 3;
	udp(&t, 2);
	CU_ASSERT_TRUE(strlen(probe.asked) > 1);
	end();
}

/* ---- the hold queue */

static void the_hold_queue_is_bounded(void)
{
	struct talk t = lab_talk4(1);

	begin_known("hold_packets = 4;");
	for (uint8_t i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(lab_verdict(&l, udp(&t, i)), i < 4 ? NONE : STOLEN);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_HOLD_FULL), 6);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(0, 4));
	end();
}

static void the_hold_queue_is_bounded_in_octets(void)
{
	struct talk t = lab_talk4(1);

	begin_known("hold_bytes = 3000;");
	for (int i = 0; i < 5; i++)
		lab_capture(&l, lab_udp(&t, lab_text(), 900));
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_HOLD_FULL), 2);
	end();
}

static void all_hold_queues_together_are_bounded(void)
{
	struct talk t = lab_talk4(1);

	prepare();
	l.n[0].more = "limits = { hold_packets = 7; };";
	lab_start(&l);
	for (uint8_t i = 0; i < 10; i++) {
		t.served.b[15] = i;
		udp(&t, i);
	}
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_HOLD_FULL), 3);
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 7);
	end();
}

/* ---- tables */

static void flows_are_limited(void)
{
	struct talk t = lab_talk4(1);

	prepare();
	l.n[0].more = "limits = { flows = 3; };";
	lab_start(&l);
	for (t.sport = 1; t.sport < 6; t.sport++)
		udp(&t, (uint8_t)t.sport);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(1, 3));
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_FLOWS_FULL), 2);
	CU_ASSERT_EQUAL(l.n[0].flows_new, 3);
	CU_ASSERT_EQUAL(passed(), 0);
	lab_run(&l, 121000); /* unanswered: they expire */
	CU_ASSERT_EQUAL(l.n[0].flows_gone, 3);
	udp(&t, 9);
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 4);
	CU_ASSERT_EQUAL(probe.events[HP_EVENT_FLOW_NEW], 4);
	CU_ASSERT_EQUAL(probe.events[HP_EVENT_FLOW_GONE], 3);
	end();
	CU_ASSERT_EQUAL(probe.events[HP_EVENT_FLOW_GONE], 4);
}

static void peers_are_limited(void)
{
	struct talk t = lab_talk4(1);

	prepare();
	l.n[0].more = "limits = { peers = 2; };";
	lab_start(&l);
	for (uint8_t i = 0; i < 4; i++) {
		t.served.b[15] = i;
		udp(&t, i);
	}
	/* Those asked for first have given way, with what was held for them. */
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_CLOSED), 2);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(2, 2));
	end();
}

/* One client asks for 65,000 destinations that nobody knows.  Others get theirs, and the
 * configured peer needs none of the table. */
static void one_client_that_asks_for_everything_harms_nobody(void)
{
	struct talk bad = lab_talk4(1), good = lab_talk4(2);

	prepare();
	l.n[0].more = "limits = { peers = 2000; };";
	l.n[0].client = "unknown = \"pass\";";
	lab_start(&l);
	good.client.b[15] = 77;
	good.served = bad.served;
	bad.served.b[12] = 198;
	for (uint32_t i = 0; i < 65000; i++) {
		bad.served.b[14] = (uint8_t)(i >> 8);
		bad.served.b[15] = (uint8_t)i;
		udp(&bad, 0);
		if (i % 4096 == 4095)
			lab_run(&l, 10);
	}
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	CU_ASSERT_EQUAL(hp_peerdb_count(hp_pipe_peerdb(l.n[0].pipe)), 500);
	udp(&good, 1);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(1, 1));
	end();
}

/* Packets for destinations that nobody answers for fill the queues; the configured peer's wait for
 * its exchange as if there were no others. */
static void one_client_that_fills_hold_queues_harms_nobody(void)
{
	struct talk bad = lab_talk4(1), good = lab_talk4(2);

	prepare();
	l.n[0].client = "resolvers = [ \"slow\" ]; hold_packets = 64;";
	l.n[0].more = "limits = { hold_packets = 256; };";
	lab_start(&l);
	good.client.b[15] = 77;
	bad.served.b[12] = 198;
	for (uint32_t i = 0; i < 300; i++) {
		bad.served.b[15] = (uint8_t)(i / 32);
		udp(&bad, 0);
	}
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_CLIENT_HOLD), 300 - 64);
	for (uint8_t i = 0; i < 64; i++)
		udp(&good, i);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 300 - 64);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(0, 64));
	end();
}

/* A resolver that does not answer: what waits for it has a share per client and an end, and no
 * configured peer waits for it. */
static void a_resolver_that_is_silent_harms_nobody(void)
{
	struct talk bad = lab_talk4(1), good = lab_talk4(2), other = lab_talk4(3);
	struct hp_limit_row row;
	unsigned id;

	prepare();
	l.n[0].client = "resolvers = [ \"slow\" ]; hold_packets = 4; hold_timeout_ms = 700;"
			"unknown = \"block\";";
	l.n[0].more = "limits = { hold_packets = 256; peers = 400; };";
	lab_start(&l);
	good.client.b[15] = 77;
	bad.served.b[12] = other.served.b[12] = 198;
	other.client.b[15] = 78;
	other.served.b[14] = 9;
	for (uint32_t i = 0; i < 300; i++) {
		bad.served.b[15] = (uint8_t)(i % 100);
		udp(&bad, 0);
	}
	/* A quarter of what may be held. */
	CU_ASSERT_EQUAL(hp_peerdb_hold_pool(hp_pipe_peerdb(l.n[0].pipe))->packets, 64);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_CLIENT_HOLD), 300 - 64);
	hp_pipe_limit_row(l.n[0].pipe, HP_PIPE_LIMIT_CLIENT_HOLD, &row);
	CU_ASSERT(hp_limit_bites(row.limit));
	for (uint8_t i = 0; i < 4; i++)
		udp(&good, i);
	id = udp(&other, 0);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(0, 4));
	CU_ASSERT_EQUAL(lab_verdict(&l, id), NONE);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_HOLD_FULL), 0);
	/* Nobody waits for ever: all that asked are refused, and the resolver is told. */
	lab_run(&l, 700);
	CU_ASSERT_EQUAL(hp_peerdb_hold_pool(hp_pipe_peerdb(l.n[0].pipe))->packets, 0);
	CU_ASSERT_EQUAL(lab_verdict(&l, id), STOLEN);
	CU_ASSERT_EQUAL(probe.cancelled, 101);
	lab_forget(&l, 0);
	end();
}

/* One client opens all connections it can to one port; another one still gets through. */
static void one_client_that_opens_every_port_harms_nobody(void)
{
	struct talk bad = lab_talk4(1), good = lab_talk4(2);
	struct hp_limit_row row;

	begin_known("");
	l.discard = true;
	lab_open(&l, &good);
	for (uint32_t port = 1024; port < 65536; port++) {
		bad.client.b[15] = (uint8_t)(9 + (port & 1)); /* two of them */
		bad.sport = (uint16_t)port;
		udp(&bad, 0);
		if (port % 1000 == 0)
			lab_run(&l, 1);
	}
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_CLIENT_PORTS), 64512 - 2 * 16128);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_PORTS_USED), 0);
	hp_pipe_limit_row(l.n[0].pipe, HP_PIPE_LIMIT_CLIENT_PORTS, &row);
	CU_ASSERT(hp_limit_bites(row.limit) && row.most == 16128);
	lab_run(&l, 10);
	lab_forget(&l, 1);
	l.discard = false;
	good.sport = 5000;
	udp(&good, 1);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(1, 1));
	lab_run(&l, HP_LIMIT_QUIET_MS + 3000);
	CU_ASSERT_FALSE(hp_limit_bites(row.limit));
	CU_ASSERT_TRUE(lab_fini(&l));
}

static void an_empty_pool_is_no_trouble(void)
{
	struct talk t = lab_talk4(1);

	begin_known("");
	lab_open(&l, &t);
	l.n[0].pool_left = 1; /* for the packet itself */
	for (int i = 0; i < 20; i++) {
		struct hp_packet *p = lab_udp(&t, lab_text(), 1472);

		lab_capture(&l, p);
		t.sport++;
		lab_capture(&l, lab_udp(&t, "x", 1));
		p = lab_udp(&t, lab_text(), 32);
		hp_put16(p->data + 6, 0x2000); /* a fragment: kept */
		if (l.n[0].pool_left)
			lab_capture(&l, p);
		else
			test_packet_free(p);
		if (!l.n[0].pool_left)
			break;
	}
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_MEMORY), 20);
	l.n[0].pool_left += 100;
	end();
}

/* ---- configuration while running */

static void a_reload_keeps_held_packets_and_flows(void)
{
	struct talk t = lab_talk4(1), u = lab_talk4(2);

	begin_known("");
	udp(&t, 0);
	lab_run(&l, 1);
	l.n[0].client = "rules = ( { action = \"block\"; } );";
	lab_reconfigure(&l);
	lab_run(&l, 60);
	/* Held ones meet the rules of the day they leave. */
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_POLICY), 1);
	l.n[0].client = "";
	lab_reconfigure(&l);
	udp(&t, 1);
	lab_run(&l, 60);
	l.n[0].client = "rules = ( { action = \"block\"; } );";
	lab_reconfigure(&l);
	udp(&t, 2);
	udp(&u, 3);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(1, 2));
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_POLICY), 2);
	end();
}

static void a_reload_may_make_the_unknown_known(void)
{
	struct talk t = lab_talk4(1);

	begin_unknown("");
	CU_ASSERT_EQUAL(lab_verdict(&l, udp(&t, 0)), MARKED);
	l.stranger = false;
	lab_reconfigure(&l);
	t.sport = 2;
	udp(&t, 1);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(1, 1));
	l.stranger = true;
	lab_reconfigure(&l);
	udp(&t, 2); /* what began protected stays it */
	t.sport = 3;
	CU_ASSERT_EQUAL(lab_verdict(&l, udp(&t, 3)), MARKED);
	lab_run(&l, 60);
	CU_ASSERT_TRUE(arrived(1, 2));
	end();
}

static void a_reload_while_a_resolver_is_busy_is_harmless(void)
{
	struct talk t = lab_talk4(1);

	begin_unknown("resolvers = [ \"slow\" ];");
	udp(&t, 0);
	l.n[0].client = "resolvers = [ ];";
	lab_reconfigure(&l);
	slow_answers(-ENOENT);
	CU_ASSERT_EQUAL(passed(), 1);
	l.n[0].client = "resolvers = [ \"slow\" ]; probe = \"background\";";
	lab_reconfigure(&l);
	udp(&t, 1); /* nothing held: forgotten by the reload, and cancelled */
	lab_reconfigure(&l);
	CU_ASSERT_EQUAL(probe.cancelled, 1);
	end();
}

static void a_reload_changes_the_limit_of_reassembly(void)
{
	struct talk t = lab_talk4(1);

	begin_known("");
	l.n[0].more = "limits = { reassembly = 2; };";
	lab_reconfigure(&l);
	for (uint8_t i = 0; i < 10; i++) {
		struct hp_packet *p = lab_udp(&t, lab_text(), 32);

		hp_put16(p->data + 4, i);
		hp_put16(p->data + 6, 0x2000);
		lab_capture(&l, p);
	}
	CU_ASSERT_EQUAL(l.n[0].live, 2);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(the_unknown_passes_with_a_mark),
	HP_TEST(the_unknown_is_refused_with_an_icmp_error),
	HP_TEST(the_unknown_is_asked_for_again_after_its_lifetime),
	HP_TEST(rules_bypass_and_block),
	HP_TEST(drops_are_logged_with_who_and_why),
	HP_TEST(in_the_background_first_connections_go_plain),
	HP_TEST(a_protocol_without_mapping_is_refused_not_passed),
	HP_TEST(resolvers_are_asked_in_their_order),
	HP_TEST(a_teredo_address_is_not_where_the_peer_is),
	HP_TEST(a_late_answer_lets_held_packets_go_in_order),
	HP_TEST(a_late_no_lets_held_packets_pass),
	HP_TEST(a_late_no_is_told_to_held_packets_when_blocking),
	HP_TEST(a_resolver_that_is_silent_is_cancelled),
	HP_TEST(a_resolver_that_is_silent_in_the_background_is_cancelled),
	HP_TEST(a_flush_cancels_and_drops_what_is_held),
	HP_TEST(an_answer_with_a_lifetime_is_asked_for_again),
	HP_TEST(a_short_lifetime_does_not_end_waiting),
	HP_TEST(the_hold_queue_is_bounded),
	HP_TEST(the_hold_queue_is_bounded_in_octets),
	HP_TEST(all_hold_queues_together_are_bounded),
	HP_TEST(flows_are_limited),
	HP_TEST(peers_are_limited),
	HP_TEST(one_client_that_asks_for_everything_harms_nobody),
	HP_TEST(one_client_that_fills_hold_queues_harms_nobody),
	HP_TEST(a_resolver_that_is_silent_harms_nobody),
	HP_TEST(one_client_that_opens_every_port_harms_nobody),
	HP_TEST(an_empty_pool_is_no_trouble),
	HP_TEST(a_reload_keeps_held_packets_and_flows),
	HP_TEST(a_reload_may_make_the_unknown_known),
	HP_TEST(a_reload_while_a_resolver_is_busy_is_harmless),
	HP_TEST(a_reload_changes_the_limit_of_reassembly),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("resolve", tests, argc, argv);

	world_keys_free();
	return ret;
}
