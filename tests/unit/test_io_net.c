/* SPDX-License-Identifier: MIT
 *
 * NFQUEUE, TUN, raw sockets, routing and privileges against a real kernel (see gateway.h).
 */
#include "gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/nfqueue.h"
#include "io/priv.h"
#include "io/raw.h"
#include "io/route.h"
#include "io/rules.h"
#include "io/tun.h"
#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/tcp.h"

/* ---- NFQUEUE */

enum what_to_do { ACCEPT, ACCEPT_MARK, DROP, HOLD };

struct consumer {
	struct hp_nfq *nfq;
	enum what_to_do what;
	int packets, gso, partial, headroom_short, bad, from_second;
	struct hp_packet *held[8];
	int n_held;
};

static void on_captured(void *ctx, struct hp_packet *p)
{
	struct consumer *c = ctx;

	c->packets++;
	c->gso += p->gso;
	c->partial += p->csum_partial;
	c->headroom_short += p->data - p->buf < 128;
	c->from_second += p->queue_num == QUEUE + 1;
	c->bad += hp_packet_dissect(p) != 0;
	if (c->what == HOLD && c->n_held < 8) {
		c->held[c->n_held++] = hp_pool_compact(pool, p);
		return;
	}
	if (c->what == DROP)
		hp_nfq_drop(c->nfq, p);
	else
		hp_nfq_accept(c->nfq, p, c->what == ACCEPT_MARK);
	hp_pool_put(pool, p);
}

static bool capture_start(struct consumer *c)
{
	struct hp_rules_cfg rules = rules_cfg(HP_RULES_AUTO);
	struct hp_nfq_cfg cfg = {.queue = QUEUE, .mark = MARK, .mask = MARK};
	struct hp_io_err e = {""};

	memset(c, 0, sizeof(*c));
	CU_ASSERT(!hp_nfq_open(loop, pool, &cfg, on_captured, c, &c->nfq, &e));
	if (!c->nfq)
		printf("skipped: %s ", e.text);
	CU_ASSERT(!hp_rules_install(&rules, NULL, &e));
	return c->nfq != NULL;
}

static void capture_stop(struct consumer *c)
{
	struct hp_io_err e;

	CU_ASSERT(!hp_rules_cleanup(&e));
	hp_nfq_close(c->nfq);
	CU_ASSERT_EQUAL(hp_pool_counts(pool).big_used, 0);
	CU_ASSERT_EQUAL(hp_pool_counts(pool).small_used, 0);
}

static void verdicts_are_obeyed(void)
{
	int from = socket_in(ns_client, SOCK_DGRAM, "10.1.0.2", 5000), i;
	int to = socket_in(ns_server, SOCK_DGRAM, "10.2.0.2", 53);
	struct consumer c;

	if (!capture_start(&c))
		return;
	connect_to(from, "10.2.0.2", 53);
	for (i = 0; i < 3; i++)
		send(from, "accept", 6, 0);
	until(&c.packets, 3);
	a_while();
	CU_ASSERT_EQUAL(received(to, 3), 3);
	c.what = DROP;
	for (i = 0; i < 3; i++)
		send(from, "drop", 4, 0);
	until(&c.packets, 6);
	a_while();
	CU_ASSERT_EQUAL(received(to, 0), 0);
	CU_ASSERT_EQUAL(hp_nfq_counts(c.nfq).accepted, 3);
	CU_ASSERT_EQUAL(hp_nfq_counts(c.nfq).dropped, 3);
	CU_ASSERT_EQUAL(hp_nfq_counts(c.nfq).errors, 0);
	CU_ASSERT_EQUAL(c.from_second, 6);
	CU_ASSERT_EQUAL(c.bad + c.headroom_short, 0);
	capture_stop(&c);
	close(from);
	close(to);
}

static void a_held_packet_survives_the_drop_of_later_ones(void)
{
	int from = socket_in(ns_client, SOCK_DGRAM, "10.1.0.2", 5000), i;
	int to = socket_in(ns_server, SOCK_DGRAM, "10.2.0.2", 53);
	struct consumer c;

	if (!capture_start(&c))
		return;
	connect_to(from, "10.2.0.2", 53);
	c.what = HOLD;
	send(from, "held", 4, 0);
	until(&c.packets, 1);
	CU_ASSERT_EQUAL(hp_nfq_counts(c.nfq).undecided, 1);
	c.what = DROP;
	for (i = 0; i < 5; i++)
		send(from, "drop", 4, 0);
	until(&c.packets, 6);
	a_while();
	CU_ASSERT_EQUAL(received(to, 0), 0);
	hp_nfq_accept(c.nfq, c.held[0], false);
	hp_pool_put(pool, c.held[0]);
	a_while();
	CU_ASSERT_EQUAL(received(to, 1), 1);
	CU_ASSERT_EQUAL(hp_nfq_counts(c.nfq).errors, 0);
	CU_ASSERT_EQUAL(hp_nfq_counts(c.nfq).undecided, 0);
	capture_stop(&c);
	close(from);
	close(to);
}

