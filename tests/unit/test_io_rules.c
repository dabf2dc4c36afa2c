/* SPDX-License-Identifier: MIT
 *
 * Capture rules, and the gate's rules and routes, against a real kernel (see gateway.h).
 */
#include "gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gate/gate.h"
#include "io/fib.h"

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
	CU_ASSERT_EQUAL(count_of(with, "-A FORWARD ! -i hip0 ! -o hip0 -j HIPPROXY\n"), 2);
	CU_ASSERT_EQUAL(count_of(with, "-A PREROUTING -m connmark --mark 0x10000/0x10000 -j HIPPROXY-BEGUN\n"), 2);
	CU_ASSERT_EQUAL(count_of(with, "-A OUTPUT -m mark --mark 0x20000/0x20000 -j HIPPROXY-OUT\n"), 2);
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
	struct hp_prefix nets[2], hosts[2];
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
	hp_prefix_parse("10.2.0.128/25", &hosts[0]);
	hp_prefix_parse("2001:db8:2::80/128", &hosts[1]);
	cfg.networks = nets;
	cfg.hip_hosts = hosts;
	cfg.interfaces = devs;
	cfg.n_networks = cfg.n_hip_hosts = 2;
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

/* Chains of earlier versions, left by a daemon that was killed, go as well. */
static void chains_of_earlier_versions_go(void)
{
	struct hp_rules_cfg cfg = rules_cfg(HP_RULES_IPTABLES);
	struct hp_io_err e = {""};
	char *before = rules_now(), *with, *after;

	CU_ASSERT(netns_sh("for t in iptables ip6tables; do"
			   " $t -t raw -N HIPPROXY && $t -t raw -N HIPPROXY-TUN &&"
			   " $t -t raw -A HIPPROXY -j HIPPROXY-TUN &&"
			   " $t -t raw -I PREROUTING -i hip0 -j HIPPROXY || exit 1; done"));
	CU_ASSERT(!hp_rules_install(&cfg, NULL, &e));
	CU_ASSERT_STRING_EQUAL(e.text, "");
	with = rules_now();
	CU_ASSERT_EQUAL(count_of(with, "HIPPROXY-TUN"), 0);
	CU_ASSERT(!hp_rules_cleanup(&e));
	after = rules_now();
	CU_ASSERT_STRING_EQUAL(before, after);
	free(before);
	free(with);
	free(after);
}

/* ---- the gate */

static struct hp_fib *fib_open(void)
{
	struct hp_fib *f = NULL;

	CU_ASSERT_FATAL(!hp_fib_open(NULL, NULL, NULL, &f));
	return f;
}

/* How many steps it took to get there, or -errno of one that failed. */
static int make_it(struct hp_fib *f, const struct hp_gate_state *wanted)
{
	struct hp_gate_state have;
	struct hp_gate_op *ops;
	size_t n, failed;
	int err;

	CU_ASSERT_FATAL(!hp_fib_read(f, &have));
	CU_ASSERT_FATAL(!hp_gate_diff(&have, wanted, &ops, &n));
	err = hp_fib_apply(f, ops, n, &failed);
	free(ops);
	hp_gate_state_free(&have);
	return err ? err : (int)n;
}

/* All rules and tables of both families but the kernel's own. */
static char *routing_now(void)
{
	return netns_output("for f in -4 -6; do ip $f rule; ip $f route show table 10500; "
			    "ip $f route show table 10501; done 2>/dev/null");
}

/* Where the kernel sends a client's packet to the server; more: of ip route get. */
static bool leads_to(const char *to, const char *more, const char *where)
{
	char command[160], *text;
	bool yes;

	snprintf(command, sizeof(command), "ip route get %s from %s iif vethc %s 2>&1", to,
		 strchr(to, ':') ? "2001:db8:1::2" : "10.1.0.2", more);
	text = netns_output(command);
	yes = strstr(text, where) != NULL;
	free(text);
	return yes;
}

static bool both_lead_to(const char *more, const char *where)
{
	return leads_to("10.2.0.2", more, where) && leads_to("2001:db8:2::2", more, where);
}

static struct hp_tun *gate_tun(struct tun_seen *seen)
{
	struct hp_tundev_cfg cfg = {.name = "hip0", .mtu = 1400};
	struct hp_tundev *dev = NULL;
	struct hp_tun *tun = NULL;
	struct hp_io_err e = {""};

