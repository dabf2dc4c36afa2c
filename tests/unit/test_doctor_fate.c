/* SPDX-License-Identifier: MIT
 *
 * What iptables and nft would do to a packet, read from their rules.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "doctor/fate.h"

static struct hp_fw_packet packet(void)
{
	struct hp_fw_packet p = { .family = 4, .iif = "hip0", .oif = "lan0", .ct = HP_CT_UNTRACKED,
				  .reverse_ok = true };

	hp_addr_parse("192.0.2.80", &p.src);
	hp_addr_parse("10.1.0.11", &p.dst);
	return p;
}

/* ---- iptables */

static unsigned int ipt(const char *rules, const struct hp_fw_packet *p)
{
	char text[4096];

	snprintf(text, sizeof(text), "# comment\n*filter\n:INPUT ACCEPT [0:0]\n%sCOMMIT\n", rules);
	return hp_fw_iptables(text, HP_FW_FORWARD, p).fates;
}

static unsigned int ipt_policy(const char *rule)
{
	struct hp_fw_packet p = packet();
	char text[1024];

	snprintf(text, sizeof(text), ":FORWARD DROP [0:0]\n%s", rule);
	return ipt(text, &p);
}

static void iptables_policies_decide_what_no_rule_does(void)
{
	struct hp_fw_packet p = packet();
	struct hp_fw_answer a;

	CU_ASSERT_EQUAL(ipt("", &p), HP_FATE_ACCEPT);
	CU_ASSERT_EQUAL(ipt(":FORWARD ACCEPT [0:0]\n", &p), HP_FATE_ACCEPT);
	CU_ASSERT_EQUAL(ipt(":FORWARD DROP [12:3456]\n", &p), HP_FATE_DROP);
	a = hp_fw_iptables("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n", HP_FW_FORWARD, &p);
	CU_ASSERT_STRING_EQUAL(a.rule, "-P FORWARD DROP");
	CU_ASSERT_EQUAL(hp_fw_iptables("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n", HP_FW_INPUT, &p)
				.fates, HP_FATE_ACCEPT);
}

static void iptables_matches_are_understood(void)
{
	static const char *const yes[] = {
		"-i hip0", "-i hip+", "! -i wan0", "-o lan0", "-i hip0 -o lan0", "-s 192.0.2.80/32",
		"-s 192.0.2.0/24", "! -s 10.0.0.0/8", "-d 10.1.0.0/16",
		"-m conntrack --ctstate UNTRACKED", "-m conntrack --ctstate NEW,UNTRACKED",
		"-m conntrack ! --ctstate INVALID", "-m state --state UNTRACKED",
		"-m comment --comment \"to -j DROP or not\"", "-m rpfilter", "",
	};
	static const char *const no[] = {
		"-i wan0", "! -i hip0", "-o wan+", "-s 192.0.2.81/32", "! -s 192.0.2.0/24",
		"-d 10.2.0.0/16", "-m conntrack --ctstate RELATED,ESTABLISHED",
		"-m conntrack ! --ctstate UNTRACKED", "-m rpfilter --invert",
		"-i hip0 -o wan0", "-m conntrack --ctstate ESTABLISHED -m limit --limit 5/s",
	};
	static const char *const maybe[] = {
		"-p tcp -m tcp --dport 80", "-m mark --mark 0x1", "-m set --match-set good src",
		"-m limit --limit 5/sec", "-p udp", "-m addrtype --dst-type LOCAL",
		"-i hip0 -m something --new-option 3",
	};
	char rule[256];

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		snprintf(rule, sizeof(rule), "-A FORWARD %s -j ACCEPT\n", yes[i]);
		CU_ASSERT_EQUAL(ipt_policy(rule), HP_FATE_ACCEPT);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
		snprintf(rule, sizeof(rule), "-A FORWARD %s -j ACCEPT\n", no[i]);
		CU_ASSERT_EQUAL(ipt_policy(rule), HP_FATE_DROP);
	}
	for (size_t i = 0; i < sizeof(maybe) / sizeof(*maybe); i++) {
		snprintf(rule, sizeof(rule), "-A FORWARD %s -j ACCEPT\n", maybe[i]);
		CU_ASSERT_EQUAL(ipt_policy(rule), HP_FATE_ACCEPT | HP_FATE_DROP);
	}
}

