/* SPDX-License-Identifier: MIT
 *
 * Loop, job pool, packet pool, helper programs and the text of rules: what needs no root.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/jobs.h"
#include "io/loop.h"
#include "io/pool.h"
#include "io/rules.h"
#include "io/run.h"
#include "../harness.h"

static struct hp_timers timers;

static struct hp_loop *loop_new(void)
{
	hp_timers_init(&timers, hp_clock_ms(&hp_clock_monotonic));
	return hp_loop_new(&timers, &hp_clock_monotonic);
}

/* ---- loop */

struct pair {
	struct hp_loop *loop;
	struct hp_watch a, b;
	int fd_a, fd_b, calls;
};

static void delete_both(void *ctx, uint32_t events)
{
	struct pair *p = ctx;

	p->calls++;
	hp_loop_del(p->loop, &p->a);
	hp_loop_del(p->loop, &p->b);
}

static void a_deleted_watch_is_not_called_in_the_same_round(void)
{
	struct pair p = {
		.loop = loop_new(), .fd_a = eventfd(1, 0), .fd_b = eventfd(1, 0)};

	CU_ASSERT(!hp_loop_add(p.loop, &p.a, p.fd_a, EPOLLIN, delete_both, &p));
	CU_ASSERT(!hp_loop_add(p.loop, &p.b, p.fd_b, EPOLLIN, delete_both, &p));
	CU_ASSERT_EQUAL(hp_loop_add(p.loop, &p.b, p.fd_b, EPOLLIN, delete_both, &p),
			-EEXIST);
	CU_ASSERT(!hp_loop_once(p.loop, 0));
	CU_ASSERT_EQUAL(p.calls, 1);
	CU_ASSERT(!hp_loop_once(p.loop, 0));
	CU_ASSERT_EQUAL(p.calls, 1);
	close(p.fd_a);
	close(p.fd_b);
	hp_loop_free(p.loop);
}

/* ---- without sleeping */

static void empty_eventfd(void *ctx, uint32_t events)
{
	struct pair *p = ctx;
	uint64_t n;

	CU_ASSERT(read(p->fd_a, &n, sizeof(n)) == sizeof(n));
	p->calls++;
}

static void busy_polling_finds_events_and_timers(void)
{
	struct pair p = { .loop = loop_new(), .fd_a = eventfd(0, EFD_NONBLOCK) };
	uint64_t one = 1, before;

	hp_loop_busy_poll(p.loop, 500);
	CU_ASSERT(!hp_loop_add(p.loop, &p.a, p.fd_a, EPOLLIN, empty_eventfd, &p));
	for (int i = 0; i < 5; i++) {
		CU_ASSERT(write(p.fd_a, &one, sizeof(one)) == sizeof(one));
		CU_ASSERT(!hp_loop_once(p.loop, 100));
		CU_ASSERT_EQUAL(p.calls, i + 1);
	}
	/* Nothing comes: it looks in vain, sleeps for what was asked, and ends. */
	before = hp_clock_ms(&hp_clock_monotonic);
	CU_ASSERT(!hp_loop_once(p.loop, 20));
	CU_ASSERT(hp_clock_ms(&hp_clock_monotonic) - before >= 19);
	CU_ASSERT_EQUAL(p.calls, 5);
	hp_loop_del(p.loop, &p.a);
	close(p.fd_a);
	hp_loop_free(p.loop);
}

static char order[16];

static void note_flush1(void *ctx)
{
	strcat(order, "1");
}

static void note_flush2(void *ctx)
{
	strcat(order, "2");
}

static void note_timer(struct hp_timer *t)
{
	strcat(order, "t");
}

static void note_signal(void *ctx, int signo)
{
	strcat(order, signo == SIGUSR1 ? "s" : "?");
	hp_loop_stop(ctx);
}

