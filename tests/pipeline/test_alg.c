/* SPDX-License-Identifier: MIT
 *
 * Gateways in the pipeline: datagrams that grow and shrink (core/pipe/datagram.c, rewrite.c), streams
 * of which much is held, and connections that were announced (expected.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "flow/expect.h"
#include "flow/follow.h"
#include "lab.h"

#define UDP 17
#define TCP 6

static struct lab l;

/* ---- a gateway that does what a test says */

static struct settings {
	struct hp_conf_ints ports;
} settings;
static int64_t port_list[] = { 69, 80 };

static struct {
	unsigned calls, opened, closed;
	size_t lens[8];          /* of payloads seen */
	enum hp_direction dir;   /* whose payload is replaced */
	bool replace, drop, announce;
	size_t len;              /* by so many octets of lab_text */
	struct hp_expectation e; /* announced with each datagram of the client */
	int err;
	size_t whole;            /* a stream's message; octets */
} gate;

enum { UNWANTED };

static const struct hp_counter drops[] = {
	[UNWANTED] = { "unwanted", "a test wanted it" },
	{ NULL, NULL }
};

static int on_open(struct hp_alg_call *c)
{
	(void)c;
	gate.opened++;
	return 0;
}

static void on_close(struct hp_alg_call *c)
{
	(void)c;
	gate.closed++;
}

static enum hp_verdict datagram(struct hp_alg_call *c, const uint8_t *data, size_t len,
				struct hp_alg_out *out)
{
	struct hp_expectation e = gate.e;

	(void)data;
	gate.lens[gate.calls++ % 8] = len;
	if (gate.drop)
		return hp_packet_drop(c->self, c->packet, UNWANTED);
	if (gate.announce && c->from_client)
		gate.err = hp_expect(c->self, c->flow, &e);
	if (!gate.replace || c->dir != gate.dir)
		return HP_NEXT;
	CU_ASSERT_FATAL(gate.len <= out->cap);
	out->replace = true;
	out->len = gate.len;
	memcpy(out->data, lab_text(), gate.len);
	return HP_NEXT;
}

/* A message of `whole` octets gets a longer beginning. */
static size_t stream(struct hp_alg_call *c, const uint8_t *data, size_t len, struct hp_alg_out *out)
{
	if (!c->from_client || !gate.whole)
		return len;
	if (len < gate.whole)
		return 0;
	out->replace = true;
	out->len = gate.whole + 5;
	memcpy(out->data, "begin", 5);
	memcpy(out->data + 5, data, gate.whole);
	return gate.whole;
}

static const struct hp_conf_row schema[] = {
	{ "ports", HP_CONF_INTS, 0, HP_CONF_AT(struct settings, ports), 1, 65535 },
	HP_CONF_END
};

static const struct hp_alg algs[] = {
	{ .name = "gate.udp", .proto = UDP, .ports_offset = HP_ALG_PORTS(struct settings, ports),
	  .session_bytes = 8, .open = on_open, .close = on_close, .datagram = datagram },
	{ .name = "gate.tcp", .proto = TCP, .ports_offset = HP_ALG_PORTS(struct settings, ports),
	  .hold_bytes = 65536, .open = on_open, .close = on_close, .stream = stream },
	{ .name = NULL }
};

/* A service, so that node 0 has a legacy server too. */
static bool has_server;

static int backend(struct hp_instance *self, const struct hp_backend_ask *ask,
		   struct hp_ticket ticket, struct hp_backend_result *out)
{
	(void)self, (void)ticket;
	if (!has_server)
		return -ENOENT;
	if (ask->local_port != 69)
		return -EACCES;
	out->addr = test_addr(LAB_CLIENT4);
	out->far = test_addr(LAB_SERVED4);
	return 0;
}

static const struct hp_backend_service backends[] = {
	{ .name = "gate", .ask = backend, .help = "one server" },
	{ .name = NULL }
};

