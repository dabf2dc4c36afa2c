/* SPDX-License-Identifier: MIT
 *
 * Between hipproxyd and hipproxy-gate: messages, what they may ask for, and the file of what is
 * closed.
 */
#include "../harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gate/allow.h"
#include "gate/message.h"
#include "gate/plan.h"

static struct hp_prefix prefix(const char *s)
{
	struct hp_prefix p = { .bits = 0 };

	CU_ASSERT_FATAL(!hp_prefix_parse(s, &p));
	return p;
}

static void add(struct hp_gate_prefixes *list, const char *s)
{
	struct hp_prefix p = prefix(s);

	CU_ASSERT_FATAL(!hp_gate_prefix_add(list, &p));
}

/* ---- messages */

/* The least message of a type. */
static struct hp_gate_msg least(enum hp_gate_msg_type type)
{
	struct hp_gate_msg m = { .type = type, .seq = 4711 };

#define X(e, p, q, t, n, k)                                   \
	if (type == HP_GM_##e) {                              \
		m.n_prefixes = (q);                           \
		m.n_numbers = (k);                            \
		if ((t) == 2)                                 \
			snprintf(m.text, sizeof(m.text), "x"); \
	}
	HP_GATE_MESSAGES(X)
#undef X
	for (size_t i = 0; i < m.n_prefixes; i++)
		m.prefixes[i] = prefix("192.0.2.80");
	return m;
}

static void each_type_comes_out_as_it_went_in(void)
{
	static struct hp_gate_msg in, out;
	uint8_t buf[HP_GATE_MSG_MAX];

	for (int type = HP_GM_NONE + 1; type < HP_GATE_MSG_TYPES; type++) {
		int len;

		in = least((enum hp_gate_msg_type)type);
		in.flags = HP_GATE_ON;
		len = hp_gate_msg_build(&in, buf, sizeof(buf));
		CU_ASSERT_FATAL(len > 0);
		CU_ASSERT_EQUAL(hp_gate_msg_parse(buf, (size_t)len, &out), 0);
		CU_ASSERT_EQUAL(out.type, in.type);
		CU_ASSERT_EQUAL(out.flags, in.flags);
		CU_ASSERT_EQUAL(out.seq, 4711);
		CU_ASSERT_EQUAL(out.n_prefixes, in.n_prefixes);
		CU_ASSERT_EQUAL(out.n_numbers, in.n_numbers);
		CU_ASSERT_STRING_EQUAL(out.text, in.text);
		CU_ASSERT(strlen(hp_gate_msg_name(out.type)) > 1);
	}
}

static void every_length_but_the_right_one_is_refused(void)
{
	static struct hp_gate_msg in, out;
	uint8_t buf[HP_GATE_MSG_MAX + 1] = { 0 };
	int len;

	in = least(HP_GM_ANSWER);
	len = hp_gate_msg_build(&in, buf, sizeof(buf));
	CU_ASSERT_FATAL(len > 0);
	for (size_t n = 0; n <= (size_t)len + 1; n++) {
		uint8_t *exact = malloc(n + !n);

		CU_ASSERT_FATAL(exact != NULL);
		memcpy(exact, buf, n);
		CU_ASSERT_EQUAL(hp_gate_msg_parse(exact, n, &out), n == (size_t)len ? 0 : -EBADMSG);
		free(exact);
	}
	CU_ASSERT_EQUAL(hp_gate_msg_build(&in, buf, (size_t)len - 1), -ENOSPC);
}

static void a_full_message_fits(void)
{
	static struct hp_gate_msg in, out;
	uint8_t buf[HP_GATE_MSG_MAX];
	int len;

	in = least(HP_GM_LEARN);
	in.n_prefixes = HP_GATE_MSG_PREFIXES;
	for (size_t i = 0; i < in.n_prefixes; i++) {
		in.prefixes[i] = prefix("2001:db8::");
		in.prefixes[i].bits = 128;
		in.prefixes[i].addr.b[14] = (uint8_t)(i >> 8);
		in.prefixes[i].addr.b[15] = (uint8_t)i;
	}
	len = hp_gate_msg_build(&in, buf, sizeof(buf));
	CU_ASSERT_FATAL(len > 0);
	CU_ASSERT_EQUAL(hp_gate_msg_parse(buf, (size_t)len, &out), 0);
	CU_ASSERT(!memcmp(in.prefixes, out.prefixes, sizeof(in.prefixes)));
}