static void a_marked_connection_is_not_seen_again(void)
{
	int from = socket_in(ns_client, SOCK_DGRAM, "10.1.0.2", 5001), i;
	int to = socket_in(ns_server, SOCK_DGRAM, "10.2.0.2", 53);
	int other = socket_in(ns_client, SOCK_DGRAM, "10.1.0.2", 5002);
	struct consumer c;

	if (!capture_start(&c))
		return;
	c.what = ACCEPT_MARK;
	connect_to(from, "10.2.0.2", 53);
	connect_to(other, "10.2.0.2", 53);
	send(from, "first", 5, 0);
	until(&c.packets, 1);
	a_while();
	for (i = 0; i < 10; i++)
		send(from, "more", 4, 0);
	connect_to(to, "10.1.0.2", 5001);
	send(to, "back", 4, 0);
	a_while();
	CU_ASSERT_EQUAL(c.packets, 1);
	CU_ASSERT_EQUAL(received(to, 11), 11);
	CU_ASSERT_EQUAL(received(from, 1), 1);
	/* Another connection is. */
	send(other, "new", 3, 0);
	until(&c.packets, 2);
	CU_ASSERT_EQUAL(c.packets, 2);
	capture_stop(&c);
	close(from);
	close(other);
	close(to);
}

/* They have no connection, so no mark of one: each is captured. */
static void packets_that_are_not_tracked_are_captured(void)
{
	int from = socket_in(ns_client, SOCK_DGRAM, "10.1.0.2", 5003), i;
	int to = socket_in(ns_server, SOCK_DGRAM, "10.2.0.2", 53);
	struct consumer c;

	if (!capture_start(&c))
		return;
	CU_ASSERT(netns_sh("iptables -t raw -A PREROUTING -j CT --notrack"));
	c.what = ACCEPT_MARK;
	connect_to(from, "10.2.0.2", 53);
	for (i = 0; i < 3; i++) {
		send(from, "again", 5, 0);
		until(&c.packets, i + 1);
	}
	a_while();
	CU_ASSERT_EQUAL(c.packets, 3);
	CU_ASSERT_EQUAL(received(to, 3), 3);
	CU_ASSERT(netns_sh("iptables -t raw -D PREROUTING -j CT --notrack"));
	capture_stop(&c);
	close(from);
	close(to);
}

static void tcp_comes_as_super_packets(void)
{
	int srv = socket_in(ns_server, SOCK_STREAM, "10.2.0.2", 80), fd, got = -1, i;
	int cl = socket_in(ns_client, SOCK_STREAM, "10.1.0.2", 0);
	size_t total = 0, sent = 0, want = 4 << 20;
	static char buf[65536];
	struct consumer c;
	ssize_t n;

	if (!capture_start(&c))
		return;
	listen(srv, 1);
	CU_ASSERT(!connect_to(cl, "10.2.0.2", 80));
	for (i = 0; i < 20000 && total < want; i++) {
		hp_loop_once(loop, 1);
		if (got < 0)
			got = accept4(srv, NULL, NULL, SOCK_NONBLOCK);
		while (sent < want && (n = send(cl, buf, sizeof(buf), MSG_NOSIGNAL)) > 0)
			sent += (size_t)n;
		fd = got;
		while (fd >= 0 && (n = recv(fd, buf, sizeof(buf), 0)) > 0)
			total += (size_t)n;
	}
	CU_ASSERT(total >= want);
	CU_ASSERT(c.gso > 10);
	CU_ASSERT(c.partial > 10);
	CU_ASSERT_EQUAL(c.from_second, 0);
	CU_ASSERT_EQUAL(c.bad + c.headroom_short, 0);
	CU_ASSERT(c.packets < 2000);
	CU_ASSERT_EQUAL(hp_nfq_counts(c.nfq).errors, 0);
	capture_stop(&c);
	close(cl);
	close(srv);
	if (got >= 0)
		close(got);
}

static void an_empty_pool_sheds_load(void)
{
	int from = socket_in(ns_client, SOCK_DGRAM, "10.1.0.2", 5000), i;
	struct hp_pool *real = pool;
	struct consumer c;

	pool = hp_pool_new(0, 0);
	if (capture_start(&c)) {
		connect_to(from, "10.2.0.2", 53);
		for (i = 0; i < 100; i++)
			send(from, "shed", 4, 0);
		for (i = 0; i < 1000 && hp_nfq_counts(c.nfq).no_buffer < 100; i++)
			hp_loop_once(loop, 20);
		CU_ASSERT_EQUAL(hp_nfq_counts(c.nfq).no_buffer, 100);
		CU_ASSERT_EQUAL(hp_nfq_counts(c.nfq).undecided, 0);
		CU_ASSERT_EQUAL(c.packets, 0);
		capture_stop(&c);
	}
	hp_pool_free(pool);
	pool = real;
	close(from);
}

static void without_a_daemon_packets_pass_or_not_as_configured(void)
{
	int from = socket_in(ns_client, SOCK_DGRAM, "10.1.0.2", 5000);
	int to = socket_in(ns_server, SOCK_DGRAM, "10.2.0.2", 53);
	struct hp_rules_cfg cfg = rules_cfg(HP_RULES_AUTO);
	struct hp_io_err e = {""};

	connect_to(from, "10.2.0.2", 53);
	CU_ASSERT(!hp_rules_install(&cfg, NULL, &e));
	send(from, "closed", 6, 0);
	a_while();
	CU_ASSERT_EQUAL(received(to, 0), 0);
	cfg.fail_open = true;
	CU_ASSERT(!hp_rules_install(&cfg, NULL, &e));
	send(from, "open", 4, 0);
	a_while();
	CU_ASSERT_EQUAL(received(to, 1), 1);
	CU_ASSERT(!hp_rules_cleanup(&e));
	close(from);
	close(to);
}

