/* SPDX-License-Identifier: MIT
 *
 * What plugins make and are asked: timers, descriptors, commands, rows, metrics, records.  Also by
 * plugins that mean no good.
 */
#include "../harness.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "plugin/command.h"

static struct hp_daemon d; /* of its parts only loop, clock and timers */
static struct hp_registry *reg;
static char said[2048];

static void report(void *ctx, bool warning, const char *plugin, const char *key, const char *text)
{
	size_t n = strlen(said);

	(void)ctx, (void)warning, (void)key;
	snprintf(said + n, sizeof(said) - n, "%s: %s\n", plugin, text);
}

static uint64_t now_ms(void *ctx)
{
	(void)ctx;
	return hp_clock_ms(&d.clock);
}

static int add(const struct hp_plugin *p)
{
	struct hp_registry_config cfg = {
		.now_ms = now_ms, .report = report, .timers = &d.timers, .ctx = &d,
		.fd_add = hp_daemon_fd_add, .fd_mod = hp_daemon_fd_mod, .fd_del = hp_daemon_fd_del,
	};

	said[0] = '\0';
	d.clock = hp_clock_monotonic;
	hp_timers_init(&d.timers, hp_clock_ms(&d.clock));
	d.loop = hp_loop_new(&d.timers, &d.clock);
	reg = hp_registry_new(&cfg);
	CU_ASSERT_FATAL(d.loop && reg);
	return hp_registry_add(reg, p);
}

static void begin(const struct hp_plugin *p)
{
	CU_ASSERT_FATAL(add(p) == 0 && hp_registry_start(reg) == 0);
}

static void end(void)
{
	hp_registry_free(reg);
	hp_loop_free(d.loop);
}

static struct hp_instance *self(void)
{
	return hp_registry_plugin(reg, 0);
}

#define PLUGIN(...) { HP_PLUGIN_HEAD, .name = "p", .version = "1", .summary = "s", __VA_ARGS__ }
static const struct hp_plugin plain = PLUGIN();

/* ---- timers and descriptors */

static unsigned fired;

static void fire(struct hp_instance *s, void *ctx)
{
	(void)s;
	fired++;
	if (ctx)
		hp_plugin_timer_free(*(struct hp_plugin_timer **)ctx);
}

static void a_plugin_has_only_so_many_timers(void)
{
	struct hp_plugin_timer *t = NULL;

	begin(&plain);
	for (unsigned i = 0; i < HP_PLUGIN_TIMERS; i++)
		t = hp_plugin_timer_new(self(), fire, NULL);
	CU_ASSERT_PTR_NOT_NULL(t);
	CU_ASSERT(!hp_plugin_timer_new(self(), fire, NULL) && errno == ENOBUFS);
	CU_ASSERT(!hp_plugin_timer_new(self(), NULL, NULL) && errno == EINVAL);
	CU_ASSERT_EQUAL(hp_registry_counts(self())->refused, 1);
	hp_plugin_timer_set(t, UINT64_MAX);
	hp_plugin_timer_free(t);
	CU_ASSERT_PTR_NOT_NULL(hp_plugin_timer_new(self(), fire, NULL));
	end(); /* the core frees what is left: a sanitizer would see it */
}

static void a_timer_may_free_itself(void)
{
	static struct hp_plugin_timer *t;

	begin(&plain);
	fired = 0;
	t = hp_plugin_timer_new(self(), fire, &t);
	hp_plugin_timer_set(t, 0);
	for (int i = 0; i < 100 && !fired; i++)
		hp_loop_once(d.loop, 10);
	CU_ASSERT_EQUAL(fired, 1);
	CU_ASSERT_EQUAL(hp_registry_counts(self())->timers, 0);
	end();
}

static int make_in_check(struct hp_instance *s, const void *settings)
{
	(void)settings;
	CU_ASSERT(!hp_plugin_timer_new(s, fire, NULL) && errno == EOPNOTSUPP);
	CU_ASSERT(!hp_plugin_fd_watch(s, 0, HP_FD_IN, NULL, NULL));
	return 0;
}

static void a_plugin_that_is_checked_makes_nothing(void)
{
	static const struct hp_plugin p = PLUGIN(.check = make_in_check);

	CU_ASSERT_EQUAL(add(&p), 0);
	CU_ASSERT_EQUAL(hp_registry_check(reg), 0);
	end();
}

static void on_fd(struct hp_instance *s, void *ctx, unsigned int events)
{
	(void)s, (void)ctx, (void)events;
}