static void a_round_is_events_then_timers_then_flushes(void)
{
	struct hp_loop *loop = loop_new();
	struct hp_flush one, two;
	struct hp_timer t;

	order[0] = '\0';
	hp_loop_flush_add(loop, &one, note_flush1, NULL);
	hp_loop_flush_add(loop, &two, note_flush2, NULL);
	hp_timer_init(&t, note_timer);
	hp_timer_set(&timers, &t, 0);
	CU_ASSERT(!hp_loop_signal(loop, SIGUSR1, note_signal, loop));
	raise(SIGUSR1);
	CU_ASSERT(!hp_loop_run(loop));
	CU_ASSERT_STRING_EQUAL(order, "st12");
	hp_loop_flush_del(loop, &one);
	hp_loop_once(loop, 0);
	CU_ASSERT_STRING_EQUAL(order, "st122");
	CU_ASSERT(!hp_loop_signal(loop, SIGUSR1, NULL, NULL));
	CU_ASSERT_EQUAL(hp_loop_signal(loop, 0, note_signal, NULL), -EINVAL);
	hp_loop_flush_del(loop, &two);
	hp_loop_free(loop);
}

static void waiting_ends_with_the_first_timer(void)
{
	struct hp_loop *loop = loop_new();
	uint64_t start = hp_clock_ms(&hp_clock_monotonic), took;
	struct hp_timer t;

	order[0] = '\0';
	hp_timer_init(&t, note_timer);
	hp_timer_set(&timers, &t, start + 20);
	while (!order[0])
		hp_loop_once(loop, 5000);
	took = hp_clock_ms(&hp_clock_monotonic) - start;
	CU_ASSERT(took >= 20 && took < 2000);
	hp_loop_free(loop);
}

/* ---- jobs */

struct test_job {
	struct hp_job job;
	pthread_t ran_on;
	int ran, done;
};

static void test_run(struct hp_job *job)
{
	struct test_job *t = (struct test_job *)(void *)job;

	t->ran_on = pthread_self();
	t->ran++;
}

static void test_done(struct hp_job *job)
{
	((struct test_job *)(void *)job)->done++;
}

static void jobs_run_elsewhere_and_are_done_here(void)
{
	struct hp_loop *loop = loop_new();
	struct hp_jobs *jobs = hp_jobs_new(loop, 2, 100);
	struct test_job t[100] = {0}, extra = {{test_run, test_done, NULL}, 0, 0, 0};
	int i, wrong = 0;

	for (i = 0; i < 100; i++) {
		t[i].job = (struct hp_job){test_run, test_done, NULL};
		CU_ASSERT(!hp_jobs_put(jobs, &t[i].job));
	}
	CU_ASSERT_EQUAL(hp_jobs_put(jobs, &extra.job), -EAGAIN);
	CU_ASSERT(!hp_jobs_start(jobs));
	while (hp_jobs_pending(jobs))
		hp_loop_once(loop, 1000);
	for (i = 0; i < 100; i++)
		wrong += t[i].ran != 1 || t[i].done != 1 ||
			 pthread_equal(t[i].ran_on, pthread_self());
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(extra.done, 0);
	hp_jobs_free(jobs);
	hp_loop_free(loop);
}

static void freeing_the_pool_finishes_every_job(void)
{
	struct hp_loop *loop = loop_new();
	struct hp_jobs *jobs = hp_jobs_new(loop, 1, 1000);
	struct test_job *t = calloc(1000, sizeof(*t));
	int i, wrong = 0;

	CU_ASSERT(!hp_jobs_start(jobs));
	for (i = 0; i < 1000; i++) {
		t[i].job = (struct hp_job){test_run, test_done, NULL};
		CU_ASSERT(!hp_jobs_put(jobs, &t[i].job));
	}
	hp_jobs_free(jobs);
	for (i = 0; i < 1000; i++)
		wrong += t[i].ran != 1 || t[i].done != 1;
	CU_ASSERT_EQUAL(wrong, 0);
	free(t);
	hp_loop_free(loop);
}

/* ---- pool */