	CU_ASSERT(!hp_tundev_open(&cfg, &dev, &e) &&
		  !hp_tun_open(loop, pool, dup(hp_tundev_fd(dev)), "hip0", on_tun, seen, &tun, &e));
	if (!tun)
		printf("skipped: %s ", e.text);
	hp_tundev_close(dev); /* the descriptor that is left keeps the device */
	return tun;
}

static void prefix_to(struct hp_gate_prefixes *list, const char *text)
{
	struct hp_prefix p = {.bits = 0};

	CU_ASSERT_FATAL(!hp_prefix_parse(text, &p) && !hp_gate_prefix_add(list, &p));
}

/* The server is protected for the client; one port of it is not. */
static struct hp_gate_state gate_state(int ifindex, bool stays_open)
{
	static const char *const devs[] = {"vethc"};
	static const struct hp_gate_policy ssh = {.proto = 6, .port_min = 22, .port_max = 22,
						  .action = HP_GATE_BYPASS};
	struct hp_gate_want w = {.ifindex = ifindex, .clients = true, .interfaces = devs, .n_interfaces = 1,
				 .lan = devs, .n_lan = 1,
				 .rules = &ssh, .n_rules = 1, .mark = MARK, .mask = MARK,
				 .stays_open = stays_open, .ipv6 = true};
	struct hp_gate_state s = {0};

	prefix_to(&w.protected, "10.2.0.2");
	prefix_to(&w.protected, "2001:db8:2::2");
	prefix_to(&w.networks, "10.1.0.0/24");
	prefix_to(&w.networks, "2001:db8:1::/64");
	prefix_to(&w.own, "10.1.0.1");
	prefix_to(&w.own, "2001:db8:1::1");
	prefix_to(&w.hip_hosts, "10.1.0.77");
	CU_ASSERT_FATAL(!hp_gate_build(&w, &s));
	free(w.protected.at);
	free(w.networks.at);
	free(w.own.at);
	free(w.hip_hosts.at);
	return s;
}

static void clients_packets_are_routed_to_the_device(void)
{
	const struct hp_gate_state nothing = {0};
	struct tun_seen seen = {0};
	struct hp_tun *tun = gate_tun(&seen);
	struct hp_fib *f = fib_open();
	struct hp_gate_state s;
	char *before = routing_now(), *after;

	if (!tun)
		return;
	s = gate_state((int)if_nametoindex("hip0"), false);
	CU_ASSERT_EQUAL(make_it(f, &s), (int)(s.n_rules + s.n_routes));
	CU_ASSERT_EQUAL(make_it(f, &s), 0); /* what the kernel says is what was said to it */
	CU_ASSERT(both_lead_to("", "dev hip0") && both_lead_to("ipproto udp dport 10500", "dev hip0"));
	CU_ASSERT(both_lead_to("ipproto tcp dport 22", "dev veths"));
	CU_ASSERT(both_lead_to("mark 0x10000", "dev veths"));
	CU_ASSERT(leads_to("10.2.0.3", "", "dev veths"));
	/* This machine's own packets, and a host's that speaks HIP. */
	CU_ASSERT(netns_sh("ip route get 10.2.0.2 | grep -q 'dev veths' && "
			   "ip route get 2001:db8:2::2 | grep -q 'dev veths' && "
			   "ip route get 10.2.0.2 from 10.1.0.1 | grep -q 'dev veths' && "
			   "ip route get 2001:db8:2::2 from 2001:db8:1::1 | grep -q 'dev veths' && "
			   "ip route get 10.2.0.2 from 10.1.0.77 iif vethc | grep -q 'dev veths'"));
	/* An ICMP error of a router among the clients. */
	CU_ASSERT(netns_sh("echo 0 >/proc/sys/net/ipv4/conf/vethc/rp_filter; "
			   "ip route get 10.2.0.2 from 172.31.0.1 iif vethc ipproto icmp | grep -q 'dev hip0'"));
	/* The daemon is gone: nothing leaves in the clear. */
	hp_tun_close(tun);
	CU_ASSERT(!both_lead_to("", "dev ") && both_lead_to("ipproto tcp dport 22", "dev veths"));
	CU_ASSERT(make_it(f, &nothing) > 0);
	after = routing_now();
	CU_ASSERT_STRING_EQUAL(before, after);
	CU_ASSERT(both_lead_to("", "dev veths"));
	free(before);
	free(after);
	hp_gate_state_free(&s);
	hp_fib_close(f);
}

