/* SPDX-License-Identifier: MIT
 *
 * ICMP errors from a real kernel about ESP that is too long, the kernel's path MTU that is not
 * believed, and the errors that are sent about HIP.  The server is the router here.
 */
#include "gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/raw.h"
#include "io/route.h"
#include "io/udp.h"
#include "wire/checksum.h"
#include "wire/ip.h"

#define PORT   10500
#define NARROW 1300

static const char *const ours[] = { "10.2.0.1", "2001:db8:2::1" };
static const char *const router[] = { "10.2.0.2", "2001:db8:2::2" };
static const char *const far[] = { "198.51.100.9", "2001:db8:9::9" };

static struct {
	int n;
	struct hp_quote q;
	uint32_t mtu;
} heard;

static struct hp_raw *raw;
static struct hp_outer_port *encap;

static void no_hip(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len)
{
	(void)ctx, (void)path, (void)msg, (void)len;
}

static void no_esp(void *ctx, const struct hp_esp_arrived *r, unsigned int n)
{
	(void)ctx, (void)r, (void)n;
}

static void no_run(void *ctx, struct hp_outer_run *r, unsigned int n)
{
	(void)ctx, (void)r, (void)n;
}

static void on_too_big(void *ctx, const struct hp_quote *q, uint32_t mtu)
{
	(void)ctx;
	heard.n++;
	heard.q = *q;
	heard.mtu = mtu;
}

/* Routes to the far host lead through the router, whose next link is narrow. */
static void begin(void)
{
	struct hp_raw_cfg rc = { .mark = MARK };
	struct hp_encap_cfg ec = { .mark = MARK, .port = PORT };
	struct hp_raw_ops ops = { .hip = no_hip, .esp = no_esp, .too_big = on_too_big };
	struct hp_encap_ops uo = { .arrived = no_run };
	struct hp_io_err e = { "" };

	memset(&heard, 0, sizeof(heard));
	CU_ASSERT_EQUAL_FATAL(hp_raw_open(loop, &rc, &ops, &raw, &e), 0);
	CU_ASSERT_EQUAL_FATAL(hp_encap_open(loop, &ec, &uo, &encap, &e), 0);
	for (int v6 = 0; v6 < 2; v6++)
		CU_ASSERT(netns_sh("ip route replace %s via %s", far[v6], router[v6]));
	netns_enter(ns_server);
	CU_ASSERT(netns_sh("echo 1 >/proc/sys/net/ipv4/ip_forward; "
			   "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; "
			   "ip link add narrow type veth peer name unused && "
			   "ip link set unused up && ip link set narrow up mtu %d && "
			   "ip route add %s dev narrow && ip -6 route add %s dev narrow",
			   NARROW, far[0], far[1]));
	netns_enter(ns_gateway);
}

static void end(void)
{
	for (int v6 = 0; v6 < 2; v6++)
		CU_ASSERT(netns_sh("ip %s route flush %s", v6 ? "-6" : "-4", far[v6]));
	CU_ASSERT(netns_sh("ip route flush cache; ip -6 route flush cache"));
	netns_enter(ns_server);
	CU_ASSERT(netns_sh("ip link del narrow"));
	netns_enter(ns_gateway);
	hp_raw_close(raw);
	hp_encap_close(encap);
}

static int send_esp(int v6, bool udp, uint32_t n, uint32_t len)
{
	static uint8_t data[65536];
	struct hp_path path = { .src = addr(ours[v6]), .dst = addr(far[v6]) };
	struct hp_raw_run run = { .data = data, .n = n, .seg = len, .last = len, .df = true };
	uint32_t lost;

	if (udp)
		path.sport = path.dport = PORT;
	for (uint32_t i = 0; i < n; i++) {
		hp_put32(data + (size_t)i * len, 0xabcd0001);
		hp_put32(data + (size_t)i * len + 4, 70 + i);
	}
	return udp ? hp_encap_run_send(encap, &path, &run, &lost) :
		     hp_raw_esp_send(raw, &path, &run, &lost);
}

/* ---- errors come in */

