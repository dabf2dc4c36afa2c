/* SPDX-License-Identifier: MIT
 *
 * See gateway.h.
 */
#include "gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int ns_client, ns_gateway, ns_server;
struct hp_timers timers;
struct hp_loop *loop;
struct hp_pool *pool;

static bool topology(void)
{
	ns_client = netns_new();
	ns_server = netns_new();
	ns_gateway = netns_new();
	if (!netns_link(ns_gateway, "vethc", "10.1.0.1/24", "2001:db8:1::1/64", ns_client,
			"eth0", "10.1.0.2/24", "2001:db8:1::2/64") ||
	    !netns_sh("ip route add default via 10.1.0.1 && "
		      "ip -6 route add default via 2001:db8:1::1"))
		return false;
	if (!netns_link(ns_gateway, "veths", "10.2.0.1/24", "2001:db8:2::1/64", ns_server,
			"eth0", "10.2.0.2/24", "2001:db8:2::2/64") ||
	    !netns_sh("ip route add default via 10.2.0.1 && "
		      "ip -6 route add default via 2001:db8:2::1"))
		return false;
	netns_enter(ns_gateway);
	return netns_sh("echo 1 >/proc/sys/net/ipv4/ip_forward && "
			"echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
}

struct hp_addr addr(const char *s)
{
	struct hp_addr a = {{0}};

	CU_ASSERT(!hp_addr_parse(s, &a));
	return a;
}

void until(const int *n, int want)
{
	uint64_t end = hp_clock_ms(&hp_clock_monotonic) + 20000;

	while (*n < want && hp_clock_ms(&hp_clock_monotonic) < end)
		hp_loop_once(loop, 20);
}

void a_while(void)
{
	int i;

	for (i = 0; i < 5; i++)
		hp_loop_once(loop, 20);
}

int socket_in(int ns, int type, const char *ip, uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd;

	inet_pton(AF_INET, ip, &sin.sin_addr);
	netns_enter(ns);
	fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CU_ASSERT(!bind(fd, (struct sockaddr *)&sin, sizeof(sin)));
	netns_enter(ns_gateway);
	return fd;
}

int connect_to(int fd, const char *ip, uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, ip, &sin.sin_addr);
	return connect(fd, (struct sockaddr *)&sin, sizeof(sin)) && errno != EINPROGRESS
		       ? -errno
		       : 0;
}

struct hp_rules_cfg rules_cfg(enum hp_rules_backend backend)
{
	return (struct hp_rules_cfg){.backend = backend,
				     .queue = QUEUE,
				     .mark = MARK,
				     .mask = MARK,
				     .tun_mark = 0x20000,
				     .tun = "hip0"};
}

static void on_one(struct tun_seen *s, struct hp_packet *p)
{
	s->packets++;
	s->udp += !hp_packet_dissect(p) && p->proto == 17;
	if (!hp_packet_dissect(p) && p->proto == 6) {
		s->gso += p->gso && p->gso_size;
		s->partial += p->csum_partial;
		s->octets += p->len;
	}
	s->last = *p;
	hp_pool_put(pool, p);
}

void on_tun(void *ctx, struct hp_packets *from)
{
	struct hp_packet *p;

	while ((p = from->next(from)))
		on_one(ctx, p);
}

char *rules_now(void)
{
	return netns_output(
		"(iptables-save; ip6tables-save; nft list tables 2>/dev/null | "
		"grep hipproxy) | sed 's/\\[[0-9:]*\\]//; /^#/d; /^[*C]/d; "
		"/^:[A-Z]* ACCEPT/d'");
}

unsigned int count_of(const char *text, const char *what)
{
	unsigned int n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

static int received_now(int fd)
{
	char buf[65536];
	int n = 0;

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

int received(int fd, int want)
{
	uint64_t end = hp_clock_ms(&hp_clock_monotonic) + 20000;
	int n = received_now(fd);

	while (n < want && hp_clock_ms(&hp_clock_monotonic) < end) {
		hp_loop_once(loop, 20);
		n += received_now(fd);
	}
	a_while();
	return n + received_now(fd);
}

int gateway_main(const char *suite, const struct hp_test *tests, int argc, char **argv)
{
	int r;

	if (!netns_available())
		return 77;
	if (!topology()) {
		printf("skipped: veth or forwarding does not work here\n");
		return 77;
	}
	hp_timers_init(&timers, hp_clock_ms(&hp_clock_monotonic));
	loop = hp_loop_new(&timers, &hp_clock_monotonic);
	pool = hp_pool_new(256, 1024);
	r = hp_test_main(suite, tests, argc, argv);
	hp_pool_free(pool);
	hp_loop_free(loop);
	return r;
}
