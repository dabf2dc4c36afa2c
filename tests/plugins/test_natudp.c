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
#include "../exchange/world.h"
#include "conf/conf.h"
#include "hip/assoc.h"
#include "plugin/registry.h"

extern const struct hp_plugin hipproxy_plugin_natudp;

static struct hp_transport asked;
static int n_asked, answer;
static char said[1024];

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

static int transport(void *ctx, const struct hp_transport *t)
{
	(void)ctx;
	n_asked++;
	if (!answer)
		asked = *t;
	return answer;
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
					    .transport = transport, .ctx = c };
}

/* Loads and starts it; what start says. */
static int run(struct hp_conf *c, struct hp_registry **reg)
{
	struct hp_registry_config cfg = cfg_of(c);
	int err;

	n_asked = 0;
	memset(&asked, 0, sizeof(asked));
	*reg = hp_registry_new(&cfg);
	CU_ASSERT_FATAL(*reg != NULL);
	err = hp_registry_add(*reg, &hipproxy_plugin_natudp);
	return err ? err : hp_registry_start(*reg);
}

static void without_settings_it_is_auto_on_port_10500(void)
{
	struct hp_conf *c = conf_with("");
	struct hp_registry *reg;

	answer = 0;
	CU_ASSERT_EQUAL(run(c, &reg), 0);
	CU_ASSERT_EQUAL(n_asked, 1);
	CU_ASSERT_EQUAL(asked.mode, HP_TRANSPORT_AUTO);
	CU_ASSERT_EQUAL(asked.port, 10500);
	CU_ASSERT_EQUAL(asked.keepalive_ms, 15000);
	hp_registry_free(reg);
	CU_ASSERT_EQUAL(n_asked, 2);
	CU_ASSERT_EQUAL(asked.mode, HP_TRANSPORT_NATIVE);
	hp_conf_free(c);
}

static void each_mode_is_asked_for(void)
{
	static const char *const text[] = { "mode = \"off\";", "mode = \"plain-udp\";",
					    "mode = \"auto\"; port = 4500; keepalive_s = 1;" };

	for (int i = 0; i < 3; i++) {
		struct hp_conf *c = conf_with(text[i]);
		struct hp_registry *reg;

		CU_ASSERT_EQUAL(run(c, &reg), 0);
		CU_ASSERT_EQUAL(asked.mode, (enum hp_transport_mode)i);
		CU_ASSERT_EQUAL(asked.port, i == 2 ? 4500 : 10500);
		CU_ASSERT_EQUAL(asked.keepalive_ms, i == 2 ? 1000 : 15000);
		hp_registry_free(reg);
		hp_conf_free(c);
	}
}

static void nonsense_is_refused(void)
{
	static const char *const text[] = { "mode = \"udp\";", "port = 0;", "port = 65536;",
					    "keepalive_s = 0;", "keepalive_s = 3601;",
					    "modus = \"auto\";" };

	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++) {
		struct hp_conf *c = conf_with(text[i]);
		struct hp_registry *reg;

		CU_ASSERT_NOT_EQUAL(run(c, &reg), 0);
		CU_ASSERT_EQUAL(n_asked, 0);
		CU_ASSERT(said[0] != '\0');
		hp_registry_free(reg);
		hp_conf_free(c);
	}
}

static void a_reload_asks_again_and_may_be_refused(void)
{
	struct hp_conf *c = conf_with("mode = \"auto\";");
	struct hp_conf *next = conf_with("mode = \"plain-udp\";");
	const char *const names[] = { "natudp" };
	struct hp_registry_config cfg = cfg_of(next);
	struct hp_registry *reg;

	CU_ASSERT_EQUAL(run(c, &reg), 0);
	answer = -EADDRINUSE;
	CU_ASSERT_EQUAL(hp_registry_reload(reg, &cfg, names, 1), -EADDRINUSE);
	CU_ASSERT_EQUAL(asked.mode, HP_TRANSPORT_AUTO);
	answer = 0;
	CU_ASSERT_EQUAL(hp_registry_reload(reg, &cfg, names, 1), 0);
	CU_ASSERT_EQUAL(asked.mode, HP_TRANSPORT_UDP);
	hp_registry_free(reg);
	hp_conf_free(c);
	hp_conf_free(next);
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

	cfg.transport = NULL;
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
		w.s[i].nat = (struct hp_hip_nat){ HP_NAT_UDP, 10500, 15000 };
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

static const struct hp_test tests[] = {
	HP_TEST(without_settings_it_is_auto_on_port_10500),
	HP_TEST(each_mode_is_asked_for),
	HP_TEST(nonsense_is_refused),
	HP_TEST(a_reload_asks_again_and_may_be_refused),
	HP_TEST(a_port_that_is_taken_refuses_the_start),
	HP_TEST(a_daemon_without_the_service_refuses_the_start),
	HP_TEST(nat_traversal_mode_in_octets),
	HP_TEST(a_keepalive_in_octets),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int ret = hp_test_main("natudp", tests, argc, argv);

	world_keys_free();
	return ret;
}