static int starts_wrong(struct hp_instance *s)
{
	(void)s;
	return 5;
}

static void a_start_that_returns_a_number_has_failed(void)
{
	static const struct hp_plugin p = PLUGIN(.start = starts_wrong);

	CU_ASSERT(add(&p) == 0 && hp_registry_start(reg) == -EINVAL);
	CU_ASSERT_STRING_EQUAL(said, "p: doesn't start: Invalid argument\n");
	end();
}

static void bad_descriptors_are_refused(void)
{
	FILE *f = tmpfile();
	int ends[2];

	begin(&plain);
	CU_ASSERT_FATAL(f && !pipe(ends));
	CU_ASSERT(!hp_plugin_fd_watch(self(), -1, HP_FD_IN, on_fd, NULL) && errno == EINVAL);
	CU_ASSERT(!hp_plugin_fd_watch(self(), ends[0], 64, on_fd, NULL) && errno == EINVAL);
	CU_ASSERT(!hp_plugin_fd_watch(self(), fileno(f), HP_FD_IN, on_fd, NULL) && errno == EPERM);
	CU_ASSERT_PTR_NOT_NULL(hp_plugin_fd_watch(self(), ends[0], HP_FD_IN, on_fd, NULL));
	CU_ASSERT(!hp_plugin_fd_watch(self(), ends[0], HP_FD_IN, on_fd, NULL) && errno == EEXIST);
	CU_ASSERT_EQUAL(hp_registry_counts(self())->fds, 1);
	end();
	close(ends[0]);
	close(ends[1]);
	fclose(f);
}

/* ---- a resolver that answers after 50 ms of real time, by a descriptor: the loop does not wait */

static struct {
	struct hp_plugin_fd *w;
	struct hp_ticket ticket;
	int fd, err;
	bool done;
} slow;

static void expired(struct hp_instance *s, void *ctx, unsigned int events)
{
	struct hp_resolve_result r = { .hit = { { 0x20, 1, 0, 0x20, [15] = 1 } } };
	uint64_t n;

	(void)ctx, (void)events;
	if (read(slow.fd, &n, sizeof(n)) != sizeof(n))
		return;
	hp_plugin_fd_unwatch(slow.w);
	CU_ASSERT_EQUAL(hp_resolve_done(s, slow.ticket, 0, &r), 0);
	CU_ASSERT_EQUAL(hp_resolve_done(s, slow.ticket, 0, &r), -ESTALE);
}

static int ask_slow(struct hp_instance *s, const struct hp_resolve_ask *ask, struct hp_ticket t,
		    struct hp_resolve_result *out)
{
	struct itimerspec in50 = { .it_value = { .tv_nsec = 50000000 } };

	(void)ask, (void)out;
	slow.ticket = t;
	slow.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	timerfd_settime(slow.fd, 0, &in50, NULL);
	slow.w = hp_plugin_fd_watch(s, slow.fd, HP_FD_IN, expired, NULL);
	return slow.w ? -EINPROGRESS : -errno;
}

static void slow_done(struct hp_asking *q, int err, const void *result)
{
	(void)q;
	slow.err = err;
	slow.done = true;
	CU_ASSERT_PTR_NOT_NULL(result);
}

static void tick(struct hp_instance *s, void *ctx)
{
	(void)s;
	fired++;
	hp_plugin_timer_set(*(struct hp_plugin_timer **)ctx, 1);
}

static void the_loop_goes_on_while_a_resolver_waits(void)
{
	static const struct hp_resolver_service r[] = { { .name = "slow", .ask = ask_slow }, { 0 } };
	static const struct hp_plugin p = PLUGIN(.resolvers = r);
	static struct hp_plugin_timer *t;
	struct hp_asking q = { .done = slow_done };
	struct hp_resolve_ask ask = { { { 0 } }, { { 0 } } };
	struct hp_resolve_result out;

	begin(&p);
	fired = 0;
	memset(&slow, 0, sizeof(slow));
	t = hp_plugin_timer_new(self(), tick, &t);
	hp_plugin_timer_set(t, 1);
	CU_ASSERT_EQUAL(hp_service_ask(hp_service_at(reg, HP_SERVICE_RESOLVER, 0), &q, &ask, &out),
			-EINPROGRESS);
	while (!slow.done)
		hp_loop_once(d.loop, 100);
	CU_ASSERT_EQUAL(slow.err, 0);
	CU_ASSERT(fired >= 5); /* of about 50 */
	close(slow.fd);
	end();
}

