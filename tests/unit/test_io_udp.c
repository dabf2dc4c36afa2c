/* SPDX-License-Identifier: MIT
 *
 * UDP ports of plugins against a real kernel: runs out by UDP_SEGMENT and in by UDP_GRO, with outer
 * header and path MTU.  How HIP is told from ESP there is tests/plugins/test_natudp.c.
 *
 *	gateway 10.2.0.1 2001:db8:2::1 -- 10.2.0.2 2001:db8:2::2 server
 */
#include "../harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "io/udp.h"
#include "netns.h"
#include "wire/hip.h"

#define MARK 0x10000u
#define PORT 10500

static int ns_gateway, ns_server;
static struct hp_timers timers;
static struct hp_loop *loop;

struct seen {
	int n;
	uint8_t msg[4096]; /* the latest one */
	size_t len;
	struct hp_outer_run last;
	size_t octets;
	unsigned long sum; /* of numbers in the packets: all are there, none twice */
	bool in_order;
	uint32_t next;
};

static struct hp_outer_port *here, *there;
static uint32_t lost;
static struct seen seen_here, seen_there;

static struct hp_addr addr(const char *s)
{
	struct hp_addr a = { { 0 } };

	CU_ASSERT(!hp_addr_parse(s, &a));
	return a;
}

static void until(const int *n, int want)
{
	uint64_t end = hp_clock_ms(&hp_clock_monotonic) + 20000;

	while (*n < want && hp_clock_ms(&hp_clock_monotonic) < end)
		hp_loop_once(loop, 20);
}

static void on_one(struct seen *s, const uint8_t *p, size_t len)
{
	uint32_t n = len < 8 ? 0 : hp_get32(p + 4);

	s->n++;
	s->octets += len;
	s->sum += n;
	s->in_order = s->in_order && n == s->next;
	s->next++;
}

static void on_run(struct seen *s, const struct hp_outer_run *r)
{
	CU_ASSERT_EQUAL(r->kind, HP_OUTER_DATAGRAMS);
	CU_ASSERT(r->port == (s == &seen_here ? here : there));
	for (uint32_t i = 0; i < r->n; i++)
		on_one(s, r->data + (size_t)i * r->seg, hp_outer_len(r, i));
	s->len = r->last;
	memcpy(s->msg, r->data + (size_t)(r->n - 1) * r->seg,
	       s->len < sizeof(s->msg) ? s->len : sizeof(s->msg));
	s->last = *r;
}

static void on_runs(void *ctx, struct hp_outer_run *r, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		on_run(ctx, &r[i]);
}

static void pair_open(void)
{
	struct hp_encap_cfg cfg = { .mark = MARK, .port = PORT };
	struct hp_encap_ops ops = { .ctx = &seen_here, .arrived = on_runs };
	struct hp_io_err e = { "" };

	memset(&seen_here, 0, sizeof(seen_here));
	memset(&seen_there, 0, sizeof(seen_there));
	seen_there.in_order = true;
	netns_enter(ns_gateway);
	CU_ASSERT_EQUAL_FATAL(hp_encap_open(loop, &cfg, &ops, &here, &e), 0);
	ops.ctx = &seen_there;
	netns_enter(ns_server);
	CU_ASSERT_EQUAL_FATAL(hp_encap_open(loop, &cfg, &ops, &there, &e), 0);
	netns_enter(ns_gateway);
}

static void pair_close(void)
{
	hp_encap_close(here);
	hp_encap_close(there);
}

static const char *const sources[] = { "10.2.0.1", "2001:db8:2::1" };
static const char *const targets[] = { "10.2.0.2", "2001:db8:2::2" };

static struct hp_path path_of(int v6)
{
	return (struct hp_path){ .src = addr(sources[v6]), .dst = addr(targets[v6]),
				 .sport = PORT, .dport = PORT };
}

static void messages_cross_and_can_be_answered(void)
{
	uint8_t msg[2008];

	for (size_t i = 0; i < sizeof(msg); i++)
		msg[i] = (uint8_t)i;
	for (int v6 = 0; v6 < 2; v6++) {
		struct hp_path path = path_of(v6);

		pair_open();
		/* Longer than the link. */
		CU_ASSERT(!hp_encap_control_send(here, &path, msg, sizeof(msg)));
		until(&seen_there.n, 1);
		CU_ASSERT_EQUAL(seen_there.len, sizeof(msg));
		CU_ASSERT(!memcmp(seen_there.msg, msg, sizeof(msg)));
		CU_ASSERT(hp_addr_eq(&seen_there.last.path.dst, &path.src));
		CU_ASSERT(hp_addr_eq(&seen_there.last.path.src, &path.dst));
		CU_ASSERT_EQUAL(seen_there.last.path.sport, PORT);
		CU_ASSERT_EQUAL(seen_there.last.path.dport, PORT);
		CU_ASSERT(!hp_encap_control_send(there, &seen_there.last.path, msg, 40));
		until(&seen_here.n, 1);
		CU_ASSERT_EQUAL(seen_here.len, 40);
		/* The kernel may choose the source; without a port it is no path in UDP. */
		memset(&path.src, 0, sizeof(path.src));
		CU_ASSERT(!hp_encap_control_send(here, &path, msg, 48));
		until(&seen_there.n, 2);
		CU_ASSERT_EQUAL(seen_there.len, 48);
		path.dport = 0;
		CU_ASSERT_EQUAL(hp_encap_control_send(here, &path, msg, 40), -EINVAL);
		pair_close();
	}
}

