/* SPDX-License-Identifier: MIT
 *
 * What a plugin announces (hp_expect; flow/announce.c, flow/expect.c), and flows that a gateway
 * follows (flow/follow.c).
 */
#include "../harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/plugin.h>

#include "flow/expect.h"
#include "flow/flowdb.h"
#include "flow/follow.h"
#include "flow/mapping.h"
#include "flow/seqadj.h"
#include "packets.h"

#define TCP 6
#define UDP 17
#define GRE 47

static uint64_t now_ms;
static struct hp_timers timers;
static struct hp_flowdb *db;
static struct hp_instance self, other;

static uint64_t now(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static const struct hp_clock timepiece = { .now_ms = now, .now_us = now };

static bool carries(void *ctx, uint8_t proto)
{
	(void)ctx;
	return proto == GRE;
}

static void begin(void)
{
	struct hp_flowdb_config cfg = { .limit = 200000, .timeouts = hp_flow_timeouts_default,
					.hash_key = { { 1, 2 } }, .carries = carries };

	now_ms = 1000;
	hp_timers_init(&timers, now_ms);
	db = hp_flowdb_new(&cfg, &timers, &timepiece);
	CU_ASSERT_PTR_NOT_NULL_FATAL(db);
}

static void later(uint32_t ms)
{
	now_ms += ms;
	hp_timers_run(&timers, now_ms);
}

static struct hp_addr hit(unsigned int n)
{
	struct hp_addr a = test_addr("2001:20::");

	hp_put16(a.b + 14, (uint16_t)n);
	return a;
}

/* A legacy client asks peer 1 (192.0.2.1) at port 69. */
static struct hp_flow *flow_of(const char *client, uint16_t sport, uint8_t proto)
{
	struct hp_flow_key k = {
		.legacy = test_addr(client), .far = test_addr("192.0.2.1"),
		.local_hit = hit(0xffff), .peer_hit = hit(1),
		.legacy_port = sport, .far_port = 69, .peer_port = 69, .proto = proto,
	};
	struct hp_flow *f = NULL;

	CU_ASSERT_EQUAL_FATAL(hp_flow_add(db, &k, true, &f), 0);
	return f;
}

static struct hp_flow *client(uint16_t sport)
{
	return flow_of("10.0.0.1", sport, UDP);
}

static struct hp_expectation peer_to(uint16_t port)
{
	return (struct hp_expectation){ .kind = HP_EXPECT_PEER, .port = port, .timeout_ms = 1000 };
}

static struct hp_expect_packet from_peer(unsigned int peer, uint16_t from_port, uint16_t port)
{
	return (struct hp_expect_packet){ .proto = UDP, .port = port, .from_port = from_port,
					  .src = hit(peer), .dst = hit(0xffff) };
}

static struct hp_expect_packet from_legacy(uint16_t from_port, uint16_t port)
{
	return (struct hp_expect_packet){ .outbound = true, .proto = UDP, .port = port,
					  .from_port = from_port, .src = test_addr("10.0.0.1"),
					  .dst = test_addr("192.0.2.1") };
}

/* A packet comes, and uses what it meets. */
static bool comes(struct hp_expect_packet p, struct hp_expect *out)
{
	struct hp_expect_db *x = hp_flowdb_expect(db);

	if (hp_expect_find(x, &p, out))
		return false;
	hp_expect_used(x, out);
	return true;
}

static size_t count(void)
{
	return hp_expect_count(hp_flowdb_expect(db));
}

static uint64_t counted(enum hp_expect_counter c)
{
	return hp_expect_counters(hp_flowdb_expect(db))[c];
}

/* ---- expectations */

static void a_datagram_uses_an_expectation_once(void)
{
	struct hp_expectation e = peer_to(5002);
	struct hp_expect got;

	begin();
	CU_ASSERT_EQUAL(hp_expect(&self, client(5000), &e), 0);
	CU_ASSERT_EQUAL(e.hip_port, 5002);
	CU_ASSERT_FALSE(comes(from_peer(1, 3333, 5003), &got));
	CU_ASSERT_FALSE(comes(from_peer(2, 3333, 5002), &got));
	CU_ASSERT_FALSE(comes(from_legacy(3333, 5002), &got));
	CU_ASSERT_TRUE(comes(from_peer(1, 3333, 5002), &got));
	CU_ASSERT_EQUAL(got.key.legacy_port, 5002);
	CU_ASSERT_TRUE(hp_addr_eq(&got.key.legacy, (struct hp_addr[]){ test_addr("10.0.0.1") }));
	CU_ASSERT_FALSE(comes(from_peer(1, 3333, 5002), &got));
	CU_ASSERT(count() == 0 && counted(HP_EXPECTC_ADDED) == 1 && counted(HP_EXPECTC_USED) == 1);
	hp_flowdb_free(db);
}

static void a_legacy_host_is_expected_by_the_address_it_knows(void)
{
	struct hp_expectation e = { .kind = HP_EXPECT_LEGACY, .port = 7000, .hip_port = 7700,
				    .times = 2, .timeout_ms = 1000 };
	struct hp_expect got;

	begin();
	CU_ASSERT_EQUAL(hp_expect(&self, client(5000), &e), 0);
	CU_ASSERT_FALSE(comes(from_peer(1, 3333, 7000), &got));
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_TRUE(comes(from_legacy((uint16_t)(3333 + i), 7000), &got));
		CU_ASSERT_EQUAL(got.key.peer_port, 7700);
		CU_ASSERT_TRUE(hp_addr_eq(&got.key.peer_hit, (struct hp_addr[]){ hit(1) }));
	}
	CU_ASSERT_FALSE(comes(from_legacy(3335, 7000), &got));
	hp_flowdb_free(db);
}