static void the_pool_keeps_its_limits(void)
{
	struct hp_pool *pool = hp_pool_new(2, 1);
	struct hp_packet *a = hp_pool_get(pool), *b = hp_pool_get(pool);
	struct hp_packet *s = hp_pool_get_small(pool);

	CU_ASSERT(a && b && s);
	CU_ASSERT_PTR_NULL(hp_pool_get(pool));
	CU_ASSERT_PTR_NULL(hp_pool_get_small(pool));
	CU_ASSERT_EQUAL(hp_pool_counts(pool).empty, 2);
	CU_ASSERT_EQUAL(hp_pool_counts(pool).big_used, 2);
	CU_ASSERT_EQUAL(a->cap, HP_PACKET_CAP);
	CU_ASSERT_EQUAL(s->cap, HP_POOL_SMALL_CAP);
	CU_ASSERT_EQUAL(a->data - a->buf, HP_PACKET_HEADROOM);
	hp_pool_put(pool, b);
	CU_ASSERT_PTR_EQUAL(hp_pool_get(pool), b);
	hp_pool_put(pool, a);
	hp_pool_put(pool, b);
	hp_pool_put(pool, s);
	hp_pool_put(pool, NULL);
	hp_pool_free(pool);
}

static void a_waiting_packet_moves_to_a_small_buffer(void)
{
	struct hp_pool *pool = hp_pool_new(2, 1);
	struct hp_packet *big = hp_pool_get(pool), *other = hp_pool_get(pool), *p;

	memset(big->data, 0xa5, HP_POOL_SMALL_ROOM);
	big->len = HP_POOL_SMALL_ROOM;
	big->queue_id = 77;
	hp_pool_kmark_set(big, 0x1234);
	p = hp_pool_compact(pool, big);
	CU_ASSERT_EQUAL(p->cap, HP_POOL_SMALL_CAP);
	CU_ASSERT_EQUAL(p->len, HP_POOL_SMALL_ROOM);
	CU_ASSERT_EQUAL(p->data[HP_POOL_SMALL_ROOM - 1], 0xa5);
	CU_ASSERT_EQUAL(p->queue_id, 77);
	CU_ASSERT_EQUAL(hp_pool_kmark(p), 0x1234);
	CU_ASSERT_PTR_EQUAL(hp_pool_compact(pool, p), p);
	/* No small one left, and one that is too long. */
	other->len = 10;
	CU_ASSERT_PTR_EQUAL(hp_pool_compact(pool, other), other);
	hp_pool_put(pool, p);
	other->len = HP_POOL_SMALL_ROOM + 1;
	CU_ASSERT_PTR_EQUAL(hp_pool_compact(pool, other), other);
	hp_pool_put(pool, other);
	CU_ASSERT_EQUAL(hp_pool_counts(pool).big_used, 0);
	CU_ASSERT_EQUAL(hp_pool_counts(pool).small_used, 0);
	hp_pool_free(pool);
}

/* ---- helper programs */

static void a_program_gets_its_input_and_its_output_is_kept(void)
{
	static const char *const cat[] = {"cat", NULL};
	size_t len = 300000, i;
	char *big = malloc(len + 1);
	struct hp_run r;

	for (i = 0; i < len; i++)
		big[i] = (char)('a' + i % 26);
	big[len] = '\0';
	CU_ASSERT(!hp_run(cat, big, &r));
	CU_ASSERT_EQUAL(r.status, 0);
	CU_ASSERT_EQUAL(r.out_len, len);
	CU_ASSERT(r.out && !strcmp(r.out, big));
	free(r.out);
	free(big);
}

static void failures_of_programs_are_told(void)
{
	static const char *const none[] = {"no-such-program-here", NULL};
	static const char *const bad[] = {"cat", "/nonexistent/x", NULL};
	static const char *const quiet[] = {"true", NULL};
	struct hp_run r;

	CU_ASSERT_EQUAL(hp_run(none, NULL, &r), -ENOENT);
	CU_ASSERT(!hp_run(bad, NULL, &r));
	CU_ASSERT_EQUAL(r.status, 1);
	CU_ASSERT(strstr(r.errors, "/nonexistent/x: No such file") != NULL);
	free(r.out);
	/* One that does not read its input is no reason to die of SIGPIPE. */
	CU_ASSERT(!hp_run(quiet, "input that nobody wants", &r));
	CU_ASSERT_EQUAL(r.status, 0);
	free(r.out);
}

/* ---- rules */

static struct hp_prefix prefix(const char *s)
{
	struct hp_prefix p = {{{0}}, 0};

