/* SPDX-License-Identifier: MIT
 *
 * The setting filtering: datagrams of a HIP peer from another port than it was asked at
 * (core/pipe/filter.c; RFC 4787, section 5).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "flow/mapping.h"
#include "lab.h"

static struct lab l;

static void begin(const char *more)
{
	lab_init(&l);
	l.n[0].more = more;
	lab_start(&l);
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

static size_t n_flows(void)
{
	return hp_flowdb_count(hp_pipe_flowdb(l.n[0].pipe));
}

/* The client asks port 69, as TFTP does; the host has seen it. */
static void ask(struct talk *t)
{
	t->dport = 69;
	lab_capture(&l, lab_udp(t, "read", 4));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	lab_forget(&l, 0);
}

/* The host sends to where the request came from, but from this port. */
static void answer_from(const struct seen *request, uint16_t port)
{
	lab_local(&l, 1, test_udp(&request->dst, port, &request->src, request->sport, "data", 4));
	lab_run(&l, 10);
}

static void expect(const struct talk *t, size_t i, uint16_t sport)
{
	const struct seen *s = lab_out(&l, 0, i);

	CU_ASSERT_TRUE(hp_addr_eq(&s->src, &t->served) && hp_addr_eq(&s->dst, &t->client));
	CU_ASSERT(s->sport == sport && s->dport == t->sport);
	CU_ASSERT(s->payload_len == 4 && !memcmp(s->payload, "data", 4));
}

/* One transfer as TFTP makes it (RFC 1350, section 4). */
static void transfer(struct talk t)
{
	struct seen request;

	begin("");
	ask(&t);
	request = *lab_out(&l, 1, 0);
	answer_from(&request, 3333);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	expect(&t, 0, 3333);
	CU_ASSERT_EQUAL(n_flows(), 1);
	/* The client goes on with that port, from the same port of its own. */
	t.dport = 3333;
	lab_capture(&l, lab_udp(&t, "ack", 3));
	lab_run(&l, 10);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 2);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 1)->sport, request.sport);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 1)->dport, 3333);
	CU_ASSERT_EQUAL(n_flows(), 2);
	answer_from(&request, 3333);
	expect(&t, 1, 3333);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	end();
}

static void an_answer_from_another_port_arrives(void)
{
	transfer(lab_talk4(5000));
	transfer(lab_talk6(5001));
}

/* Two clients from the same port: each gets its own answers. */
static void clients_of_one_port_are_told_apart(void)
{
	struct talk a = lab_talk4(5000), b = lab_talk4(5000);
	struct seen asked[2];

	begin("");
	b.client.b[15] ^= 4;
	ask(&a);
	asked[0] = *lab_out(&l, 1, 0);
	b.dport = 70; /* the names on the HIT side would not collide */
	lab_capture(&l, lab_udp(&b, "read", 4));
	lab_run(&l, 10);
	asked[1] = *lab_out(&l, 1, 1);
	CU_ASSERT_NOT_EQUAL(asked[0].sport, asked[1].sport);
	answer_from(&asked[1], 4444);
	expect(&b, 0, 4444);
	answer_from(&asked[0], 4444);
	expect(&a, 1, 4444);
	end();
}

/* A peer makes no entry by what it sends. */
static void many_ports_make_no_flows(void)
{
	struct talk t = lab_talk4(5000);
	struct seen request;

	begin("");
	ask(&t);
	request = *lab_out(&l, 1, 0);
	for (unsigned int i = 0; i < 3000; i++)
		lab_local(&l, 1, test_udp(&request.dst, (uint16_t)(2000 + i), &request.src,
					  request.sport, "data", 4));
	lab_run(&l, 10);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 3000);
	CU_ASSERT_EQUAL(n_flows(), 1);
	expect(&t, 2999, 4999);
	end();
}

static void address_and_port_lets_none_in(void)
{
	struct talk t = lab_talk4(5000);
	const struct seen *s;
	struct seen request;

	begin("filtering = \"address-and-port\";");
	ask(&t);
	request = *lab_out(&l, 1, 0);
	answer_from(&request, 69);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	answer_from(&request, 3333);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_FILTERED), 1);
	s = lab_out(&l, 1, 1);
	CU_ASSERT(s->proto == 58 && s->type == 1 && s->code == 4);
	/* A reload changes it, for flows that are there too. */
	l.n[0].more = "";
	lab_reconfigure(&l);
	answer_from(&request, 3333);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 2);
	end();
}

