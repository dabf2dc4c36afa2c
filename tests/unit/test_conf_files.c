/* SPDX-License-Identifier: MIT
 *
 * The configuration from files: conf.d, includes, key files, and the examples we give.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "../harness.h"

static char dir[64], said[8192];

static void collect(void *ctx, const char *line)
{
	strncat(said, line, sizeof(said) - strlen(said) - 2);
	strcat(said, "\n");
}

static const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* "@" in text stands for the folder. */
static void put(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	CU_ASSERT_FATAL(f != NULL);
	for (; *text; text++)
		if (*text == '@' && strncmp(text, "@include", 8))
			fputs(dir, f);
		else
			fputc(*text, f);
	fclose(f);
	chmod(path_of(name), 0600);
}

static void setup(void)
{
	strcpy(dir, "/tmp/hipproxy-conf.XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
	mkdir(path_of("conf.d"), 0700);
	put("a.pem", "key");
	put("hipproxy.conf", "identities = ( { name = \"a\"; key = \"@/a.pem\"; } );\n");
}

static void empty(const char *sub)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s%s", dir, sub);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s%s/%s", dir, sub, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
}

static void teardown(void)
{
	empty("/conf.d");
	rmdir(path_of("conf.d"));
	empty("");
	rmdir(dir);
}

static struct hp_conf *load(void)
{
	struct hp_conf_report report = { .line = collect };
	struct hp_conf *conf;
	int err;

	said[0] = '\0';
	err = hp_conf_load(path_of("hipproxy.conf"), &conf, &report);
	CU_ASSERT(!err == !!conf && !err == !report.n);
	return conf;
}

/* Refused with this as a line, the folder's name cut off its front. */
static bool refuses(const char *line)
{
	struct hp_conf *conf = load();
	char want[1024];
	bool good;

	snprintf(want, sizeof(want), "%s/%s", dir, line);
	good = !conf && strstr(said, want);
	if (!good)
		printf("\nwanted: %s\ngot: %s", want, said);
	hp_conf_free(conf);
	return good;
}

static void files_in_conf_d_come_later_and_in_order(void)
{
	struct hp_conf *c;

	setup();
	put("conf.d/20.conf", "tun = { mtu = 1320; };\n"
	    "client = { networks = [ \"10.2.0.0/16\" ]; };\nplugins = { b = { x = 1; }; };\n");
	put("conf.d/10.conf", "tun = { mtu = 1310; name = \"hip7\"; };\n"
	    "client = { networks = [ \"10.1.0.0/16\" ]; queue = 7; };\nplugins = { a = { }; };\n"
	    "identities = ( { name = \"b\"; key = \"@/a.pem\"; } );\n");
	put("conf.d/99.conf.bak", "nonsense");
	put("conf.d/.hidden.conf", "nonsense");
	c = load();
	CU_ASSERT_FATAL(c != NULL);
	CU_ASSERT(c->tun.mtu == 1320 && !strcmp(c->tun.name, "hip7"));
	CU_ASSERT(c->client.networks.n == 2 && c->client.networks.at[0].addr.b[13] == 1 &&
		  c->client.queue == 7);
	CU_ASSERT(c->identities.n == 2 && !strcmp(c->identities.at[1].name, "b"));
	CU_ASSERT(c->plugins.n == 2 && !strcmp(c->plugins.at[0], "a"));
	hp_conf_free(c);
	teardown();
}

static void complaints_name_the_file_and_all_are_told(void)
{
	setup();
	put("conf.d/10.conf", "\n\ntun = { mtu = 1; };\n");
	put("conf.d/20.conf", "client = { identity = \"x\"; };\n");
	CU_ASSERT(refuses("conf.d/10.conf:3: tun.mtu: expected a whole number from 1280 to "
			  "65535, not 1\n"));
	put("conf.d/10.conf", "peers = ( { hit = \"2001:22::1\"; addresses = [ \"10.0.0.1\" ]; } );\n");
	put("conf.d/20.conf", "\npeers = ( { hit = \"2001:22::1\"; addresses = [ \"10.0.0.1\" ]; } );\n");
	CU_ASSERT(refuses("conf.d/20.conf:2: peers[1].hit: another peer has this HIT\n"));
	put("conf.d/10.conf", "tun = ;\n");
	put("conf.d/20.conf", "esp = ;\n");
	CU_ASSERT(refuses("conf.d/10.conf:1: syntax error\n"));
	CU_ASSERT(refuses("conf.d/20.conf:1: syntax error\n"));
	teardown();
}

