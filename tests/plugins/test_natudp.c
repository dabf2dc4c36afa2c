/* SPDX-License-Identifier: MIT
 *
 * Plugin natudp: what its settings ask of the core, on start, reload and stop; and the octets
 * on the wire that go with it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../harness.h"
#include "../exchange/nat.h"
#include "conf/conf.h"
#include "hip/assoc.h"
#include "plugin/registry.h"

extern const struct hp_plugin hipproxy_plugin_natudp;

static unsigned asked, n_open, opened; /* ports asked for; open now, and so far */
static uint16_t number;         /* of the latest */
static int answer;
static unsigned renewed;
static char said[1024];
static struct hp_timers timers;
static uint64_t now;

static void complain(void *ctx, const char *line)
{
	(void)ctx;
	strncat(said, line, sizeof(said) - strlen(said) - 1);
}

static void complain_plugin(void *ctx, bool warning, const char *plugin, const char *key,
			    const char *text)
{
	(void)warning, (void)plugin, (void)key;
	complain(ctx, text);
}

static int settings(void *ctx, const char *plugin, const struct hp_conf_row *rows, size_t bytes,
		    const void **out)
{
	struct hp_conf_report report = { .line = complain };

	return hp_conf_plugin(ctx, plugin, rows, bytes, out, &report);
}

static int port_open(void *ctx, uint16_t n, struct hp_outer_port **out)
{
	(void)ctx;
	asked++;
	if (answer)
		return answer;
	n_open++;
	opened++;
	number = n;
	*out = malloc(1);
	return 0;
}

static void port_close(void *ctx, struct hp_outer_port *port)
{
	(void)ctx;
	n_open--;
	free(port);
}

static void changed(void *ctx)
{
	(void)ctx;
	renewed++;
}

static int each(void *ctx, int (*fn)(struct hp_assoc *a, void *arg), void *arg)
{
	(void)ctx, (void)fn, (void)arg;
	return 0;
}

static const struct hp_registry_outer outer = { .open = port_open, .close = port_close,
						.changed = changed, .each = each };

static uint64_t now_ms(void *ctx)
{
	(void)ctx;
	return now;
}

/* A configuration with this in the plugin's group. */
static struct hp_conf *conf_with(const char *group)
{
	struct hp_conf_report report = { .line = complain };
	char dir[] = "/tmp/natudp.XXXXXX", path[64], key[64];
	struct hp_conf *c = NULL;
	FILE *f;

	said[0] = '\0';
	CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/c", dir);
	snprintf(key, sizeof(key), "%s/k", dir);
	f = fopen(key, "w");
	fputs("key", f);
	fclose(f);
	chmod(key, 0600);
	f = fopen(path, "w");
	fprintf(f, "identities = ( { name = \"a\"; key = \"%s\"; } );\n"
		   "plugins = { natudp = { %s }; };\n", key, group);
	fclose(f);
	chmod(path, 0600);
	if (hp_conf_load(path, &c, &report))
		printf("\n%s", said);
	unlink(path);
	unlink(key);
	rmdir(dir);
	CU_ASSERT_FATAL(c != NULL);
	return c;
}

static struct hp_registry_config cfg_of(struct hp_conf *c)
{
	return (struct hp_registry_config){ .report = complain_plugin, .settings = settings,
					    .outer = &outer, .timers = &timers, .now_ms = now_ms,
					    .ctx = c };
}

/* Loads and starts it; what start says. */
static int run(struct hp_conf *c, struct hp_registry **reg)
{
	struct hp_registry_config cfg = cfg_of(c);
	int err;

	opened = renewed = 0;
	number = 0;
	hp_timers_init(&timers, now);
	*reg = hp_registry_new(&cfg);
	CU_ASSERT_FATAL(*reg != NULL);
	err = hp_registry_add(*reg, &hipproxy_plugin_natudp);
	return err ? err : hp_registry_start(*reg);
}

static struct hp_transport_status status_of(const struct hp_registry *reg)
{
	struct hp_transport_status st = { .mode = "?" };
	struct hp_transport_ref t;

	CU_ASSERT_TRUE(hp_registry_transport(reg, &t));
	t.table->status(t.self, &st);
	return st;
}

static uint32_t keepalive_of(const struct hp_registry *reg)
{
	return natudp_of(hp_registry_plugin(reg, 0))->keepalive_ms;
}