static void a_port_nobody_asked_from_is_closed(void)
{
	struct talk t = lab_talk4(5000);
	struct seen request;

	begin("");
	ask(&t);
	request = *lab_out(&l, 1, 0);
	request.sport++;
	answer_from(&request, 69);
	answer_from(&request, 3333);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_FLOW), 2);
	CU_ASSERT_EQUAL(n_flows(), 1);
	end();
}

/* A mapping of a client that has spoken with somebody else only. */
static void map_to_another(const struct talk *t)
{
	struct hp_flow_key k = {
		.legacy = t->client, .legacy_port = t->sport, .far = test_addr("203.0.113.77"),
		.far_port = 53, .local_hit = l.w.s[0].hit, .peer_hit = test_addr("2001:20::77"),
		.peer_port = 53, .proto = 17,
	};
	struct hp_flow *f;

	CU_ASSERT_EQUAL(hp_flow_add(hp_pipe_flowdb(l.n[0].pipe), &k, true, &f), 0);
}

/* Node 1 as a peer with an address of its own, and a request it has seen. */
static void begin_stranger(struct talk *t, const char *filtering, struct seen *request)
{
	static char more[512];
	char hit[HP_ADDR_STRLEN], addr[HP_ADDR_STRLEN];

	lab_init(&l);
	l.stranger = true;
	snprintf(more, sizeof(more), "filtering = \"%s\"; peers = ( { hit = \"%s\"; addresses = "
		 "[ \"%s\" ]; serves = [ \"203.0.113.5\", \"2001:db8:f::5\" ]; } );", filtering,
		 hp_addr_format(hp_key_hit(l.w.s[1].key), hit),
		 hp_addr_format(&l.w.s[1].addr, addr));
	l.n[0].more = more;
	lab_start(&l);
	ask(t);
	*request = *lab_out(&l, 1, 0);
	t->sport = 6000;
	request->sport = 6000;
	map_to_another(t);
}

static void a_stranger_gets_in_only_where_it_is_endpoint_independent(void)
{
	static const char *const modes[] = { "address-and-port", "address" };
	struct talk t;
	struct seen request;

	for (int i = 0; i < 2; i++) {
		t = lab_talk4(5000);
		begin_stranger(&t, modes[i], &request);
		answer_from(&request, 3333);
		CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
		CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_FILTERED), 1);
		end();
	}
	for (int i = 0; i < 2; i++) {
		t = i ? lab_talk6(5000) : lab_talk4(5000);
		begin_stranger(&t, "endpoint-independent", &request);
		answer_from(&request, 3333);
		CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
		expect(&t, 0, 3333);
		/* And is answered. */
		t.dport = 3333;
		lab_capture(&l, lab_udp(&t, "back", 4));
		lab_run(&l, 10);
		CU_ASSERT_EQUAL(lab_out(&l, 1, 1)->sport, 6000);
		CU_ASSERT_EQUAL(lab_out(&l, 1, 1)->dport, 3333);
		end();
	}
}

static void strangers_are_bounded(void)
{
	struct talk t = lab_talk4(5000);
	struct seen request;

	begin_stranger(&t, "endpoint-independent", &request);
	for (unsigned int i = 0; i < 1000; i++)
		answer_from(&request, (uint16_t)(3000 + i));
	CU_ASSERT_EQUAL(lab_count(&l, 0), HP_MAPPING_STRANGERS);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_FILTERED), 1000 - HP_MAPPING_STRANGERS);
	CU_ASSERT_EQUAL(n_flows(), 2 + HP_MAPPING_STRANGERS);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(an_answer_from_another_port_arrives),
	HP_TEST(clients_of_one_port_are_told_apart),
	HP_TEST(many_ports_make_no_flows),
	HP_TEST(address_and_port_lets_none_in),
	HP_TEST(a_port_nobody_asked_from_is_closed),
	HP_TEST(a_stranger_gets_in_only_where_it_is_endpoint_independent),
	HP_TEST(strangers_are_bounded),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("filter", tests, argc, argv);

	world_keys_free();
	return ret;
}
