/* SPDX-License-Identifier: MIT
 *
 * Streams that a gateway follows: what becomes of held octets when the gateway looks away, and
 * connections that were under way before (core/pipe/l7.c).
 */
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "flow/follow.h"
#include "flow/mapping.h"
#include "lab.h"

#define TCP 6
#define RST 4
#define ACK 16

static struct lab l;

/* ---- a gateway that waits for whole lines of the client */

static struct settings {
	struct hp_conf_ints ports;
} settings;
static int64_t port_list[] = { 80 };

static struct {
	bool away;       /* what the server says makes the client's direction transparent */
	size_t len;      /* of what was shown last, octets of the client's */
	uint8_t text[64];
} gate;

static size_t stream(struct hp_alg_call *c, const uint8_t *data, size_t len, struct hp_alg_out *out)
{
	(void)out;
	if (!c->from_client) {
		hp_alg_transparent(c->flow, HP_OUTBOUND, gate.away);
		return len;
	}
	gate.len = len;
	memcpy(gate.text, data, len < sizeof(gate.text) ? len : sizeof(gate.text));
	return memchr(data, '\n', len) ? len : 0;
}

static const struct hp_conf_row schema[] = {
	{ "ports", HP_CONF_INTS, 0, HP_CONF_AT(struct settings, ports), 1, 65535 },
	HP_CONF_END
};

static const struct hp_alg algs[] = {
	{ .name = "lines.tcp", .proto = TCP, .ports_offset = HP_ALG_PORTS(struct settings, ports),
	  .stream = stream },
	{ .name = NULL }
};

static const struct hp_plugin plugin = {
	HP_PLUGIN_HEAD, .name = "lines", .version = "1", .summary = "for tests", .schema = schema,
	.settings_bytes = sizeof(struct settings), .algs = algs,
};

/* ---- a connection through it */

static struct talk t;

static void begin(void)
{
	memset(&gate, 0, sizeof(gate));
	settings.ports = (struct hp_conf_ints){ port_list, 1 };
	lab_init(&l);
	l.n[0].plugin = &plugin;
	l.n[0].settings = &settings;
	lab_start(&l);
	t = lab_talk4(5000);
	lab_open(&l, &t);
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_all_right(&l, 0));
	CU_ASSERT_TRUE(lab_all_right(&l, 1));
	CU_ASSERT_TRUE(lab_fini(&l));
}

static struct hp_packet *bare(const struct talk *c, uint8_t flags)
{
	struct test_tcp h = { .src = c->client, .dst = c->served, .sport = c->sport,
			      .dport = c->dport, .seq = c->seq, .ack = 5003, .flags = flags };

	return test_tcp(&h, NULL, 0);
}

static const struct seen *last(int at)
{
	return lab_out(&l, at, lab_count(&l, at) - 1);
}

static uint32_t seq_of(const struct seen *s)
{
	return hp_get32(s->l4 + 4);
}

/* The client sends, and what the server gets is the latest that left node 1. */
static void say(const char *text)
{
	lab_capture(&l, lab_tcp(&t, text, strlen(text)));
	lab_run(&l, 5);
}

/* From the server, as an answer to what it has seen. */
static void answer(const struct seen *s, uint32_t seq, uint32_t ack, const char *text)
{
	struct test_tcp h = { .src = s->dst, .dst = s->src, .sport = s->dport, .dport = s->sport,
			      .seq = seq, .ack = ack, .flags = ACK };

	lab_local(&l, 1, test_tcp(&h, text, strlen(text)));
	lab_run(&l, 5);
}

static bool is_text(const struct seen *s, const char *text)
{
	return s->payload_len == strlen(text) && !memcmp(s->payload, text, s->payload_len);
}

/* ---- held octets */

/* Half a line is held and acknowledged; then the server's answer makes its direction transparent. */
static struct seen held_and_away(void)
{
	struct seen first;