static void without_settings_it_is_auto_on_port_10500(void)
{
	struct hp_conf *c = conf_with("");
	struct hp_registry *reg;

	answer = 0;
	CU_ASSERT_EQUAL(run(c, &reg), 0);
	CU_ASSERT_EQUAL(opened, 1);
	CU_ASSERT_EQUAL(number, 10500);
	CU_ASSERT_EQUAL(renewed, 1);
	CU_ASSERT_STRING_EQUAL(status_of(reg).mode, "auto");
	CU_ASSERT_EQUAL(status_of(reg).port, 10500);
	CU_ASSERT_EQUAL(keepalive_of(reg), 15000);
	hp_registry_free(reg);
	CU_ASSERT_EQUAL(n_open, 0);
	hp_conf_free(c);
}

static void each_mode_is_there(void)
{
	static const char *const names[] = { "off", "plain-udp", "auto" };
	static const char *const text[] = { "mode = \"off\";", "mode = \"plain-udp\";",
					    "mode = \"auto\"; port = 4500; keepalive_s = 1;" };

	for (int i = 0; i < 3; i++) {
		struct hp_conf *c = conf_with(text[i]);
		struct hp_registry *reg;

		CU_ASSERT_EQUAL(run(c, &reg), 0);
		CU_ASSERT_STRING_EQUAL(status_of(reg).mode, names[i]);
		CU_ASSERT_EQUAL(status_of(reg).port, i == 2 ? 4500 : i ? 10500 : 0);
		CU_ASSERT_EQUAL(n_open, i != 0);
		CU_ASSERT_EQUAL(renewed, i != 0);
		CU_ASSERT_EQUAL(keepalive_of(reg), i == 2 ? 1000 : 15000);
		hp_registry_free(reg);
		hp_conf_free(c);
	}
}

static void nonsense_is_refused(void)
{
	static const char *const text[] = { "mode = \"udp\";", "port = 0;", "port = 65536;",
					    "keepalive_s = 0;", "keepalive_s = 3601;",
					    "modus = \"auto\";",
					    "source_port = \"10501\";" };

	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++) {
		struct hp_conf *c = conf_with(text[i]);
		struct hp_registry *reg;

		CU_ASSERT_NOT_EQUAL(run(c, &reg), 0);
		CU_ASSERT_EQUAL(opened, 0);
		CU_ASSERT(said[0] != '\0');
		hp_registry_free(reg);
		hp_conf_free(c);
	}
}

/* Another port is opened before the one in use is closed, so a refusal changes nothing. */
static void a_reload_takes_effect_or_changes_nothing(void)
{
	struct hp_conf *c = conf_with("mode = \"auto\";");
	struct hp_conf *next = conf_with("mode = \"plain-udp\"; port = 4500;");
	struct hp_conf *off = conf_with("mode = \"off\";");
	const char *const names[] = { "natudp" };
	struct hp_registry_config cfg = cfg_of(next), cfg_off = cfg_of(off);
	struct hp_registry *reg;

	CU_ASSERT_EQUAL(run(c, &reg), 0);
	answer = -EADDRINUSE;
	CU_ASSERT_EQUAL(hp_registry_reload(reg, &cfg, names, 1), -EADDRINUSE);
	CU_ASSERT_STRING_EQUAL(status_of(reg).mode, "auto");
	CU_ASSERT_EQUAL(status_of(reg).port, 10500);
	answer = 0;
	CU_ASSERT_EQUAL(hp_registry_reload(reg, &cfg, names, 1), 0);
	CU_ASSERT_STRING_EQUAL(status_of(reg).mode, "plain-udp");
	CU_ASSERT_EQUAL(status_of(reg).port, 4500);
	CU_ASSERT_EQUAL(n_open, 1);
	CU_ASSERT_EQUAL(renewed, 1); /* both modes say the same in R1s */
	CU_ASSERT_EQUAL(hp_registry_reload(reg, &cfg_off, names, 1), 0);
	CU_ASSERT_EQUAL(n_open, 0);
	CU_ASSERT_EQUAL(renewed, 2);
	hp_registry_free(reg);
	hp_conf_free(c);
	hp_conf_free(next);
	hp_conf_free(off);
}