static uint8_t *numbered(uint32_t n, uint32_t seg)
{
	uint8_t *data = calloc(n, seg);

	for (uint32_t i = 0; i < n; i++) {
		hp_put32(data + (size_t)i * seg, 0x12345678);
		hp_put32(data + (size_t)i * seg + 4, i);
	}
	return data;
}

static void crosses(int v6, uint32_t n, uint32_t seg, uint32_t last)
{
	struct hp_path path = path_of(v6);
	uint8_t *data = numbered(n, seg);
	struct hp_raw_run run = { .data = data, .n = n, .seg = seg, .last = last,
				  .tos = 0xb8, .ttl = 33, .df = true };

	pair_open();
	CU_ASSERT(!hp_encap_run_send(here, &path, &run, &lost));
	until(&seen_there.n, (int)n);
	CU_ASSERT_EQUAL(seen_there.n, (int)n);
	CU_ASSERT_EQUAL(seen_there.octets, (size_t)(n - 1) * seg + last);
	CU_ASSERT_EQUAL(seen_there.sum, (unsigned long)n * (n - 1) / 2);
	CU_ASSERT_TRUE(seen_there.in_order);
	CU_ASSERT_EQUAL(seen_there.last.last, last);
	CU_ASSERT_EQUAL(seen_there.last.tos, 0xb8);
	CU_ASSERT_EQUAL(seen_there.last.ttl, 33);
	CU_ASSERT_EQUAL(seen_there.last.path.sport, PORT);
	CU_ASSERT_EQUAL(seen_there.last.path.dport, PORT);
	CU_ASSERT(hp_addr_eq(&seen_there.last.path.dst, &path.src));
	CU_ASSERT(hp_addr_eq(&seen_there.last.path.src, &path.dst));
	CU_ASSERT_EQUAL(hp_encap_counts(here)->out, n);
	CU_ASSERT_EQUAL(hp_encap_counts(there)->in, n);
	pair_close();
	free(data);
}

static void runs_cross_whole_and_in_order(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		crosses(v6, 1, 1400, 1400);
		crosses(v6, 2, 1400, 1400);
		crosses(v6, 40, 1400, 77);
		crosses(v6, 64, 1000, 1000);
		crosses(v6, 46, 1412, 1412);
		/* More than one call takes: by number, and by octets. */
		crosses(v6, 65, 60, 60);
		crosses(v6, 200, 100, 99);
		crosses(v6, 100, 1400, 900);
	}
}

/* Without offloads the kernel cuts in software. */
static void runs_cross_links_without_offloads(void)
{
	netns_enter(ns_gateway);
	netns_sh("ethtool -K veths tso off gso off gro off tx off >/dev/null 2>&1");
	runs_cross_whole_and_in_order();
	netns_enter(ns_gateway);
	netns_sh("ethtool -K veths tso on gso on gro on tx on >/dev/null 2>&1");
}

static void what_is_too_long_for_the_path_is_refused_or_fragmented(void)
{
	static uint8_t data[65536];
	struct hp_raw_run run;

	hp_put32(data, 0x12345678);
	hp_put32(data + 3000, 0x12345678);
	for (int v6 = 0; v6 < 2; v6++) {
		struct hp_path path = path_of(v6);

		pair_open();
		run = (struct hp_raw_run){ .data = data, .n = 1, .seg = 9000, .last = 9000,
					   .df = true };
		CU_ASSERT_EQUAL(hp_encap_run_send(here, &path, &run, &lost), -EMSGSIZE);
		run.n = 2;
		run.seg = run.last = 3000;
		CU_ASSERT_EQUAL(hp_encap_run_send(here, &path, &run, &lost), -EMSGSIZE);
		run = (struct hp_raw_run){ .data = data, .n = 1, .seg = 9000, .last = 9000 };
		CU_ASSERT(!hp_encap_run_send(here, &path, &run, &lost));
		until(&seen_there.n, 1);
		CU_ASSERT_EQUAL(seen_there.last.last, 9000);
		CU_ASSERT_EQUAL(seen_there.octets, 9000);
		pair_close();
	}
}