static void expectations_end_with_time_and_flow(void)
{
	struct hp_expectation a = peer_to(5002), b = peer_to(5004), c = peer_to(5006);
	struct hp_flow *f, *g;

	begin();
	f = client(5000);
	g = client(5001);
	b.timeout_ms = c.timeout_ms = 9000;
	CU_ASSERT(!hp_expect(&self, f, &a) && !hp_expect(&self, f, &b) && !hp_expect(&self, g, &c));
	later(1001);
	CU_ASSERT(count() == 2 && counted(HP_EXPECTC_EXPIRED) == 1);
	hp_flow_del(f);
	CU_ASSERT_EQUAL(count(), 1);
	later(9000);
	CU_ASSERT(count() == 0 && counted(HP_EXPECTC_EXPIRED) == 2);
	hp_flowdb_free(db);
}

static void the_same_again_renews(void)
{
	struct hp_expectation e = peer_to(5002);
	struct hp_expect got;
	struct hp_flow *f;

	begin();
	f = client(5000);
	CU_ASSERT_EQUAL(hp_expect(&self, f, &e), 0);
	later(900);
	CU_ASSERT_EQUAL(hp_expect(&self, f, &e), 0);
	CU_ASSERT_EQUAL(count(), 1);
	later(900);
	CU_ASSERT_TRUE(comes(from_peer(1, 3333, 5002), &got));
	hp_flowdb_free(db);
}

/* RTP and RTCP: an even port and the next one. */
static void a_range_is_announced_whole_or_not_at_all(void)
{
	struct hp_expectation e = peer_to(5002), theirs = peer_to(5003);
	struct hp_expect got;
	struct hp_flow *f, *g;

	begin();
	e.n_ports = 2;
	f = client(5000);
	g = flow_of("10.0.0.2", 5000, UDP);
	CU_ASSERT_EQUAL(hp_expect(&self, f, &e), 0);
	CU_ASSERT_EQUAL(count(), 2);
	CU_ASSERT(comes(from_peer(1, 9, 5003), &got) && got.key.legacy_port == 5003);
	CU_ASSERT(comes(from_peer(1, 9, 5002), &got) && got.key.legacy_port == 5002);
	/* Another host has the second port: a pair with an even first port is found elsewhere. */
	theirs.hip_port = 5003;
	CU_ASSERT_EQUAL(hp_expect(&self, g, &theirs), 0);
	e.hip_port = 5002;
	CU_ASSERT_EQUAL(hp_expect(&self, f, &e), -EADDRINUSE);
	CU_ASSERT_EQUAL(count(), 1);
	e.hip_port = 0;
	CU_ASSERT_EQUAL(hp_expect(&self, f, &e), 0);
	CU_ASSERT(e.hip_port != 5002 && !(e.hip_port & 1));
	CU_ASSERT(comes(from_peer(1, 9, (uint16_t)(e.hip_port + 1)), &got) && got.key.legacy_port == 5003);
	hp_flowdb_free(db);
}

