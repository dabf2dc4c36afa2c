/* SPDX-License-Identifier: MIT
 *
 * Judging: this machine, peers, services; and the list of findings.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "conf/conf.h"
#include "doctor/box.h"
#include "doctor/peers.h"

static struct hp_findings found;
static struct hp_box box;
static struct hp_conf *conf;

static void line(void *ctx, const char *text)
{
	(void)ctx;
	printf("%s\n", text);
}

/* A gateway with one of everything, and nothing wrong. */
static void begin(void)
{
	static const char text[] =
		"identities = ( { name = \"a\"; key = \"/none\"; } );"
		"client = { enabled = true; interfaces = [ \"lan0\" ]; };"
		"peers = ( { hit = \"2001:22:e9a:33f1:5ccf:32f1:2f53:1c9f\";"
		" addresses = [ \"192.0.2.80\" ]; name = \"web\"; } );";
	struct hp_conf_report report = { .line = line };

	if (!conf && hp_conf_parse(text, &conf, &report))
		abort();
	memset(&found, 0, sizeof(found));
	memset(&box, 0, sizeof(box));
	box.conf = conf;
	box.daemon = (struct hp_box_daemon){ .running = true, .capturing = true };
	box.devs[0] = (struct hp_box_dev){ "hip0", true, true, conf->tun.mtu, 1 };
	box.devs[1] = (struct hp_box_dev){ "lan0", false, true, 1500, 1 };
	box.n_devs = 2;
	box.serves_clients = box.need4 = true;
	box.forward4 = box.forward6 = 1;
	box.now_s = HP_BOX_EPOCH_S + 1000;
	box.ways[0] = (struct hp_box_way){ .kind = HP_WAY_PEER, .peer = "web", .out = "wan0",
					   .mtu = 1500 };
	box.ways[1] = (struct hp_box_way){ .kind = HP_WAY_SERVED, .peer = "web", .in = "lan0",
					   .out = "wan0" };
	box.ways[2] = (struct hp_box_way){ .kind = HP_WAY_BACK, .peer = "web", .in = "hip0",
					   .out = "lan0" };
	box.n_ways = 3;
	for (size_t i = 0; i < 3; i++)
		hp_addr_parse(i == 2 ? "10.1.0.11" : "192.0.2.80", &box.ways[i].to);
}

/* Exactly this is found, with a cure. */
static bool is_found(enum hp_cause c)
{
	hp_box_judge(&box, &found);
	if (found.n == 1 && found.at[0].cause == c && *found.at[0].cure)
		return true;
	for (size_t i = 0; i < found.n; i++)
		printf("%s: %s\n", hp_cause_id(found.at[i].cause), found.at[i].text);
	return false;
}

static void a_healthy_gateway_has_no_findings(void)
{
	begin();
	hp_box_judge(&box, &found);
	CU_ASSERT_EQUAL(found.n, 0);
	CU_ASSERT_TRUE(hp_findings_healthy(&found));
}

static void each_thing_that_is_wrong_is_named(void)
{
	begin();
	box.devs[1].exists = false;
	box.devs[1].forward4 = -1;
	CU_ASSERT_TRUE(is_found(HP_CAUSE_NO_INTERFACE));
	begin();
	box.forward4 = 0;
	box.devs[0].forward4 = box.devs[1].forward4 = 0;
	box.ways[1].err = box.ways[2].err = -EHOSTUNREACH; /* what the kernel says then */
	CU_ASSERT_TRUE(is_found(HP_CAUSE_NO_FORWARDING));
	begin();
	box.devs[1].forward4 = 0;
	box.ways[1].err = -EHOSTUNREACH;
	CU_ASSERT_TRUE(is_found(HP_CAUSE_NO_FORWARDING));
	begin();
	box.ways[2].err = -EINVAL;
	box.ways[2].filtered = true;
	CU_ASSERT_TRUE(is_found(HP_CAUSE_RP_FILTER));
	for (size_t i = 0; i < 3; i++) {
		begin();
		box.ways[i].err = -ENETUNREACH;
		CU_ASSERT_TRUE(is_found(HP_CAUSE_NO_ROUTE));
	}
	begin();
	box.ways[1].err = -EHOSTUNREACH; /* although it forwards: the route says so */
	CU_ASSERT_TRUE(is_found(HP_CAUSE_NO_ROUTE));
	begin();
	box.ways[1].wants_tun = true;
	CU_ASSERT_TRUE(is_found(HP_CAUSE_RULES_GONE));
	begin();
	box.devs[0].mtu--;
	CU_ASSERT_TRUE(is_found(HP_CAUSE_MTU));
	begin();
	box.ways[0].mtu = 1279;
	CU_ASSERT_TRUE(is_found(HP_CAUSE_MTU));
	begin();
	box.now_s = HP_BOX_EPOCH_S - 1;
	CU_ASSERT_TRUE(is_found(HP_CAUSE_CLOCK));
	begin();
	box.state_s = box.now_s + 3600;
	CU_ASSERT_TRUE(is_found(HP_CAUSE_CLOCK));
}