/* ---- commands */

static const char *const colours[] = { "red", "green", NULL };
static const struct hp_arg args[] = {
	{ .name = "n", .type = HP_ARG_INT, .required = true, .min = -5, .max = 5 },
	{ .name = "colour", .type = HP_ARG_ENUM, .names = colours },
	{ .name = "hit", .type = HP_ARG_HIT },
	{ .name = "on", .type = HP_ARG_BOOL },
	{ .name = NULL }
};

static int echo(struct hp_instance *s, const struct hp_arg_value *v, struct hp_answer *out)
{
	(void)s;
	hp_answer_int(out, "n", v[0].number);
	hp_answer_bool(out, "colour_given", v[1].given);
	hp_answer_int(out, "colour", v[1].number);
	hp_answer_int(out, "on", v[3].number);
	hp_answer_array(out, "list");
	hp_answer_text(out, NULL, "octet \xff");
	hp_answer_end(out);
	return 0;
}

static int unbalanced(struct hp_instance *s, const struct hp_arg_value *v, struct hp_answer *out)
{
	(void)s, (void)v;
	hp_answer_object(out, "o");
	return 0;
}

/* 1 MB at once is too much; row by row it is not. */
static int huge(struct hp_instance *s, const struct hp_arg_value *v, struct hp_answer *out)
{
	(void)s, (void)v;
	hp_answer_array(out, "list");
	for (int i = 0; i < 20000; i++)
		hp_answer_text(out, NULL, "fifty octets of text, or so; a million in all then");
	hp_answer_end(out);
	return 0;
}

static unsigned rows_left, rows_gone;

static enum hp_row row(struct hp_instance *s, void *ctx, struct hp_answer *r)
{
	(void)s, (void)ctx;
	if (!rows_left)
		return HP_ROW_END;
	rows_left--;
	hp_answer_text(r, "text", "fifty octets of text, or so; a million in all then");
	return HP_ROW_MORE;
}

static void rows_are_gone(struct hp_instance *s, void *ctx)
{
	(void)s, (void)ctx;
	rows_gone++;
}

static int list(struct hp_instance *s, const struct hp_arg_value *v, struct hp_answer *out)
{
	struct hp_rows rows = { row, rows_are_gone, NULL };
	char key[HP_ROWS_KEY_MAX + 2];

	(void)s, (void)v;
	memset(key, 'k', sizeof(key));
	key[sizeof(key) - 1] = '\0';
	CU_ASSERT_EQUAL(hp_answer_rows(out, key, &rows, NULL), -EINVAL);
	CU_ASSERT_EQUAL(hp_answer_rows(out, "error", &rows, NULL), -EINVAL);
	strcpy(key, "rows");
	CU_ASSERT_EQUAL(hp_answer_rows(out, key, &rows, NULL), 0);
	CU_ASSERT_EQUAL(hp_answer_rows(out, key, &rows, NULL), -EBUSY);
	memset(key, 'x', sizeof(key)); /* it has been copied */
	return 0;
}

/* Rows as large as permitted: sixteen of them are more than may wait for a client. */
static enum hp_row big_row(struct hp_instance *s, void *ctx, struct hp_answer *r)
{
	static char text[16 * 1024 - 11];

	(void)s, (void)ctx;
	if (!rows_left)
		return HP_ROW_END;
	rows_left--;
	memset(text, 'a', sizeof(text) - 1);
	hp_answer_text(r, "text", text);
	return HP_ROW_MORE;
}

static int big(struct hp_instance *s, const struct hp_arg_value *v, struct hp_answer *out)
{
	struct hp_rows rows = { big_row, NULL, NULL };

	(void)s, (void)v;
	return hp_answer_rows(out, "rows", &rows, NULL);
}

/* Each of these octets is six in JSON. */
static int escapes(struct hp_instance *s, const struct hp_arg_value *v, struct hp_answer *out)
{
	static char text[HP_ANSWER_MAX / 4];

	(void)s, (void)v;
	memset(text, 1, sizeof(text) - 1);
	hp_answer_text(out, "text", text);
	return 0;
}

/* A member that the core replaces, while the plugin writes into it. */
static int in_message(struct hp_instance *s, const struct hp_arg_value *v, struct hp_answer *out)
{
	(void)s, (void)v;
	hp_answer_object(out, "message");
	hp_answer_message(out, "a sentence");
	hp_answer_int(out, "n", 1);
	hp_answer_end(out);
	return 0;
}

