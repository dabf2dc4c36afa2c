/* SPDX-License-Identifier: MIT
 *
 * What the gate costs in the kernel, with N peers (10,000, unless said): as root, in a network
 * namespace of its own.  Prints JSON: medians of processor time, in microseconds.
 *
 *	compare_us	the wanted state is built, the kernel's is read, nothing is to be done
 *	repair_us	the same, and one route that others removed is put back
 *	guard_us	the guard's table is written anew
 *	learn_us	a HIT is learned: routes and guard
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* unshare */
#endif
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/fib.h"
#include "io/guard.h"

#define ROUNDS 15
#define LAN    "lan0"

struct bench {
	struct hp_fib *fib;
	struct hp_guard *guard;
	struct hp_gate_want want;
	struct hp_gate_state wanted;
	unsigned int next; /* HIT to learn */
};

static void die(const char *what, int err)
{
	fprintf(stderr, "bench/gate: %s: %s\n", what, strerror(-err));
	exit(1);
}

/* Processor time: all of it is system calls, and other load on the machine does not count. */
static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(struct bench *b, void (*work)(struct bench *), void (*before)(struct bench *))
{
	double took[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		if (before)
			before(b);
		took[i] = now_us();
		work(b);
		took[i] = now_us() - took[i];
	}
	qsort(took, ROUNDS, sizeof(*took), by_size);
	return took[ROUNDS / 2];
}

/* ---- what is measured */

static void compare(struct bench *b)
{
	struct hp_gate_state want, have;
	struct hp_gate_op *ops = NULL;
	size_t n, failed;
	int err = hp_gate_build(&b->want, &want);

	if (!err)
		err = hp_fib_read(b->fib, &have);
	if (!err)
		err = hp_gate_diff(&have, &want, &ops, &n);
	if (!err)
		err = hp_fib_apply(b->fib, ops, n, &failed);
	if (err)
		die("comparing", err);
	free(ops);
	hp_gate_state_free(&have);
	hp_gate_state_free(&b->wanted);
	b->wanted = want;
}

static void take_away(struct bench *b)
{
	struct hp_gate_op op = { .add = false, .route = &b->wanted.routes[b->wanted.n_routes / 2] };
	size_t failed;
	int err = hp_fib_apply(b->fib, &op, 1, &failed);

	if (err)
		die("removing a route", err);
}

static void guard(struct bench *b)
{
	struct hp_guard_cfg cfg = { .want = &b->want, .tun = "hip0" };
	struct hp_io_err e = { "" };
	int err = hp_guard_set(b->guard, &cfg, &e);

	if (err)
		die(e.text, err);
}

static void learn(struct bench *b)
{
	struct hp_prefix to = { .addr = { .b = { [10] = 0xff, [11] = 0xff, [12] = 198, [13] = 18 } },
				.bits = 128 };
	struct hp_gate_route routes[2];
	struct hp_gate_op ops[2];
	size_t n, failed;
	int err;

	to.addr.b[14] = (uint8_t)(b->next >> 8);
	to.addr.b[15] = (uint8_t)b->next++;
	hp_gate_routes_of(&b->want, &to, routes, &n);
	for (size_t i = 0; i < n; i++)
		ops[i] = (struct hp_gate_op){ .add = true, .route = &routes[i] };
	err = hp_fib_apply(b->fib, ops, n, &failed);
	if (!err)
		err = hp_guard_learn(b->guard, &to.addr, true);
	if (err)
		die("learning", err);
}

/* ---- the namespace */

static void loopback_up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r) < 0) {
		perror("bench/gate: lo");
		exit(1);
	}
	close(fd);
}

/* Half of the peers have IPv4 addresses, half IPv6. */
static void peers(struct hp_gate_want *w, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct hp_prefix p = { .bits = 128 };

		if (i % 2) {
			p.addr.b[0] = 0xfd;
			p.addr.b[14] = (uint8_t)(i >> 8);
			p.addr.b[15] = (uint8_t)i;
		} else {
			p.addr.b[10] = p.addr.b[11] = 0xff;
			p.addr.b[12] = 10;
			p.addr.b[13] = 200;
			p.addr.b[14] = (uint8_t)(i >> 8);
			p.addr.b[15] = (uint8_t)i;
		}
		if (hp_gate_prefix_add(&w->protected, &p))
			die("memory", -12);
	}
}

int main(int argc, char **argv)
{
	static const char *const devices[] = { LAN };
	struct bench b = { .want = { .clients = true, .learns = true, .ipv6 = true, .lan = devices,
				     .interfaces = devices, .n_interfaces = 1, .n_lan = 1 } };
	struct hp_prefix net = { .addr = { .b = { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1 } },
				 .bits = 112 };
	int n = argc > 1 ? atoi(argv[1]) : 10000, err;

	if (n < 2 || n > 65536 || unshare(CLONE_NEWNET)) {
		fputs("usage: bench/gate [PEERS], as root\n", stderr);
		return 2;
	}
	loopback_up();
	b.want.ifindex = 1; /* a device that is up, instead of hip0 */
	peers(&b.want, (unsigned int)n);
	err = hp_gate_prefix_add(&b.want.networks, &net);
	if (!err)
		err = hp_fib_open(NULL, NULL, NULL, &b.fib);
	if (!err)
		err = hp_guard_open(&b.guard);
	if (err)
		die("opening", err);
	compare(&b);
	guard(&b);
	printf("{\"peers\": %d, \"compare_us\": %.0f, ", n, median(&b, compare, NULL));
	printf("\"repair_us\": %.0f, ", median(&b, compare, take_away));
	printf("\"guard_us\": %.0f, ", median(&b, guard, NULL));
	printf("\"learn_us\": %.0f}\n", median(&b, learn, NULL));
	free(b.want.protected.at);
	free(b.want.networks.at);
	hp_gate_state_free(&b.wanted);
	hp_guard_close(b.guard);
	hp_fib_close(b.fib);
	return 0;
}
