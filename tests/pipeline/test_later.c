/* SPDX-License-Identifier: MIT
 *
 * Services that answer later, by a timer or by a descriptor, and the control stages: an exchange and
 * data both ways meet every stage that --show-pipeline prints.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../harness.h"
#include "lab.h"
#include "pipe/limits.h"

#define SYN 2
#define ACK 16
#define PARAM 40000 /* for private use, not critical */

static struct lab l;

/* ---- a plugin: what the tests say it does */

static struct toy {
	struct hp_instance *self;
	int pipe[2];
	struct hp_plugin_fd *fd;
	struct hp_plugin_timer *timer;
	struct hp_ticket ticket, ended;
	enum { NOBODY, RESOLVER, LOCATOR, BACKEND } asked;
	bool by_fd, never;
	unsigned asks, cancels;
	bool unreachable;
	int answer;
	struct hp_resolve_result resolve;
	struct hp_locate_result locate;
	struct hp_backend_result backend;
	unsigned met[HP_STAGES], built[32], seen_param;
	int add_err;
	bool refuse_auth;
} toy;

static void reply(struct hp_instance *self)
{
	struct hp_ticket t = toy.ticket;

	toy.ended = t;
	toy.ticket.id = 0;
	if (toy.asked == RESOLVER)
		hp_resolve_done(self, t, toy.answer, &toy.resolve);
	else if (toy.asked == LOCATOR)
		hp_locate_done(self, t, toy.answer, &toy.locate);
	else
		hp_backend_done(self, t, toy.answer, &toy.backend);
}

static void on_timer(struct hp_instance *self, void *ctx)
{
	char c = 'x';

	(void)ctx;
	if (!toy.by_fd)
		reply(self);
	else if (write(toy.pipe[1], &c, 1) != 1)
		abort();
}

static void on_fd(struct hp_instance *self, void *ctx, unsigned int events)
{
	char c;

	(void)ctx;
	if ((events & HP_FD_IN) && read(toy.pipe[0], &c, 1) == 1)
		reply(self);
}

static int later(struct hp_ticket t, int what)
{
	toy.asks++;
	toy.asked = what;
	toy.ticket = t;
	if (!toy.never)
		hp_plugin_timer_set(toy.timer, 50);
	return -EINPROGRESS;
}

static int resolve(struct hp_instance *self, const struct hp_resolve_ask *ask, struct hp_ticket t,
		   struct hp_resolve_result *out)
{
	(void)self, (void)ask, (void)out;
	return later(t, RESOLVER);
}

static int locate(struct hp_instance *self, const struct hp_locate_ask *ask, struct hp_ticket t,
		  struct hp_locate_result *out)
{
	(void)self, (void)out;
	toy.unreachable = ask->unreachable;
	return later(t, LOCATOR);
}

static int backend(struct hp_instance *self, const struct hp_backend_ask *ask, struct hp_ticket t,
		   struct hp_backend_result *out)
{
	(void)self, (void)ask, (void)out;
	return later(t, BACKEND);
}

static void cancel(struct hp_instance *self, struct hp_ticket t)
{
	(void)self;
	toy.cancels++;
	toy.ended = t;
	hp_plugin_timer_cancel(toy.timer);
}

static const struct hp_resolver_service resolvers[] = {
	{ .name = "toy", .timeout_ms = 300, .ask = resolve, .cancel = cancel }, { .name = NULL }
};
static const struct hp_locator_service locators[] = {
	{ .name = "toy", .timeout_ms = 300, .ask = locate, .cancel = cancel }, { .name = NULL }
};
static const struct hp_backend_service backends[] = {
	{ .name = "toy", .timeout_ms = 300, .ask = backend, .cancel = cancel }, { .name = NULL }
};

static int start(struct hp_instance *self)
{
	toy.self = self;
	toy.timer = hp_plugin_timer_new(self, on_timer, NULL);
	if (!toy.timer || pipe(toy.pipe))
		return -EIO;
	toy.fd = hp_plugin_fd_watch(self, toy.pipe[0], HP_FD_IN, on_fd, NULL);
	return toy.fd ? 0 : -EIO;
}

