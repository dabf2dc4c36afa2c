/* SPDX-License-Identifier: MIT
 *
 * Security events: kept, rated, streamed, documented.
 */
#include "../harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/incidents.h"
#include "packets.h"

static uint64_t now_ms;

static uint64_t mock_ms(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static const struct hp_clock mock_clock = { mock_ms, mock_ms, NULL };

struct fixture {
	struct hp_timers timers;
	struct hp_loop *loop;
	struct hp_control *ctl;
	struct hp_incidents *in;
	char dir[32], path[64];
	int fd;
};

static int handle(void *ctx, struct hp_control_client *c, const json_t *request, json_t *reply)
{
	struct fixture *f = ctx;

	return hp_incidents_stream(f->in, c, request, reply);
}

static void rounds(struct fixture *f, int n)
{
	while (n--)
		hp_loop_once(f->loop, 1);
}

static void setup(struct fixture *f)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct hp_io_err e;
	struct hp_control_cfg cfg = { .group = "", .fn = handle, .ctx = f, .timers = &f->timers };

	memset(f, 0, sizeof(*f));
	now_ms = 1000;
	snprintf(f->dir, sizeof(f->dir), "/tmp/hp-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/control", f->dir);
	cfg.path = f->path;
	hp_timers_init(&f->timers, hp_clock_ms(&hp_clock_monotonic));
	f->loop = hp_loop_new(&f->timers, &hp_clock_monotonic);
	f->in = hp_incidents_new(&mock_clock);
	CU_ASSERT_EQUAL_FATAL(hp_control_open(f->loop, &cfg, &f->ctl, &e), 0);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	strcpy(sun.sun_path, f->path);
	CU_ASSERT(!connect(f->fd, (struct sockaddr *)&sun, sizeof(sun)));
	rounds(f, 2);
}

static void teardown(struct fixture *f)
{
	close(f->fd);
	rounds(f, 3);
	CU_ASSERT_EQUAL(hp_control_clients(f->ctl), 0);
	hp_control_close(f->ctl);
	hp_incidents_free(f->in);
	hp_loop_free(f->loop);
	rmdir(f->dir);
}