static const struct hp_plugin plugin = {
	HP_PLUGIN_HEAD, .name = "gate", .version = "1", .summary = "for tests", .schema = schema,
	.settings_bytes = sizeof(struct settings), .algs = algs, .drops = drops,
	.backends = backends,
};

/* ---- a lab with it */

static const char *const strict = "filtering = \"address-and-port\";";

static void init(const char *more)
{
	memset(&gate, 0, sizeof(gate));
	settings.ports = (struct hp_conf_ints){ port_list, 2 };
	lab_init(&l);
	l.n[0].plugin = &plugin;
	l.n[0].settings = &settings;
	l.n[0].more = more;
}

static void begin(const char *more)
{
	init(more);
	lab_start(&l);
}

/* Legacy hosts know node 1 by one address of each family. */
static void begin_with_addresses(void)
{
	static char more[512];
	char hit[HP_ADDR_STRLEN], addr[HP_ADDR_STRLEN];

	init(more);
	l.stranger = true;
	snprintf(more, sizeof(more), "%s peers = ( { hit = \"%s\"; addresses = [ \"%s\" ]; serves = "
		 "[ \"203.0.113.5\", \"2001:db8:f::5\" ]; } );", strict,
		 hp_addr_format(hp_key_hit(l.w.s[1].key), hit),
		 hp_addr_format(&l.w.s[1].addr, addr));
	lab_start(&l);
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
	CU_ASSERT_EQUAL(gate.opened, gate.closed);
}

static struct hp_expect_db *expected(void)
{
	return hp_flowdb_expect(hp_pipe_flowdb(l.n[0].pipe));
}

/* The client's datagram; what the host has seen of it. */
static struct seen send_one(struct talk *t, size_t len)
{
	size_t before = lab_count(&l, 1);

	lab_capture(&l, lab_udp(t, lab_text(), len));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL_FATAL(lab_count(&l, 1), before + 1);
	return *lab_out(&l, 1, before);
}

static bool has_text(const struct seen *s, size_t len)
{
	return s->payload_len == len && !memcmp(s->payload, lab_text(), len);
}

/* ---- datagrams */

static void sized(struct talk t, enum hp_direction dir, size_t sent, size_t becomes)
{
	struct seen s;

	t.dport = 69;
	begin("");
	gate.replace = true;
	gate.dir = dir;
	gate.len = becomes;
	s = send_one(&t, sent);
	CU_ASSERT_TRUE(has_text(&s, dir == HP_OUTBOUND ? becomes : sent));
	lab_local(&l, 1, lab_reply(&s, 0, lab_text(), sent));
	lab_run(&l, 10);
	CU_ASSERT_EQUAL(gate.calls, 2);
	CU_ASSERT(gate.lens[0] == sent && gate.lens[1] == sent);
	if (dir == HP_OUTBOUND || becomes <= 1200) {
		CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
		CU_ASSERT_TRUE(has_text(lab_out(&l, 0, 0), dir == HP_OUTBOUND ? sent : becomes));
	}
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 1), 0);
}

static void a_datagram_shrinks_and_grows(void)
{
	static const size_t sizes[][2] = { { 100, 40 }, { 100, 0 }, { 0, 100 }, { 100, 101 },
					   { 33, 32 }, { 1, 1000 }, { 1000, 1 }, { 7, 7 } };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (int way = 0; way < 2; way++) {
			sized(lab_talk4(5000), (enum hp_direction)way, sizes[i][0], sizes[i][1]);
			end();
			sized(lab_talk6(5000), (enum hp_direction)way, sizes[i][0], sizes[i][1]);
			end();
		}
}