static int set_ok(struct hp_instance *s, const struct hp_arg_value *v, struct hp_answer *out)
{
	(void)s, (void)v;
	hp_answer_bool(out, "ok", false);
	return 0;
}

static const struct hp_plugin_command commands[] = {
	{ .name = "p.echo", .help = "h", .args = args, .fn = echo },
	{ .name = "p.unbalanced", .help = "h", .fn = unbalanced },
	{ .name = "p.huge", .help = "h", .fn = huge },
	{ .name = "p.list", .help = "h", .fn = list },
	{ .name = "p.big", .help = "h", .fn = big },
	{ .name = "p.escapes", .help = "h", .fn = escapes },
	{ .name = "p.in_message", .help = "h", .fn = in_message },
	{ .name = "p.set_ok", .help = "h", .fn = set_ok },
	{ .name = "p.change", .help = "h", .fn = echo, .args = args, .acts = true },
	{ .name = NULL }
};
static const struct hp_plugin commanding = PLUGIN(.commands = commands);
static struct hp_rows_ref rows;
static char rows_key[HP_ROWS_KEY_MAX + 1];
static json_t *answer;

/* Words are separated by spaces.  "": success, or the error. */
static const char *run(const char *name, const char *line)
{
	const struct hp_plugin_command *c;
	const char *words[16];
	struct hp_instance *s = NULL;
	static char copy[256];
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	json_decref(answer);
	answer = json_object();
	c = hp_registry_command(reg, name, &s);
	if (!c)
		return "none";
	if (!hp_registry_run_command(s, c, words, n, answer, &rows, rows_key))
		return "";
	return json_string_value(json_object_get(answer, "error"));
}

static json_int_t number(const char *key)
{
	return json_integer_value(json_object_get(answer, key));
}

static void arguments_are_checked(void)
{
	begin(&commanding);
	CU_ASSERT_STRING_EQUAL(run("p.echo", "3"), "");
	CU_ASSERT(number("n") == 3 && json_is_false(json_object_get(answer, "colour_given")));
	CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(json_object_get(answer, "list"), 0)),
			       "octet ?");
	CU_ASSERT_STRING_EQUAL(run("p.echo", "-5 green on=yes"), "");
	CU_ASSERT(number("n") == -5 && number("colour") == 1 && number("on") == 1);
	CU_ASSERT_STRING_EQUAL(run("p.echo", "colour=red n=1"), "");
	CU_ASSERT_STRING_EQUAL(run("p.echo", ""), "p.echo: n: is missing");
	CU_ASSERT_STRING_EQUAL(run("p.echo", "6"), "p.echo: n: expected a number from -5 to 5");
	CU_ASSERT_STRING_EQUAL(run("p.echo", "1x"), "p.echo: n: expected a number from -5 to 5");
	CU_ASSERT_STRING_EQUAL(run("p.echo", "99999999999999999999"),
			       "p.echo: n: expected a number from -5 to 5");
	CU_ASSERT_STRING_EQUAL(run("p.echo", "1 blue"), "p.echo: colour: expected red, green");
	CU_ASSERT_STRING_EQUAL(run("p.echo", "1 n=2"), "p.echo: n: is given twice");
	CU_ASSERT_STRING_EQUAL(run("p.echo", "1 hit=192.0.2.1"), "p.echo: hit: expected a HIT");
	CU_ASSERT_STRING_EQUAL(run("p.echo", "1 red 2001:20::1 on more"),
			       "p.echo: more: one argument too many");
	CU_ASSERT_STRING_EQUAL(run("p.other", ""), "none");
	end();
}

static void bad_answers_fail(void)
{
	begin(&commanding);
	CU_ASSERT(*run("p.unbalanced", "") && !json_object_get(answer, "o"));
	CU_ASSERT_STRING_EQUAL(run("p.huge", ""), "the plugin's answer is too long");
	CU_ASSERT_EQUAL(json_object_size(answer), 1);
	CU_ASSERT_STRING_EQUAL(run("p.escapes", ""), "the plugin's answer is too long");
	CU_ASSERT_STRING_EQUAL(run("p.in_message", ""), strerror(EINVAL));
	CU_ASSERT_STRING_EQUAL(run("p.set_ok", ""), strerror(EINVAL));
	end();
}