static void iptables_protocols_and_ports_are_known_of_our_own_packets(void)
{
	struct hp_fw_packet p = packet();

	p.proto = 139;
	CU_ASSERT_EQUAL(ipt("-A FORWARD -p hip -j DROP\n", &p), HP_FATE_DROP);
	CU_ASSERT_EQUAL(ipt("-A FORWARD -p 139 -j REJECT --reject-with icmp-port-unreachable\n", &p),
			HP_FATE_DROP);
	CU_ASSERT_EQUAL(ipt("-A FORWARD -p esp -j DROP\n", &p), HP_FATE_ACCEPT);
	CU_ASSERT_EQUAL(ipt("-A FORWARD -p tcp -m tcp --dport 1 -j DROP\n", &p), HP_FATE_ACCEPT);
	p.proto = 17;
	p.sport = p.dport = 10500;
	CU_ASSERT_EQUAL(ipt("-A FORWARD -p udp -m udp --dport 10500 -j DROP\n", &p), HP_FATE_DROP);
	CU_ASSERT_EQUAL(ipt("-A FORWARD -p udp -m udp --dport 10000:11000 -j DROP\n", &p),
			HP_FATE_DROP);
	CU_ASSERT_EQUAL(ipt("-A FORWARD -p udp -m udp ! --dport 53 -j DROP\n", &p), HP_FATE_DROP);
	CU_ASSERT_EQUAL(ipt("-A FORWARD -p udp -m udp --sport 53 -j DROP\n", &p), HP_FATE_ACCEPT);
}

static void iptables_chains_return_and_go(void)
{
	struct hp_fw_packet p = packet();

	CU_ASSERT_EQUAL(ipt("-A FORWARD -j A\n-A FORWARD -j ACCEPT\n-A A -i hip0 -j DROP\n", &p),
			HP_FATE_DROP);
	CU_ASSERT_EQUAL(ipt(":FORWARD DROP [0:0]\n-A FORWARD -j A\n-A FORWARD -j ACCEPT\n"
			    "-A A -i wan0 -j DROP\n", &p), HP_FATE_ACCEPT);
	CU_ASSERT_EQUAL(ipt("-A FORWARD -j A\n-A A -i hip0 -j RETURN\n-A A -j DROP\n", &p),
			HP_FATE_ACCEPT);
	CU_ASSERT_EQUAL(ipt("-A FORWARD -j A\n-A A -p tcp -j RETURN\n-A A -j DROP\n", &p),
			HP_FATE_ACCEPT | HP_FATE_DROP);
	/* docker: what returns from a chain that was gone to ends with the policy. */
	CU_ASSERT_EQUAL(ipt(":FORWARD DROP [0:0]\n-A FORWARD -g A\n-A FORWARD -j ACCEPT\n"
			    "-A A -i wan0 -j ACCEPT\n", &p), HP_FATE_DROP);
	CU_ASSERT_EQUAL(ipt("-A FORWARD -j LOG --log-prefix \"a b\"\n-A FORWARD -j DROP\n", &p),
			HP_FATE_DROP);
	CU_ASSERT_EQUAL(ipt("-A FORWARD -j NFQUEUE --queue-num 1\n", &p),
			HP_FATE_ACCEPT | HP_FATE_DROP);
	/* Rings, which no kernel accepts, end all the same. */
	CU_ASSERT_TRUE(ipt("-A FORWARD -j A\n-A A -p tcp -j B\n-A B -p udp -j A\n-A A -j A\n", &p) &
		       HP_FATE_ACCEPT);
}

static void iptables_ours_and_other_tables(void)
{
	static const char text[] = "*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD ! -i hip0 -j HIPPROXY\n"
				   "-A HIPPROXY -j NFQUEUE --queue-num 100\nCOMMIT\n"
				   "*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n*raw\n:PREROUTING ACCEPT "
				   "[0:0]\n-A PREROUTING -i hip0 -j DROP\nCOMMIT\n";
	struct hp_fw_packet p = packet();
	struct hp_fw_answer a;

	CU_ASSERT_EQUAL(hp_fw_iptables(text, HP_FW_FORWARD, &p).fates, HP_FATE_ACCEPT);
	a = hp_fw_iptables(text, HP_FW_PREROUTING, &p);
	CU_ASSERT_TRUE(hp_fw_is_dropped(&a));
	CU_ASSERT_STRING_EQUAL(a.rule, "-A PREROUTING -i hip0 -j DROP");
}