/* Beyond the path, although its sender has set DF: it can't know. */
static void what_has_grown_beyond_the_path_is_fragmented(void)
{
	size_t octets = 0;

	sized(lab_talk4(5000), HP_OUTBOUND, 1300, 2300);
	CU_ASSERT_TRUE(l.n[0].esp_sent > 1 && !l.n[0].esp_cut);
	end();
	sized(lab_talk6(5000), HP_OUTBOUND, 1200, 2200);
	CU_ASSERT_TRUE(l.n[0].esp_sent > 1 && !l.n[0].esp_cut);
	end();
	/* The kernel fragments IPv4. */
	sized(lab_talk4(5000), HP_INBOUND, 1300, 2300);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	CU_ASSERT_TRUE(has_text(lab_out(&l, 0, 0), 2300) && !lab_out(&l, 0, 0)->df);
	end();
	sized(lab_talk6(5000), HP_INBOUND, 1200, 2200);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 2);
	for (size_t i = 0; i < lab_count(&l, 0); i++) {
		CU_ASSERT_TRUE(lab_out(&l, 0, i)->len <= 1280);
		octets += lab_out(&l, 0, i)->l4_len;
	}
	CU_ASSERT_EQUAL(octets, 2200 + 8);
	CU_ASSERT_TRUE(lab_fini(&l));
}

/* One that was too large before is its sender's business. */
static void what_was_too_large_is_refused(void)
{
	struct talk t = lab_talk4(5000);

	begin("");
	l.routed = true;
	t.dport = 69;
	send_one(&t, 10);
	gate.replace = true;
	gate.len = 1600;
	lab_capture(&l, lab_udp(&t, lab_text(), 1472));
	lab_run(&l, 10);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_TOO_BIG), 1);
	CU_ASSERT(lab_count(&l, 0) == 1 && lab_out(&l, 0, 0)->type == 3 && lab_out(&l, 0, 0)->code == 4);
	end();
}

static void joined_datagrams_are_shown_one_by_one(void)
{
	struct talk t = lab_talk4(5000);
	struct hp_packet *p;

	begin("");
	t.dport = 69;
	send_one(&t, 10);
	lab_forget(&l, 1);
	gate.calls = 0;
	gate.replace = true;
	gate.len = 321;
	p = lab_udp(&t, lab_text(), 250);
	p->gso_size = 100;
	p->gso = true;
	lab_capture(&l, p);
	lab_run(&l, 10);
	CU_ASSERT_EQUAL(gate.calls, 3);
	CU_ASSERT(gate.lens[0] == 100 && gate.lens[1] == 100 && gate.lens[2] == 50);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 3);
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_TRUE(has_text(lab_out(&l, 1, i), 321));
	end();
}

static struct hp_packet *piece4(const struct hp_packet *p, size_t off, size_t len, bool more)
{
	struct hp_packet *f = test_packet_new();

	f->len = 20 + len;
	memcpy(f->data, p->data, 20);
	memcpy(f->data + 20, p->data + 20 + off, len);
	hp_put16(f->data + 2, (uint16_t)f->len);
	hp_put16(f->data + 6, (uint16_t)(off / 8 | (more ? 0x2000 : 0)));
	hp_put16(f->data + 10, 0);
	hp_put16(f->data + 10, (uint16_t)~test_sum16(0, f->data, 20));
	return f;
}

static void fragments_are_shown_as_one(void)
{
	struct talk t = lab_talk4(5000);
	struct hp_packet *p;

	begin("");
	t.dport = 69;
	send_one(&t, 10);
	lab_forget(&l, 1);
	gate.calls = 0;
	gate.replace = true;
	gate.len = 30000;
	p = lab_udp(&t, lab_text(), 29992);
	for (size_t at = 0; at < 30000; at += 1480)
		lab_capture(&l, piece4(p, at, 30000 - at < 1480 ? 30000 - at : 1480, at + 1480 < 30000));
	test_packet_free(p);
	lab_run(&l, 20);
	CU_ASSERT(gate.calls == 1 && gate.lens[0] == 29992);
	CU_ASSERT(lab_count(&l, 1) == 1 && has_text(lab_out(&l, 1, 0), 30000));
	end();
}

