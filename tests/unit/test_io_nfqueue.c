/* SPDX-License-Identifier: MIT
 *
 * NFQUEUE against a real kernel (see gateway.h).
 */
#include "gateway.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/nfqueue.h"
#include "io/rules.h"

/* ---- NFQUEUE */

enum what_to_do { ACCEPT, ACCEPT_MARK, DROP, HOLD };

struct consumer {
	struct hp_nfq *nfq;
	enum what_to_do what;
	int packets, gso, partial, headroom_short, bad, from_second;
	struct hp_packet *held[8];
	int n_held;
};

static void consume(struct consumer *c, struct hp_packet *p)
{
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

static void on_captured(void *ctx, struct hp_packet *const *p, unsigned int n)
{
	CU_ASSERT(n > 0);
	for (unsigned int i = 0; i < n; i++)
		consume(ctx, p[i]);
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
	hp_nfq_flush(c.nfq);
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
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return gateway_main("io_nfqueue", tests, argc, argv);
}