/* Any part of a text is read without harm. */
static void iptables_cut_texts_are_read(void)
{
	static const char text[] =
		"*filter\n:FORWARD DROP [0:0]\n:A - [0:0]\n-A FORWARD -i hip0 -j A\n"
		"-A A -s 192.0.2.0/24 -m conntrack ! --ctstate NEW -j ACCEPT\nCOMMIT\n";
	struct hp_fw_packet p = packet();

	for (size_t n = 0; n < sizeof(text); n++) {
		char *cut = strndup(text, n);

		CU_ASSERT_TRUE(hp_fw_iptables(cut, HP_FW_FORWARD, &p).fates != 0);
		free(cut);
	}
}

/* ---- nft */

#define CHAIN "{\"chain\":{\"family\":\"inet\",\"table\":\"f\",\"name\":\"fw\",\"type\":\"filter\"," \
	      "\"hook\":\"forward\",\"prio\":0,\"policy\":\"%s\"}}"
#define RULE_IN(chain) "{\"rule\":{\"family\":\"inet\",\"table\":\"f\",\"chain\":\"" chain \
		       "\",\"handle\":7,\"expr\":[%s]}}"
#define MATCH(left, op, right) "{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":" right "}}"
#define META(key) "{\"meta\":{\"key\":\"" key "\"}}"
#define FIELD(proto, field) "{\"payload\":{\"protocol\":\"" proto "\",\"field\":\"" field "\"}}"
#define ACCEPT ",{\"accept\":null}"
#define DROP ",{\"drop\":null}"

/* more: further objects of the ruleset, each after a comma. */
static struct hp_fw_answer nft(const char *policy, const char *expr, const char *more,
			       const struct hp_fw_packet *p)
{
	char text[8192], rule[4096] = "";
	struct hp_fw_answer a;
	json_t *ruleset;

	if (*expr)
		snprintf(rule, sizeof(rule), "," RULE_IN("fw"), expr);
	snprintf(text, sizeof(text), "{\"nftables\":[{\"metainfo\":{}}," CHAIN "%s%s]}", policy, rule,
		 more);
	ruleset = json_loads(text, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ruleset);
	a = hp_fw_nft(ruleset, HP_FW_FORWARD, p);
	json_decref(ruleset);
	return a;
}

static unsigned int nft_drop(const char *expr)
{
	struct hp_fw_packet p = packet();

	return nft("drop", expr, "", &p).fates;
}

static void nft_policies_decide_what_no_rule_does(void)
{
	struct hp_fw_packet p = packet();
	struct hp_fw_answer a;

	CU_ASSERT_EQUAL(nft("accept", "", "", &p).fates, HP_FATE_ACCEPT);
	a = nft("drop", "", "", &p);
	CU_ASSERT_TRUE(hp_fw_is_dropped(&a));
	CU_ASSERT_STRING_EQUAL(a.rule, "policy drop of chain inet f fw");
	a = nft("accept", MATCH(META("iifname"), "==", "\"hip0\"") DROP, "", &p);
	CU_ASSERT_TRUE(hp_fw_is_dropped(&a));
	CU_ASSERT_PTR_NOT_NULL(strstr(a.rule, "handle 7"));
}