static void checksums_that_are_partial_or_missing(void)
{
	struct talk t = lab_talk4(5000);
	struct hp_packet *p;

	begin("");
	t.dport = 69;
	gate.replace = true;
	gate.len = 500;
	p = lab_udp(&t, lab_text(), 40);
	hp_put16(p->data + 26, 0); /* RFC 768: none */
	lab_capture(&l, p);
	lab_run(&l, 60);
	CU_ASSERT(lab_count(&l, 1) == 1 && has_text(lab_out(&l, 1, 0), 500));
	p = lab_udp(&t, lab_text(), 40);
	hp_put16(p->data + 26, (uint16_t)test_l4_sum(p->data + 12, 8, UDP, NULL, 0) + 48u);
	p->csum_partial = true;
	lab_capture(&l, p);
	lab_run(&l, 10);
	CU_ASSERT(lab_count(&l, 1) == 2 && has_text(lab_out(&l, 1, 1), 500));
	/* A wrong one is not made right. */
	gate.calls = 0;
	p = lab_udp(&t, lab_text(), 40);
	p->data[26] ^= 1;
	lab_capture(&l, p);
	lab_run(&l, 10);
	CU_ASSERT(gate.calls == 0 && lab_count(&l, 1) == 2);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_BAD_TRANSPORT), 1);
	end();
}

static void a_gateway_may_drop_and_may_look_away(void)
{
	struct talk t = lab_talk4(5000);
	struct hp_instance *self;

	begin("");
	t.dport = 69;
	send_one(&t, 10);
	self = hp_registry_plugin(l.n[0].registry, 0);
	gate.drop = true;
	lab_capture(&l, lab_udp(&t, "x", 1));
	lab_run(&l, 10);
	CU_ASSERT(lab_count(&l, 1) == 1 && lab_drops(&l, 0, HP_DROP_PLUGIN) == 1);
	CU_ASSERT_EQUAL(self->drops.values[UNWANTED], 1);
	hp_alg_transparent(hp_flow_find_legacy(hp_pipe_flowdb(l.n[0].pipe), UDP, &t.client, t.sport,
					       &t.served, t.dport), HP_OUTBOUND, true);
	send_one(&t, 10);
	CU_ASSERT_EQUAL(gate.calls, 2);
	end();
}

static void other_flows_have_no_gateway(void)
{
	struct talk t = lab_talk4(5000);

	begin("");
	t.dport = 70;
	send_one(&t, 10);
	CU_ASSERT(gate.opened == 0 && gate.calls == 0);
	CU_ASSERT_EQUAL(hp_flowdb_followed(hp_pipe_flowdb(l.n[0].pipe)), 0);
	end();
}

/* ---- announced conversations */

/* TFTP: the server answers from port 3333. */
static void announced(struct talk t, bool announce)
{
	struct hp_packet *p;
	struct seen s;

	t.dport = 69;
	begin(strict);
	gate.announce = announce;
	gate.e = (struct hp_expectation){ .kind = HP_EXPECT_PEER, .port = t.sport,
					  .timeout_ms = 5000 };
	s = send_one(&t, 10);
	CU_ASSERT_EQUAL(gate.err, 0);
	for (int i = 0; i < 3; i++) {
		p = test_udp(&s.dst, i < 2 ? 3333 : 4444, &s.src, s.sport, "data", 4);
		lab_local(&l, 1, p);
		lab_run(&l, 10);
	}
	/* The second port is not expected. */
	CU_ASSERT_EQUAL(lab_count(&l, 0), announce ? 2 : 0);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_FILTERED), announce ? 1 : 3);
	if (announce) {
		CU_ASSERT(lab_out(&l, 0, 0)->sport == 3333 && lab_out(&l, 0, 0)->dport == t.sport);
		CU_ASSERT_TRUE(hp_addr_eq(&lab_out(&l, 0, 0)->src, &t.served));
		t.dport = 3333;
		s = send_one(&t, 10);
		CU_ASSERT_EQUAL(s.dport, 3333);
		CU_ASSERT_EQUAL(hp_expect_counters(expected())[HP_EXPECTC_USED], 1);
	}
	end();
}

