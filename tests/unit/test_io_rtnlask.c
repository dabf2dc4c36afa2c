/* SPDX-License-Identifier: MIT
 *
 * What the kernel says it would do with a packet: each answer that doctor tells apart.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../harness.h"
#include "io/rtnlask.h"
#include "netns.h"

static int ns;

static void begin(void)
{
	ns = netns_new();
	CU_ASSERT_TRUE_FATAL(
		netns_sh("ip link add lan0 type veth peer name lan1 && ip link add wan0 type veth peer "
			 "name wan1 && for d in lan0 lan1 wan0 wan1; do ip link set $d up; done && "
			 "ip addr add 10.1.0.1/24 dev lan0 && ip addr add 192.0.2.1/24 dev wan0 && "
			 "ip addr add fd01::1/64 dev lan0 nodad && ip addr add 2001:db8::1/64 dev wan0 "
			 "nodad && cd /proc/sys/net && echo 0 >ipv4/conf/all/rp_filter && "
			 "for d in lan0 wan0; do echo 0 >ipv4/conf/$d/rp_filter; done && "
			 "echo 1 >ipv4/ip_forward && echo 1 >ipv6/conf/all/forwarding"));
}

static void end(void)
{
	close(ns);
}

/* The answer for a packet to dst, from src that came in by dev ("": our own). */
static int ask(const char *dst, const char *src, const char *dev, struct hp_rtnl_way *w)
{
	struct hp_rtnl_ask q = { .iif = *dev ? (int)if_nametoindex(dev) : 0 };

	CU_ASSERT_EQUAL(hp_addr_parse(dst, &q.dst), 0);
	if (*src)
		CU_ASSERT_EQUAL(hp_addr_parse(src, &q.src), 0);
	return hp_rtnl_ask(&q, w);
}

static bool leaves_by(const struct hp_rtnl_way *w, const char *dev)
{
	return w->oif == (int)if_nametoindex(dev) && !w->local;
}

static void our_own_packets(void)
{
	struct hp_rtnl_way w;
	struct hp_addr own;

	begin();
	CU_ASSERT_EQUAL(ask("192.0.2.80", "", "", &w), 0);
	CU_ASSERT_TRUE(leaves_by(&w, "wan0"));
	CU_ASSERT_FALSE(w.gateway);
	hp_addr_parse("192.0.2.1", &own);
	CU_ASSERT_TRUE(hp_addr_eq(&w.src, &own));
	CU_ASSERT_EQUAL(ask("2001:db8::80", "", "", &w), 0);
	CU_ASSERT_TRUE(leaves_by(&w, "wan0"));
	hp_addr_parse("2001:db8::1", &own);
	CU_ASSERT_TRUE(hp_addr_eq(&w.src, &own));
	CU_ASSERT_EQUAL(ask("10.1.0.1", "", "", &w), 0);
	CU_ASSERT_TRUE(w.local);
	CU_ASSERT_EQUAL(ask("10.1.0.255", "", "", &w), 0);
	CU_ASSERT_TRUE(w.local);
	CU_ASSERT_EQUAL(ask("10.9.0.1", "", "", &w), -ENETUNREACH);
	CU_ASSERT_EQUAL(ask("fd09::1", "", "", &w), -ENETUNREACH);
	CU_ASSERT_TRUE(netns_sh("ip route add default via 192.0.2.2"));
	CU_ASSERT_EQUAL(ask("10.9.0.1", "", "", &w), 0);
	CU_ASSERT_TRUE(w.gateway);
	end();
}

static void routes_that_refuse(void)
{
	static const struct {
		const char *type;
		int err;
	} kinds[] = { { "blackhole", -EINVAL }, { "unreachable", -EHOSTUNREACH },
		      { "prohibit", -EACCES } };
	struct hp_rtnl_way w;

	begin();
	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT_TRUE(netns_sh("ip route replace %s 10.9.0.0/24", kinds[i].type));
		CU_ASSERT_EQUAL(ask("10.9.0.1", "", "", &w), kinds[i].err);
		CU_ASSERT_EQUAL(ask("10.9.0.1", "10.1.0.11", "lan0", &w), kinds[i].err);
		CU_ASSERT_TRUE(netns_sh("ip -6 route add %s fd09::/64", kinds[i].type));
		CU_ASSERT_NOT_EQUAL(ask("fd09::1", "", "", &w), 0);
		CU_ASSERT_TRUE(netns_sh("ip -6 route del %s fd09::/64", kinds[i].type));
	}
	end();
}

static void packets_that_are_forwarded(void)
{
	struct hp_rtnl_way w;
	int err;

	begin();
	CU_ASSERT_EQUAL(ask("192.0.2.80", "10.1.0.11", "lan0", &w), 0);
	CU_ASSERT_TRUE(leaves_by(&w, "wan0"));
	CU_ASSERT_EQUAL(ask("2001:db8::80", "fd01::11", "lan0", &w), 0);
	CU_ASSERT_TRUE(leaves_by(&w, "wan0"));
	CU_ASSERT_TRUE(netns_sh("echo 1 >/proc/sys/net/ipv4/conf/wan0/rp_filter"));
	err = ask("192.0.2.80", "10.1.0.11", "wan0", &w); /* that source lives elsewhere */
	CU_ASSERT_TRUE(err == -EXDEV || err == -EINVAL);
	CU_ASSERT_TRUE(netns_sh("echo 0 >/proc/sys/net/ipv4/conf/wan0/rp_filter"));
	CU_ASSERT_EQUAL(ask("10.1.0.11", "203.0.113.5", "wan0", &w), 0);
	CU_ASSERT_TRUE(netns_sh("echo 0 >/proc/sys/net/ipv4/ip_forward"));
	CU_ASSERT_EQUAL(ask("192.0.2.80", "10.1.0.11", "lan0", &w), -EHOSTUNREACH);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(our_own_packets),
	HP_TEST(routes_that_refuse),
	HP_TEST(packets_that_are_forwarded),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return netns_available() ? hp_test_main("io_rtnlask", tests, argc, argv) : 77;
}