static const char *ask(struct fixture *f, const char *text)
{
	static char answer[1 << 20];
	ssize_t n;

	if (*text)
		CU_ASSERT_EQUAL(send(f->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	rounds(f, 200);
	n = recv(f->fd, answer, sizeof(answer) - 1, 0);
	answer[n > 0 ? n : 0] = '\0';
	return answer;
}

static void add(struct fixture *f, enum hp_incident_kind k, const char *why)
{
	struct hp_incident i = HP_INCIDENT(k);

	i.peer_hit = test_addr("2001:20::7");
	i.addr = test_addr("192.0.2.7");
	snprintf(i.why, sizeof(i.why), "%s", why);
	hp_incident_add(f->in, &i);
}

static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void events_are_kept_with_who_and_why(void)
{
	struct fixture f;
	const char *a;

	setup(&f);
	add(&f, HP_INCIDENT_BAD_MAC, "a \"wrong\" MAC");
	a = ask(&f, "{\"cmd\":\"events\",\"once\":true}\n");
	CU_ASSERT(strstr(a, "\"stream\":\"events\"") != NULL);
	CU_ASSERT(strstr(a, "\"seq\":1,") && strstr(a, "\"event\":\"bad-mac\"") &&
		  strstr(a, "\"why\":\"a \\\"wrong\\\" MAC\"") &&
		  strstr(a, "\"peer\":\"2001:20::7\"") && strstr(a, "\"address\":\"192.0.2.7\""));
	CU_ASSERT(!strstr(a, "\"uid\"") && !strstr(a, "\"client\""));
	CU_ASSERT(strstr(a, "{\"end\":true}\n") != NULL);
	teardown(&f);
}

static void who_follows_is_told_at_once(void)
{
	struct fixture f;

	setup(&f);
	add(&f, HP_INCIDENT_REPLAY, "before");
	CU_ASSERT(strstr(ask(&f, "{\"cmd\":\"events\"}\n"), "before") != NULL);
	CU_ASSERT_STRING_EQUAL(ask(&f, ""), "");
	add(&f, HP_INCIDENT_REPLAY, "after");
	CU_ASSERT(strstr(ask(&f, ""), "after") != NULL);
	teardown(&f);
}

static void each_kind_has_a_rate_of_its_own(void)
{
	struct fixture f;
	const char *a;

	setup(&f);
	for (int i = 0; i < 1000; i++)
		add(&f, HP_INCIDENT_BAD_ICV, "flood");
	add(&f, HP_INCIDENT_CONTROL, "one");
	CU_ASSERT_EQUAL(hp_incidents_count(f.in, HP_INCIDENT_BAD_ICV), 1000);
	now_ms += 1000;
	add(&f, HP_INCIDENT_BAD_ICV, "later");
	a = ask(&f, "{\"cmd\":\"events\",\"once\":true}\n");
	CU_ASSERT_EQUAL(count(a, "flood"), 50);
	CU_ASSERT_EQUAL(count(a, "\"event\":\"control\""), 1);
	CU_ASSERT_EQUAL(count(a, "\"suppressed\":950"), 1);
	teardown(&f);
}

static void the_ring_is_bounded_and_lost_ones_are_counted(void)
{
	struct fixture f;
	const char *a;

	setup(&f);
	/* Who follows does not read, and the socket's buffers are small for so much. */
	ask(&f, "{\"cmd\":\"events\"}\n");
	for (unsigned int i = 0; i < 20000; i++) {
		char why[190];

		snprintf(why, sizeof(why), "%0180u", i);
		now_ms += 1000;
		add(&f, HP_INCIDENT_BAD_MAC, why);
		if (i % 64 == 0)
			rounds(&f, 3);
	}
	CU_ASSERT_EQUAL(hp_incidents_told(f.in), 20000);
	for (int i = 0; i < 50; i++) {
		a = ask(&f, "");
		if (strstr(a, "{\"lost\":"))
			break;
	}
	CU_ASSERT(strstr(a, "{\"lost\":") != NULL);
	teardown(&f);
}

static void filters_choose(void)
{
	struct fixture f;

	setup(&f);
	for (int i = 0; i < 5; i++) {
		add(&f, HP_INCIDENT_BAD_MAC, "mac");
		add(&f, HP_INCIDENT_REPLAY, "replay");
	}
	CU_ASSERT_EQUAL(count(ask(&f, "{\"cmd\":\"events\",\"once\":true,\"n\":3}\n"), "\"seq\""), 3);
	CU_ASSERT_EQUAL(count(ask(&f, "{\"cmd\":\"events\",\"once\":true,\"n\":3,"
				      "\"kind\":\"bad-mac\"}\n"), "\"why\":\"mac\""), 3);
	CU_ASSERT_EQUAL(count(ask(&f, "{\"cmd\":\"events\",\"once\":true,\"n\":99,"
				      "\"since_s\":3600}\n"), "\"seq\""), 10);
	CU_ASSERT(strstr(ask(&f, "{\"cmd\":\"events\",\"kind\":\"nothing\"}\n"), "\"ok\":false") != NULL);
	CU_ASSERT(strstr(ask(&f, "{\"cmd\":\"events\",\"n\":-1}\n"), "\"ok\":false") != NULL);
	CU_ASSERT(strstr(ask(&f, "{\"cmd\":\"events\",\"since_s\":\"x\"}\n"), "\"ok\":false") != NULL);
	teardown(&f);
}

/* The manual page's table has the names and the words of the program's. */
static void the_manual_page_has_every_event(void)
{
	FILE *f = fopen(hp_test_path("man/hipproxyctl.8"), "r");
	char line[512], want[256], found[HP_INCIDENT_KINDS] = { 0 };

	CU_ASSERT_FATAL(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		char plain[512], *to = plain;

		for (const char *c = line; *c; c++)
			if (*c != '\\')
				*to++ = *c;
		*to = '\0';
		for (int k = 0; k < HP_INCIDENT_KINDS; k++) {
			snprintf(want, sizeof(want), "%s\t%s\n",
				 hp_incident_name((enum hp_incident_kind)k),
				 hp_incident_help((enum hp_incident_kind)k));
			found[k] |= !strcmp(plain, want);
		}
	}
	fclose(f);
	for (int k = 0; k < HP_INCIDENT_KINDS; k++) {
		if (!found[k])
			printf("man/hipproxyctl.8 lacks %s\n",
			       hp_incident_name((enum hp_incident_kind)k));
		CU_ASSERT(found[k]);
	}
}

static const struct hp_test tests[] = {
	HP_TEST(events_are_kept_with_who_and_why),
	HP_TEST(who_follows_is_told_at_once),
	HP_TEST(each_kind_has_a_rate_of_its_own),
	HP_TEST(the_ring_is_bounded_and_lost_ones_are_counted),
	HP_TEST(filters_choose),
	HP_TEST(the_manual_page_has_every_event),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("incidents", tests, argc, argv);
}
