/* SPDX-License-Identifier: MIT
 *
 * Capture rules and diverting against a real kernel (see gateway.h).
 */
#include "gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/divert.h"

/* ---- rules */

static void rules_come_and_go_without_a_trace(void)
{
	struct hp_rules_cfg cfg = rules_cfg(HP_RULES_IPTABLES);
	struct hp_io_err e = {""};
	char *before, *with, *after;

	/* An administrator's own rules, in the same tables. */
	CU_ASSERT(netns_sh("for t in iptables ip6tables; do"
			   " $t -t mangle -A FORWARD -p tcp --dport 9999 -j ACCEPT &&"
			   " $t -t mangle -A POSTROUTING -p tcp --dport 9999 -j ACCEPT &&"
			   " $t -t raw -A PREROUTING -p tcp --dport 9999 -j ACCEPT &&"
			   " $t -A FORWARD -p tcp --dport 9998 -j DROP || exit 1; done"));
	before = rules_now();
	CU_ASSERT(!hp_rules_install(&cfg, NULL, &e));
	CU_ASSERT(!hp_rules_install(&cfg, NULL, &e));
	CU_ASSERT_STRING_EQUAL(e.text, "");
	with = rules_now();
	CU_ASSERT_EQUAL(count_of(with, "-A FORWARD ! -i hip0 -j HIPPROXY\n"), 2);
	CU_ASSERT_EQUAL(count_of(with, "-A POSTROUTING -m mark --mark 0x10000/0x10000 -j HIPPROXY-MARK\n"), 2);
	CU_ASSERT_EQUAL(count_of(with, "-A PREROUTING -i hip0 -j HIPPROXY\n"), 2);
	CU_ASSERT_EQUAL(count_of(with, "--queue-num 4000\n"), 2);
	CU_ASSERT_EQUAL(count_of(with, "--queue-num 4001\n"), 4);
	CU_ASSERT(!hp_rules_cleanup(&e));
	after = rules_now();
	CU_ASSERT_STRING_EQUAL(before, after);
	CU_ASSERT(!hp_rules_cleanup(&e));
	CU_ASSERT_STRING_EQUAL(e.text, "");
	free(before);
	free(with);
	free(after);
	CU_ASSERT(netns_sh(
		"for t in iptables ip6tables; do $t -t mangle -F; $t -t raw -F; $t -F;"
		" done"));
}

static void auto_takes_what_works(void)
{
	struct hp_rules_cfg cfg = rules_cfg(HP_RULES_AUTO);
	enum hp_rules_backend used = HP_RULES_AUTO;
	struct hp_io_err e = {""};
	char *before = rules_now(), *after;

	CU_ASSERT(!hp_rules_install(&cfg, &used, &e));
	CU_ASSERT(used == HP_RULES_NFT || used == HP_RULES_IPTABLES);
	printf("(%s) ", hp_rules_backend_name(used));
	/* By name it must say the same, or why not in one line. */
	cfg.backend = HP_RULES_NFT;
	if (hp_rules_install(&cfg, NULL, &e)) {
		CU_ASSERT_EQUAL(used, HP_RULES_IPTABLES);
		CU_ASSERT(!strncmp(e.text, "capture rules: nft ", 19));
		CU_ASSERT_PTR_NULL(strchr(e.text, '\n'));
	} else {
		CU_ASSERT_EQUAL(used, HP_RULES_NFT);
	}
	CU_ASSERT(!hp_rules_cleanup(&e));
	after = rules_now();
	CU_ASSERT_STRING_EQUAL(before, after);
	free(before);
	free(after);
}