	CU_ASSERT(!hp_prefix_parse(s, &p));
	return p;
}

static struct hp_rules_cfg rules_cfg(void)
{
	return (struct hp_rules_cfg){
		.queue = 100, .mark = 0x10000, .mask = 0x10000, .tun_mark = 0x20000, .tun = "hip0"};
}

static void iptables_text_names_each_interface_and_network(void)
{
	static const char *const devs[] = {"vethc", "vethd"};
	struct hp_prefix nets[] = {prefix("10.1.0.0/24"), prefix("2001:db8:1::/64")};
	struct hp_prefix hosts[] = {prefix("192.0.2.0/24")};
	struct hp_rules_cfg cfg = rules_cfg();
	char *four, *six;

	cfg.interfaces = devs;
	cfg.n_interfaces = 2;
	cfg.networks = nets;
	cfg.n_networks = 2;
	cfg.hip_hosts = hosts;
	cfg.n_hip_hosts = 1;
	cfg.fail_open = true;
	four = hp_rules_iptables_text(&cfg, 4, "");
	six = hp_rules_iptables_text(&cfg, 6, "");
	CU_ASSERT(
		strstr(four, "-A HIPPROXY -i vethc -s 10.1.0.0/24 -j HIPPROXY-QUEUE\n") !=
		NULL);
	CU_ASSERT(
		strstr(four, "-A HIPPROXY -i vethd -s 10.1.0.0/24 -j HIPPROXY-QUEUE\n") !=
		NULL);
	CU_ASSERT(strstr(four, "2001:db8") == NULL);
	CU_ASSERT(strstr(four, "-A HIPPROXY -s 192.0.2.0/24 -j RETURN\n"
			       "-A HIPPROXY -d 192.0.2.0/24 -j RETURN\n") != NULL);
	CU_ASSERT(strstr(four, "-p tcp -j NFQUEUE --queue-num 100 --queue-bypass\n") !=
		  NULL);
	CU_ASSERT(strstr(four, "-j NFQUEUE --queue-num 101 --queue-bypass\n") != NULL);
	CU_ASSERT(strstr(six, "-i vethc -s 2001:db8:1::/64 -j HIPPROXY-QUEUE\n") != NULL);
	CU_ASSERT(strstr(six, "192.0.2.0") == NULL);
	free(four);
	free(six);
}