/* One octet of a good message is changed. */
static int parse_with(const struct hp_gate_msg *in, size_t at, uint8_t value)
{
	static struct hp_gate_msg out;
	uint8_t buf[HP_GATE_MSG_MAX];
	int len = hp_gate_msg_build(in, buf, sizeof(buf));

	CU_ASSERT_FATAL(len > 0 && at < (size_t)len);
	buf[at] = value;
	return hp_gate_msg_parse(buf, (size_t)len, &out);
}

static void what_a_type_has_not_is_refused(void)
{
	static struct hp_gate_msg m;
	uint8_t buf[HP_GATE_MSG_MAX];

	m = least(HP_GM_LEARN);
	CU_ASSERT_EQUAL(parse_with(&m, 0, HP_GM_LEARN), 0);
	CU_ASSERT_EQUAL(parse_with(&m, 0, HP_GM_NONE), -EBADMSG);
	CU_ASSERT_EQUAL(parse_with(&m, 0, HP_GATE_MSG_TYPES), -EBADMSG);
	CU_ASSERT_EQUAL(parse_with(&m, 0, HP_GM_STATUS), -EBADMSG);  /* has no prefix */
	CU_ASSERT_EQUAL(parse_with(&m, 1, 4), -EBADMSG);	     /* no such flag */
	CU_ASSERT_EQUAL(parse_with(&m, 12 + 16, 129), -EBADMSG);     /* bits */
	CU_ASSERT_EQUAL(parse_with(&m, 12 + 16, 95), -EBADMSG);	     /* half of IPv4 */
	CU_ASSERT_EQUAL(parse_with(&m, 12 + 16, 120), -EBADMSG);     /* host bits */
	m.n_prefixes = 0;
	CU_ASSERT_EQUAL(hp_gate_msg_build(&m, buf, sizeof(buf)), -EINVAL);
	m = least(HP_GM_HELLO);
	CU_ASSERT_EQUAL(parse_with(&m, 12, '\0'), -EBADMSG);
	CU_ASSERT_EQUAL(parse_with(&m, 12, '\n'), -EBADMSG);
	m.text[0] = '\0';
	CU_ASSERT_EQUAL(hp_gate_msg_build(&m, buf, sizeof(buf)), -EINVAL);
}

/* ---- what is allowed */

struct world {
	struct hp_gate_prefixes named, networks, own;
	struct hp_gate_limits l;
};

static void world_begin(struct world *w)
{
	*w = (struct world){ .l = { .discovers = true, .host = true, .learned_max = 2,
				    .addresses_max = 1 } };
	add(&w->named, "198.18.0.0/24");
	add(&w->named, "10.2.0.10");
	add(&w->networks, "10.1.0.0/24");
	add(&w->networks, "fd01::/64");
	add(&w->own, "192.0.2.1");
	w->l.named = &w->named;
	w->l.networks = &w->networks;
	w->l.own = &w->own;
}

static void world_end(struct world *w)
{
	hp_gate_prefixes_free(&w->named);
	hp_gate_prefixes_free(&w->networks);
	hp_gate_prefixes_free(&w->own);
}

static bool may(const struct world *w, enum hp_gate_msg_type type, const char *s, size_t have)
{
	struct hp_prefix p = prefix(s);

	return !hp_gate_refusal(&w->l, type, &p, have);
}

