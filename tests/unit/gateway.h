/* SPDX-License-Identifier: MIT
 *
 * A gateway between two hosts, in network namespaces of this process's own, for tests that want a
 * real kernel:
 *
 *	client 10.1.0.2 -- 10.1.0.1 gateway 10.2.0.1 -- 10.2.0.2 server
 *	   2001:db8:1::2 -- ::1              2:: ::1 -- 2001:db8:2::2
 *
 * Everything under test runs in the gateway.
 */
#ifndef HP_TESTS_GATEWAY_H
#define HP_TESTS_GATEWAY_H

#include "../harness.h"
#include "io/rules.h"
#include "io/tun.h"
#include "netns.h"

#define MARK  0x10000u
#define QUEUE 4000

extern int ns_client, ns_gateway, ns_server;
extern struct hp_timers timers;
extern struct hp_loop *loop;
extern struct hp_pool *pool;

/* Makes all of it and runs the tests in the gateway; for main to return (77: it can't be made). */
int gateway_main(const char *suite, const struct hp_test *tests, int argc, char **argv);

struct hp_addr addr(const char *s);
/* Rounds of the loop until *n reaches want, or twenty seconds have passed: a machine may be busy. */
void until(const int *n, int want);
void a_while(void);
/* A socket made in another namespace stays there. */
int socket_in(int ns, int type, const char *ip, uint16_t port);
int connect_to(int fd, const char *ip, uint16_t port);
struct hp_rules_cfg rules_cfg(enum hp_rules_backend backend);

/* What the rules are, without counters and times, and without tables that hold nothing:
 * the first rule makes a table's built-in chains appear for good. */
char *rules_now(void);
unsigned int count_of(const char *text, const char *what);
/* Datagrams that fd has got.  Waits for want of them, as until does, and a moment for more. */
int received(int fd, int want);

/* What came by a TUN device whose callback is on_tun. */
struct tun_seen {
	int packets, udp, gso, partial;
	size_t octets;
	struct hp_packet last;
};

void on_tun(void *ctx, struct hp_packets *from);

#endif