static void a_peers_datagram_is_expected(void)
{
	announced(lab_talk4(5000), false);
	announced(lab_talk4(5000), true);
	announced(lab_talk6(5000), false);
	announced(lab_talk6(5000), true);
}

/* Whatever the policy says of the port. */
static void a_legacy_hosts_datagram_is_expected(void)
{
	struct talk t = lab_talk4(5000);
	struct seen s;

	for (int announce = 0; announce < 2; announce++) {
		init("");
		l.n[0].client = "rules = ( { protocol = \"udp\"; ports = 69; action = \"protect\"; }, "
				"{ action = \"block\"; } );";
		lab_start(&l);
		t = lab_talk4(5000);
		t.dport = 69;
		gate.announce = announce;
		gate.e = (struct hp_expectation){ .kind = HP_EXPECT_LEGACY, .port = 7000,
						  .hip_port = 7700, .timeout_ms = 5000 };
		send_one(&t, 10);
		t.sport = 5555;
		t.dport = 7000;
		if (announce) {
			s = send_one(&t, 10);
			CU_ASSERT(s.sport == 5555 && s.dport == 7700);
			s = send_one(&t, 10);
			CU_ASSERT_EQUAL(s.dport, 7700);
		} else {
			lab_capture(&l, lab_udp(&t, "x", 1));
			lab_run(&l, 10);
			CU_ASSERT(lab_count(&l, 1) == 1 && lab_drops(&l, 0, HP_DROP_POLICY) == 1);
		}
		CU_ASSERT_TRUE(lab_fini(&l));
	}
}

/* A HIP client and a legacy server: the server answers from a port of its own. */
static void both_kinds_work_in_front_of_a_server(void)
{
	struct hp_addr server = test_addr(LAB_CLIENT4), known = test_addr(LAB_SERVED4);
	struct hp_addr us, them;
	const struct seen *s;

	begin(strict);
	has_server = true;
	us = l.w.s[0].hit;
	them = l.w.s[1].hit;
	gate.announce = true;
	gate.e = (struct hp_expectation){ .kind = HP_EXPECT_LEGACY, .port = 4000, .hip_port = 4000,
					  .timeout_ms = 5000 };
	l.n[1].more = "";
	lab_capture(&l, test_udp(&server, 9, &known, 9, "x", 1)); /* the association */
	lab_run(&l, 60);
	lab_local(&l, 1, test_udp(&them, 4000, &us, 69, "ask", 3));
	lab_run(&l, 60);
	s = lab_out(&l, 0, lab_count(&l, 0) - 1);
	CU_ASSERT(s->dport == 69 && hp_addr_eq(&s->dst, &server) && hp_addr_eq(&s->src, &known));
	CU_ASSERT_EQUAL(hp_expect_count(expected()), 1);
	lab_capture(&l, test_udp(&server, 3333, &known, 4000, "data", 4));
	lab_run(&l, 10);
	s = lab_out(&l, 1, lab_count(&l, 1) - 1);
	CU_ASSERT(s->sport == 3333 && s->dport == 4000 && s->payload_len == 4);
	CU_ASSERT_EQUAL(hp_expect_count(expected()), 0);
	/* The peer may reach a port of the server that is not hosted, once it is announced. */
	gate.e = (struct hp_expectation){ .kind = HP_EXPECT_PEER, .port = 7000, .n_ports = 2,
					  .timeout_ms = 5000 };
	lab_local(&l, 1, test_udp(&them, 4000, &us, 7001, "no", 2));
	lab_run(&l, 10);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_ACCESS), 1);
	lab_local(&l, 1, test_udp(&them, 4000, &us, 69, "ask", 3));
	lab_local(&l, 1, test_udp(&them, 4001, &us, 7001, "yes", 3));
	lab_run(&l, 10);
	s = lab_out(&l, 0, lab_count(&l, 0) - 1);
	CU_ASSERT(s->sport == 4001 && s->dport == 7001 && s->payload_len == 3);
	has_server = false;
	end();
}