static void only_hosts_elsewhere_may_be_learned(void)
{
	static const char *const never[] = {
		"192.0.2.1", "10.1.0.11", "fd01::11", "203.0.113.0/24", "0.0.0.0/0", "::/0",
		"224.0.0.1", "255.255.255.255", "ff02::1", "127.0.0.1", "::1", "169.254.1.1",
		"fe80::1", "0.0.0.0", "::", "2001:21::1",
	};
	struct world w;

	world_begin(&w);
	CU_ASSERT(may(&w, HP_GM_LEARN, "203.0.113.7", 0));
	CU_ASSERT(may(&w, HP_GM_LEARNED, "2001:db8::7", 1));
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		CU_ASSERT(!may(&w, HP_GM_LEARN, never[i], 0));
	CU_ASSERT(!may(&w, HP_GM_LEARN, "203.0.113.7", 2)); /* too many */
	/* Without networks everything is one: that says nothing about an address. */
	w.networks.at[0] = prefix("0.0.0.0/0");
	CU_ASSERT(may(&w, HP_GM_LEARN, "203.0.113.7", 0));
	w.l.discovers = false;
	CU_ASSERT(!may(&w, HP_GM_LEARN, "203.0.113.7", 0));
	CU_ASSERT(may(&w, HP_GM_FORGET, "203.0.113.7", 0));
	world_end(&w);
}

static void plugins_get_what_their_settings_name(void)
{
	static const enum hp_gate_msg_type types[] = { HP_GM_POOLS, HP_GM_HOSTED, HP_GM_MASQUERADE,
						       HP_GM_ANSWER };
	struct world w;

	world_begin(&w);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		CU_ASSERT(may(&w, types[i], "198.18.0.0/24", 0));
		CU_ASSERT(may(&w, types[i], "198.18.0.7", 0));
		CU_ASSERT(may(&w, types[i], "10.2.0.10", 0));
		CU_ASSERT(!may(&w, types[i], "198.18.0.0/23", 0));
		CU_ASSERT(!may(&w, types[i], "10.2.0.11", 0));
		CU_ASSERT(!may(&w, types[i], "0.0.0.0/0", 0));
	}
	world_end(&w);
}

static void only_hits_become_addresses(void)
{
	struct world w;

	world_begin(&w);
	CU_ASSERT(may(&w, HP_GM_ADDRESSES, "2001:21::1", 0));
	CU_ASSERT(!may(&w, HP_GM_ADDRESSES, "2001:21::1", 1));
	CU_ASSERT(!may(&w, HP_GM_ADDRESSES, "2001:20::/28", 0));
	CU_ASSERT(!may(&w, HP_GM_ADDRESSES, "192.0.2.80", 0));
	w.l.host = false;
	CU_ASSERT(!may(&w, HP_GM_ADDRESSES, "2001:21::1", 0));
	CU_ASSERT(!may(&w, HP_GM_READY, "192.0.2.80", 0));
	world_end(&w);
}

/* ---- sorted lists */

static void a_sorted_list_has_each_prefix_once(void)
{
	static const char *const some[] = { "192.0.2.3", "192.0.2.1", "2001:db8::1", "192.0.2.2",
					    "192.0.2.0/24" };
	struct hp_gate_prefixes list = { 0 };
	struct hp_prefix p;

	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
			p = prefix(some[i]);
			CU_ASSERT_EQUAL(hp_gate_prefix_insert(&list, &p), !round);
		}
	CU_ASSERT_EQUAL(list.n, 5);
	for (size_t i = 1; i < list.n; i++)
		CU_ASSERT(hp_addr_cmp(&list.at[i - 1].addr, &list.at[i].addr) < 0);
	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
		p = prefix(some[i]);
		CU_ASSERT(hp_gate_prefix_remove(&list, &p));
		CU_ASSERT(!hp_gate_prefix_remove(&list, &p));
	}
	CU_ASSERT_EQUAL(list.n, 0);
	hp_gate_prefixes_free(&list);
}

/* ---- the file */

static struct hp_gate_plan full_plan(void)
{
	struct hp_gate_plan p = { .tun = "hip0", .mtu = 1400, .clients = true, .hits = true,
				  .block_unknown = true, .stays_open = true, .mark = 0x10000,
				  .mask = 0x30000, .n_interfaces = 1, .n_rules = 1 };

	memcpy(p.interfaces[0], "lan0", 5);
	p.rules[0] = (struct hp_gate_policy){ .client = prefix("10.1.0.0/28"),
					      .destination = prefix("::/0"), .port_min = 80,
					      .port_max = 90, .proto = 6,
					      .action = HP_GATE_BYPASS };
	add(&p.protected, "192.0.2.80");
	add(&p.protected, "2001:db8:2::/48");
	add(&p.networks, "10.1.0.0/24");
	add(&p.hip_hosts, "10.1.0.13");
	add(&p.pools, "198.18.0.0/24");
	add(&p.hosted, "10.2.0.10");
	add(&p.learned, "203.0.113.7");
	return p;
}

