/* SPDX-License-Identifier: MIT
 *
 * Who may begin a connection: peers with a hosted server (hosting.c), connections that another one
 * has announced (expected.c), and those that were cut (cut.c).
 */
#include <errno.h>
#include <string.h>

#include <hipproxy/plugin.h>

#include "../harness.h"
#include "lab.h"

#define FIN 1
#define SYN 2
#define RST 4
#define ACK 16
#define UDP 17

#define SERVER 8080 /* the legacy server's port; its peers connect to 80 */

static struct lab l;

/* ---- the plugin: the interface as far as this file knows it */

static int backend_says;
static bool hosts; /* the client identity has a server behind it */
static struct hp_flow *newest;
static struct hp_instance *instance;

static int backend(struct hp_instance *self, const struct hp_backend_ask *ask,
		   struct hp_ticket ticket, struct hp_backend_result *out)
{
	(void)self, (void)ticket;
	if (!hosts || !hp_addr_eq(&ask->local_hit, &l.w.s[0].hit))
		return -ENOENT;
	out->addr = test_addr("192.0.2.9");
	out->far = test_addr("198.51.100.7");
	out->port = ask->local_port == 80 ? SERVER : ask->local_port;
	return backend_says;
}

static int client(struct hp_instance *self, const struct hp_addr *legacy,
		  const struct hp_addr *far, struct hp_backend_ask *ask)
{
	struct hp_addr server = test_addr("192.0.2.9"), peer = test_addr("198.51.100.7");

	(void)self;
	if (!hosts || !hp_addr_eq(legacy, &server) || !hp_addr_eq(far, &peer))
		return -ENOENT;
	ask->local_hit = l.w.s[0].hit;
	ask->peer_hit = l.w.s[1].hit;
	return 0;
}

static void flow_new(struct hp_instance *self, const struct hp_event_info *info)
{
	instance = self;
	newest = info->flow;
}

static const struct hp_backend_service services[] = {
	{ .name = "hosting", .ask = backend, .client = client },
	{ .name = NULL }
};

static const struct hp_event_sub events[] = {
	{ "begun.new", HP_EVENT_FLOW_NEW, flow_new },
	{ NULL, 0, NULL }
};

static const struct hp_plugin plugin = {
	HP_PLUGIN_HEAD,
	.name = "begun", .version = "1", .summary = "says who may begin",
	.backends = services, .events = events,
};

/* ---- the lab */

static void begin(const char *settings)
{
	lab_init(&l);
	hosts = false;
	backend_says = 0;
	newest = NULL;
	l.n[0].plugin = &plugin;
	l.n[0].client = settings;
	lab_start(&l);
	if (!world_connect(&l.w, 200))
		CU_FAIL_FATAL("no association");
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

static void peer_tcp(uint16_t sport, uint16_t dport, uint8_t flags, const char *text)
{
	struct test_tcp t = { .src = l.w.s[1].hit, .dst = l.w.s[0].hit, .sport = sport,
			      .dport = dport, .seq = 7000, .ack = 9000, .flags = flags };

	lab_local(&l, 1, test_tcp(&t, text, strlen(text)));
	lab_run(&l, 3);
}

static void peer_l4(uint8_t proto, const void *l4, size_t len)
{
	lab_local(&l, 1, test_packet_l4(&l.w.s[1].hit, &l.w.s[0].hit, proto, l4, len));
	lab_run(&l, 3);
}

static void legacy_tcp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
		       uint8_t flags, const char *text)
{
	struct test_tcp t = { .src = test_addr(src), .dst = test_addr(dst), .sport = sport,
			      .dport = dport, .seq = 400, .ack = 7001, .flags = flags };

	lab_capture(&l, test_tcp(&t, text, strlen(text)));
	lab_run(&l, 3);
}

/* The i-th packet that left a node is a TCP segment with these. */
static void left(int at, size_t i, uint16_t sport, uint16_t dport, uint8_t flags)
{
	const struct seen *s = lab_out(&l, at, i);

	CU_ASSERT_EQUAL(s->proto, 6);
	CU_ASSERT_EQUAL(s->sport, sport);
	CU_ASSERT_EQUAL(s->dport, dport);
	CU_ASSERT_EQUAL(s->l4[13], flags);
}

static bool between(const struct seen *s, const char *src, const char *dst)
{
	struct hp_addr a = test_addr(src), b = test_addr(dst);

	return hp_addr_eq(&s->src, &a) && hp_addr_eq(&s->dst, &b);
}

/* ---- hosting.c */