/* Datagrams around the path's MTU in bursts: UDP_SEGMENT can't fragment them. */
static void burst_fragmented(int v6, uint32_t n, uint32_t seg, uint32_t last)
{
	struct hp_path path = path_of(v6);
	uint8_t *data = numbered(n, seg);
	struct hp_raw_run run = { .data = data, .n = n, .seg = seg, .last = last, .df = false };

	pair_open();
	lost = 99;
	CU_ASSERT(!hp_encap_run_send(here, &path, &run, &lost));
	CU_ASSERT_EQUAL(lost, 0);
	until(&seen_there.n, (int)n);
	CU_ASSERT_EQUAL(seen_there.n, (int)n);
	CU_ASSERT_EQUAL(seen_there.octets, (size_t)(n - 1) * seg + last);
	CU_ASSERT_EQUAL(seen_there.sum, (unsigned long)n * (n - 1) / 2);
	CU_ASSERT_EQUAL(hp_encap_counts(here)->out, n);
	CU_ASSERT_EQUAL(hp_encap_counts(here)->errors + hp_encap_counts(here)->full, 0);
	pair_close();
	free(data);
}

static void bursts_of_any_size_are_fragmented_where_that_is_allowed(void)
{
	static const uint32_t sizes[] = { 1452, 1453, 1472, 1473, 1500, 2000, 3000, 9000, 21000 };

	for (int v6 = 0; v6 < 2; v6++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			uint32_t n = 60000 / sizes[i] < 10 ? 60000 / sizes[i] : 10;

			burst_fragmented(v6, n, sizes[i], sizes[i]);
			burst_fragmented(v6, n, sizes[i], 100);
		}
}

/* The last, shorter packet fits the path: it does not share the fate of the others. */
static void a_refused_packet_does_not_take_others_along(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct hp_path path = path_of(v6);
		uint8_t *data = numbered(5, 3000);
		struct hp_raw_run run = { .data = data, .n = 5, .seg = 3000, .last = 200,
					  .df = true };

		pair_open();
		CU_ASSERT_EQUAL(hp_encap_run_send(here, &path, &run, &lost), -EMSGSIZE);
		CU_ASSERT_EQUAL(lost, 4);
		until(&seen_there.n, 1);
		CU_ASSERT_EQUAL(seen_there.octets, 200);
		CU_ASSERT_EQUAL(hp_encap_counts(here)->out, 1);
		pair_close();
		free(data);
	}
}

static void rubbish(size_t len, uint32_t word)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct hp_addr dst = addr("10.2.0.2");
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint8_t *p = calloc(1, len + 4);

	hp_put32(p, word);
	to.sin_addr.s_addr = hp_addr_to4(&dst);
	CU_ASSERT(sendto(fd, p, len, 0, (void *)&to, sizeof(to)) == (ssize_t)len);
	free(p);
	close(fd);
}

/* The shortest there are, an empty one among them. */
static void datagrams_of_any_sender_and_length_arrive(void)
{
	static const size_t lengths[] = { 0, 1, 3, 44, 3000 };

	pair_open();
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		rubbish(lengths[i], 0x12345678);
		until(&seen_there.n, (int)i + 1);
		CU_ASSERT_EQUAL(seen_there.last.n, 1);
		CU_ASSERT_EQUAL(seen_there.len, lengths[i]);
	}
	CU_ASSERT(seen_there.last.path.dport && seen_there.last.path.dport != PORT);
	CU_ASSERT_EQUAL(hp_encap_counts(there)->malformed, 0);
	pair_close();
}

static void a_port_that_is_taken_is_told(void)
{
	struct hp_encap_cfg cfg = { .mark = MARK, .port = PORT };
	struct hp_encap_ops ops = { .ctx = &seen_here, .arrived = on_runs };
	struct hp_io_err e = { "" };
	struct hp_outer_port *second = NULL;

	pair_open();
	CU_ASSERT_EQUAL(hp_encap_open(loop, &cfg, &ops, &second, &e), -EADDRINUSE);
	CU_ASSERT(strstr(e.text, "10500") != NULL);
	pair_close();
}

static const struct hp_test tests[] = {
	HP_TEST(messages_cross_and_can_be_answered),
	HP_TEST(runs_cross_whole_and_in_order),
	HP_TEST(runs_cross_links_without_offloads),
	HP_TEST(what_is_too_long_for_the_path_is_refused_or_fragmented),
	HP_TEST(bursts_of_any_size_are_fragmented_where_that_is_allowed),
	HP_TEST(a_refused_packet_does_not_take_others_along),
	HP_TEST(datagrams_of_any_sender_and_length_arrive),
	HP_TEST(a_port_that_is_taken_is_told),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int r;

	if (!netns_available())
		return 77;
	ns_server = netns_new();
	ns_gateway = netns_new();
	if (!netns_link(ns_gateway, "veths", "10.2.0.1/24", "2001:db8:2::1/64", ns_server, "eth0",
			"10.2.0.2/24", "2001:db8:2::2/64")) {
		printf("skipped: veth does not work here\n");
		return 77;
	}
	hp_timers_init(&timers, hp_clock_ms(&hp_clock_monotonic));
	loop = hp_loop_new(&timers, &hp_clock_monotonic);
	r = hp_test_main("io_udp", tests, argc, argv);
	hp_loop_free(loop);
	return r;
}