static void stop(struct hp_instance *self)
{
	(void)self;
	hp_plugin_fd_unwatch(toy.fd);
	hp_plugin_timer_free(toy.timer);
	close(toy.pipe[0]);
	close(toy.pipe[1]);
}

#define TOY(...) { HP_PLUGIN_HEAD, .name = "toy", .version = "1", .summary = "answers later", \
	.start = start, .stop = stop, __VA_ARGS__ }
static const struct hp_plugin asking_toy = TOY(.resolvers = resolvers, .locators = locators);
static const struct hp_plugin backend_toy = TOY(.backends = backends);

/* ---- worlds */

static void begin(const char *client)
{
	memset(&toy, 0, sizeof(toy));
	lab_init(&l);
	l.stranger = true;
	l.w.s[0].cfg.retransmit_max = 2; /* an exchange without answer ends soon */
	l.n[0].client = client;
	l.n[0].plugin = &asking_toy;
	lab_start(&l);
	toy.resolve = (struct hp_resolve_result){ .hit = l.w.s[1].hit, .n = 1,
						  .locators = { l.w.s[1].addr } };
	toy.locate = (struct hp_locate_result){ .n = 1, .locators = { l.w.s[1].addr } };
}

static void end(void)
{
	CU_ASSERT_TRUE(lab_fini(&l));
}

static void syn(uint16_t port)
{
	struct talk t = lab_talk4(port);

	lab_capture(&l, lab_syn(&t, 1460));
}

static uint64_t late(void)
{
	return hp_registry_late_answers(l.n[0].registry);
}

/* ---- resolvers */

static void answers_after_50_ms(bool by_fd)
{
	begin("resolvers = [ \"toy\" ];");
	toy.by_fd = by_fd;
	syn(1);
	lab_run(&l, 40);
	CU_ASSERT(toy.asks == 1 && hp_hip_count(l.w.s[0].hip) == 0);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
	CU_ASSERT_EQUAL(hp_registry_open_tickets(l.n[0].registry), 1);
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	CU_ASSERT_EQUAL(hp_registry_open_tickets(l.n[0].registry), 0);
	/* A second answer changes nothing. */
	CU_ASSERT_EQUAL(hp_resolve_done(toy.self, toy.ended, 0, &toy.resolve), -ESTALE);
	CU_ASSERT_EQUAL(late(), 1);
	end();
}

static void a_resolver_answers_by_a_timer(void)
{
	answers_after_50_ms(false);
}

static void a_resolver_answers_by_a_descriptor(void)
{
	answers_after_50_ms(true);
}

static void a_resolver_that_does_not_answer_is_cancelled(void)
{
	begin("resolvers = [ \"toy\" ]; unknown = \"block\";");
	toy.never = true;
	syn(1);
	lab_run(&l, 290);
	CU_ASSERT_EQUAL(toy.cancels, 0);
	lab_run(&l, 20);
	CU_ASSERT_EQUAL(toy.cancels, 1);
	CU_ASSERT_EQUAL(hp_registry_open_tickets(l.n[0].registry), 0);
	CU_ASSERT_EQUAL(hp_resolve_done(toy.self, toy.ended, 0, &toy.resolve), -ESTALE);
	lab_run(&l, 100);
	CU_ASSERT(late() == 1 && lab_count(&l, 1) == 0);
	end();
}

static void an_answer_that_makes_no_sense_is_none(void)
{
	struct hp_addr teredo;

	hp_addr_parse("2001:0:c000:25a::1", &teredo);
	for (int i = 0; i < 2; i++) {
		begin("resolvers = [ \"toy\" ]; unknown = \"block\";");
		toy.resolve.locators[0] = i ? teredo : l.w.s[1].hit; /* no locator */
		syn(1);
		lab_run(&l, 100);
		CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
		CU_ASSERT_EQUAL(hp_service_counts(hp_service_find(l.n[0].registry,
								  HP_SERVICE_RESOLVER, "toy"))
					->failed, 1);
		end();
	}
}