static void a_long_answer_comes_row_by_row(void)
{
	json_t *o = json_object();
	unsigned n = 0;
	size_t octets, sum = 0;

	begin(&commanding);
	rows_left = 20000;
	rows_gone = 0;
	CU_ASSERT_STRING_EQUAL(run("p.list", ""), "");
	CU_ASSERT_FATAL(rows.id != 0);
	CU_ASSERT_STRING_EQUAL(rows_key, "rows");
	while (hp_rows_next(reg, rows, o, &octets) == HP_ROW_MORE) {
		n++;
		sum += octets;
	}
	CU_ASSERT(sum >= 20000 * 50);
	CU_ASSERT(n == 20000 && rows_gone == 1);
	CU_ASSERT_EQUAL(hp_rows_next(reg, rows, o, &octets), HP_ROW_END); /* stale */
	/* The client leaves; the plugin stops. */
	run("p.list", "");
	hp_rows_end(reg, rows);
	hp_rows_end(reg, rows);
	CU_ASSERT_EQUAL(rows_gone, 2);
	run("p.list", "");
	end();
	CU_ASSERT_EQUAL(rows_gone, 3);
	json_decref(o);
	json_decref(answer);
	answer = NULL;
}

/* ---- over the control socket */

static char dir[32];
static struct hp_control *control;

static int command(void *ctx, struct hp_control_client *c, const json_t *request, json_t *reply)
{
	const char *name = json_string_value(json_object_get(request, "cmd"));

	if (!strcmp(name, "events"))
		return hp_incidents_stream(d.incidents, c, request, reply);
	return hp_daemon_plugin_command(ctx, c, request, reply);
}

static int open_control(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct hp_control_cfg cfg = { .path = sun.sun_path, .group = "", .fn = command, .ctx = &d,
				      .timers = &d.timers };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct hp_io_err e;

	snprintf(dir, sizeof(dir), "/tmp/hp-later-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/control", dir);
	begin(&commanding);
	d.registry = reg;
	d.incidents = hp_incidents_new(&d.clock);
	CU_ASSERT_EQUAL_FATAL(hp_control_open(d.loop, &cfg, &control, &e), 0);
	CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void close_control(int fd)
{
	close(fd);
	hp_control_close(control);
	rmdir(dir);
	end();
	hp_incidents_free(d.incidents);
	d.incidents = NULL;
	d.registry = NULL;
}

/* Octets up to the line that begins with last; 0: the daemon has closed the connection before. */
static size_t talk(int fd, const char *request, const char *last)
{
	static char text[4096];
	size_t sum = 0, len = 0;

	CU_ASSERT(send(fd, request, strlen(request), MSG_NOSIGNAL) > 0);
	for (int i = 0; i < 10000; i++) {
		ssize_t n;

		hp_loop_once(d.loop, 1);
		n = recv(fd, text + len, sizeof(text) - 1 - len, 0);
		if (!n)
			return 0;
		if (n < 0)
			continue;
		sum += (size_t)n;
		len += (size_t)n;
		text[len] = '\0';
		if (strstr(text, last))
			return sum;
		/* The end of it may be the beginning of what is looked for. */
		if (len > 100) {
			memmove(text, text + len - 100, 100);
			len = 100;
		}
	}
	return 0;
}

static void large_rows_are_not_made_faster_than_they_are_read(void)
{
	int fd = open_control();

	rows_left = 100;
	CU_ASSERT(talk(fd, "{\"cmd\":\"p.big\"}\n", "{\"end\":true,\"total\":100}") > 100 * 16372);
	CU_ASSERT_EQUAL(hp_control_counts(control)->too_slow, 0);
	close_control(fd);
}

static void what_a_command_changes_is_an_event_with_its_words(void)
{
	int fd = open_control();

	CU_ASSERT(talk(fd, "{\"cmd\":\"p.change\",\"args\":[\"2\",\"green\"]}\n", "\"ok\":true") > 0);
	CU_ASSERT(talk(fd, "{\"cmd\":\"events\",\"once\":true}\n", "\"why\":\"p.change 2 green\"") > 0);
	close_control(fd);
}

/* ---- metrics */

static void read_metric(struct hp_instance *s, const struct hp_metric *m, struct hp_metric_out *out)
{
	const char *labels[] = { "a" };

	(void)s, (void)m;
	hp_metric_put(out, 1.5, labels);
	hp_metric_put(out, NAN, labels);
	hp_metric_put(out, 1, NULL);
	for (unsigned i = 0; i < 2 * HP_METRIC_ROWS; i++)
		hp_metric_put(out, i, labels);
}

static void count_put(void *ctx, double v, const char *const *labels)
{
	CU_ASSERT(isfinite(v) && !strcmp(labels[0], "a"));
	++*(unsigned *)ctx;
}

static void a_metric_has_only_so_many_values(void)
{
	static const char *const names[] = { "l", NULL };
	static const struct hp_metric m[] = { { "m", HP_METRIC_GAUGE, "h", names, read_metric }, { 0 } };
	static const struct hp_plugin p = PLUGIN(.metrics = m);
	unsigned n = 0;

	begin(&p);
	hp_registry_read_metric(self(), &m[0], count_put, &n);
	CU_ASSERT_EQUAL(n, HP_METRIC_ROWS);
	CU_ASSERT_EQUAL(hp_registry_counts(self())->refused, HP_METRIC_ROWS + 3);
	end();
}

/* ---- tables */

static void unsound_tables_are_refused(void)
{
	static const struct hp_arg order[] = { { .name = "a" }, { .name = "b", .required = true }, { 0 } };
	static const struct hp_arg none[] = { { .name = "a", .type = HP_ARG_ENUM }, { 0 } };
	static const struct hp_arg name[] = { { .name = "A b" }, { 0 } };
	static const struct hp_plugin_command bad[] = {
		{ .name = "q.x", .help = "h", .fn = echo }, { .name = "p.X y", .help = "h", .fn = echo },
		{ .name = "status", .help = "h", .fn = echo }, { .name = "p.x", .help = "h" },
		{ .name = "p.x", .fn = echo },
		{ .name = "p.x", .help = "h", .fn = echo, .args = order },
		{ .name = "p.x", .help = "h", .fn = echo, .args = none },
		{ .name = "p.x", .help = "h", .fn = echo, .args = name },
	};
	static const struct hp_metric metrics[] = {
		{ "Bad", HP_METRIC_GAUGE, "h", NULL, read_metric },
		{ "m", HP_METRIC_KINDS, "h", NULL, read_metric }, { "m", HP_METRIC_GAUGE, "h", NULL, NULL },
	};
	static const uint16_t mac[] = { 61505, 0 };
	static const struct hp_plugin params = PLUGIN(.params = mac);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hp_plugin_command c[] = { bad[i], { 0 } };
		struct hp_plugin p = PLUGIN(.commands = c);

		CU_ASSERT_EQUAL(add(&p), -EINVAL);
		CU_ASSERT(!strncmp(said, "p: command ", 11));
		end();
	}
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		struct hp_metric m[] = { metrics[i], { 0 } };
		struct hp_plugin p = PLUGIN(.metrics = m);

		CU_ASSERT_EQUAL(add(&p), -EINVAL);
		end();
	}
	CU_ASSERT_EQUAL(add(&params), -EINVAL);
	CU_ASSERT_STRING_EQUAL(said, "p: parameter 61505: must be below 32768\n");
	end();
}