/* RFC 9028, section 4.1.  Peers are still asked at the well-known port. */
static void a_random_source_port_is_one_of_the_range_and_stays(void)
{
	struct hp_conf *c = conf_with("source_port = \"random\";");
	struct hp_conf *next = conf_with("source_port = \"random\"; keepalive_s = 20;");
	struct hp_conf *fixed = conf_with("source_port = \"fixed\";");
	const char *const names[] = { "natudp" };
	struct hp_registry_config cfg = cfg_of(next), cfg_fixed = cfg_of(fixed);
	struct hp_path out[HP_OUTER_PATHS], wanted = { .dport = 10500 };
	struct hp_registry *reg;
	struct hp_transport_ref t;
	uint16_t own;

	wanted.dst.b[15] = 1;
	CU_ASSERT_EQUAL(run(c, &reg), 0);
	own = number;
	CU_ASSERT(own >= 49152);
	CU_ASSERT_EQUAL(status_of(reg).port, own);
	CU_ASSERT_TRUE(hp_registry_transport(reg, &t));
	CU_ASSERT_EQUAL(t.table->paths(t.self, &wanted, out), 2);
	CU_ASSERT(out[0].sport == own && out[0].dport == 10500 && !out[1].dport);
	wanted.dport = 0;
	CU_ASSERT_EQUAL(t.table->paths(t.self, &wanted, out), 2);
	CU_ASSERT(!out[0].dport && out[1].sport == own && out[1].dport == 10500);
	CU_ASSERT_EQUAL(hp_registry_reload(reg, &cfg, names, 1), 0);
	CU_ASSERT_EQUAL(opened, 1);
	CU_ASSERT_EQUAL(keepalive_of(reg), 20000);
	CU_ASSERT_EQUAL(hp_registry_reload(reg, &cfg_fixed, names, 1), 0);
	CU_ASSERT_EQUAL(status_of(reg).port, 10500);
	CU_ASSERT_EQUAL(n_open, 1);
	/* Ports that are taken: others are tried, not for ever. */
	answer = -EADDRINUSE;
	asked = 0;
	CU_ASSERT_EQUAL(hp_registry_reload(reg, &cfg, names, 1), -EADDRINUSE);
	CU_ASSERT(asked > 1 && asked < 100);
	answer = 0;
	CU_ASSERT_EQUAL(status_of(reg).port, 10500);
	hp_registry_free(reg);
	CU_ASSERT_EQUAL(n_open, 0);
	hp_conf_free(c);
	hp_conf_free(next);
	hp_conf_free(fixed);
}

static void the_mode_can_be_set_and_nonsense_is_refused(void)
{
	struct hp_conf *c = conf_with("mode = \"off\"; port = 4500;");
	struct hp_transport_ref t;
	struct hp_registry *reg;

	CU_ASSERT_EQUAL(run(c, &reg), 0);
	CU_ASSERT_TRUE(hp_registry_transport(reg, &t));
	CU_ASSERT_EQUAL(t.table->mode(t.self, "udp"), -EINVAL);
	CU_ASSERT_EQUAL(opened, 0);
	answer = -EADDRINUSE;
	CU_ASSERT_EQUAL(t.table->mode(t.self, "plain-udp"), -EADDRINUSE);
	CU_ASSERT_STRING_EQUAL(status_of(reg).mode, "off");
	answer = 0;
	CU_ASSERT_EQUAL(t.table->mode(t.self, "plain-udp"), 0);
	CU_ASSERT_STRING_EQUAL(status_of(reg).mode, "plain-udp");
	CU_ASSERT_EQUAL(status_of(reg).port, 4500);
	hp_registry_free(reg);
	CU_ASSERT_EQUAL(n_open, 0);
	hp_conf_free(c);
}

static void a_port_that_is_taken_refuses_the_start(void)
{
	struct hp_conf *c = conf_with("");
	struct hp_registry *reg;

	answer = -EADDRINUSE;
	CU_ASSERT_EQUAL(run(c, &reg), -EADDRINUSE);
	answer = 0;
	hp_registry_free(reg);
	hp_conf_free(c);
}

static void a_daemon_without_the_service_refuses_the_start(void)
{
	struct hp_conf *c = conf_with("");
	struct hp_registry_config cfg = cfg_of(c);
	struct hp_registry *reg;

	cfg.outer = NULL;
	reg = hp_registry_new(&cfg);
	CU_ASSERT_EQUAL(hp_registry_add(reg, &hipproxy_plugin_natudp), 0);
	CU_ASSERT_EQUAL(hp_registry_start(reg), -EOPNOTSUPP);
	hp_registry_free(reg);
	hp_conf_free(c);
}

/* ---- octets */

static struct world w;