static void a_stop_with_an_open_ticket_ends_it(void)
{
	begin("resolvers = [ \"toy\" ];");
	toy.never = true;
	syn(1);
	lab_run(&l, 10);
	CU_ASSERT_EQUAL(hp_registry_open_tickets(l.n[0].registry), 1);
	end();
	CU_ASSERT_EQUAL(toy.cancels, 1);
}

/* ---- locators */

static void a_locator_finds_a_peer_whose_address_does_not_answer(void)
{
	struct hp_addr nowhere = test_addr("192.0.2.77");

	begin("resolvers = [ \"toy\" ]; locators = [ \"toy\" ]; hold_timeout_ms = 60000;");
	toy.resolve.locators[0] = nowhere;
	syn(1);
	lab_run(&l, 50000);
	CU_ASSERT_EQUAL(toy.asks, 2);
	CU_ASSERT_TRUE(toy.unreachable);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 1);
	end();
}

static void a_locator_that_knows_nothing_blocks_as_before(void)
{
	struct hp_addr nowhere = test_addr("192.0.2.77");

	begin("resolvers = [ \"toy\" ]; locators = [ \"toy\" ]; hold_timeout_ms = 60000;");
	toy.resolve.locators[0] = nowhere;
	toy.locate.n = 0;
	syn(1);
	lab_run(&l, 50000);
	CU_ASSERT_EQUAL(toy.asks, 2);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
	CU_ASSERT_EQUAL(lab_drops(&l, 0, HP_DROP_PEER_UNREACHABLE), 1);
	end();
}

/* ---- backends */

static void begin_backend(void)
{
	memset(&toy, 0, sizeof(toy));
	lab_init(&l);
	l.n[1].plugin = &backend_toy;
	lab_start(&l);
	toy.backend = (struct hp_backend_result){ .addr = test_addr("10.9.0.10"), .port = 80,
						  .far = test_addr("10.99.0.1") };
}

static void a_backend_answers_later_and_packets_wait(void)
{
	begin_backend();
	syn(1);
	lab_run(&l, 40);
	CU_ASSERT(toy.asks == 1 && lab_count(&l, 1) == 0);
	syn(1); /* once more while it waits: asked once */
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(toy.asks, 1);
	lab_run(&l, 60);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 2);
	CU_ASSERT(hp_addr_eq(&lab_out(&l, 1, 0)->dst, &toy.backend.addr));
	CU_ASSERT_EQUAL(hp_flowdb_count(hp_pipe_flowdb(l.n[1].pipe)), 1);
	end();
}

static void a_backend_that_does_not_answer_drops_the_packets(void)
{
	begin_backend();
	toy.never = true;
	syn(1);
	lab_run(&l, 500);
	CU_ASSERT(toy.cancels == 1 && lab_count(&l, 1) == 0);
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_NO_FLOW), 1);
	CU_ASSERT_EQUAL(hp_backend_done(toy.self, toy.ended, 0, &toy.backend), -ESTALE);
	end();
}

static void packets_that_wait_for_a_backend_have_limits(void)
{
	begin_backend();
	toy.never = true;
	for (int i = 0; i < 7; i++)
		syn(1);
	lab_run(&l, 50);
	CU_ASSERT_EQUAL(lab_drops(&l, 1, HP_DROP_HOLD_FULL), 3);
	end();
}

/* ---- stages */

static enum hp_verdict meet(enum hp_stage stage)
{
	toy.met[stage]++;
	return HP_NEXT;
}

#define MEET(name, stage) \
	static enum hp_verdict name(struct hp_instance *self, struct hp_packet *p) \
	{ \
		(void)self, (void)p; \
		return meet(stage); \
	}
MEET(out_classify, HP_STAGE_OUT_CLASSIFY)
MEET(out_flow, HP_STAGE_OUT_FLOW)
MEET(out_l7, HP_STAGE_OUT_L7)
MEET(out_xlat, HP_STAGE_OUT_XLAT)

#define MEET_RUN(name, stage)                                                          \
	static enum hp_verdict name(struct hp_instance *self, struct hp_outer_run *r)      \
	{                                                                                  \
		(void)self, (void)r;                                                           \
		return meet(stage);                                                            \
	}