static void the_sender_may_be_one_port_or_any_peer(void)
{
	struct hp_expectation one = peer_to(5002), any = peer_to(5004);
	struct hp_expect got;
	struct hp_flow *f;

	begin();
	f = client(5000);
	one.from_port = 3333;
	any.options = HP_EXPECT_ANY_PEER;
	any.times = HP_EXPECT_ALWAYS;
	CU_ASSERT(!hp_expect(&self, f, &one) && !hp_expect(&self, f, &any));
	CU_ASSERT_FALSE(comes(from_peer(1, 3334, 5002), &got));
	CU_ASSERT_TRUE(comes(from_peer(1, 3333, 5002), &got));
	for (uint16_t i = 1; i < 100; i++)
		CU_ASSERT(comes(from_peer(i, i, 5004), &got) && got.any_peer);
	later(1001);
	CU_ASSERT_FALSE(comes(from_peer(1, 1, 5004), &got));
	hp_flowdb_free(db);
}

/* The port that was announced is the one from which the legacy host's own datagrams come. */
static void flows_and_expectations_agree_on_the_hip_port(void)
{
	struct hp_expectation e = peer_to(8000), again = peer_to(8000);
	struct hp_flow *mine, *first;

	begin();
	first = flow_of("10.0.0.2", 8000, UDP); /* has port 8000 on the HIT side */
	mine = client(5060);
	CU_ASSERT_EQUAL(hp_expect(&self, mine, &e), 0);
	CU_ASSERT_NOT_EQUAL(e.hip_port, first->key.local_port);
	CU_ASSERT_EQUAL(client(8000)->key.local_port, e.hip_port);
	/* And the other way round. */
	CU_ASSERT_EQUAL(hp_expect(&self, mine, &again), 0);
	CU_ASSERT_EQUAL(again.hip_port, e.hip_port);
	e.hip_port = 8000;
	CU_ASSERT_EQUAL(hp_expect(&self, mine, &e), -EADDRINUSE);
	hp_flowdb_free(db);
}

static void limits_count_per_flow_and_per_plugin(void)
{
	struct hp_expectation e = peer_to(6000);
	struct hp_flow *f = NULL;

	begin();
	for (uint32_t i = 0; i < HP_ALG_EXPECT_ALL; i++) {
		if (i % HP_ALG_EXPECT == 0)
			f = client((uint16_t)(1024 + i / HP_ALG_EXPECT));
		e.port = (uint16_t)(10000 + i);
		e.hip_port = 0;
		CU_ASSERT_EQUAL_FATAL(hp_expect(&self, f, &e), 0);
		if (i != HP_ALG_EXPECT - 1)
			continue;
		e.port = 9999;
		e.hip_port = 0;
		CU_ASSERT_EQUAL(hp_expect(&self, f, &e), -ENOBUFS);
	}
	f = client(40000);
	e.port = 60000;
	e.hip_port = 0;
	CU_ASSERT_EQUAL(hp_expect(&self, f, &e), -ENOBUFS);
	CU_ASSERT_EQUAL(hp_expect(&other, f, &e), 0);
	CU_ASSERT_EQUAL(counted(HP_EXPECTC_REFUSED), 2);
	hp_flowdb_free(db);
	CU_ASSERT_EQUAL(timers.count, 0);
}

static int tells(uint8_t proto, uint16_t port, uint16_t n, uint8_t options)
{
	struct hp_expectation e = peer_to(port);

	e.proto = proto;
	e.n_ports = n;
	e.options = options;
	hp_flowdb_flush(db);
	return hp_expect(&self, client(5000), &e);
}