static void the_gate_may_fail_open(void)
{
	const struct hp_gate_state nothing = {0};
	struct tun_seen seen = {0};
	struct hp_tun *tun = gate_tun(&seen);
	struct hp_fib *f = fib_open();
	struct hp_gate_state s;

	if (!tun)
		return;
	s = gate_state((int)if_nametoindex("hip0"), true);
	CU_ASSERT(make_it(f, &s) > 0 && both_lead_to("", "dev hip0"));
	hp_tun_close(tun);
	CU_ASSERT(both_lead_to("", "dev veths"));
	/* A device that isn't there any more. */
	CU_ASSERT(make_it(f, &s) < 0);
	CU_ASSERT(make_it(f, &nothing) > 0);
	hp_gate_state_free(&s);
	hp_fib_close(f);
}

/* Rules and routes of others stay, but not in our tables. */
static void what_others_do_is_seen_and_undone(void)
{
	const struct hp_gate_state nothing = {0};
	struct hp_fib *f = fib_open();
	struct hp_gate_state s = gate_state(0, false);

	CU_ASSERT(make_it(f, &s) > 0);
	CU_ASSERT(netns_sh("ip rule add from 10.1.0.0/24 pref 50 table main && "
			   "ip route add 10.9.0.0/16 dev veths table 10500 && "
			   "ip route del blackhole 10.2.0.2 table 10500 metric 20000 && "
			   "ip -6 rule del pref 100"));
	CU_ASSERT_EQUAL(make_it(f, &s), 3);
	CU_ASSERT(netns_sh("ip rule | grep -q '^50:.*lookup main' && "
			   "! ip route show table 10500 | grep -q 10.9"));
	CU_ASSERT(make_it(f, &nothing) > 0);
	CU_ASSERT(netns_sh("ip rule del pref 50"));
	hp_gate_state_free(&s);
	hp_fib_close(f);
}