static void a_routers_error_is_read_in_both_families_and_transports(void)
{
	for (int i = 0; i < 4; i++) {
		struct hp_addr src = addr(ours[i & 1]), dst = addr(far[i & 1]);
		bool udp = i & 2;

		begin();
		CU_ASSERT_EQUAL(send_esp(i & 1, udp, 1, 1400), 0);
		until(&heard.n, 1);
		CU_ASSERT_EQUAL(heard.mtu, NARROW);
		CU_ASSERT_EQUAL(heard.q.spi, 0xabcd0001);
		CU_ASSERT_EQUAL(heard.q.seq, 70);
		CU_ASSERT_EQUAL(heard.q.total_len, 1400u + (i & 1 ? 40 : 20) + (udp ? 8 : 0));
		CU_ASSERT_EQUAL(heard.q.dport, udp ? PORT : 0);
		CU_ASSERT_EQUAL(heard.q.sport, udp ? PORT : 0);
		CU_ASSERT(hp_addr_eq(&heard.q.src, &src) && hp_addr_eq(&heard.q.dst, &dst));
		end();
	}
}

/* One sendmsg with UDP_SEGMENT.  Between namespaces, as between virtual machines, it comes to the
 * router in one piece, which quotes the length of all of it. */
static void an_error_about_a_burst_is_read(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		begin();
		CU_ASSERT_EQUAL(send_esp(v6, true, 40, 1400), 0);
		until(&heard.n, 1);
		CU_ASSERT(heard.q.seq >= 70 && heard.q.seq < 110);
		CU_ASSERT(heard.q.total_len >= 1400u + 8 + (v6 ? 40 : 20));
		CU_ASSERT_EQUAL(heard.mtu, NARROW);
		end();
	}
}

/* Some program sends a long datagram.  The path MTU of the kernel then. */
static unsigned int kernel_learns(struct hp_route *r, int v6)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t end_ms = hp_clock_ms(&hp_clock_monotonic) + 20000;
	static const uint8_t data[1400];
	struct hp_addr dst = addr(far[v6]);
	unsigned int mtu = 1500;

	inet_pton(AF_INET, far[0], &four.sin_addr);
	inet_pton(AF_INET6, far[1], &six.sin6_addr);
	CU_ASSERT(!connect(fd, v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four,
			   v6 ? sizeof(six) : sizeof(four)));
	CU_ASSERT_EQUAL(send(fd, data, sizeof(data), 0), (ssize_t)sizeof(data));
	while (mtu != NARROW && hp_clock_ms(&hp_clock_monotonic) < end_ms) {
		hp_route_forget(r, NULL);
		mtu = hp_route_mtu(r, &dst);
		hp_loop_once(loop, 5);
	}
	close(fd);
	return mtu;
}

/* The kernel has believed the router, as it believes everybody. */
static void the_kernels_path_mtu_does_not_count(void)
{
	struct hp_route *r = hp_route_new(MARK, &hp_clock_monotonic);

	for (int v6 = 0; v6 < 2; v6++) {
		struct hp_addr dst = addr(far[v6]);

		begin();
		CU_ASSERT_EQUAL(kernel_learns(r, v6), NARROW);
		CU_ASSERT_EQUAL(hp_route_link_mtu(r, &dst), 1500);
		CU_ASSERT_EQUAL(send_esp(v6, false, 1, 1400), 0);
		CU_ASSERT_EQUAL(send_esp(v6, true, 20, 1400), 0);
		CU_ASSERT_EQUAL(send_esp(v6, false, 1, 1500), -EMSGSIZE);
		CU_ASSERT_EQUAL(send_esp(v6, true, 1, 1500), -EMSGSIZE);
		end();
	}
	hp_route_free(r);
}

static void the_link_and_the_route_decide(void)
{
	struct hp_route *r = hp_route_new(MARK, &hp_clock_monotonic);
	struct hp_addr none = addr("192.0.2.1");

	begin();
	for (int v6 = 0; v6 < 2; v6++) {
		struct hp_addr dst = addr(far[v6]);

		CU_ASSERT(netns_sh("ip route change %s via %s mtu 1420", far[v6], router[v6]));
		CU_ASSERT_EQUAL(hp_route_link_mtu(r, &dst), 1420);
		CU_ASSERT(netns_sh("ip route change %s via %s", far[v6], router[v6]));
		CU_ASSERT_EQUAL(hp_route_link_mtu(r, &dst), 1420);
		hp_route_forget(r, &dst);
		CU_ASSERT_EQUAL(hp_route_link_mtu(r, &dst), 1500);
	}
	CU_ASSERT_EQUAL(hp_route_link_mtu(r, &none), 0);
	end();
	hp_route_free(r);
}