static void a_peer_reaches_a_hosted_server_and_is_answered(void)
{
	begin("");
	hosts = true;
	peer_tcp(5555, 80, SYN, "");
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	left(0, 0, 5555, SERVER, SYN);
	CU_ASSERT_TRUE(between(lab_out(&l, 0, 0), "198.51.100.7", "192.0.2.9"));
	legacy_tcp("192.0.2.9", SERVER, "198.51.100.7", 5555, SYN | ACK, "");
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	left(1, 0, 80, 5555, SYN | ACK);
	CU_ASSERT_TRUE(hp_addr_eq(&lab_out(&l, 1, 0)->src, &l.w.s[0].hit));
	end();
}

static void a_refusal_has_the_reason_that_the_service_gives(void)
{
	static const struct {
		int err;
		enum hp_drop_reason reason;
	} says[] = {
		{ -EACCES, HP_DROP_ACCESS }, { -ENOBUFS, HP_DROP_POOL }, { -EIO, HP_DROP_NO_FLOW },
		{ -ENOENT, HP_DROP_NO_FLOW },
	};

	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		const struct hp_pipe_wish *wish;

		begin("");
		hosts = true;
		backend_says = says[i].err;
		peer_tcp(5555, 80, SYN, "");
		CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
		CU_ASSERT_EQUAL(lab_drops(&l, 0, says[i].reason), 1);
		CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 1);
		CU_ASSERT_PTR_NULL(newest);
		wish = &hp_pipe_denied(l.n[0].pipe)->at[0];
		CU_ASSERT_EQUAL(wish->port, says[i].err == -EACCES ? 80 : 0);
		end();
	}
}

static void a_reset_begins_nothing(void)
{
	begin("");
	hosts = true;
	peer_tcp(5555, 80, RST, "");
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_FLOW), 1);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	CU_ASSERT_PTR_NULL(newest);
	end();
}

/* Echo is the business of the plugin icmp; without it nothing maps ICMP. */
static void what_nothing_maps_is_refused_without_an_answer(void)
{
	static const uint8_t reply[16] = { 129 }, request[16] = { 128 };

	begin("");
	hosts = true;
	peer_l4(58, reply, sizeof(reply));
	peer_l4(58, request, sizeof(request));
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_NO_MAPPING), 2);
	CU_ASSERT_EQUAL(lab_count(&l, 0) + lab_count(&l, 1), 0);
	CU_ASSERT_PTR_NULL(newest);
	end();
}

static void a_hosted_server_reaches_its_peer(void)
{
	begin("");
	hosts = true;
	legacy_tcp("192.0.2.9", 3333, "198.51.100.7", 99, SYN, "");
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->dport, 99);
	CU_ASSERT_TRUE(hp_addr_eq(&lab_out(&l, 1, 0)->src, &l.w.s[0].hit));
	end();
}

/* ---- expected.c */

#define TIMEOUT_MS 5000

static void announced_from_the_peer(uint16_t legacy_port, uint16_t *local_port)
{
	struct hp_expectation e = { .kind = HP_EXPECT_PEER, .port = legacy_port,
				    .hip_port = *local_port, .flow_flags = 0x8,
				    .timeout_ms = TIMEOUT_MS };

	CU_ASSERT_EQUAL(hp_expect(instance, newest, &e), 0);
	*local_port = e.hip_port;
}

static void announced_from_the_client(uint16_t far_port)
{
	struct hp_expectation e = { .kind = HP_EXPECT_LEGACY, .port = far_port,
				    .flow_flags = 0x8, .timeout_ms = TIMEOUT_MS };

	CU_ASSERT_EQUAL(hp_expect(instance, newest, &e), 0);
}

static void an_announced_peer_reaches_the_client_once(void)
{
	struct talk t = lab_talk4(1000);
	uint16_t port = 0;

	begin("");
	lab_open(&l, &t);
	announced_from_the_peer(2000, &port);
	peer_tcp(20, port, ACK, "x"); /* begins nothing */
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	peer_tcp(20, port, SYN, "");
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	left(0, 0, 20, 2000, SYN);
	CU_ASSERT_TRUE(between(lab_out(&l, 0, 0), LAB_SERVED4, LAB_CLIENT4));
	CU_ASSERT_EQUAL(hp_flow_flags(newest) & 0x8, 0x8);
	peer_tcp(21, port, SYN, "");
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	end();
}

static void an_announcement_ends_with_its_time(void)
{
	struct talk t = lab_talk4(1000);
	uint16_t port = 0;

	begin("");
	lab_open(&l, &t);
	announced_from_the_peer(2000, &port);
	lab_run(&l, TIMEOUT_MS + 1000);
	peer_tcp(20, port, SYN, "");
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0);
	end();
}

