/* SPDX-License-Identifier: MIT
 *
 * TUN against a real kernel (see gateway.h).
 */
#include "gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/tun.h"
#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/tcp.h"

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

static const struct hp_test tests[] = {
	HP_TEST(a_super_packet_through_tun_reaches_the_server),
	HP_TEST(hits_on_tun_are_reachable_by_applications),
	HP_TEST(a_packet_that_comes_alone_leaves_alone),
	HP_TEST(a_second_tun_of_the_name_is_told),
	HP_TEST(a_persistent_tun_keeps_packets_for_the_next_reader),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return gateway_main("io_tun", tests, argc, argv);
}