/* What a socket in the router's namespace gets at the far address. */
static int far_socket(bool udp)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int fd;

	inet_pton(AF_INET6, far[1], &six.sin6_addr);
	netns_enter(ns_server);
	CU_ASSERT(netns_sh("ip addr add %s/128 dev lo nodad", far[1]));
	fd = socket(AF_INET6, (udp ? SOCK_DGRAM : SOCK_RAW) | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    udp ? 0 : HP_PROTO_ESP);
	if (!udp)
		six.sin6_port = 0;
	CU_ASSERT(!bind(fd, (struct sockaddr *)&six, sizeof(six)));
	netns_enter(ns_gateway);
	return fd;
}

/* Octets of a packet that are as they were sent; 0: none came. */
static size_t came(int fd, const uint8_t *sent, size_t len)
{
	uint64_t end_ms = hp_clock_ms(&hp_clock_monotonic) + 1000;
	static uint8_t got[65536];
	ssize_t n = -1;

	while (n < 0 && hp_clock_ms(&hp_clock_monotonic) < end_ms) {
		n = recv(fd, got, sizeof(got), 0);
		if (n < 0)
			hp_loop_once(loop, 20);
	}
	return n == (ssize_t)len && !memcmp(got, sent, len) ? len : 0;
}

/* Sends the packet until it has come as it was sent: a busy machine may lose a fragment. */
static bool comes(int fd, const struct hp_path *path, uint8_t *data, uint32_t len)
{
	struct hp_raw_run run = { .data = data, .n = 1, .seg = len, .last = len };
	uint32_t lost;

	for (int i = 0; i < 20; i++) {
		if (hp_raw_pieces_send(raw, path, &run, NARROW, &lost) || lost)
			return false;
		if (came(fd, data, len) == len)
			return true;
	}
	return false;
}

/* Lengths around the path's MTU and the link's, which is 1500. */
static void fragments_fit_the_path(void)
{
	static const uint32_t lens[] = { 100, 1252, 1253, 1260, 1261, 1400, 1460, 1461, 3000, 9000,
					 65000 };

	for (int udp = 0; udp < 2; udp++) {
		static uint8_t data[65536];
		struct hp_path path = { .src = addr(ours[1]), .dst = addr(far[1]) };
		uint32_t lost;
		int fd;

		begin();
		fd = far_socket(udp);
		if (udp)
			path.sport = path.dport = PORT;
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)(i * 7 + i / 256);
		CU_ASSERT(netns_sh("ip6tables -A OUTPUT -m length "
				   "--length %d: -j DROP", NARROW + 1));
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
			CU_ASSERT(comes(fd, &path, data, lens[i]));
		CU_ASSERT(netns_sh("ip6tables -F OUTPUT"));
		memset(&path.src, 0, sizeof(path.src));
		CU_ASSERT_EQUAL(hp_raw_pieces_send(raw, &path,
						   &(struct hp_raw_run){ .data = data, .n = 1,
									 .seg = 9, .last = 9 },
						   NARROW, &lost), -EADDRNOTAVAIL);
		close(fd);
		netns_enter(ns_server);
		CU_ASSERT(netns_sh("ip addr del %s/128 dev lo", far[1]));
		end();
	}
}

/* ---- forged octets */

/* From the router's namespace: an ICMP message of any content. */
static void forge(int v6, const uint8_t *p, size_t len)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	int fd;

	inet_pton(AF_INET, ours[0], &four.sin_addr);
	inet_pton(AF_INET6, ours[1], &six.sin6_addr);
	netns_enter(ns_server);
	fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC,
		    v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	CU_ASSERT(sendto(fd, p, len, 0, v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four,
			 v6 ? sizeof(six) : sizeof(four)) >= 0);
	close(fd);
	netns_enter(ns_gateway);
}

static size_t true_error(int v6, uint8_t *p)
{
	struct hp_ip_head h = { .src = addr(ours[v6]), .dst = addr(far[v6]), .payload_len = 1400,
				.proto = HP_PROTO_ESP, .ttl = 60, .df = true };
	size_t n;

	memset(p, 0, 64);
	p[0] = v6 ? 2 : 3;
	p[1] = v6 ? 0 : 4;
	hp_put16(p + 6, 1310);
	n = 8 + hp_ip_build(p + 8, &h);
	hp_put32(p + n, 0x11223344);
	hp_put32(p + n + 4, 5);
	if (!v6)
		hp_put16(p + 2, hp_csum_finish(hp_csum_add(0, p, n + 8)));
	return n + 8;
}