static void leftovers_are_replaced_and_removed_exactly(void)
{
	static const char saved[] = "# a comment\n*filter\n:HIPPROXY - [0:0]\n-A FORWARD "
				    "-j HIPPROXY\nCOMMIT\n"
				    "*mangle\n:FORWARD ACCEPT [0:0]\n:HIPPROXY - "
				    "[0:0]\n:HIPPROXY-MINE - [0:0]\n"
				    "-A FORWARD -j HIPPROXY\n-A FORWARD -j HIPPROXY\n"
				    "-A FORWARD -j HIPPROXY-MINE\n-A FORWARD -s "
				    "10.0.0.0/8 -j HIPPROXY\nCOMMIT";
	struct hp_rules_cfg cfg = rules_cfg();
	char *text = hp_rules_iptables_text(NULL, 4, saved);

	CU_ASSERT_STRING_EQUAL(text,
			       "*mangle\n-D FORWARD -j HIPPROXY\n-D FORWARD -j HIPPROXY\n"
			       "-F HIPPROXY\n-X HIPPROXY\nCOMMIT\n");
	free(text);
	/* Marks and names may have been others. */
	text = hp_rules_iptables_text(
		NULL, 4,
		"*mangle\n:HIPPROXY - [0:0]\n:HIPPROXY-MARK - [0:0]\n"
		"-A FORWARD ! -i tun7 -j HIPPROXY\n"
		"-A FORWARD ! -i tun7 -p tcp -j HIPPROXY\n"
		"-A FORWARD -i tun7 -j HIPPROXY\n"
		"-A FORWARD ! -i tun7 ! -o tun7 -j HIPPROXY\n"
		"-A FORWARD ! -i tun7 ! -o tun7 -s 10.0.0.0/8 -j HIPPROXY\n"
		"-A POSTROUTING -m mark --mark 0x4/0xc -j HIPPROXY-MARK\n"
		"-A POSTROUTING -m mark --mark 0x4/0xc -j HIPPROXY\n"
		"-A POSTROUTING -j HIPPROXY-MARK\n-A OUTPUT\n-A OUTPUT -m mark --mark \nCOMMIT\n"
		"*raw\n-A PREROUTING -i tun7 -j HIPPROXY\n-A PREROUTING -j HIPPROXY\nCOMMIT\n");
	CU_ASSERT_STRING_EQUAL(text, "*mangle\n-D FORWARD ! -i tun7 -j HIPPROXY\n"
				     "-D FORWARD ! -i tun7 ! -o tun7 -j HIPPROXY\n"
				     "-D POSTROUTING -m mark --mark 0x4/0xc -j HIPPROXY-MARK\n"
				     "-D POSTROUTING -j HIPPROXY-MARK\n"
				     "-F HIPPROXY\n-F HIPPROXY-MARK\n"
				     "-X HIPPROXY\n-X HIPPROXY-MARK\nCOMMIT\n"
				     "*raw\n-D PREROUTING -i tun7 -j HIPPROXY\n"
				     "-D PREROUTING -j HIPPROXY\nCOMMIT\n");
	free(text);
	text = hp_rules_iptables_text(NULL, 4,
				      "*mangle\n:FORWARD ACCEPT [0:0]\nCOMMIT\n");
	CU_ASSERT_STRING_EQUAL(text, "");
	free(text);
	text = hp_rules_iptables_text(&cfg, 4, saved);
	CU_ASSERT(strstr(text, "-D FORWARD -j HIPPROXY\n-D FORWARD -j HIPPROXY\n-F HIPPROXY\n") !=
		  NULL);
	CU_ASSERT(strstr(text, "-A HIPPROXY -j HIPPROXY-QUEUE\n") != NULL);
	free(text);
}

static void nft_text_is_one_transaction(void)
{
	struct hp_prefix nets[] = {prefix("10.1.0.0/24"), prefix("2001:db8:1::/64")};
	struct hp_rules_cfg cfg = rules_cfg();
	char *text = hp_rules_nft_text(&cfg);
	static const char head[] =
		"add table inet hipproxy\ndelete table inet hipproxy\n";

	CU_ASSERT(!strncmp(text, head, strlen(head)));
	CU_ASSERT(strstr(text, "\t\tjump capture\n\t}") != NULL);
	CU_ASSERT(strstr(text, "queue num 101\n") != NULL);
	free(text);
	cfg.networks = nets;
	cfg.n_networks = 2;
	text = hp_rules_nft_text(&cfg);
	CU_ASSERT(strstr(text, "\t\tip saddr 10.1.0.0/24 jump capture\n") != NULL);
	CU_ASSERT(strstr(text, "\t\tip6 saddr 2001:db8:1::/64 jump capture\n") != NULL);
	free(text);
}

/* Does b's first occurrence come after a's? */
static bool in_order(const char *text, const char *a, const char *b)
{
	const char *first = strstr(text, a);

	return first && strstr(first, b);
}

static void iptables_text_leaves_the_device_and_what_began_plain_alone(void)
{
	struct hp_rules_cfg cfg = rules_cfg();
	char *four = hp_rules_iptables_text(&cfg, 4, "");

	CU_ASSERT(in_order(four, "*security\n", "-I FORWARD ! -i hip0 ! -o hip0 -j HIPPROXY\n"));
	CU_ASSERT(in_order(four, "-A HIPPROXY -m connmark --mark 0x10000/0x10000 -j RETURN\n",
			   "-A HIPPROXY -j HIPPROXY-QUEUE\n"));
	/* Before a packet is routed it has its connection's mark. */
	CU_ASSERT(in_order(four, "-A HIPPROXY-BEGUN -j CONNMARK --restore-mark",
			   "-I PREROUTING -m connmark --mark 0x10000/0x10000 -j HIPPROXY-BEGUN\n"));
	/* What comes out of ESP has another mark, which no connection gets. */
	CU_ASSERT(in_order(four, "*raw\n", "-A HIPPROXY -j MARK --set-xmark 0x20000/0x20000\n"));
	CU_ASSERT(in_order(four, "*raw\n", "-I PREROUTING -i hip0 -j HIPPROXY\n"));
	CU_ASSERT(strstr(four, "-A OUTPUT -m mark --mark 0x20000/0x20000 -j HIPPROXY-OUT\n") != NULL);
	/* Conntrack follows it: firewalls that know connections must see both ways. */
	CU_ASSERT(!strstr(four, "notrack"));
	/* A port or a protocol of HIP exempts nothing. */
	CU_ASSERT(!strstr(four, "10500") && !strstr(four, "-p 139") && !strstr(four, "-p 50"));
	free(four);
}