static void what_can_not_come_is_refused_at_once(void)
{
	static const struct hp_alg stream = { .name = "x.y", .proto = TCP };
	struct hp_expectation e = peer_to(5000);
	struct hp_flow *f;

	begin();
	CU_ASSERT_EQUAL(tells(1, 0, 1, 0), -EOPNOTSUPP);   /* ICMP */
	CU_ASSERT_EQUAL(tells(132, 80, 1, 0), -EOPNOTSUPP); /* SCTP is not carried here */
	CU_ASSERT_EQUAL(tells(GRE, 80, 1, 0), -EINVAL);
	CU_ASSERT_EQUAL(tells(UDP, 0, 1, 0), -EINVAL);
	CU_ASSERT_EQUAL(tells(UDP, 65535, 2, 0), -EINVAL);
	CU_ASSERT_EQUAL(tells(UDP, 5000, HP_ALG_RANGE + 1, 0), -EINVAL);
	CU_ASSERT_EQUAL(tells(UDP, 5000, 1, 2), -EOPNOTSUPP);
	hp_flowdb_flush(db);
	f = client(5000);
	e.alg = &stream;
	CU_ASSERT_EQUAL(hp_expect(&self, f, &e), -EOPNOTSUPP);
	e.alg = NULL;
	e.timeout_ms = 0;
	CU_ASSERT_EQUAL(hp_expect(&self, f, &e), -EINVAL);
	e.timeout_ms = 1;
	e.kind = HP_EXPECT_LEGACY;
	e.options = HP_EXPECT_ANY_PEER;
	CU_ASSERT_EQUAL(hp_expect(&self, f, &e), -EOPNOTSUPP);
	CU_ASSERT(count() == 0 && counted(HP_EXPECTC_REFUSED) == 10);
	hp_flowdb_free(db);
}

/* TCP announces UDP, or a protocol that has no ports. */
static void another_protocol_than_the_flows_own(void)
{
	struct hp_expectation udp = peer_to(5002), gre = peer_to(0);
	struct hp_expect_packet p;
	struct hp_expect got;
	struct hp_flow *f;

	begin();
	f = flow_of("10.0.0.1", 5000, TCP);
	udp.proto = UDP;
	gre.proto = GRE;
	CU_ASSERT(!hp_expect(&self, f, &udp) && !hp_expect(&self, f, &gre));
	CU_ASSERT(comes(from_peer(1, 9, 5002), &got) && got.key.proto == UDP);
	p = from_peer(1, 0, 0);
	p.proto = GRE;
	CU_ASSERT(comes(p, &got) && got.key.proto == GRE);
	hp_flowdb_free(db);
}

/* ---- following */

static int opened, closed, open_says;

static int on_open(struct hp_alg_call *c)
{
	opened++;
	CU_ASSERT(c->outbound && c->is4 && c->key->far_port == 69 && c->self == &self);
	CU_ASSERT(c->session && !*(uint64_t *)c->session);
	CU_ASSERT_EQUAL((uintptr_t)c->session % _Alignof(max_align_t), 0);
	*(uint64_t *)c->session = 4711;
	return open_says;
}

static void on_close(struct hp_alg_call *c)
{
	closed++;
	CU_ASSERT_EQUAL(*(uint64_t *)c->session, 4711);
}

static enum hp_verdict on_datagram(struct hp_alg_call *c, const uint8_t *data, size_t len,
				   struct hp_alg_out *out)
{
	(void)c, (void)data, (void)len, (void)out;
	return HP_NEXT;
}

static size_t on_stream(struct hp_alg_call *c, const uint8_t *data, size_t len,
			struct hp_alg_out *out)
{
	(void)c, (void)data, (void)out;
	return len;
}

static struct hp_alg udp_alg = {
	.name = "x.udp", .proto = UDP, .session_bytes = 8, .open = on_open, .close = on_close,
	.datagram = on_datagram, .expect_per_flow = 20,
};
static struct hp_alg tcp_alg = {
	.name = "x.tcp", .proto = TCP, .session_bytes = 8, .open = on_open, .close = on_close,
	.stream = on_stream, .hold_bytes = 65536,
};