	begin();
	say("one\n");
	first = *last(1);
	CU_ASSERT_TRUE(is_text(&first, "one\n"));
	answer(&first, 5001, seq_of(&first) + 4, "");
	say("half");
	CU_ASSERT_EQUAL(last(1)->payload_len, 0);
	/* The client is told that they have arrived, so it does not send them again. */
	CU_ASSERT_EQUAL(hp_get32(last(0)->l4 + 8), t.seq);
	gate.away = true;
	answer(&first, 5001, seq_of(&first) + 4, "go");
	return first;
}

static void held_octets_leave_with_the_next_acknowledgement(void)
{
	struct seen first = held_and_away();
	struct seen s;

	lab_capture(&l, bare(&t, ACK));
	lab_run(&l, 5);
	s = *last(1);
	CU_ASSERT_TRUE(is_text(&s, "half"));
	CU_ASSERT_EQUAL(seq_of(&s), seq_of(&first) + 4);
	/* It was lost: each acknowledgement of the client's has them until they are acknowledged. */
	lab_capture(&l, bare(&t, ACK));
	lab_run(&l, 5);
	CU_ASSERT_TRUE(is_text(last(1), "half"));
	answer(&first, 5003, seq_of(&first) + 8, "");
	lab_capture(&l, bare(&t, ACK));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(last(1)->payload_len, 0);
	CU_ASSERT_EQUAL(seq_of(last(1)), seq_of(&first) + 8);
	say("more");
	CU_ASSERT(is_text(last(1), "more") && seq_of(last(1)) == seq_of(&first) + 8);
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	end();
}

static void held_octets_leave_with_the_next_data(void)
{
	struct seen first = held_and_away();

	say(" more");
	CU_ASSERT_TRUE(is_text(last(1), "half more"));
	CU_ASSERT_EQUAL(seq_of(last(1)), seq_of(&first) + 4);
	end();
}

static void a_reset_carries_none_of_them(void)
{
	held_and_away();
	lab_capture(&l, bare(&t, RST | ACK));
	lab_run(&l, 5);
	CU_ASSERT(last(1)->payload_len == 0 && last(1)->l4[13] & RST);
	end();
}

/* ---- connections that were under way before */

static void restored(void)
{
	struct hp_flow_key key;

	begin();
	say("one\n");
	key = hp_flow_find_legacy(hp_pipe_flowdb(l.n[0].pipe), TCP, &t.client, t.sport, &t.served,
				  t.dport)->key;
	CU_ASSERT_TRUE_FATAL(lab_renew(&l, 0));
	CU_ASSERT_PTR_NOT_NULL_FATAL(hp_pipe_flow_restore(l.n[0].pipe, &key, true));
	CU_ASSERT_EQUAL(hp_flowdb_followed(hp_pipe_flowdb(l.n[0].pipe)), 1);
	gate.len = 0;
	lab_forget(&l, 1);
}

/* RFC 9293, section 3.8.4: a keep-alive has the number before the next one. */
static void a_keepalive_does_not_begin_a_stream(void)
{
	restored();
	t.seq--;
	lab_capture(&l, bare(&t, ACK));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	t.seq++;
	say("two\n");
	CU_ASSERT_EQUAL_FATAL(lab_count(&l, 1), 2);
	CU_ASSERT_TRUE(is_text(last(1), "two\n"));
	CU_ASSERT(gate.len == 4 && !memcmp(gate.text, "two\n", 4));
	CU_ASSERT_EQUAL(lab_drops_all(&l, 0), 0);
	end();
}

static void a_fin_may_be_the_first_that_is_seen(void)
{
	restored();
	lab_capture(&l, bare(&t, ACK | 1));
	lab_run(&l, 60);
	CU_ASSERT_EQUAL_FATAL(lab_count(&l, 1), 1);
	CU_ASSERT(last(1)->l4[13] & 1 && seq_of(last(1)) == t.seq);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(held_octets_leave_with_the_next_acknowledgement),
	HP_TEST(held_octets_leave_with_the_next_data),
	HP_TEST(a_reset_carries_none_of_them),
	HP_TEST(a_keepalive_does_not_begin_a_stream),
	HP_TEST(a_fin_may_be_the_first_that_is_seen),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("streams", tests, argc, argv);

	world_keys_free();
	return ret;
}