MEET_RUN(out_outer, HP_STAGE_OUT_OUTER)
MEET_RUN(in_outer, HP_STAGE_IN_OUTER)
MEET(in_flow, HP_STAGE_IN_FLOW)
MEET(in_xlat, HP_STAGE_IN_XLAT)
MEET(in_l7, HP_STAGE_IN_L7)
MEET(in_emit, HP_STAGE_IN_EMIT)
MEET(ctl_rx, HP_STAGE_CTL_RX)
MEET(ctl_outer, HP_STAGE_CTL_OUTER)

enum { REFUSED };
static const struct hp_counter drops[] = { { "refused", "a test wanted it" }, { NULL, NULL } };

static enum hp_verdict ctl_auth(struct hp_instance *self, struct hp_packet *p)
{
	size_t len;
	const uint8_t *at = hp_message_param(p, PARAM, 0, &len);

	toy.seen_param += at && len == 5 && !memcmp(at, "hello", 5);
	meet(HP_STAGE_CTL_AUTH);
	return toy.refuse_auth ? hp_packet_drop(self, p, REFUSED) : HP_NEXT;
}

static enum hp_verdict ctl_build(struct hp_instance *self, struct hp_packet *p)
{
	static const uint8_t much[HP_MESSAGE_PARAM_MAX + 1];

	toy.built[hp_message_type(p) & 31]++;
	if (hp_message_add(self, PARAM, "hello", 5) ||
	    hp_message_add(self, PARAM, "again", 5) != -EEXIST ||
	    hp_message_add(self, 61505, "mac", 3) != -EINVAL ||
	    hp_message_add(self, 705, "host id", 7) != -EINVAL ||
	    hp_message_add(self, PARAM + 2, much, sizeof(much)) != -EMSGSIZE)
		toy.add_err++;
	return meet(HP_STAGE_CTL_BUILD);
}

static const struct hp_hook hooks[] = {
	{ .name = "toy.a", .stage = HP_STAGE_OUT_CLASSIFY, .fn = out_classify },
	{ .name = "toy.b", .stage = HP_STAGE_OUT_FLOW, .fn = out_flow },
	{ .name = "toy.c", .stage = HP_STAGE_OUT_L7, .fn = out_l7 },
	{ .name = "toy.d", .stage = HP_STAGE_OUT_XLAT, .fn = out_xlat },
	{ .name = "toy.n", .stage = HP_STAGE_OUT_OUTER, .run = out_outer },
	{ .name = "toy.e", .stage = HP_STAGE_IN_OUTER, .run = in_outer },
	{ .name = "toy.f", .stage = HP_STAGE_IN_FLOW, .fn = in_flow },
	{ .name = "toy.g", .stage = HP_STAGE_IN_XLAT, .fn = in_xlat },
	{ .name = "toy.h", .stage = HP_STAGE_IN_L7, .fn = in_l7 },
	{ .name = "toy.i", .stage = HP_STAGE_IN_EMIT, .fn = in_emit },
	{ .name = "toy.j", .stage = HP_STAGE_CTL_RX, .fn = ctl_rx },
	{ .name = "toy.k", .stage = HP_STAGE_CTL_AUTH, .fn = ctl_auth },
	{ .name = "toy.l", .stage = HP_STAGE_CTL_BUILD, .fn = ctl_build },
	{ .name = "toy.m", .stage = HP_STAGE_CTL_OUTER, .fn = ctl_outer },
	{ .name = NULL }
};

static const struct hp_plugin watching_toy = TOY(.hooks = hooks, .drops = drops);
/* Without timer and descriptor: two of it share the toy. */
static const struct hp_plugin quiet_toy = {
	HP_PLUGIN_HEAD, .name = "toy", .version = "1", .summary = "hooks only", .hooks = hooks,
	.drops = drops,
};

static void begin_watching(void)
{
	memset(&toy, 0, sizeof(toy));
	lab_init(&l);
	l.n[0].plugin = &watching_toy;
	lab_start(&l);
}