static void a_wrong_checksum_or_a_cut_quote_is_passed_over(void)
{
	uint8_t p[64];
	size_t len;

	for (int v6 = 0; v6 < 2; v6++) {
		begin();
		len = true_error(v6, p);
		for (size_t n = 8; n < len; n += 4) {
			uint8_t cut[64];

			memcpy(cut, p, n);
			hp_put16(cut + 2, 0);
			if (!v6)
				hp_put16(cut + 2, hp_csum_finish(hp_csum_add(0, cut, n)));
			forge(v6, cut, n);
		}
		p[3] ^= 1;
		if (!v6)
			forge(v6, p, len);
		p[3] ^= 1;
		/* Somebody else's packet: an error goes to the source of what it quotes. */
		p[v6 ? 8 + 23 : 8 + 15] ^= 9;
		if (!v6)
			hp_put16(p + 2, 0);
		if (!v6)
			hp_put16(p + 2, hp_csum_finish(hp_csum_add(0, p, len)));
		forge(v6, p, len);
		true_error(v6, p);
		forge(v6, p, len);
		until(&heard.n, 1);
		a_while();
		CU_ASSERT_EQUAL(heard.n, 1);
		CU_ASSERT_EQUAL(heard.mtu, 1310);
		CU_ASSERT_EQUAL(heard.q.spi, 0x11223344);
		end();
	}
}

/* ---- errors go out */

static int icmp_socket(int v6)
{
	int fd;

	netns_enter(ns_server);
	fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	netns_enter(ns_gateway);
	return fd;
}

/* The next message of this type, IPv4 with its header taken off.  Octets, 0: none came. */
static size_t icmp_next(int fd, int v6, uint8_t type, uint8_t buf[2048])
{
	uint64_t end_ms = hp_clock_ms(&hp_clock_monotonic) + 20000;

	while (hp_clock_ms(&hp_clock_monotonic) < end_ms) {
		ssize_t n = recv(fd, buf, 2048, 0), head = v6 ? 0 : 20;

		if (n > head && buf[head] == type) {
			memmove(buf, buf + head, (size_t)(n - head));
			return (size_t)(n - head);
		}
		if (n < 0)
			hp_loop_once(loop, 20);
	}
	return 0;
}

static void a_parameter_problem_points_at_the_octet(void)
{
	uint8_t msg[600], got[2048];

	memset(msg, 0x5a, sizeof(msg));
	for (int i = 0; i < 4; i++) {
		int v6 = i & 1, fd = icmp_socket(v6);
		bool udp = i & 2;
		struct hp_path path = { .src = addr(ours[v6]), .dst = addr(router[v6]) };
		size_t head = (v6 ? 40 : 20) + (udp ? 12 : 0), n;

		if (udp) {
			path.sport = PORT;
			path.dport = 40000;
		}
		begin();
		CU_ASSERT_EQUAL(hp_raw_problem_send(raw, &path, msg, sizeof(msg), 3), 0);
		n = icmp_next(fd, v6, v6 ? 4 : 12, got);
		CU_ASSERT_EQUAL(got[1], 0);
		CU_ASSERT_EQUAL(v6 ? hp_get32(got + 4) : got[4], head + 3);
		if (!v6)
			CU_ASSERT_EQUAL(hp_csum_fold(hp_csum_add(0, got, n)), 0xffff);
		/* The quote is the packet as it came from the peer. */
		CU_ASSERT_EQUAL(n, v6 ? 8 + head + 600 : 576 - 20);
		CU_ASSERT_EQUAL(got[8] >> 4, v6 ? 6 : 4);
		CU_ASSERT_EQUAL(got[8 + (v6 ? 6 : 9)], udp ? 17 : 139);
		CU_ASSERT(!memcmp(got + 8 + (v6 ? 8 : 12), v6 ? path.dst.b : path.dst.b + 12,
				  v6 ? 16 : 4));
		CU_ASSERT_EQUAL(got[8 + head + 3], 0x5a);
		if (udp) {
			CU_ASSERT_EQUAL(hp_get16(got + 8 + head - 12), 40000);
			CU_ASSERT_EQUAL(hp_get16(got + 8 + head - 10), PORT);
			CU_ASSERT_EQUAL(hp_get32(got + 8 + head - 4), 0);
		}
		end();
		close(fd);
	}
}

static const struct hp_test tests[] = {
	HP_TEST(a_routers_error_is_read_in_both_families_and_transports),
	HP_TEST(an_error_about_a_burst_is_read),
	HP_TEST(the_kernels_path_mtu_does_not_count),
	HP_TEST(the_link_and_the_route_decide),
	HP_TEST(fragments_fit_the_path),
	HP_TEST(a_wrong_checksum_or_a_cut_quote_is_passed_over),
	HP_TEST(a_parameter_problem_points_at_the_octet),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return gateway_main("io_icmp", tests, argc, argv);
}