/* Another peer than the flow's own: as media that do not come from where the call came from. */
static void any_peer_may_be_expected(void)
{
	struct talk t = lab_talk4(5000);
	struct hp_flow_key k = {
		.legacy = t.client, .legacy_port = 5060, .far = test_addr("203.0.113.77"),
		.far_port = 69, .local_hit = { { 0 } }, .peer_hit = test_addr("2001:20::77"),
		.peer_port = 69, .proto = UDP,
	};
	struct hp_expectation e = { .kind = HP_EXPECT_PEER, .port = 8000, .timeout_ms = 5000 };
	struct hp_instance *self;
	struct hp_flow *f;
	struct seen s;

	for (int any = 0; any < 2; any++) {
		begin_with_addresses();
		t.dport = 70;
		s = send_one(&t, 10);
		self = hp_registry_plugin(l.n[0].registry, 0);
		k.local_hit = l.w.s[0].hit;
		CU_ASSERT_EQUAL(hp_flow_add(hp_pipe_flowdb(l.n[0].pipe), &k, true, &f), 0);
		e.options = any ? HP_EXPECT_ANY_PEER : 0;
		e.hip_port = 0;
		CU_ASSERT_EQUAL(hp_expect(self, f, &e), 0);
		lab_local(&l, 1, test_udp(&s.dst, 3333, &s.src, 8000, "data", 4));
		lab_run(&l, 10);
		CU_ASSERT_EQUAL(lab_count(&l, 0), (size_t)any);
		if (any)
			CU_ASSERT(lab_out(&l, 0, 0)->dport == 8000 && lab_out(&l, 0, 0)->sport == 3333);
		end();
	}
}

/* ---- streams */

static size_t octets_of(int at)
{
	size_t sum = 0;

	for (size_t i = 0; i < lab_count(&l, at); i++)
		sum += lab_out(&l, at, i)->payload_len;
	return sum;
}

/* A message of 60 KB is held, and leaves with a longer beginning. */
static void a_long_message_is_held_whole(void)
{
	struct talk t = lab_talk4(5000);
	static uint8_t got[70000];
	uint32_t first = t.seq + 1, at;
	size_t most = 0;

	begin("");
	lab_open(&l, &t);
	gate.whole = 60000;
	for (size_t sent = 0; sent < gate.whole; sent += 1000) {
		lab_capture(&l, lab_tcp(&t, lab_text() + sent, 1000));
		lab_run(&l, 2);
		CU_ASSERT_TRUE(sent + 1000 >= gate.whole || !octets_of(1));
	}
	lab_run(&l, 20);
	for (size_t i = 0; i < lab_count(&l, 1); i++) {
		const struct seen *s = lab_out(&l, 1, i);

		at = hp_get32(s->l4 + 4) - first;
		CU_ASSERT_FATAL(at + s->payload_len <= sizeof(got));
		memcpy(got + at, s->payload, s->payload_len);
		most = at + s->payload_len > most ? at + s->payload_len : most;
	}
	CU_ASSERT_EQUAL(most, 60005);
	CU_ASSERT(!memcmp(got, "begin", 5) && !memcmp(got + 5, lab_text(), 60000));
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(a_datagram_shrinks_and_grows),
	HP_TEST(what_has_grown_beyond_the_path_is_fragmented),
	HP_TEST(what_was_too_large_is_refused),
	HP_TEST(joined_datagrams_are_shown_one_by_one),
	HP_TEST(fragments_are_shown_as_one),
	HP_TEST(checksums_that_are_partial_or_missing),
	HP_TEST(a_gateway_may_drop_and_may_look_away),
	HP_TEST(other_flows_have_no_gateway),
	HP_TEST(a_peers_datagram_is_expected),
	HP_TEST(a_legacy_hosts_datagram_is_expected),
	HP_TEST(both_kinds_work_in_front_of_a_server),
	HP_TEST(any_peer_may_be_expected),
	HP_TEST(a_long_message_is_held_whole),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("alg", tests, argc, argv);

	world_keys_free();
	return ret;
}