static void udp_super_packets_come_cut(void)
{
	int from = socket_in(ns_client, SOCK_DGRAM, "10.1.0.2", 5000), size = 1000;
	int to = socket_in(ns_server, SOCK_DGRAM, "10.2.0.2", 53);
	char data[10000] = {0};
	struct consumer c;

	if (!capture_start(&c))
		return;
	connect_to(from, "10.2.0.2", 53);
	CU_ASSERT(!setsockopt(from, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)));
	CU_ASSERT_EQUAL(send(from, data, sizeof(data), 0), (ssize_t)sizeof(data));
	until(&c.packets, 10);
	a_while();
	CU_ASSERT_EQUAL(c.packets, 10);
	CU_ASSERT_EQUAL(c.gso + c.partial, 0);
	CU_ASSERT_EQUAL(received(to, 10), 10);
	capture_stop(&c);
	close(from);
	close(to);
}

static void other_bits_of_the_mark_are_kept(void)
{
	int from = socket_in(ns_client, SOCK_DGRAM, "10.1.0.2", 5003);
	struct consumer c;
	char *text;

	CU_ASSERT(netns_sh("iptables -t mangle -A PREROUTING -j MARK --set-mark 0x5"));
	if (!capture_start(&c))
		return;
	CU_ASSERT(netns_sh("iptables -t mangle -A POSTROUTING -m mark --mark 0x10005"));
	c.what = ACCEPT_MARK;
	connect_to(from, "10.2.0.2", 53);
	send(from, "marked", 6, 0);
	until(&c.packets, 1);
	a_while();
	text = netns_output(
		"iptables-save -c -t mangle | grep -- '-A POSTROUTING -m mark'");
	CU_ASSERT(!strncmp(text, "[1:", 3));
	free(text);
	capture_stop(&c);
	CU_ASSERT(netns_sh("iptables -t mangle -F"));
	close(from);
}

static void a_queue_in_use_is_told(void)
{
	struct hp_nfq_cfg cfg = {.queue = QUEUE, .mark = MARK, .mask = MARK};
	struct hp_nfq *one = NULL, *two = NULL;
	struct hp_io_err e = {""};

	CU_ASSERT(!hp_nfq_open(loop, pool, &cfg, on_captured, NULL, &one, &e));
	CU_ASSERT_EQUAL(hp_nfq_open(loop, pool, &cfg, on_captured, NULL, &two, &e),
			-EBUSY);
	CU_ASSERT_STRING_EQUAL(e.text, "NFQUEUE 4000: another program has this queue");
	hp_nfq_close(one);
}

/* ---- TUN */

/* A TCP super-packet with an unfinished checksum. */
static void super_packet(struct hp_packet *p, const char *src, const char *dst,
			 size_t payload)
{
	struct hp_ip_head ip = {.src = addr(src),
				.dst = addr(dst),
				.proto = 6,
				.ttl = 64,
				.df = true,
				.payload_len = (uint16_t)(20 + payload)};
	size_t hlen = hp_ip_build(p->data, &ip), i;
	uint8_t *tcp = p->data + hlen;
	uint64_t sum;

	memset(tcp, 0, 20);
	hp_put16(tcp, 4444);
	hp_put16(tcp + 2, 5555);
	tcp[HP_TCP_OFF_DOFF] = 5 << 4;
	tcp[HP_TCP_OFF_FLAGS] = HP_TCP_ACK | HP_TCP_PSH;
	for (i = 0; i < payload; i++)
		tcp[20 + i] = (uint8_t)(i * 7);
	sum = hp_csum_pseudo(&ip.src, &ip.dst, 6, (uint32_t)(20 + payload));
	hp_put16(tcp + HP_TCP_OFF_CSUM, hp_csum_fold(sum));
	p->len = hlen + 20 + payload;
	CU_ASSERT(!hp_packet_dissect(p));
	p->csum_partial = true;
}

static int raw_tcp(int ns, int family)
{
	int size = 8 << 20, fd;

	netns_enter(ns);
	fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	netns_enter(ns_gateway);
	return fd;
}

/* Reads segments, their checksums complete and right, or left to a network card that
 * there is none of; the octets of payload that were at their place. */