static void has_file(void *ctx, const char *path)
{
	if (!strcmp(path, "more.inc"))
		++*(int *)ctx;
	if (!strcmp(path, path_of("conf.d/20.conf")))
		*(int *)ctx += 100;
}

static void the_files_of_a_configuration_are_listed(void)
{
	struct hp_conf *c;
	int found = 0;

	setup();
	put("more.inc", "mtu = 1333;\n");
	put("conf.d/20.conf", "tun = {\n@include \"more.inc\"\n};\n");
	c = load();
	CU_ASSERT_FATAL(c != NULL);
	hp_conf_each_file(c, has_file, &found);
	CU_ASSERT(found % 100 >= 1 && found / 100 >= 1);
	hp_conf_free(c);
	teardown();
}

static void includes_are_relative_and_keep_their_lines(void)
{
	struct hp_conf *c;

	setup();
	put("more.inc", "\ntun = { mtu = 1333; };\n");
	put("conf.d/10.conf", "@include \"more.inc\"\n");
	c = load();
	CU_ASSERT(c && c->tun.mtu == 1333);
	hp_conf_free(c);
	put("more.inc", "\ntun = { mtu = 13; };\n");
	/* The included file is called what the including one calls it. */
	CU_ASSERT(!load() && !strncmp(said, "more.inc:2: tun.mtu: expected a whole number from "
				      "1280 to 65535, not 13\n", 20));
	teardown();
}

static void a_key_file_must_be_there_and_private(void)
{
	static const mode_t loose[] = { 0640, 0604, 0660, 0610, 0601, 0602 };
	struct hp_conf *c;

	setup();
	for (size_t i = 0; i < sizeof(loose) / sizeof(*loose); i++) {
		chmod(path_of("a.pem"), loose[i]);
		CU_ASSERT(refuses("hipproxy.conf:1: identities[0].key: "));
		CU_ASSERT(strstr(said, "lets others at it, expected 0600 or 0400\n") != NULL);
	}
	chmod(path_of("a.pem"), 0400);
	c = load();
	CU_ASSERT(c != NULL);
	hp_conf_free(c);
	if (!geteuid() && !chown(path_of("a.pem"), 12345, 0)) {
		CU_ASSERT(refuses("hipproxy.conf:1: identities[0].key: "));
		CU_ASSERT(strstr(said, "belongs to user 12345, expected root") != NULL);
	}
	unlink(path_of("a.pem"));
	CU_ASSERT(refuses("hipproxy.conf:1: identities[0].key: "));
	CU_ASSERT(strstr(said, "a.pem: No such file or directory\n") != NULL);
	mkdir(path_of("a.pem"), 0700);
	CU_ASSERT(refuses("hipproxy.conf:1: identities[0].key: "));
	CU_ASSERT(strstr(said, "a.pem: not a regular file\n") != NULL);
	rmdir(path_of("a.pem"));
	teardown();
}

static void a_missing_file_or_a_folder_is_refused(void)
{
	setup();
	unlink(path_of("hipproxy.conf"));
	CU_ASSERT(refuses("hipproxy.conf: No such file or directory\n"));
	mkdir(path_of("hipproxy.conf"), 0700);
	CU_ASSERT(refuses("hipproxy.conf: not a regular file\n"));
	rmdir(path_of("hipproxy.conf"));
	put("hipproxy.conf", "identities = ( { name = \"a\"; key = \"@/a.pem\"; } );\n");
	mkdir(path_of("conf.d/x.conf"), 0700);
	CU_ASSERT(refuses("conf.d/x.conf: not a regular file\n"));
	rmdir(path_of("conf.d/x.conf"));
	teardown();
}