static void a_plan_comes_back_from_its_text(void)
{
	struct hp_gate_plan p = full_plan(), q;
	char *text = hp_gate_plan_text(&p), *again;
	unsigned int line;

	CU_ASSERT_FATAL(text != NULL);
	CU_ASSERT_FATAL(!hp_gate_plan_parse(text, &q, &line));
	again = hp_gate_plan_text(&q);
	CU_ASSERT_STRING_EQUAL(text, again);
	CU_ASSERT(q.clients && q.hits && q.block_unknown && q.stays_open);
	CU_ASSERT_EQUAL(q.rules[0].action, HP_GATE_BYPASS);
	CU_ASSERT_EQUAL(q.rules[0].port_max, 90);
	CU_ASSERT_STRING_EQUAL(q.interfaces[0], "lan0");
	CU_ASSERT_EQUAL(q.mask, 0x30000);
	free(text);
	free(again);
	hp_gate_plan_free(&p);
	hp_gate_plan_free(&q);
}

/* Power fails in the middle of writing: nothing of it is used. */
static void a_plan_that_was_cut_anywhere_is_refused(void)
{
	struct hp_gate_plan p = full_plan(), q;
	char *text = hp_gate_plan_text(&p);
	unsigned int line;

	CU_ASSERT_FATAL(text != NULL);
	for (size_t n = strlen(text); n--;) {
		text[n] = '\0';
		CU_ASSERT_EQUAL(hp_gate_plan_parse(text, &q, &line), -EINVAL);
	}
	free(text);
	hp_gate_plan_free(&p);
}

static void a_wrong_line_is_told(void)
{
	static const char *const wrong[] = {
		"protected", "protected 192.0.2.80 ", "protected 192.0.2.81/24", "protected x",
		"nonsense 1", "", "mark 0 0", "mark 4 3", "mark 1", "tun hip0 1279",
		"tun a-name-that-is-too-long 1400", "tun .. 1400", "tun a/b 1400", "interface ",
		"rule pass ::/0 ::/0 6 1 2", "rule block ::/0 ::/0 6 2 1",
		"rule block ::/0 ::/0 256 1 2", "rule block ::/0 ::/0 6 1 65536",
		"rule block ::/0 ::/0 6 1 -2", "clients yes", "mark 99999999999 1",
	};
	struct hp_gate_plan p;
	unsigned int line;
	char text[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		snprintf(text, sizeof(text), "hipproxy-gate 1\ntun hip0 1400\n%s\nend\n", wrong[i]);
		CU_ASSERT_EQUAL(hp_gate_plan_parse(text, &p, &line), -EINVAL);
		CU_ASSERT_EQUAL(line, 3);
	}
	CU_ASSERT_EQUAL(hp_gate_plan_parse("hipproxy-gate 2\ntun hip0 1400\nend\n", &p, &line), -EINVAL);
	CU_ASSERT_EQUAL(line, 1);
	CU_ASSERT_EQUAL(hp_gate_plan_parse("hipproxy-gate 1\nend\n", &p, &line), -EINVAL);
	CU_ASSERT_EQUAL(hp_gate_plan_parse("hipproxy-gate 1\ntun hip0 1400\nend\nx", &p, &line),
			-EINVAL);
}

static const struct hp_test tests[] = {
	HP_TEST(each_type_comes_out_as_it_went_in),
	HP_TEST(every_length_but_the_right_one_is_refused),
	HP_TEST(a_full_message_fits),
	HP_TEST(what_a_type_has_not_is_refused),
	HP_TEST(only_hosts_elsewhere_may_be_learned),
	HP_TEST(plugins_get_what_their_settings_name),
	HP_TEST(only_hits_become_addresses),
	HP_TEST(a_sorted_list_has_each_prefix_once),
	HP_TEST(a_plan_comes_back_from_its_text),
	HP_TEST(a_plan_that_was_cut_anywhere_is_refused),
	HP_TEST(a_wrong_line_is_told),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("gate_message", tests, argc, argv);
}