static size_t segments(int fd, int family, const char *src, const char *dst,
		       bool complete, int *n)
{
	static uint8_t buf[70000];
	size_t hlen = family == AF_INET ? 20 : 0, total = 0, at, i;
	struct hp_addr s = addr(src), d = addr(dst);
	ssize_t len;

	*n = 0;
	usleep(50000);
	while ((len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		if (hp_get16(buf + hlen + 2) != 5555)
			continue;
		if (complete)
			CU_ASSERT_EQUAL(
				hp_csum_l4(&s, &d, 6, buf + hlen, (size_t)len - hlen), 0);
		at = hp_get32(buf + hlen + 4);
		for (i = hlen + 20; i < (size_t)len; i++, at++)
			total += buf[i] == (uint8_t)(at * 7);
		(*n)++;
	}
	return total;
}

/* The device and its packets in one process, which gets a descriptor of its own as hipproxyd does. */
static int open_both(const struct hp_tundev_cfg *cfg, struct tun_seen *seen,
		     struct hp_tundev **dev, struct hp_tun **tun, struct hp_io_err *e)
{
	int err = hp_tundev_open(cfg, dev, e);

	return err ? err : hp_tun_open(loop, pool, fcntl(hp_tundev_fd(*dev), F_DUPFD_CLOEXEC, 3),
				       cfg->name, on_tun, seen, tun, e);
}

static void close_both(struct hp_tundev *dev, struct hp_tun *tun)
{
	hp_tun_close(tun);
	hp_tundev_close(dev);
}

static void tun_write_of(const char *src, const char *dst, int family, bool offloads)
{
	struct hp_tundev_cfg cfg = {.name = "hip0", .mtu = 1400};
	struct hp_tundev *dev = NULL;
	struct hp_tun *tun = NULL;
	struct tun_seen seen = {0};
	struct hp_io_err e = {""};
	struct hp_packet *p;
	int fd, n;

	CU_ASSERT(!open_both(&cfg, &seen, &dev, &tun, &e));
	if (!tun) {
		printf("skipped: %s ", e.text);
		return;
	}
	fd = raw_tcp(ns_server, family);
	p = hp_pool_get(pool);
	super_packet(p, src, dst, 30000);
	p->gso_size = 1300;
	CU_ASSERT(!hp_tun_write(tun, p));
	CU_ASSERT_EQUAL(segments(fd, family, src, dst, !offloads, &n), 30000);
	CU_ASSERT_EQUAL(n, offloads ? 1 : 24);
	/* One small packet, its checksum unfinished. */
	super_packet(p, src, dst, 100);
	CU_ASSERT(!hp_tun_write(tun, p));
	CU_ASSERT_EQUAL(segments(fd, family, src, dst, !offloads, &n), 100);
	CU_ASSERT_EQUAL(n, 1);
	/* What the kernel would garble is refused. */
	super_packet(p, src, dst, 5000);
	p->gso_size = 1300;
	p->csum_partial = false;
	CU_ASSERT_EQUAL(hp_tun_write(tun, p), -EINVAL);
	hp_pool_put(pool, p);
	close_both(dev, tun);
	close(fd);
}

static void a_super_packet_through_tun_reaches_the_server(void)
{
	CU_ASSERT(netns_sh("echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter"));
	tun_write_of("10.9.0.1", "10.2.0.2", AF_INET, true);
	tun_write_of("2001:db8:9::1", "2001:db8:2::2", AF_INET6, true);
	if (system("ethtool -K veths tso off gso off tx off >/dev/null 2>&1")) {
		printf("(no ethtool: only with offloads) ");
		return;
	}
	tun_write_of("10.9.0.1", "10.2.0.2", AF_INET, false);
	tun_write_of("2001:db8:9::1", "2001:db8:2::2", AF_INET6, false);
	CU_ASSERT(netns_sh("ethtool -K veths tso on gso on tx on >/dev/null"));
}

static void hits_on_tun_are_reachable_by_applications(void)
{
	struct hp_addr hit = addr("2001:21::1"), other = addr("2001:21::2");
	struct hp_prefix own = {.addr = hit, .bits = 128};
	struct hp_tundev_cfg cfg = {.name = "hip0", .mtu = 1400};
	struct hp_tundev *dev = NULL;
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	struct tun_seen seen = {0};
	struct hp_io_err e = {""};
	struct hp_tun *tun = NULL;
	char *text;
	int fd;

	CU_ASSERT(netns_sh("echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter"));
	CU_ASSERT(!open_both(&cfg, &seen, &dev, &tun, &e));
	CU_ASSERT(!hp_tundev_addrs(dev, &own, 1, &e));
	CU_ASSERT(!hp_tundev_addr_add(dev, &other));
	CU_ASSERT(!hp_tundev_addr_add(dev, &other));
	text = netns_output("ip addr show dev hip0; ip -6 route show dev hip0");
	CU_ASSERT_EQUAL(count_of(text, "inet6 2001:21::1/128"), 1);
	CU_ASSERT_EQUAL(count_of(text, "inet6 2001:21::2/128"), 1);
	CU_ASSERT_EQUAL(count_of(text, "inet6 fe80"), 0);
	CU_ASSERT_EQUAL(count_of(text, "2001:20::/28"), 1);
	CU_ASSERT_EQUAL(count_of(text, "mtu 1400"), 1);
	free(text);
	text = netns_output("cd /proc/sys/net && cat ipv4/conf/hip0/rp_filter "
			    "ipv6/conf/hip0/accept_ra ipv6/conf/hip0/disable_ipv6");
	CU_ASSERT_STRING_EQUAL(text, "2\n0\n0\n");
	free(text);
	to.sin6_addr.s6_addr[0] = 0x20;
	to.sin6_addr.s6_addr[1] = 0x01;
	to.sin6_addr.s6_addr[3] = 0x25;
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	connect(fd, (struct sockaddr *)&to, sizeof(to));
	until(&seen.packets, 1);
	CU_ASSERT_EQUAL(seen.last.proto, 6);
	CU_ASSERT_EQUAL(seen.last.dport, 7);
	CU_ASSERT(seen.last.csum_partial);
	CU_ASSERT(hp_addr_is_hit(&seen.last.src));
	CU_ASSERT(!hp_tundev_addr_del(dev, &other));
	CU_ASSERT(!hp_tundev_addr_del(dev, &other));
	close(fd);
	close_both(dev, tun);
	CU_ASSERT_EQUAL(if_nametoindex("hip0"), 0);
}

/* Until the process sleeps, that is, waits in its loop. */
static void until_asleep(pid_t pid)
{
	char path[64], state = 'R';

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	for (int i = 0; i < 20000 && state != 'S'; i++) {
		FILE *f = fopen(path, "r");

		usleep(1000);
		if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 'S';
		if (f)
			fclose(f);
	}
}

/* Three datagrams into the device's route, at once or when the parent waits for something. */
static pid_t three_datagrams(bool wait)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	pid_t child = fork();
	int fd;

	if (child)
		return child;
	inet_pton(AF_INET6, "2001:25::", &to.sin6_addr);
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	if (wait)
		until_asleep(getppid());
	for (int i = 0; i < 3; i++)
		sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to));
	_exit(0);
}