/* ---- the examples */

/* Copies one of ours with its key files looked for in our folder.  bare: lines that begin with
 * "#" and a letter or a blank and a key lose the "#". */
static void put_example(const char *name, bool bare)
{
	char line[512], *at;
	char from[PATH_MAX];
	FILE *in, *out;

	snprintf(from, sizeof(from), "conf/%s", name);
	in = fopen(hp_test_path(from), "r");
	out = fopen(path_of("hipproxy.conf"), "w");
	CU_ASSERT_FATAL(in && out);
	while (fgets(line, sizeof(line), in)) {
		char *s = line;

		/* "#key" and "#  key" are settings, "# text" is not. */
		if (bare && *s == '#' && (s[1] != ' ' || s[2] == ' ') && s[1] != '\n' &&
		    strncmp(s, "#   ", 4) && strncmp(s, "#    ", 5))
			s++;
		at = strstr(s, "/etc/hipproxy/keys/");
		if (at) {
			*at = '\0';
			fprintf(out, "%s%s/%s", s, dir, at + strlen("/etc/hipproxy/keys/"));
		} else {
			fputs(s, out);
		}
	}
	fclose(in);
	fclose(out);
}

static void every_example_is_accepted(void)
{
	static const char *const names[] = { "hipproxy.conf", "client.conf", "host.conf",
					     "proxy-host.conf", "pinned.conf", "behind-nat.conf",
					     "server.conf" };
	static const char *const keys[] = { "host.pem", "proxy.pem", "server.pem", "gateway.pem",
					    "clients.pem" };

	setup();
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		put(keys[i], "key");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct hp_conf *c;

		put_example(names[i], false);
		c = load();
		if (!c)
			printf("\n%s: %s", names[i], said);
		CU_ASSERT(c != NULL);
		hp_conf_free(c);
	}
	teardown();
}

static size_t count_keys(const struct hp_conf_row *rows)
{
	size_t n = 0;

	for (; rows->name; rows++)
		n += rows->type == HP_CONF_GROUP ? count_keys(rows->rows) : 1;
	return n;
}

static void the_commented_file_shows_every_key_with_its_default(void)
{
	struct hp_conf *shown, *defaults;
	size_t settings = 0;
	char line[512];
	FILE *f;

	setup();
	put("host.pem", "key");
	put_example("hipproxy.conf", true);
	shown = load();
	if (!shown)
		printf("\n%s", said);
	CU_ASSERT_FATAL(shown != NULL);
	f = fopen(path_of("hipproxy.conf"), "r");
	while (fgets(line, sizeof(line), f))
		settings += strstr(line, " = ") && strchr(line, ';') && line[0] != '#' &&
			!strstr(line, "# ") && !strstr(line, "{ name");
	fclose(f);
	/* identities and plugin_dir are not shown in that way, nor are 9 subsystems' levels. */
	CU_ASSERT_EQUAL(settings, count_keys(hp_conf_schema()) - 11);
	put("hipproxy.conf", "identities = ( { name = \"host\"; key = \"@/host.pem\"; } );\n");
	defaults = load();
	CU_ASSERT(defaults && hp_conf_is_same(shown, defaults));
	hp_conf_free(shown);
	hp_conf_free(defaults);
	teardown();
}

static const struct hp_test tests[] = {
	HP_TEST(files_in_conf_d_come_later_and_in_order),
	HP_TEST(complaints_name_the_file_and_all_are_told),
	HP_TEST(includes_are_relative_and_keep_their_lines),
	HP_TEST(the_files_of_a_configuration_are_listed),
	HP_TEST(a_key_file_must_be_there_and_private),
	HP_TEST(a_missing_file_or_a_folder_is_refused),
	HP_TEST(every_example_is_accepted),
	HP_TEST(the_commented_file_shows_every_key_with_its_default),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("conf_files", tests, argc, argv);
}