static void a_session_lives_as_long_as_its_flow(void)
{
	struct hp_flow *f[2];

	begin();
	opened = closed = open_says = 0;
	f[0] = client(5000);
	f[1] = flow_of("10.0.0.1", 5000, TCP);
	CU_ASSERT_EQUAL(hp_flow_follow(f[0], &self, &tcp_alg), -EOPNOTSUPP);
	CU_ASSERT_EQUAL(hp_flow_follow(f[0], &self, &udp_alg), 0);
	CU_ASSERT_EQUAL(hp_flow_follow(f[0], &self, &udp_alg), -EBUSY);
	CU_ASSERT_EQUAL(hp_flow_follow(f[1], &self, &tcp_alg), 0);
	CU_ASSERT_EQUAL(f[1]->seqadj->dir[1].hold_max, 65536);
	CU_ASSERT_EQUAL(hp_flowdb_followed(db), 2);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(*(uint64_t *)hp_flow_followed(f[i])->session, 4711);
		CU_ASSERT_TRUE(hp_flow_flags(f[i]) & HP_FLOW_FOLLOWED);
	}
	hp_alg_transparent(f[0], HP_INBOUND, true);
	hp_alg_transparent(f[1], HP_INBOUND, true);
	CU_ASSERT(hp_flow_followed(f[0])->transparent[HP_INBOUND] && f[1]->seqadj->dir[HP_INBOUND].open);
	hp_flow_del(f[0]);
	CU_ASSERT(opened == 2 && closed == 1);
	hp_flowdb_free(db);
	CU_ASSERT_EQUAL(closed, 2);
}

static void a_gateway_may_leave_a_flow_alone(void)
{
	struct hp_flow *f;

	begin();
	opened = closed = 0;
	open_says = -EPERM;
	f = client(5000);
	CU_ASSERT_EQUAL(hp_flow_follow(f, &self, &udp_alg), -EPERM);
	CU_ASSERT_PTR_NULL(hp_flow_followed(f));
	CU_ASSERT_FALSE(hp_flow_flags(f) & HP_FLOW_FOLLOWED);
	hp_alg_transparent(f, HP_INBOUND, true);
	hp_flow_flag_set(f, HP_FLOW_FOLLOWED | 1); /* not a plugin's to set */
	CU_ASSERT_EQUAL(hp_flow_flags(f), 1);
	hp_flowdb_free(db);
	CU_ASSERT(opened == 1 && closed == 0);
	open_says = 0;
}

static void a_gateway_says_how_much_a_flow_announces(void)
{
	struct hp_expectation e = peer_to(6000);
	struct hp_flow *f;
	int n = 0;

	begin();
	f = client(5000);
	CU_ASSERT_EQUAL(hp_flow_follow(f, &self, &udp_alg), 0);
	while (!hp_expect(&self, f, &e)) {
		e.port = (uint16_t)(6001 + n++);
		e.hip_port = 0;
	}
	CU_ASSERT_EQUAL(n, 20);
	hp_flowdb_free(db);
}

static const struct hp_test tests[] = {
	HP_TEST(a_datagram_uses_an_expectation_once),
	HP_TEST(a_legacy_host_is_expected_by_the_address_it_knows),
	HP_TEST(expectations_end_with_time_and_flow),
	HP_TEST(the_same_again_renews),
	HP_TEST(a_range_is_announced_whole_or_not_at_all),
	HP_TEST(the_sender_may_be_one_port_or_any_peer),
	HP_TEST(flows_and_expectations_agree_on_the_hip_port),
	HP_TEST(limits_count_per_flow_and_per_plugin),
	HP_TEST(what_can_not_come_is_refused_at_once),
	HP_TEST(another_protocol_than_the_flows_own),
	HP_TEST(a_session_lives_as_long_as_its_flow),
	HP_TEST(a_gateway_may_leave_a_flow_alone),
	HP_TEST(a_gateway_says_how_much_a_flow_announces),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("expect", tests, argc, argv);
}