/* Node 1 has no plugin: what node 0 adds, it skips. */
static void every_stage_that_runs_is_met(void)
{
	struct talk t = lab_talk4(1);
	struct hp_assoc *a;

	begin_watching();
	lab_open(&l, &t);
	lab_capture(&l, lab_tcp(&t, "x", 1));
	lab_run(&l, 5);
	CU_ASSERT_FATAL(lab_count(&l, 1) == 1);
	lab_local(&l, 1, lab_reply(lab_out(&l, 1, 0), ACK, "y", 1));
	lab_run(&l, 5);
	CU_ASSERT_EQUAL(lab_count(&l, 0), 1);
	for (int s = 0; s < HP_STAGES; s++)
		CU_ASSERT(toy.met[s] > 0);
	CU_ASSERT(toy.built[HP_MESSAGE_I1] == 1 && toy.built[HP_MESSAGE_I2] == 1);
	a = hp_hip_find(l.w.s[0].hip, &l.w.s[0].hit, &l.w.s[1].hit);
	CU_ASSERT_FATAL(a != NULL);
	hp_hip_close(a);
	lab_run(&l, 50);
	CU_ASSERT_EQUAL(toy.built[HP_MESSAGE_CLOSE], 1);
	CU_ASSERT_EQUAL(toy.add_err, 0);
	end();
}

/* R1, R2 and UPDATE of one side reach the other, signed, with the parameter in them. */
static void a_parameter_that_is_added_is_authentic(void)
{
	struct talk t = lab_talk4(1);

	memset(&toy, 0, sizeof(toy));
	lab_init(&l);
	l.n[1].plugin = &watching_toy;
	lab_start(&l);
	lab_run(&l, 50);
	lab_open(&l, &t);
	CU_ASSERT(toy.built[HP_MESSAGE_R1] > 0 && toy.built[HP_MESSAGE_R2] == 1);
	CU_ASSERT_EQUAL(toy.add_err, 0);
	CU_ASSERT_EQUAL(hp_hip_counters(l.w.s[0].hip)->values[HP_HIPD_SIGNATURE], 0);
	end();
	CU_ASSERT_EQUAL(toy.seen_param, 0); /* node 0 adds nothing */
	/* Both sides have it: each sees the other's, in R1, I2 and R2. */
	memset(&toy, 0, sizeof(toy));
	lab_init(&l);
	l.n[0].plugin = l.n[1].plugin = &quiet_toy;
	lab_start(&l);
	lab_run(&l, 50);
	lab_open(&l, &t);
	CU_ASSERT_EQUAL(toy.seen_param, 3);
	end();
}

static void a_refused_message_makes_no_association(void)
{
	begin_watching();
	toy.refuse_auth = true;
	syn(1);
	lab_run(&l, 100);
	CU_ASSERT_EQUAL(lab_count(&l, 1), 0);
	CU_ASSERT(hp_hip_counters(l.w.s[0].hip)->values[HP_HIPD_PLUGIN] > 0);
	CU_ASSERT_EQUAL(toy.self->drops.values[REFUSED],
			hp_hip_counters(l.w.s[0].hip)->values[HP_HIPD_PLUGIN]);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(a_resolver_answers_by_a_timer),
	HP_TEST(a_resolver_answers_by_a_descriptor),
	HP_TEST(a_resolver_that_does_not_answer_is_cancelled),
	HP_TEST(an_answer_that_makes_no_sense_is_none),
	HP_TEST(a_stop_with_an_open_ticket_ends_it),
	HP_TEST(a_locator_finds_a_peer_whose_address_does_not_answer),
	HP_TEST(a_locator_that_knows_nothing_blocks_as_before),
	HP_TEST(a_backend_answers_later_and_packets_wait),
	HP_TEST(a_backend_that_does_not_answer_drops_the_packets),
	HP_TEST(packets_that_wait_for_a_backend_have_limits),
	HP_TEST(every_stage_that_runs_is_met),
	HP_TEST(a_parameter_that_is_added_is_authentic),
	HP_TEST(a_refused_message_makes_no_association),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int failed = hp_test_main("later", tests, argc, argv);

	world_keys_free();
	return failed;
}