static void records_need_a_store_and_sane_sizes(void)
{
	char key[HP_RECORD_KEY_MAX + 1] = "k";

	begin(&plain);
	CU_ASSERT_EQUAL(hp_record_put(self(), key, 0, 1, "v", 1), -EINVAL);
	CU_ASSERT_EQUAL(hp_record_put(self(), key, sizeof(key), 1, "v", 1), -EINVAL);
	CU_ASSERT_EQUAL(hp_record_put(self(), key, 1, 1, "v", 1), -EOPNOTSUPP);
	CU_ASSERT_EQUAL(hp_record_get(self(), key, 1, NULL, NULL, 0), -EOPNOTSUPP);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(a_plugin_has_only_so_many_timers),
	HP_TEST(a_timer_may_free_itself),
	HP_TEST(a_plugin_that_is_checked_makes_nothing),
	HP_TEST(a_start_that_returns_a_number_has_failed),
	HP_TEST(bad_descriptors_are_refused),
	HP_TEST(the_loop_goes_on_while_a_resolver_waits),
	HP_TEST(arguments_are_checked),
	HP_TEST(bad_answers_fail),
	HP_TEST(a_long_answer_comes_row_by_row),
	HP_TEST(large_rows_are_not_made_faster_than_they_are_read),
	HP_TEST(what_a_command_changes_is_an_event_with_its_words),
	HP_TEST(a_metric_has_only_so_many_values),
	HP_TEST(unsound_tables_are_refused),
	HP_TEST(records_need_a_store_and_sane_sizes),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("plugin later", tests, argc, argv);
}