static void what_does_no_harm_is_not_named(void)
{
	begin();
	box.forward6 = 0; /* nothing of IPv6 is forwarded */
	box.ways[1].to_tun = box.ways[1].wants_tun = true;
	box.state_s = box.now_s + 5;
	box.ways[0].mtu = 1280;
	hp_box_judge(&box, &found);
	CU_ASSERT_EQUAL(found.n, 0);
	/* A host forwards nothing. */
	begin();
	box.serves_clients = box.need4 = false;
	box.forward4 = box.forward6 = 0;
	box.n_ways = 1;
	hp_box_judge(&box, &found);
	CU_ASSERT_EQUAL(found.n, 0);
	/* `proxy off` took the rules away. */
	begin();
	box.ways[1].wants_tun = true;
	box.daemon.capturing = false;
	hp_box_judge(&box, &found);
	CU_ASSERT_EQUAL(found.n, 0);
}

/* ---- peers */

static struct hp_seen_peer peer(void)
{
	struct hp_seen_peer p = { .name = "web" };

	hp_addr_parse("2001:22:e9a:33f1:5ccf:32f1:2f53:1c9f", &p.hit);
	hp_addr_parse("192.0.2.80", &p.addr);
	memset(&found, 0, sizeof(found));
	return p;
}

static void every_reason_becomes_a_finding_with_a_cure(void)
{
	for (int why = HP_WHY_NONE + 1; why < HP_WHYS; why++) {
		struct hp_seen_peer p = peer();

		p.why = (enum hp_hip_why)why;
		if (why == HP_WHY_OTHER_HIT || why == HP_WHY_OTHER_KEY)
			hp_addr_parse("2001:22::5", &p.shown);
		hp_judge_peer(&p, &found);
		CU_ASSERT_EQUAL(found.n, 1);
		CU_ASSERT_EQUAL(found.at[0].severity, HP_SEV_ERROR);
		CU_ASSERT_NOT_EQUAL(found.at[0].cure[0], '\0');
		CU_ASSERT_PTR_NULL(strchr(found.at[0].cure, '%'));
		CU_ASSERT_STRING_EQUAL(found.at[0].peer, "2001:22:e9a:33f1:5ccf:32f1:2f53:1c9f");
	}
	CU_ASSERT_STRING_EQUAL(hp_cause_id(HP_CAUSE_WRONG_HIT), "wrong-hit");
}

static bool esp_missing(const struct hp_seen_peer *p)
{
	hp_judge_peer(p, &found);
	return found.n == 1 && found.at[0].cause == HP_CAUSE_ESP_BLOCKED;
}

static void esp_that_does_not_come_back_is_noticed(void)
{
	struct hp_seen_peer p = peer();

	p.up = true;
	p.out_packets = 4;
	p.up_ms = 3000;
	p.flows = p.waiting = 1;
	CU_ASSERT_TRUE(esp_missing(&p));
	p = peer();
	p.up = true;
	p.out_packets = 100;
	p.in_packets = 90;
	p.flows = 3;
	p.waiting = 1;
	p.unanswered_ms = 4000;
	CU_ASSERT_TRUE(esp_missing(&p));
	p = peer(); /* an application of this host: there are no flows */
	p.up = true;
	p.out_packets = 3;
	p.up_ms = 3000;
	CU_ASSERT_TRUE(esp_missing(&p));
}

static void silence_that_is_nothing_unusual_is_no_finding(void)
{
	struct hp_seen_peer p = peer();

	p.up = true;
	CU_ASSERT_FALSE(esp_missing(&p)); /* no traffic at all */
	p.out_packets = 1000;             /* syslog, say: nobody answers */
	p.flows = 1;
	p.up_ms = p.unanswered_ms = 60000;
	CU_ASSERT_FALSE(esp_missing(&p));
	p.in_packets = 10; /* one port is silent, others answer */
	p.waiting = 1;
	p.unanswered_ms = 500;
	CU_ASSERT_FALSE(esp_missing(&p));
	p = peer(); /* the first packets are still under way */
	p.up = true;
	p.out_packets = 3;
	p.up_ms = 500;
	CU_ASSERT_FALSE(esp_missing(&p));
}

/* ---- services */