static void a_packet_that_comes_alone_leaves_alone(void)
{
	struct hp_addr hit = addr("2001:21::1");
	struct hp_prefix own = {.addr = hit, .bits = 128};
	struct hp_tundev_cfg cfg = {.name = "hip0", .mtu = 1400};
	struct hp_tundev *dev = NULL;
	struct tun_seen seen = {0};
	struct hp_io_err e = {""};
	struct hp_tun *tun = NULL;

	CU_ASSERT(!open_both(&cfg, &seen, &dev, &tun, &e));
	CU_ASSERT(!hp_tundev_addrs(dev, &own, 1, &e));
	/* They are there before anybody looks: all belong to one round. */
	CU_ASSERT(waitpid(three_datagrams(false), NULL, 0) > 0);
	CU_ASSERT(!hp_loop_once(loop, 100));
	CU_ASSERT(!hp_loop_quiet(loop));
	CU_ASSERT_EQUAL(seen.udp, 3);
	/* The first one has been waited for: it ends its round, whatever follows. */
	CU_ASSERT(three_datagrams(true) > 0);
	for (seen.udp = 0; !seen.udp;)
		CU_ASSERT_FATAL(!hp_loop_once(loop, 2000));
	CU_ASSERT(hp_loop_quiet(loop));
	CU_ASSERT_EQUAL(seen.udp, 1);
	until(&seen.udp, 3);
	CU_ASSERT_EQUAL(seen.udp, 3);
	CU_ASSERT(waitpid(-1, NULL, 0) > 0);
	close_both(dev, tun);
}

static void a_second_tun_of_the_name_is_told(void)
{
	struct hp_tundev_cfg cfg = {.name = "hip0", .mtu = 1400};
	struct hp_tundev *one = NULL, *two = NULL;
	struct hp_io_err e = {""};

	CU_ASSERT(!hp_tundev_open(&cfg, &one, &e));
	CU_ASSERT_EQUAL(hp_tundev_open(&cfg, &two, &e), -EBUSY);
	CU_ASSERT_STRING_EQUAL(
		e.text, "TUN device hip0 is in use: is another hipproxyd running?");
	cfg.may_be_held = true;
	CU_ASSERT(!hp_tundev_open(&cfg, &two, &e));
	CU_ASSERT_EQUAL(hp_tundev_fd(two), -1);
	/* Who holds the descriptor gives it back. */
	CU_ASSERT_EQUAL(hp_tundev_give(two, 0), -EINVAL);
	CU_ASSERT(!hp_tundev_give(two, fcntl(hp_tundev_fd(one), F_DUPFD_CLOEXEC, 3)));
	hp_tundev_close(one);
	CU_ASSERT_NOT_EQUAL(if_nametoindex("hip0"), 0);
	hp_tundev_close(two);
	CU_ASSERT_EQUAL(if_nametoindex("hip0"), 0);
	cfg.name = "a-name-that-is-too-long";
	CU_ASSERT_EQUAL(hp_tundev_open(&cfg, &two, &e), -EINVAL);
}

/* What a client sends meanwhile waits, and is read or thrown away by who comes next. */
static void a_persistent_tun_keeps_packets_for_the_next_reader(void)
{
	struct hp_tundev_cfg cfg = {.name = "hip0", .mtu = 1400, .persistent = true};
	struct hp_prefix own = {.addr = addr("2001:21::1"), .bits = 128};
	struct hp_tundev *dev = NULL;
	struct tun_seen seen = {0};
	struct hp_tun *tun = NULL;
	struct hp_io_err e = {""};

	CU_ASSERT_FATAL(!hp_tundev_open(&cfg, &dev, &e));
	CU_ASSERT(!hp_tundev_addrs(dev, &own, 1, &e));
	CU_ASSERT(waitpid(three_datagrams(false), NULL, 0) > 0);
	CU_ASSERT(!hp_tun_open(loop, pool, fcntl(hp_tundev_fd(dev), F_DUPFD_CLOEXEC, 3), "hip0",
			       on_tun, &seen, &tun, &e));
	until(&seen.udp, 3);
	CU_ASSERT_EQUAL(seen.udp, 3);
	CU_ASSERT(waitpid(three_datagrams(false), NULL, 0) > 0);
	hp_tun_discard(tun);
	CU_ASSERT(hp_tun_counts(tun)->late >= 3);
	CU_ASSERT(!hp_loop_once(loop, 0));
	CU_ASSERT_EQUAL(seen.udp, 3);
	close_both(dev, tun);
	CU_ASSERT_NOT_EQUAL(if_nametoindex("hip0"), 0);
	/* It is taken over; then somebody deletes it. */
	CU_ASSERT_FATAL(!hp_tundev_open(&cfg, &dev, &e));
	CU_ASSERT_EQUAL(hp_tundev_restore(dev, &e), 0);
	CU_ASSERT(netns_sh("ip link set dev hip0 down"));
	CU_ASSERT_EQUAL(hp_tundev_restore(dev, &e), 1);
	CU_ASSERT(netns_sh("ip link del dev hip0"));
	CU_ASSERT_EQUAL(hp_tundev_restore(dev, &e), 2);
	CU_ASSERT_NOT_EQUAL(if_nametoindex("hip0"), 0);
	hp_tundev_remove(dev);
	CU_ASSERT_EQUAL(if_nametoindex("hip0"), 0);
}