/* The text without the one thing that this kernel may lack. */
static void nft_accepts_the_text(void)
{
	struct hp_prefix nets[2], bypass[2];
	struct hp_rules_cfg cfg = rules_cfg(HP_RULES_NFT);
	static const char *const devs[] = {"vethc"};
	char *text;
	FILE *f;

	if (system("nft -v >/dev/null 2>&1")) {
		printf("skipped: no nft ");
		return;
	}
	hp_prefix_parse("10.1.0.0/24", &nets[0]);
	hp_prefix_parse("2001:db8:1::/64", &nets[1]);
	hp_prefix_parse("10.2.0.128/25", &bypass[0]);
	hp_prefix_parse("2001:db8:2::80/128", &bypass[1]);
	cfg.networks = nets;
	cfg.bypass = bypass;
	cfg.interfaces = devs;
	cfg.n_networks = cfg.n_bypass = 2;
	cfg.n_interfaces = 1;
	cfg.fail_open = true;
	text = hp_rules_nft_text(&cfg);
	f = popen("sed 's/queue num .*/accept/' | nft -f - && nft delete table inet "
		  "hipproxy",
		  "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	CU_ASSERT_EQUAL(pclose(f), 0);
	free(text);
}

/* ---- diverting */

#define DIVERT 0x20000u

/* All rules and tables of both families but the kernel's own. */
static char *routing_now(void)
{
	return netns_output("for f in -4 -6; do ip $f rule; ip $f route show table 10500; "
			    "ip $f route show table 10501; done 2>/dev/null");
}

/* Where a packet from the client with this mark goes. */
static bool leads_to(const char *to, unsigned int mark, const char *where)
{
	char command[128], *text;
	bool yes;

	snprintf(command, sizeof(command), "ip route get %s from %s iif vethc mark 0x%x 2>&1", to,
		 strchr(to, ':') ? "2001:db8:1::2" : "10.1.0.2", mark);
	text = netns_output(command);
	yes = strstr(text, where) != NULL;
	free(text);
	return yes;
}

static bool both_lead_to(unsigned int mark, const char *where)
{
	return leads_to("10.2.0.2", mark, where) && leads_to("2001:db8:2::2", mark, where);
}

static struct hp_tun *divert_tun(struct tun_seen *seen)
{
	struct hp_tun_cfg cfg = {.name = "hip0", .mtu = 1400};
	struct hp_tun *tun = NULL;
	struct hp_io_err e = {""};

	CU_ASSERT(!hp_tun_open(loop, pool, &cfg, on_tun, seen, &tun, &e));
	if (!tun)
		printf("skipped: %s ", e.text);
	return tun;
}

static void marked_packets_are_routed_to_the_device(void)
{
	struct tun_seen seen = {0};
	struct hp_tun *tun = divert_tun(&seen);
	struct hp_io_err e = {""};
	char *before, *once, *again;

	if (!tun)
		return;
	/* An administrator's own. */
	CU_ASSERT(netns_sh("for f in -4 -6; do ip $f rule add fwmark 7 table 10501 pref 10499 && "
			   "ip $f route add default dev veths table 10501 || exit 1; done"));
	before = routing_now();
	CU_ASSERT(!hp_divert_on(hp_tun_index(tun), DIVERT, false, &e));
	once = routing_now();
	CU_ASSERT(!hp_divert_on(hp_tun_index(tun), DIVERT, false, &e));
	again = routing_now();
	CU_ASSERT_STRING_EQUAL(once, again);
	CU_ASSERT_EQUAL(count_of(once, "10500:\t"), 2);
	CU_ASSERT_EQUAL(count_of(once, "default dev hip0"), 2);
	CU_ASSERT_EQUAL(count_of(once, "blackhole default"), 2);
	CU_ASSERT(both_lead_to(DIVERT, "dev hip0") && both_lead_to(DIVERT | 1, "dev hip0"));
	CU_ASSERT(both_lead_to(0, "dev veths") && both_lead_to(MARK, "dev veths"));
	/* What this host itself says about such a packet has its mark, and goes as ever. */
	CU_ASSERT(netns_sh("ip route get 10.1.0.2 mark 0x20000 | grep -q 'dev vethc' && "
			   "ip route get 2001:db8:1::2 mark 0x20000 | grep -q 'dev vethc'"));
	/* The daemon is gone: nothing leaves in the clear. */
	hp_tun_close(tun);
	CU_ASSERT(!both_lead_to(DIVERT, "dev ") && both_lead_to(0, "dev veths"));
	hp_divert_off();
	free(again);
	again = routing_now();
	CU_ASSERT_STRING_EQUAL(before, again);
	CU_ASSERT(both_lead_to(DIVERT, "dev veths"));
	hp_divert_off();
	CU_ASSERT(netns_sh("for f in -4 -6; do ip $f rule del pref 10499 && "
			   "ip $f route flush table 10501 || exit 1; done"));
	free(before);
	free(once);
	free(again);
}

/* Without a device they go as ever, if that is wanted; and another mark replaces the first. */
static void diverting_may_fail_open(void)
{
	struct tun_seen seen = {0};
	struct hp_tun *tun = divert_tun(&seen);
	struct hp_io_err e = {""};
	char *before = routing_now(), *after;

	if (!tun)
		return;
	CU_ASSERT(!hp_divert_on(hp_tun_index(tun), 0x40000, false, &e));
	CU_ASSERT(!hp_divert_on(hp_tun_index(tun), DIVERT, true, &e));
	CU_ASSERT(both_lead_to(DIVERT, "dev hip0") && both_lead_to(0x40000, "dev veths"));
	hp_tun_close(tun);
	CU_ASSERT(both_lead_to(DIVERT, "dev veths"));
	/* A device that isn't there. */
	CU_ASSERT(hp_divert_on(4711, DIVERT, false, &e) < 0);
	CU_ASSERT(!strncmp(e.text, "routing rule 10500 and table 10500: ", 36));
	hp_divert_off();
	after = routing_now();
	CU_ASSERT_STRING_EQUAL(before, after);
	free(before);
	free(after);
}

static int datagrams_with_rules(struct tun_seen *seen, const struct hp_rules_cfg *cfg, int from)
{
	struct hp_io_err e = {""};

	seen->udp = 0;
	CU_ASSERT(!hp_rules_install(cfg, NULL, &e));
	CU_ASSERT_STRING_EQUAL(e.text, "");
	send(from, "diverted", 8, 0);
	a_while();
	return seen->udp;
}

static int client_socket6(void)
{
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	int fd;

	inet_pton(AF_INET6, "2001:db8:2::2", &sin6.sin6_addr);
	netns_enter(ns_client);
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CU_ASSERT(!connect(fd, (struct sockaddr *)&sin6, sizeof(sin6)));
	netns_enter(ns_gateway);
	return fd;
}

/* What the device's MTU would not let through: the proxy itself tells senders what fits. */
static void diverted_packets_may_be_longer_than_the_device(void)
{
	static const uint8_t octets[1400];
	int from = socket_in(ns_client, SOCK_DGRAM, "10.1.0.2", 5000), from6 = client_socket6();
	struct hp_rules_cfg cfg = rules_cfg(HP_RULES_AUTO);
	struct tun_seen seen = {0};
	struct hp_tun *tun = divert_tun(&seen);
	struct hp_prefix peers[2];
	struct hp_io_err e = {""};

	if (!tun)
		return;
	hp_prefix_parse("10.2.0.2/32", &peers[0]);
	hp_prefix_parse("2001:db8:2::2/128", &peers[1]);
	cfg.divert_mark = DIVERT;
	cfg.diverted = peers;
	cfg.n_diverted = 2;
	connect_to(from, "10.2.0.2", 53);
	CU_ASSERT(!hp_divert_on(hp_tun_index(tun), DIVERT, false, &e));
	CU_ASSERT(!hp_rules_install(&cfg, NULL, &e));
	CU_ASSERT_EQUAL(send(from, octets, sizeof(octets), 0), sizeof(octets));
	a_while();
	CU_ASSERT_EQUAL(seen.udp, 1);
	CU_ASSERT_EQUAL(send(from6, octets, sizeof(octets), 0), sizeof(octets));
	a_while();
	CU_ASSERT_EQUAL(seen.udp, 2);
	CU_ASSERT(!hp_rules_cleanup(&e));
	hp_divert_off();
	hp_tun_close(tun);
	close(from);
	close(from6);
}

/* From the client to the device, whole, past the queue; what is excepted goes to the server. */
static void forwarded_packets_to_peers_come_by_the_device(void)
{
	int from = socket_in(ns_client, SOCK_DGRAM, "10.1.0.2", 5000);
	int to = socket_in(ns_server, SOCK_DGRAM, "10.2.0.2", 53);
	struct hp_rules_cfg cfg = rules_cfg(HP_RULES_AUTO);
	struct tun_seen seen = {0};
	struct hp_tun *tun = divert_tun(&seen);
	struct hp_prefix peer, other;
	struct hp_io_err e = {""};
	char *before = rules_now(), *after;

	if (!tun)
		return;
	hp_prefix_parse("10.2.0.2/32", &peer);
	hp_prefix_parse("10.2.0.3/32", &other);
	connect_to(from, "10.2.0.2", 53);
	CU_ASSERT(!hp_divert_on(hp_tun_index(tun), DIVERT, false, &e));
	cfg.divert_mark = DIVERT;
	cfg.diverted = &peer;
	cfg.n_diverted = 1;
	CU_ASSERT_EQUAL(datagrams_with_rules(&seen, &cfg, from), 1);
	CU_ASSERT_EQUAL(received(to, 0), 0);
	cfg.diverted = &other; /* nobody takes it from the queue */
	CU_ASSERT_EQUAL(datagrams_with_rules(&seen, &cfg, from), 0);
	CU_ASSERT_EQUAL(received(to, 0), 0);
	cfg.diverted = &peer;
	cfg.bypass = &peer;
	cfg.n_bypass = 1;
	CU_ASSERT_EQUAL(datagrams_with_rules(&seen, &cfg, from), 0);
	CU_ASSERT_EQUAL(received(to, 1), 1);
	CU_ASSERT(!hp_rules_cleanup(&e));
	hp_divert_off();
	after = rules_now();
	CU_ASSERT_STRING_EQUAL(before, after);
	hp_tun_close(tun);
	close(from);
	close(to);
	free(before);
	free(after);
}

static const struct hp_test tests[] = {
	HP_TEST(rules_come_and_go_without_a_trace),
	HP_TEST(auto_takes_what_works),
	HP_TEST(nft_accepts_the_text),
	HP_TEST(marked_packets_are_routed_to_the_device),
	HP_TEST(diverting_may_fail_open),
	HP_TEST(forwarded_packets_to_peers_come_by_the_device),
	HP_TEST(diverted_packets_may_be_longer_than_the_device),
	HP_TEST_END};

int main(int argc, char **argv)
{
	return gateway_main("io_rules", tests, argc, argv);
}
