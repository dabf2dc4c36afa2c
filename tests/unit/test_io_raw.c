/* SPDX-License-Identifier: MIT
 *
 * Raw sockets, routing and privileges against a real kernel (see gateway.h).
 */
#include "gateway.h"

#include <errno.h>
#include <fcntl.h>
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

/* ---- raw sockets */

struct raw_seen {
	int hip, esp;
	struct hp_path path;
	uint8_t msg[4096];
	size_t len;
	struct hp_esp_arrived last;
	uint8_t first, end; /* octets of the last ESP packet */
	size_t esp_octets;
	unsigned int most; /* packets that came together */
	bool uniform;      /* packets of one value each are expected: 1, 2, ... */
	unsigned int bad;  /* octets that are none of it */
};

static void on_hip(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len)
{
	struct raw_seen *s = ctx;

	s->hip++;
	s->path = *path;
	s->len = len;
	memcpy(s->msg, msg, len);
}

static void on_one(struct raw_seen *s, const struct hp_esp_arrived *r)
{
	CU_ASSERT_EQUAL(r->n, 1);
	for (uint32_t i = 0; s->uniform && i < r->last; i++)
		s->bad += r->data[i] != r->data[0] || r->data[0] < 1 || r->data[0] > 5;
	s->esp++;
	s->esp_octets += r->last;
	s->last = *r;
	s->first = r->data[0];
	s->end = r->data[r->last - 1];
}

static void on_esp(void *ctx, const struct hp_esp_arrived *r, unsigned int n)
{
	struct raw_seen *s = ctx;

	s->most = n > s->most ? n : s->most;
	for (unsigned int i = 0; i < n; i++)
		on_one(s, &r[i]);
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

/* Longer than most, so that each is received in two parts; all of them in one burst. */
static void long_ones_stay_apart(struct raw_pair *rp, const struct hp_path *path, uint8_t *data)
{
	struct hp_raw_run run = {.data = data, .n = 5, .seg = 9000, .last = 9000, .df = false};
	int before = rp->seen_there.esp;

	for (int i = 0; i < 5; i++)
		memset(data + i * 9000, i + 1, 9000);
	rp->seen_there.bad = 0;
	rp->seen_there.uniform = true;
	CU_ASSERT(!hp_raw_esp_send(rp->here, path, &run, &lost));
	until(&rp->seen_there.esp, before + 5);
	CU_ASSERT_EQUAL(rp->seen_there.esp, before + 5);
	CU_ASSERT_EQUAL(rp->seen_there.last.last, 9000);
	CU_ASSERT_EQUAL(rp->seen_there.bad, 0);
}

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
	CU_ASSERT(rp.seen_there.most > 1);
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
	long_ones_stay_apart(&rp, &path, data);
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

static void unasked(void *ctx, struct hp_packet *const *p, unsigned int n)
{
	(void)ctx;
	for (unsigned int i = 0; i < n; i++)
		hp_pool_put(pool, p[i]);
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
	if (hp_nfq_open(loop, pool, &cfg, unasked, NULL, &nfq, &e))
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
	HP_TEST(hip_messages_longer_than_the_link_cross),
	HP_TEST(esp_crosses_with_its_outer_header),
	HP_TEST(a_refused_esp_packet_is_passed_over),
	HP_TEST(esp_does_not_exceed_the_link),
	HP_TEST(a_source_that_is_not_ours_is_refused),
	HP_TEST(routing_tells_source_and_path_mtu),
	HP_TEST(one_capability_is_enough_afterwards),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return gateway_main("io_raw", tests, argc, argv);
}