/* ---- raw sockets */

struct raw_seen {
	int hip, esp;
	struct hp_path path;
	uint8_t msg[4096];
	size_t len;
	struct hp_esp_arrived last;
	uint8_t first, end; /* octets of the last ESP packet */
	size_t esp_octets;
};

static void on_hip(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len)
{
	struct raw_seen *s = ctx;

	s->hip++;
	s->path = *path;
	s->len = len;
	memcpy(s->msg, msg, len);
}

static void on_esp(void *ctx, const struct hp_esp_arrived *r)
{
	struct raw_seen *s = ctx;

	CU_ASSERT_EQUAL(r->n, 1);
	s->esp++;
	s->esp_octets += r->last;
	s->last = *r;
	s->first = r->data[0];
	s->end = r->data[r->last - 1];
}

struct raw_pair {
	struct hp_raw *here, *there;
	struct raw_seen seen_here, seen_there;
};

static void raw_pair_open(struct raw_pair *rp)
{
	struct hp_raw_cfg cfg = {.mark = MARK};
	struct hp_raw_ops ops = {.ctx = &rp->seen_here, .hip = on_hip, .esp = on_esp};
	struct hp_io_err e = {""};

	memset(rp, 0, sizeof(*rp));
	CU_ASSERT_EQUAL_FATAL(hp_raw_open(loop, &cfg, &ops, &rp->here, &e), 0);
	ops.ctx = &rp->seen_there;
	netns_enter(ns_server);
	CU_ASSERT_EQUAL_FATAL(hp_raw_open(loop, &cfg, &ops, &rp->there, &e), 0);
	netns_enter(ns_gateway);
}

static void raw_pair_close(struct raw_pair *rp)
{
	hp_raw_close(rp->here);
	hp_raw_close(rp->there);
}

static void hip_messages_cross(const char *src, const char *dst)
{
	struct hp_path path = {.src = addr(src), .dst = addr(dst)};
	uint8_t msg[2008];
	struct raw_pair rp;
	size_t i;

	for (i = 0; i < sizeof(msg); i++)
		msg[i] = (uint8_t)i;
	raw_pair_open(&rp);
	CU_ASSERT(!hp_raw_hip_send(rp.here, &path, msg, sizeof(msg)));
	until(&rp.seen_there.hip, 1);
	CU_ASSERT_EQUAL(rp.seen_there.len, sizeof(msg));
	CU_ASSERT(!memcmp(rp.seen_there.msg, msg, sizeof(msg)));
	CU_ASSERT(hp_addr_eq(&rp.seen_there.path.dst, &path.src));
	CU_ASSERT(hp_addr_eq(&rp.seen_there.path.src, &path.dst));
	/* The kernel may choose the source. */
	memset(&path.src, 0, sizeof(path.src));
	CU_ASSERT(!hp_raw_hip_send(rp.here, &path, msg, 40));
	until(&rp.seen_there.hip, 2);
	path.src = addr(src);
	CU_ASSERT_EQUAL(rp.seen_there.len, 40);
	CU_ASSERT(hp_addr_eq(&rp.seen_there.path.dst, &path.src));
	path.dport = 10500;
	CU_ASSERT_EQUAL(hp_raw_hip_send(rp.here, &path, msg, 40), -EINVAL);
	raw_pair_close(&rp);
}

static void hip_messages_longer_than_the_link_cross(void)
{
	hip_messages_cross("10.2.0.1", "10.2.0.2");
	hip_messages_cross("2001:db8:2::1", "2001:db8:2::2");
}

static uint32_t lost;

static void esp_crosses(const char *src, const char *dst)
{
	struct hp_path path = {.src = addr(src), .dst = addr(dst)};
	static uint8_t data[65536];
	struct hp_raw_run run = {.data = data,
				 .n = 100,
				 .seg = 600,
				 .last = 77,
				 .tos = 0xb8,
				 .ttl = 33,
				 .df = true};
	struct raw_pair rp;

	raw_pair_open(&rp);
	memset(data, 0, sizeof(data));
	data[99 * 600] = 0xaa;
	data[99 * 600 + 76] = 0xbb;
	CU_ASSERT(!hp_raw_esp_send(rp.here, &path, &run, &lost));
	until(&rp.seen_there.esp, 100);
	a_while();
	CU_ASSERT_EQUAL(rp.seen_there.esp, 100);
	CU_ASSERT_EQUAL(rp.seen_there.esp_octets, 99 * 600 + 77);
	CU_ASSERT_EQUAL(rp.seen_there.first, 0xaa);
	CU_ASSERT_EQUAL(rp.seen_there.end, 0xbb);
	CU_ASSERT_EQUAL(rp.seen_there.last.last, 77);
	CU_ASSERT_EQUAL(rp.seen_there.last.tos, 0xb8);
	CU_ASSERT_EQUAL(rp.seen_there.last.ttl, 33);
	CU_ASSERT(hp_addr_eq(&rp.seen_there.last.src, &path.src));
	CU_ASSERT(hp_addr_eq(&rp.seen_there.last.dst, &path.dst));
	CU_ASSERT_EQUAL(hp_raw_counts(rp.here)->esp_out, 100);
	CU_ASSERT_EQUAL(hp_raw_counts(rp.here)->esp_out_bytes, 99 * 600 + 77);
	/* With no field of the header given, by the kernel. */
	run.ttl = run.tos = 0;
	CU_ASSERT(!hp_raw_esp_send(rp.here, &path, &run, &lost));
	until(&rp.seen_there.esp, 200);
	CU_ASSERT_EQUAL(rp.seen_there.last.tos, 0);
	CU_ASSERT_EQUAL(rp.seen_there.last.ttl, 64);
	/* Too long for the link: refused, or fragmented and put together again. */
	run = (struct hp_raw_run){.data = data, .n = 1, .last = 9000, .df = true};
	data[8999] = 0xcc;
	CU_ASSERT_EQUAL(hp_raw_esp_send(rp.here, &path, &run, &lost), -EMSGSIZE);
	run.df = false;
	CU_ASSERT(!hp_raw_esp_send(rp.here, &path, &run, &lost));
	until(&rp.seen_there.esp, 201);
	CU_ASSERT_EQUAL(rp.seen_there.last.last, 9000);
	CU_ASSERT_EQUAL(rp.seen_there.end, 0xcc);
	CU_ASSERT_EQUAL(rp.seen_here.esp + rp.seen_here.hip, 0);
	raw_pair_close(&rp);
}