static void nft_matches_are_understood(void)
{
	static const char *const yes[] = {
		MATCH(META("iifname"), "==", "\"hip0\""),
		MATCH(META("iifname"), "==", "\"hip*\""),
		MATCH(META("oifname"), "!=", "\"wan0\""),
		MATCH(META("iifname"), "==", "{\"set\":[\"eth*\",\"hip0\"]}"),
		MATCH(FIELD("ip", "saddr"), "==", "{\"prefix\":{\"addr\":\"192.0.2.0\",\"len\":24}}"),
		MATCH(FIELD("ip", "daddr"), "==", "{\"range\":[\"10.1.0.1\",\"10.1.0.20\"]}"),
		MATCH(FIELD("ip", "daddr"), "!=", "\"10.1.0.12\""),
		MATCH(FIELD("ip", "saddr"), "==", "{\"set\":[{\"elem\":{\"val\":\"192.0.2.80\"}}]}"),
		MATCH("{\"ct\":{\"key\":\"state\"}}", "in", "[\"new\",\"untracked\"]"),
		MATCH(META("nfproto"), "==", "\"ipv4\""),
		MATCH("{\"fib\":{\"result\":\"oif\",\"flags\":[\"saddr\",\"iif\"]}}", "==", "true"),
		"{\"counter\":{\"packets\":0,\"bytes\":0}}", "{\"log\":null}",
	};
	static const char *const no[] = {
		MATCH(META("iifname"), "==", "\"lan0\""),
		MATCH(META("iifname"), "!=", "\"hip*\""),
		MATCH(FIELD("ip", "saddr"), "==", "{\"set\":[\"192.0.2.81\"]}"),
		MATCH(FIELD("ip6", "saddr"), "==", "\"2001:db8::1\""),
		MATCH(FIELD("ip6", "saddr"), "!=", "\"2001:db8::1\""),
		MATCH("{\"ct\":{\"key\":\"state\"}}", "in", "[\"established\",\"related\"]"),
		MATCH("{\"ct\":{\"key\":\"status\"}}", "in", "\"dnat\""),
		MATCH(META("nfproto"), "==", "\"ipv6\""),
		MATCH("{\"fib\":{\"result\":\"oif\",\"flags\":[\"saddr\",\"iif\"]}}", "==", "false"),
	};
	static const char *const maybe[] = {
		MATCH(FIELD("tcp", "dport"), "==", "80"),
		MATCH(META("l4proto"), "==", "\"tcp\""),
		MATCH("{\"&\":[" META("mark") ",1]}", "==", "1"),
		MATCH(META("iifname"), "<", "\"lan0\""),
		MATCH(FIELD("ip", "saddr"), "==", "\"@nowhere\""),
		"{\"limit\":{\"rate\":5,\"per\":\"second\"}}", "{\"xt\":{\"type\":\"match\"}}",
		"{\"something new\":1}",
	};
	char expr[1024];

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		snprintf(expr, sizeof(expr), "%s" ACCEPT, yes[i]);
		CU_ASSERT_EQUAL(nft_drop(expr), HP_FATE_ACCEPT);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
		snprintf(expr, sizeof(expr), "%s" ACCEPT, no[i]);
		CU_ASSERT_EQUAL(nft_drop(expr), HP_FATE_DROP);
	}
	for (size_t i = 0; i < sizeof(maybe) / sizeof(*maybe); i++) {
		snprintf(expr, sizeof(expr), "%s" ACCEPT, maybe[i]);
		CU_ASSERT_EQUAL(nft_drop(expr), HP_FATE_ACCEPT | HP_FATE_DROP);
	}
}

static void nft_protocols_are_known_by_name_and_number(void)
{
	struct hp_fw_packet p = packet();

	p.proto = 50;
	CU_ASSERT_EQUAL(nft("accept", MATCH(META("l4proto"), "==", "{\"set\":[50,139]}") DROP, "",
			    &p).fates, HP_FATE_DROP);
	CU_ASSERT_EQUAL(nft("accept", MATCH(FIELD("ip", "protocol"), "==", "6") DROP, "", &p).fates,
			HP_FATE_ACCEPT);
	CU_ASSERT_EQUAL(nft("accept", MATCH(FIELD("udp", "dport"), "==", "53") DROP, "", &p).fates,
			HP_FATE_ACCEPT);
	p.proto = 17;
	p.dport = 10500;
	CU_ASSERT_EQUAL(nft("accept", MATCH(FIELD("udp", "dport"), "==",
					    "{\"range\":[10000,11000]}") DROP, "", &p).fates,
			HP_FATE_DROP);
}