static const struct packet *kept(uint8_t type)
{
	for (size_t i = 0; i < w.n_kept; i++)
		if (w.kept[i]->msg[HP_HIP_OFF_TYPE] == type)
			return w.kept[i];
	return NULL;
}

static void exchange(unsigned ms)
{
	world_init(&w);
	for (int i = 0; i < 2; i++)
		nat_plug(&w, i, NATUDP_PLAIN_UDP, 10500, 15000);
	w.keep = true;
	world_start(&w);
	CU_ASSERT_FATAL(world_connect(&w, 50));
	world_run(&w, ms);
}

static const uint8_t *parameter(const struct packet *p, uint16_t type)
{
	struct hp_hip_msg m;
	const struct hp_hip_tlv *t;

	CU_ASSERT_FATAL(p && !hp_hip_parse(p->msg, p->len, &m));
	t = hp_hip_param_find(&m, type, 0);
	return t ? p->msg + t->off - 4 : NULL;
}

/* RFC 5770, section 5.4: type 608, length 4, reserved, mode 1. */
static void nat_traversal_mode_in_octets(void)
{
	static const uint8_t want[] = { 0x02, 0x60, 0, 4, 0, 0, 0, 1 };
	const uint8_t *got;

	exchange(0);
	for (uint8_t type = HP_HIP_R1; type <= HP_HIP_I2; type++) {
		got = parameter(kept(type), 608);
		CU_ASSERT(got && !memcmp(got, want, sizeof(want)));
	}
	CU_ASSERT(!parameter(kept(HP_HIP_I1), 608) && !parameter(kept(HP_HIP_R2), 608));
	world_fini(&w);
}

/* RFC 5770, section 5.3: NOTIFY with NAT_KEEPALIVE and nothing else, checksum zero. */
static void a_keepalive_in_octets(void)
{
	static const uint8_t head[] = { 59, 5, 17, 0x21, 0, 0, 0, 0 };
	static const uint8_t body[] = { 0x03, 0x40, 0, 4, 0, 0, 0x40, 0x01 };
	const struct packet *p;

	exchange(20000);
	p = kept(HP_HIP_NOTIFY);
	CU_ASSERT_FATAL(p != NULL);
	CU_ASSERT_EQUAL(p->len, 48);
	CU_ASSERT(!memcmp(p->msg, head, sizeof(head)));
	CU_ASSERT(!memcmp(p->msg + 40, body, sizeof(body)));
	CU_ASSERT_EQUAL(p->dport, 10500);
	world_fini(&w);
}

/* ---- runs */

static struct ended {
	unsigned n;
	struct hp_outer_run at[16];
	uint8_t first[16]; /* their first octet */
} ended;

static void reached(void *ctx, struct hp_outer_run *r)
{
	(void)ctx;
	if (ended.n == 16)
		return;
	ended.at[ended.n] = *r;
	ended.first[ended.n++] = r->data[0];
}

static void dropped(void *ctx, const struct hp_outer_run *r, uint32_t n,
		    const struct hp_step *step, enum hp_verdict v)
{
	(void)ctx, (void)r, (void)n, (void)step, (void)v;
	CU_FAIL("a run was dropped");
}

static const struct hp_outer_end ends = { NULL, reached, dropped };

/* RFC 5770, section 5.1: 32 zero bits in front of a HIP message, nothing in front of ESP. */
static void what_leaves_with_a_port_is_encapsulated(void)
{
	struct hp_conf *c = conf_with("");
	uint8_t room[64];
	struct hp_registry *reg;

	CU_ASSERT_EQUAL(run(c, &reg), 0);
	for (int i = 0; i < 4; i++) {
		bool esp = i & 1, udp = i & 2;
		struct hp_outer_run r = { .kind = esp ? HP_OUTER_ESP : HP_OUTER_CONTROL,
					  .data = room + 8, .n = 1, .seg = 40, .last = 40,
					  .head = 8, .tail = 16 };

		memset(room, 0xee, sizeof(room));
		r.path.dport = udp ? 40001 : 0;
		memset(&ended, 0, sizeof(ended));
		hp_registry_outer(reg, HP_STAGE_OUT_OUTER, &r, &ends);
		CU_ASSERT_EQUAL_FATAL(ended.n, 1);
		CU_ASSERT_EQUAL(ended.at[0].port != NULL, udp);
		CU_ASSERT_EQUAL(ended.at[0].last, udp && !esp ? 44 : 40);
		CU_ASSERT_EQUAL(ended.at[0].seg, ended.at[0].last);
		CU_ASSERT_EQUAL(ended.first[0], udp && !esp ? 0 : 0xee);
		CU_ASSERT_EQUAL(hp_get32(room + 4), udp && !esp ? 0 : 0xeeeeeeee);
		CU_ASSERT_EQUAL(room[8], 0xee);
	}
	hp_registry_free(reg);
	hp_conf_free(c);
}