static void services_on_ipv4_only_are_told_apart(void)
{
	static const char tcp[] =
		"  sl  local_address rem_address   st tx_queue\n"
		"   0: 00000000:0016 00000000:0000 0A 00000000:00000000\n"  /* 22, also on IPv6 */
		"   1: 00000000:1F90 00000000:0000 0A 00000000:00000000\n"  /* 8080 */
		"   2: 0100007F:0019 00000000:0000 0A 00000000:00000000\n"  /* 127.0.0.1:25 */
		"   3: 00000000:0050 00000000:0000 01 00000000:00000000\n"; /* established */
	static const char tcp6[] =
		"  sl  local_address                         remote_address                        st\n"
		"   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A\n"
		"   1: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A\n";
	struct hp_listeners *l = calloc(1, sizeof(*l));

	memset(&found, 0, sizeof(found));
	hp_listeners_read(l, 4, tcp);
	hp_listeners_read(l, 6, tcp6);
	hp_judge_listeners(l, &found);
	CU_ASSERT_EQUAL(found.n, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(found.at[0].text, "port 8080"));
	CU_ASSERT_TRUE(hp_findings_healthy(&found));
	memset(&found, 0, sizeof(found));
	hp_judge_asked(l, 22, &found);
	hp_judge_asked(l, 80, &found);
	hp_judge_asked(l, 25, &found);
	CU_ASSERT_EQUAL(found.n, 0);
	hp_judge_asked(l, 8080, &found);
	CU_ASSERT_EQUAL(found.n, 1);
	CU_ASSERT_FALSE(hp_findings_healthy(&found));
	for (size_t n = 0; n < sizeof(tcp); n++) {
		char *cut = strndup(tcp, n);

		hp_listeners_read(l, 4, cut);
		free(cut);
	}
	CU_ASSERT_EQUAL(l->n, 2);
	free(l);
}

/* ---- the list */

static void findings_are_kept_once_and_survive_json(void)
{
	struct hp_findings back;
	struct hp_finding *f;
	struct hp_addr hit;
	json_t *o;

	memset(&found, 0, sizeof(found));
	memset(&back, 0, sizeof(back));
	hp_addr_parse("2001:22::5", &hit);
	f = hp_find(&found, HP_CAUSE_RP_FILTER, HP_SEV_ERROR, "text %d", 1);
	hp_cure(f, "line \"%s\"", "quoted");
	CU_ASSERT_PTR_EQUAL(hp_find(&found, HP_CAUSE_RP_FILTER, HP_SEV_ERROR, "text %d", 1), f);
	f = hp_find(&found, HP_CAUSE_PEER_DOWN, HP_SEV_NOTE, "another");
	hp_finding_about(f, &hit);
	o = hp_findings_json(&found);
	hp_findings_read(&back, o);
	CU_ASSERT_EQUAL(back.n, 2);
	CU_ASSERT_EQUAL(memcmp(back.at, found.at, 2 * sizeof(*back.at)), 0);
	json_array_append_new(o, json_pack("{s:s, s:s, s:s, s:s}", "id", "nonsense", "severity",
					   "error", "text", "", "cure", ""));
	json_array_append_new(o, json_integer(3));
	hp_findings_read(&back, o);
	CU_ASSERT_EQUAL(back.n, 2);
	hp_findings_forget_peer(&back, &hit);
	CU_ASSERT_EQUAL(back.n, 1);
	CU_ASSERT_EQUAL(back.at[0].cause, HP_CAUSE_RP_FILTER);
	json_decref(o);
}

static void the_list_has_an_end(void)
{
	memset(&found, 0, sizeof(found));
	for (int i = 0; i < HP_FINDINGS_MAX + 10; i++)
		hp_find(&found, HP_CAUSE_CONFIG, HP_SEV_ERROR, "%d", i);
	CU_ASSERT_EQUAL(found.n, HP_FINDINGS_MAX);
	CU_ASSERT_EQUAL(found.more, 10);
}

/* What the manual page has to explain. */
static void every_cause_has_a_name_and_is_in_the_manual(void)
{
	FILE *f = fopen(hp_test_path("man/hipproxyctl.8"), "re");
	static char text[1 << 20];
	char want[64];
	size_t n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	for (int c = 0; c < HP_CAUSES; c++) {
		const char *id = hp_cause_id((enum hp_cause)c), *s = id;
		size_t at = (size_t)snprintf(want, sizeof(want), "\n.B ");

		CU_ASSERT_PTR_NOT_NULL_FATAL(id);
		for (; *s; s++)
			at += (size_t)snprintf(want + at, sizeof(want) - at, *s == '-' ? "\\-" : "%c",
					       *s);
		snprintf(want + at, sizeof(want) - at, "\n");
		if (!strstr(text, want))
			printf("man/hipproxyctl.8 lacks %s\n", id);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, want));
		CU_ASSERT_TRUE(strlen(hp_cause_help((enum hp_cause)c)) > 10);
	}
}

static const struct hp_test tests[] = {
	HP_TEST(a_healthy_gateway_has_no_findings),
	HP_TEST(each_thing_that_is_wrong_is_named),
	HP_TEST(what_does_no_harm_is_not_named),
	HP_TEST(every_reason_becomes_a_finding_with_a_cure),
	HP_TEST(esp_that_does_not_come_back_is_noticed),
	HP_TEST(silence_that_is_nothing_unusual_is_no_finding),
	HP_TEST(services_on_ipv4_only_are_told_apart),
	HP_TEST(findings_are_kept_once_and_survive_json),
	HP_TEST(the_list_has_an_end),
	HP_TEST(every_cause_has_a_name_and_is_in_the_manual),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("doctor", tests, argc, argv);

	hp_conf_free(conf);
	return ret;
}