/* The short packet at the end fits a path that the others do not fit. */
static void a_refused_esp_packet_is_passed_over(void)
{
	static uint8_t data[4 * 3000 + 8];
	struct hp_raw_run run = {.data = data, .n = 5, .seg = 3000, .last = 8, .df = true};

	for (int v6 = 0; v6 < 2; v6++) {
		struct hp_path path = {.src = addr(v6 ? "2001:db8:2::1" : "10.2.0.1"),
				       .dst = addr(v6 ? "2001:db8:2::2" : "10.2.0.2")};
		struct raw_pair rp;

		raw_pair_open(&rp);
		CU_ASSERT_EQUAL(hp_raw_esp_send(rp.here, &path, &run, &lost), -EMSGSIZE);
		CU_ASSERT_EQUAL(lost, 4);
		until(&rp.seen_there.esp, 1);
		CU_ASSERT_EQUAL(rp.seen_there.esp_octets, 8);
		CU_ASSERT_EQUAL(hp_raw_counts(rp.here)->esp_out, 1);
		raw_pair_close(&rp);
	}
}

/* A link narrower than the packet, and a path that has no source yet. */
static void esp_keeps_to_the_link(const char *src, const char *dst)
{
	struct hp_path path = {.src = addr(src), .dst = addr(dst)};
	static uint8_t data[1500];
	struct hp_raw_run run = {.data = data, .n = 1, .last = 1400, .ttl = 33, .df = true};
	struct raw_pair rp;

	raw_pair_open(&rp);
	CU_ASSERT(!hp_raw_esp_send(rp.here, &path, &run, &lost));
	until(&rp.seen_there.esp, 1);
	CU_ASSERT_EQUAL(rp.seen_there.last.last, 1400);
	CU_ASSERT(netns_sh("ip link set veths mtu 1300"));
	CU_ASSERT_EQUAL(hp_raw_esp_send(rp.here, &path, &run, &lost), -EMSGSIZE);
	run.last = 1200;
	CU_ASSERT(!hp_raw_esp_send(rp.here, &path, &run, &lost));
	until(&rp.seen_there.esp, 2);
	CU_ASSERT_EQUAL(rp.seen_there.last.last, 1200);
	CU_ASSERT(netns_sh("ip link set veths mtu 1500"));
	memset(&path.src, 0, sizeof(path.src));
	run.last = 300;
	CU_ASSERT(!hp_raw_esp_send(rp.here, &path, &run, &lost));
	until(&rp.seen_there.esp, 3);
	CU_ASSERT_EQUAL(rp.seen_there.last.last, 300);
	path.src = addr(src);
	CU_ASSERT(hp_addr_eq(&rp.seen_there.last.src, &path.src));
	raw_pair_close(&rp);
}

static void esp_does_not_exceed_the_link(void)
{
	esp_keeps_to_the_link("10.2.0.1", "10.2.0.2");
	esp_keeps_to_the_link("2001:db8:2::1", "2001:db8:2::2");
}

static void esp_crosses_with_its_outer_header(void)
{
	esp_crosses("10.2.0.1", "10.2.0.2");
	esp_crosses("2001:db8:2::1", "2001:db8:2::2");
}

static void a_source_that_is_not_ours_is_refused(void)
{
	struct hp_path path = {.src = addr("10.77.0.1"), .dst = addr("10.2.0.2")};
	struct raw_pair rp;

	raw_pair_open(&rp);
	CU_ASSERT(hp_raw_hip_send(rp.here, &path, "x", 1) < 0);
	path.src = addr("2001:db8:2::1");
	CU_ASSERT_EQUAL(hp_raw_hip_send(rp.here, &path, "x", 1), -EINVAL);
	path.src = addr("2001:db8:77::1");
	path.dst = addr("2001:db8:2::2");
	CU_ASSERT(hp_raw_hip_send(rp.here, &path, "x", 1) < 0);
	/* ESP, also right behind some from a source that is ours. */
	for (int i = 0; i < 4; i++) {
		struct hp_raw_run run = {.data = (const uint8_t *)"12345678", .n = 1, .last = 8,
					 .ttl = 9, .df = i & 1};

		path.dst = addr(i & 2 ? "2001:db8:2::2" : "10.2.0.2");
		path.src = addr(i & 2 ? "2001:db8:2::1" : "10.2.0.1");
		CU_ASSERT(!hp_raw_esp_send(rp.here, &path, &run, &lost));
		path.src = addr(i & 2 ? "2001:db8:77::1" : "10.77.0.1");
		CU_ASSERT(hp_raw_esp_send(rp.here, &path, &run, &lost) < 0);
	}
	CU_ASSERT_EQUAL(hp_raw_counts(rp.here)->esp_out, 4);
	raw_pair_close(&rp);
}