static void an_announced_client_passes_rules_that_block(void)
{
	static const char rules[] =
		"rules = ( { protocol = \"tcp\"; ports = \"80\"; action = \"protect\"; },"
		" { action = \"block\"; } );";
	struct talk t = lab_talk4(1000);

	begin(rules);
	lab_open(&l, &t);
	legacy_tcp(LAB_CLIENT4, 1001, LAB_SERVED4, 6000, SYN, "");
	CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_POLICY), 1);
	lab_forget(&l, 0);
	announced_from_the_client(6000);
	legacy_tcp(LAB_CLIENT4, 1002, LAB_SERVED4, 6000, SYN, "");
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->dport, 6000);
	CU_ASSERT_EQUAL(hp_flow_flags(newest) & 0x8, 0x8);
	legacy_tcp(LAB_CLIENT4, 1003, LAB_SERVED4, 6000, SYN, "");
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	end();
}

/* ---- cut.c */

static void open_and_cut(struct talk *t)
{
	begin("");
	lab_open(&l, t);
	hp_pipe_cut(l.n[0].pipe, newest);
	lab_run(&l, 3);
}

/* RFC 9293, 3.10.7.4: an acknowledgement out of the window makes an end speak. */
static void both_ends_of_a_cut_connection_are_made_to_speak(void)
{
	struct talk t = lab_talk4(1000);

	open_and_cut(&t);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	left(0, 0, 80, 1000, ACK);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->dport, 80);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->l4[13], ACK);
	end();
}

static void what_speaks_on_a_cut_connection_is_reset(void)
{
	struct talk t = lab_talk4(1000);
	uint16_t port;

	open_and_cut(&t);
	port = lab_out(&l, 1, 0)->sport;
	lab_forget(&l, 0);
	lab_forget(&l, 1);
	lab_capture(&l, lab_tcp(&t, "data", 4));
	lab_run(&l, 3);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
	left(0, 0, 80, 1000, RST);
	CU_ASSERT_EQUAL(hp_get32(lab_out(&l, 0, 0)->l4 + 4), 77);
	peer_tcp(80, port, ACK, "data");
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	left(1, 0, port, 80, RST);
	CU_ASSERT_EQUAL(hp_get32(lab_out(&l, 1, 0)->l4 + 4), 9000);
	peer_tcp(80, port, RST, ""); /* no reset for a reset */
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_CUT), 3);
	end();
}

static void a_syn_on_a_cut_connection_begins_anew(void)
{
	struct talk t = lab_talk4(1000);

	open_and_cut(&t);
	lab_forget(&l, 1);
	t.seq += 100000;
	lab_capture(&l, lab_syn(&t, 1460));
	lab_run(&l, 3);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->l4[13], SYN);
	end();
}

static void datagrams_of_a_cut_flow_are_answered_with_errors(void)
{
	struct talk t = lab_talk4(1000);
	uint16_t port;

	begin("");
	lab_capture(&l, lab_udp(&t, "ask", 3));
	lab_run(&l, 3);
	port = lab_out(&l, 1, 0)->sport;
	hp_pipe_cut(l.n[0].pipe, newest);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 0); /* nobody is told of its own accord */
	lab_forget(&l, 1);
	lab_capture(&l, lab_udp(&t, "ask", 3));
	lab_run(&l, 3);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
	CU_ASSERT_EQUAL(lab_out(&l, 0, 0)->proto, 1);
	CU_ASSERT_EQUAL(lab_out(&l, 0, 0)->type, 3);
	CU_ASSERT_EQUAL(lab_out(&l, 0, 0)->code, 13);
	lab_local(&l, 1, test_udp(&l.w.s[1].hit, 80, &l.w.s[0].hit, port, "answer", 6));
	lab_run(&l, 3);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->proto, 58);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->type, 1);
	CU_ASSERT_EQUAL(lab_out(&l, 1, 0)->code, 4);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_CUT), 2);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(a_peer_reaches_a_hosted_server_and_is_answered),
	HP_TEST(a_refusal_has_the_reason_that_the_service_gives),
	HP_TEST(a_reset_begins_nothing),
	HP_TEST(what_nothing_maps_is_refused_without_an_answer),
	HP_TEST(a_hosted_server_reaches_its_peer),
	HP_TEST(an_announced_peer_reaches_the_client_once),
	HP_TEST(an_announcement_ends_with_its_time),
	HP_TEST(an_announced_client_passes_rules_that_block),
	HP_TEST(both_ends_of_a_cut_connection_are_made_to_speak),
	HP_TEST(what_speaks_on_a_cut_connection_is_reset),
	HP_TEST(a_syn_on_a_cut_connection_begins_anew),
	HP_TEST(datagrams_of_a_cut_flow_are_answered_with_errors),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("begun", tests, argc, argv);
}