static void nft_text_leaves_the_device_and_what_began_plain_alone(void)
{
	struct hp_rules_cfg cfg = rules_cfg();
	char *text = hp_rules_nft_text(&cfg);

	CU_ASSERT(in_order(text, "\t\toifname \"hip0\" return\n", "jump capture\n"));
	CU_ASSERT(in_order(text, "\t\tct mark and 0x10000 == 0x10000 return\n", "jump capture\n"));
	CU_ASSERT(in_order(text, "\tchain begun {\n",
			   "ct mark and 0x10000 == 0x10000 meta mark set meta mark and 0xfffeffff or 0x10000\n"));
	CU_ASSERT(in_order(text, "\tchain from_tun {\n",
			   "iifname \"hip0\" meta mark set meta mark or 0x20000\n"));
	CU_ASSERT(!strstr(text, "notrack") && !strstr(text, "10500") && !strstr(text, "139"));
	free(text);
}

static void unfit_rules_are_refused_before_anything_runs(void)
{
	static const char *const devs[] = {"eth0 -j ACCEPT"};
	struct hp_rules_cfg cfg = rules_cfg();
	struct hp_io_err e = {""};

	cfg.interfaces = devs;
	cfg.n_interfaces = 1;
	CU_ASSERT_EQUAL(hp_rules_install(&cfg, NULL, &e), -EINVAL);
	CU_ASSERT_STRING_EQUAL(e.text,
			       "capture rules: \"eth0 -j ACCEPT\" is no interface name");
	cfg = rules_cfg();
	cfg.mark = 0x30000;
	CU_ASSERT_EQUAL(hp_rules_install(&cfg, NULL, &e), -EINVAL);
	cfg = rules_cfg();
	cfg.tun_mark = 0x10000;
	CU_ASSERT_EQUAL(hp_rules_install(&cfg, NULL, &e), -EINVAL);
	cfg = rules_cfg();
	cfg.queue = 65535;
	CU_ASSERT_EQUAL(hp_rules_install(&cfg, NULL, &e), -EINVAL);
}

static const struct hp_test tests[] = {
	HP_TEST(busy_polling_finds_events_and_timers),
	HP_TEST(a_deleted_watch_is_not_called_in_the_same_round),
	HP_TEST(a_round_is_events_then_timers_then_flushes),
	HP_TEST(waiting_ends_with_the_first_timer),
	HP_TEST(jobs_run_elsewhere_and_are_done_here),
	HP_TEST(freeing_the_pool_finishes_every_job),
	HP_TEST(the_pool_keeps_its_limits),
	HP_TEST(a_waiting_packet_moves_to_a_small_buffer),
	HP_TEST(a_program_gets_its_input_and_its_output_is_kept),
	HP_TEST(failures_of_programs_are_told),
	HP_TEST(iptables_text_names_each_interface_and_network),
	HP_TEST(leftovers_are_replaced_and_removed_exactly),
	HP_TEST(nft_text_is_one_transaction),
	HP_TEST(iptables_text_leaves_the_device_and_what_began_plain_alone),
	HP_TEST(nft_text_leaves_the_device_and_what_began_plain_alone),
	HP_TEST(unfit_rules_are_refused_before_anything_runs),
	HP_TEST_END};

int main(int argc, char **argv)
{
	return hp_test_main("io", tests, argc, argv);
}