/* Sixty-four octets each: H HIP, E ESP, R a reserved SPI; a last one of 3 octets: a runt. */
static void arrive(struct hp_registry *reg, const char *kinds, uint32_t last, uint8_t *octets)
{
	const struct natudp *n = natudp_of(hp_registry_plugin(reg, 0));
	struct hp_outer_run r = { .kind = HP_OUTER_DATAGRAMS, .port = n->port, .data = octets,
				  .n = (uint32_t)strlen(kinds), .seg = 64, .last = last };

	for (uint32_t i = 0; kinds[i]; i++) {
		memset(octets + 64 * i, (int)i + 1, hp_outer_len(&r, i));
		if (hp_outer_len(&r, i) > 4)
			hp_put32(octets + 64 * i, kinds[i] == 'H' ? 0 : kinds[i] == 'R' ? 255 :
						  0x01010101 * (i + 1));
	}
	memset(&ended, 0, sizeof(ended));
	hp_registry_outer(reg, HP_STAGE_IN_OUTER, &r, &ends);
}

static void what_arrives_at_the_port_is_told_apart(void)
{
	struct hp_conf *c = conf_with("");
	const struct hp_counters *d;
	struct hp_registry *reg;
	uint8_t octets[64 * 8];

	CU_ASSERT_EQUAL(run(c, &reg), 0);
	d = &hp_registry_plugin(reg, 0)->drops;
	/* All ESP: the run goes on as it is. */
	arrive(reg, "EEEE", 30, octets);
	CU_ASSERT_EQUAL_FATAL(ended.n, 1);
	CU_ASSERT_EQUAL(ended.at[0].kind, HP_OUTER_ESP);
	CU_ASSERT(ended.at[0].n == 4 && ended.at[0].last == 30 && ended.at[0].data == octets);
	/* What lies between is taken out, the order stays. */
	arrive(reg, "EEHERE", 3, octets);
	CU_ASSERT_EQUAL_FATAL(ended.n, 3);
	CU_ASSERT(ended.at[0].kind == HP_OUTER_ESP && ended.at[0].n == 2 && ended.first[0] == 1);
	CU_ASSERT(ended.at[0].last == 64);
	CU_ASSERT(ended.at[1].kind == HP_OUTER_CONTROL && ended.at[1].n == 1 &&
		  ended.first[1] == 3 && ended.at[1].last == 60 && ended.at[1].seg == 60);
	CU_ASSERT(ended.at[2].kind == HP_OUTER_ESP && ended.at[2].n == 1 && ended.first[2] == 4);
	CU_ASSERT_EQUAL(hp_count_get(d, NATUDP_D_RESERVED), 1);
	CU_ASSERT_EQUAL(hp_count_get(d, NATUDP_D_RUNT), 1);
	/* An empty datagram, and one longer than any message. */
	arrive(reg, "E", 0, octets);
	CU_ASSERT_EQUAL(ended.n, 0);
	CU_ASSERT_EQUAL(hp_count_get(d, NATUDP_D_RUNT), 2);
	CU_ASSERT_EQUAL(hp_count_get(d, NATUDP_D_OVERSIZED), 0);
	hp_registry_free(reg);
	hp_conf_free(c);
}

static const struct hp_test tests[] = {
	HP_TEST(without_settings_it_is_auto_on_port_10500),
	HP_TEST(each_mode_is_there),
	HP_TEST(nonsense_is_refused),
	HP_TEST(a_reload_takes_effect_or_changes_nothing),
	HP_TEST(a_random_source_port_is_one_of_the_range_and_stays),
	HP_TEST(the_mode_can_be_set_and_nonsense_is_refused),
	HP_TEST(a_port_that_is_taken_refuses_the_start),
	HP_TEST(a_daemon_without_the_service_refuses_the_start),
	HP_TEST(nat_traversal_mode_in_octets),
	HP_TEST(a_keepalive_in_octets),
	HP_TEST(what_leaves_with_a_port_is_encapsulated),
	HP_TEST(what_arrives_at_the_port_is_told_apart),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("natudp", tests, argc, argv);

	world_keys_free();
	return ret;
}