/* ---- routing */

static void routing_tells_source_and_path_mtu(void)
{
	struct hp_route *r = hp_route_new(MARK, &hp_clock_monotonic);
	struct hp_addr v4 = addr("10.2.0.2"), v6 = addr("2001:db8:2::2"), src, want;
	struct hp_addr none = addr("192.0.2.1");

	CU_ASSERT_EQUAL(hp_route_mtu(r, &v4), 1500);
	CU_ASSERT_EQUAL(hp_route_mtu(r, &v6), 1500);
	want = addr("10.2.0.1");
	CU_ASSERT(!hp_route_source(r, &v4, &src) && hp_addr_eq(&src, &want));
	want = addr("2001:db8:2::1");
	CU_ASSERT(!hp_route_source(r, &v6, &src) && hp_addr_eq(&src, &want));
	CU_ASSERT_EQUAL(hp_route_mtu(r, &none), 0);
	CU_ASSERT_EQUAL(hp_route_source(r, &none, &src), -ENETUNREACH);
	CU_ASSERT(netns_sh("ip route add 10.2.0.2/32 dev veths mtu 1300"));
	CU_ASSERT_EQUAL(hp_route_mtu(r, &v4), 1500);
	hp_route_forget(r, &v4);
	CU_ASSERT_EQUAL(hp_route_mtu(r, &v4), 1300);
	CU_ASSERT(netns_sh("ip route del 10.2.0.2/32 dev veths"));
	hp_route_forget(r, NULL);
	CU_ASSERT_EQUAL(hp_route_mtu(r, &v4), 1500);
	hp_route_free(r);
}

/* ---- privileges */

/* Keys belong to the service's user: the daemon may read, and not write, a file of another in a
 * folder of another. */
static bool reads_only_what_belongs_to_others(const char *path)
{
	int rd = open(path, O_RDONLY | O_CLOEXEC), wr = open(path, O_WRONLY | O_CLOEXEC);
	bool good = rd >= 0 && wr < 0;

	if (rd >= 0)
		close(rd);
	if (wr >= 0)
		close(wr);
	return good;
}

/* In a child: what must still work afterwards.  Its exit status says which step did not.
 */
static int after_drop(const char *others_file)
{
	struct hp_nfq_cfg cfg = {.queue = QUEUE, .mark = MARK, .mask = MARK};
	struct hp_nfq *nfq = NULL;
	struct hp_io_err e = {""};
	char *caps;
	int bad;

	if (hp_priv_check(true, &e) || hp_priv_drop(true, &e) || !hp_priv_has_admin())
		return 10;
	if (!reads_only_what_belongs_to_others(others_file))
		return 15;
	if (hp_nfq_open(loop, pool, &cfg, on_captured, NULL, &nfq, &e))
		return 12;
	hp_nfq_close(nfq);
	caps = netns_output(
		"grep -E 'Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status");
	bad = count_of(caps, "0000000000001000") != 3 ||
	      count_of(caps, "NoNewPrivs:\t1") != 1;
	free(caps);
	return bad ? 14 : 0;
}

static void one_capability_is_enough_afterwards(void)
{
	char dir[] = "/tmp/hp-test-XXXXXX", file[64];
	char *before = rules_now(), *after;
	int status = 0;
	pid_t pid;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/key", dir);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	CU_ASSERT(!chown(file, 12345, 12345) && !chown(dir, 12345, 12345));
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(after_drop(file));
	waitpid(pid, &status, 0);
	unlink(file);
	rmdir(dir);
	CU_ASSERT(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
	after = rules_now();
	CU_ASSERT_STRING_EQUAL(before, after);
	free(before);
	free(after);
}

static const struct hp_test tests[] = {
	HP_TEST(verdicts_are_obeyed),
	HP_TEST(a_held_packet_survives_the_drop_of_later_ones),
	HP_TEST(a_marked_connection_is_not_seen_again),
	HP_TEST(packets_that_are_not_tracked_are_captured),
	HP_TEST(tcp_comes_as_super_packets),
	HP_TEST(an_empty_pool_sheds_load),
	HP_TEST(without_a_daemon_packets_pass_or_not_as_configured),
	HP_TEST(udp_super_packets_come_cut),
	HP_TEST(other_bits_of_the_mark_are_kept),
	HP_TEST(a_queue_in_use_is_told),
	HP_TEST(a_super_packet_through_tun_reaches_the_server),
	HP_TEST(hits_on_tun_are_reachable_by_applications),
	HP_TEST(a_packet_that_comes_alone_leaves_alone),
	HP_TEST(a_second_tun_of_the_name_is_told),
	HP_TEST(a_persistent_tun_keeps_packets_for_the_next_reader),
	HP_TEST(hip_messages_longer_than_the_link_cross),
	HP_TEST(esp_crosses_with_its_outer_header),
	HP_TEST(a_refused_esp_packet_is_passed_over),
	HP_TEST(esp_does_not_exceed_the_link),
	HP_TEST(a_source_that_is_not_ours_is_refused),
	HP_TEST(routing_tells_source_and_path_mtu),
	HP_TEST(one_capability_is_enough_afterwards),
	HP_TEST_END};

int main(int argc, char **argv)
{
	return gateway_main("io_net", tests, argc, argv);
}