static void nft_chains_sets_and_maps_are_followed(void)
{
	static const char set[] = ",{\"set\":{\"family\":\"inet\",\"table\":\"f\",\"name\":\"good\","
				  "\"elem\":[\"192.0.2.80\",\"192.0.2.81\"]}}";
	static const char sub[] = ",{\"rule\":{\"family\":\"inet\",\"table\":\"f\",\"chain\":\"sub\","
				  "\"handle\":9,\"expr\":[{\"accept\":null}]}}";
	static const char states[] =
		"{\"vmap\":{\"key\":{\"ct\":{\"key\":\"state\"}},\"data\":{\"set\":["
		"[\"invalid\",{\"drop\":null}],[\"established\",{\"accept\":null}]]}}}";
	static const char by_dev[] =
		"{\"vmap\":{\"key\":{\"meta\":{\"key\":\"iifname\"}},\"data\":{\"set\":["
		"[\"wan0\",{\"drop\":null}],[\"hip0\",{\"jump\":{\"target\":\"sub\"}}]]}}}";
	struct hp_fw_packet p = packet();

	CU_ASSERT_EQUAL(nft("drop", MATCH(FIELD("ip", "saddr"), "==", "\"@good\"") ACCEPT, set, &p)
				.fates, HP_FATE_ACCEPT);
	CU_ASSERT_EQUAL(nft("drop", MATCH(FIELD("ip", "daddr"), "==", "\"@good\"") ACCEPT, set, &p)
				.fates, HP_FATE_DROP);
	CU_ASSERT_EQUAL(nft("drop", "{\"jump\":{\"target\":\"sub\"}}", sub, &p).fates,
			HP_FATE_ACCEPT);
	CU_ASSERT_EQUAL(nft("drop", states, "", &p).fates, HP_FATE_DROP);
	p.ct = HP_CT_ESTABLISHED;
	CU_ASSERT_EQUAL(nft("drop", states, "", &p).fates, HP_FATE_ACCEPT);
	CU_ASSERT_EQUAL(nft("drop", by_dev, sub, &p).fates, HP_FATE_ACCEPT);
	CU_ASSERT_EQUAL(nft("drop", "{\"goto\":{\"target\":\"empty\"}}", sub, &p).fates,
			HP_FATE_DROP);
	CU_ASSERT_EQUAL(nft("drop", "{\"queue\":{\"num\":1}}", "", &p).fates,
			HP_FATE_ACCEPT | HP_FATE_DROP);
}

/* iptables-save shows those in full. */
static void nft_tables_of_iptables_and_ours_are_left_out(void)
{
	static const char other[] =
		",{\"chain\":{\"family\":\"ip\",\"table\":\"filter\",\"name\":\"FORWARD\",\"hook\":"
		"\"forward\",\"policy\":\"drop\"}},{\"chain\":{\"family\":\"inet\",\"table\":"
		"\"hipproxy\",\"name\":\"forward\",\"hook\":\"forward\",\"policy\":\"drop\"}},"
		"{\"chain\":{\"family\":\"ip6\",\"table\":\"f\",\"name\":\"x\",\"hook\":\"forward\","
		"\"policy\":\"drop\"}}";
	struct hp_fw_packet p = packet();

	CU_ASSERT_EQUAL(nft("accept", "", other, &p).fates, HP_FATE_ACCEPT);
	p.family = 6;
	CU_ASSERT_EQUAL(nft("accept", "", other, &p).fates, HP_FATE_DROP);
}

static void nft_nonsense_is_read(void)
{
	static const char *const texts[] = {
		"{}", "{\"nftables\":1}", "{\"nftables\":[1,[],{\"chain\":1},{\"rule\":[]}]}",
		"{\"nftables\":[{\"chain\":{\"family\":\"inet\",\"table\":\"f\",\"name\":\"c\",\"hook\":"
		"\"forward\"}},{\"rule\":{\"family\":\"inet\",\"table\":\"f\",\"chain\":\"c\",\"expr\":"
		"[{\"match\":[]},{\"vmap\":1},{\"jump\":1}]}}]}",
	};
	struct hp_fw_packet p = packet();

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		json_t *o = json_loads(texts[i], 0, NULL);

		CU_ASSERT_PTR_NOT_NULL_FATAL(o);
		CU_ASSERT_TRUE(hp_fw_nft(o, HP_FW_FORWARD, &p).fates & HP_FATE_ACCEPT);
		json_decref(o);
	}
}

static const struct hp_test tests[] = {
	HP_TEST(iptables_policies_decide_what_no_rule_does),
	HP_TEST(iptables_matches_are_understood),
	HP_TEST(iptables_protocols_and_ports_are_known_of_our_own_packets),
	HP_TEST(iptables_chains_return_and_go),
	HP_TEST(iptables_ours_and_other_tables),
	HP_TEST(iptables_cut_texts_are_read),
	HP_TEST(nft_policies_decide_what_no_rule_does),
	HP_TEST(nft_matches_are_understood),
	HP_TEST(nft_protocols_are_known_by_name_and_number),
	HP_TEST(nft_chains_sets_and_maps_are_followed),
	HP_TEST(nft_tables_of_iptables_and_ours_are_left_out),
	HP_TEST(nft_nonsense_is_read),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("doctor_fate", tests, argc, argv);
}