static void networks_and_addresses_are_read(void)
{
	static const char *const devs[] = {"vethc"};
	struct hp_gate_prefixes nets = {0}, own = {0};
	struct hp_fib *f = fib_open();
	char text[HP_PREFIX_STRLEN];
	unsigned int found = 0;

	CU_ASSERT(netns_sh("ip route add 10.7.0.0/16 via 10.1.0.2"));
	CU_ASSERT(!hp_fib_networks(f, devs, 1, &nets));
	CU_ASSERT(!hp_fib_addresses(f, &own));
	CU_ASSERT_EQUAL(nets.n, 3);
	for (size_t i = 0; i < nets.n; i++)
		found += !strcmp(hp_prefix_format(&nets.at[i], text), "10.1.0.0/24") ||
			 !strcmp(text, "2001:db8:1::/64") || !strcmp(text, "10.7.0.0/16");
	CU_ASSERT_EQUAL(found, 3);
	for (size_t i = found = 0; i < own.n; i++)
		found += !strcmp(hp_addr_format(&own.at[i].addr, text), "10.1.0.1") ||
			 !strcmp(text, "2001:db8:2::1");
	CU_ASSERT_EQUAL(found, 2);
	CU_ASSERT(netns_sh("ip route del 10.7.0.0/16"));
	free(nets.at);
	free(own.at);
	hp_fib_close(f);
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
static void packets_may_be_longer_than_the_device(void)
{
	static const uint8_t octets[1400];
	int from = socket_in(ns_client, SOCK_DGRAM, "10.1.0.2", 5000), from6 = client_socket6();
	const struct hp_gate_state nothing = {0};
	struct tun_seen seen = {0};
	struct hp_tun *tun = gate_tun(&seen);
	struct hp_fib *f = fib_open();
	struct hp_gate_state s;

	if (!tun)
		return;
	s = gate_state((int)if_nametoindex("hip0"), false);
	connect_to(from, "10.2.0.2", 53);
	CU_ASSERT(make_it(f, &s) > 0);
	CU_ASSERT_EQUAL(send(from, octets, sizeof(octets), 0), sizeof(octets));
	until(&seen.udp, 1);
	CU_ASSERT_EQUAL(seen.udp, 1);
	CU_ASSERT_EQUAL(send(from6, octets, sizeof(octets), 0), sizeof(octets));
	until(&seen.udp, 2);
	CU_ASSERT_EQUAL(seen.udp, 2);
	CU_ASSERT(make_it(f, &nothing) > 0);
	hp_gate_state_free(&s);
	hp_fib_close(f);
	hp_tun_close(tun);
	close(from);
	close(from6);
}

static unsigned int noticed;
static int n_noticed;

static void on_notice(void *ctx, unsigned int notices)
{
	(void)ctx;
	noticed |= notices;
	n_noticed++;
}

/* What was noticed of a command. */
static unsigned int notices_of(const char *command)
{
	n_noticed = 0;
	noticed = 0;
	CU_ASSERT(netns_sh("%s", command));
	until(&n_noticed, 1);
	a_while();
	return noticed;
}

static void others_changes_are_noticed_but_not_our_own(void)
{
	const struct hp_gate_state nothing = {0};
	struct hp_gate_state s = gate_state(0, false);
	struct hp_fib *f = NULL;

	CU_ASSERT_FATAL(!hp_fib_open(loop, on_notice, NULL, &f));
	noticed = 0;
	CU_ASSERT(make_it(f, &s) > 0);
	a_while();
	CU_ASSERT_EQUAL(noticed, 0);
	CU_ASSERT_EQUAL(notices_of("ip route flush table 10500"), HP_FIB_OURS);
	CU_ASSERT_EQUAL(notices_of("ip route add 10.55.0.0/16 dev veths && "
				   "ip route del 10.55.0.0/16"), HP_FIB_ROUTES);
	CU_ASSERT(notices_of("ip addr add 10.56.0.1/32 dev veths && "
			     "ip addr del 10.56.0.1/32 dev veths") & HP_FIB_ADDRS);
	CU_ASSERT(make_it(f, &nothing) > 0);
	hp_gate_state_free(&s);
	hp_fib_close(f);
}

/* Deleted, and taken down. */
static void the_device_comes_back(void)
{
	struct hp_tundev_cfg cfg = {.name = "hip0", .mtu = 1400};
	struct hp_tundev *dev = NULL;
	struct tun_seen seen = {0};
	struct hp_tun *tun = NULL;
	struct hp_io_err e = {""};

	CU_ASSERT_FATAL(!hp_tundev_open(&cfg, &dev, &e));
	CU_ASSERT_FATAL(!hp_tun_open(loop, pool, dup(hp_tundev_fd(dev)), "hip0", on_tun, &seen, &tun,
				     &e));
	CU_ASSERT_EQUAL(hp_tundev_restore(dev, &e), 0);
	CU_ASSERT(netns_sh("ip link set dev hip0 down"));
	CU_ASSERT_EQUAL(hp_tundev_restore(dev, &e), 1);
	CU_ASSERT(netns_sh("ip link show dev hip0 | grep -q UP"));
	CU_ASSERT(netns_sh("ip link del dev hip0"));
	/* Whoever reads from a device that is gone does not do so again and again. */
	CU_ASSERT(!hp_loop_once(loop, 0) && !hp_loop_once(loop, 0));
	CU_ASSERT_EQUAL(hp_tundev_restore(dev, &e), 2);
	CU_ASSERT_EQUAL(hp_tundev_restore(dev, &e), 0);
	CU_ASSERT(!hp_tun_replace(tun, dup(hp_tundev_fd(dev)), &e));
	CU_ASSERT(netns_sh("ip link show dev hip0 | grep -q UP && ip route add 10.9.9.9/32 dev hip0"));
	CU_ASSERT(netns_sh("ping -c1 -W1 10.9.9.9 >/dev/null & true"));
	until(&seen.packets, 1);
	CU_ASSERT(seen.packets > 0);
	hp_tun_close(tun);
	hp_tundev_close(dev);
}

static const struct hp_test tests[] = {
	HP_TEST(rules_come_and_go_without_a_trace),
	HP_TEST(auto_takes_what_works),
	HP_TEST(nft_accepts_the_text),
	HP_TEST(chains_of_earlier_versions_go),
	HP_TEST(clients_packets_are_routed_to_the_device),
	HP_TEST(the_gate_may_fail_open),
	HP_TEST(what_others_do_is_seen_and_undone),
	HP_TEST(networks_and_addresses_are_read),
	HP_TEST(packets_may_be_longer_than_the_device),
	HP_TEST(others_changes_are_noticed_but_not_our_own),
	HP_TEST(the_device_comes_back),
	HP_TEST_END};

int main(int argc, char **argv)
{
	return gateway_main("io_rules", tests, argc, argv);
}
