/* SPDX-License-Identifier: MIT
 *
 * The server plugin's pool of addresses and its rules.
 */
#include "../harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../plugins/server/pool.h"
#include "../../plugins/server/rules.h"

static char path[64];

static struct hp_addr hit(unsigned int n)
{
	struct hp_addr a = { .b = { 0x20, 0x01, 0, 0x22 } };

	a.b[12] = (uint8_t)(n * 7);
	a.b[13] = (uint8_t)(n >> 16);
	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

static struct pool *open_pool(const char *v4, const char *v6, int want)
{
	struct hp_prefix p4 = { .bits = 0 }, p6 = { .bits = 0 };
	struct pool *p = NULL;
	size_t line;

	CU_ASSERT_FATAL(!*v4 || !hp_prefix_parse(v4, &p4));
	CU_ASSERT_FATAL(!*v6 || !hp_prefix_parse(v6, &p6));
	CU_ASSERT_EQUAL(pool_open(&p4, &p6, path, &p, &line), want);
	return p;
}

static void no_file(void)
{
	strcpy(path, "/tmp/hipproxy-pool.XXXXXX");
	close(mkstemp(path));
	unlink(path);
}

static void every_hit_has_one_address_for_ever(void)
{
	struct pool *p;
	struct hp_addr first[100], a, h;
	bool fresh;

	no_file();
	p = open_pool("10.99.0.0/24", "fd99::/64", 0);
	for (unsigned int i = 0; i < 100; i++) {
		h = hit(i);
		CU_ASSERT_EQUAL(pool_address(p, &h, true, &first[i], &fresh), 0);
		CU_ASSERT(fresh && first[i].b[12] == 10 && first[i].b[15] && first[i].b[15] < 255);
		CU_ASSERT(hp_addr_eq(pool_hit(p, &first[i]), &h));
		CU_ASSERT_EQUAL(pool_address(p, &h, true, &a, &fresh), 0);
		CU_ASSERT(!fresh && hp_addr_eq(&a, &first[i]));
		CU_ASSERT_EQUAL(pool_address(p, &h, false, &a, &fresh), 0);
		CU_ASSERT(fresh && a.b[0] == 0xfd && hp_addr_eq(pool_hit(p, &a), &h));
	}
	CU_ASSERT_EQUAL(pool_count(p), 200);
	pool_close(p);
	p = open_pool("10.99.0.0/24", "fd99::/64", 0);
	CU_ASSERT_EQUAL(pool_count(p), 200);
	for (unsigned int i = 100; i-- > 0;) {
		h = hit(i);
		CU_ASSERT_EQUAL(pool_address(p, &h, true, &a, &fresh), 0);
		CU_ASSERT(!fresh && hp_addr_eq(&a, &first[i]));
	}
	pool_close(p);
	unlink(path);
}

static void a_full_pool_gives_nothing_and_a_missing_family_neither(void)
{
	struct hp_addr a, h;
	struct pool *p;
	bool fresh;

	path[0] = '\0';
	p = open_pool("10.99.0.0/29", "", 0);
	for (unsigned int i = 0; i < 6; i++) {
		h = hit(i);
		CU_ASSERT_EQUAL(pool_address(p, &h, true, &a, &fresh), 0);
		CU_ASSERT(a.b[15] >= 1 && a.b[15] <= 6);
	}
	h = hit(6);
	CU_ASSERT_EQUAL(pool_address(p, &h, true, &a, &fresh), -ENOBUFS);
	CU_ASSERT_EQUAL(pool_address(p, &h, false, &a, &fresh), -ENOBUFS);
	h = hit(3);
	CU_ASSERT_EQUAL(pool_address(p, &h, true, &a, &fresh), 0);
	pool_close(p);
}

static void addresses_of_nobody(void)
{
	static const char *const others[] = { "10.99.0.0", "10.99.0.255", "10.99.1.1", "10.98.0.1",
					      "fd99::1", "10.99.0.77" };
	struct pool *p;
	struct hp_addr a;

	path[0] = '\0';
	p = open_pool("10.99.0.0/24", "", 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		CU_ASSERT_FATAL(!hp_addr_parse(others[i], &a));
		CU_ASSERT_PTR_NULL(pool_hit(p, &a));
	}
	pool_close(p);
}

static void the_file_is_checked(void)
{
	static const char *const bad[] = {
		"nonsense\n", "2001:22::1\n", "2001:22::1 10.99.0.1 more\n", "10.99.0.1 2001:22::1\n",
		"2001:db8::1 10.99.0.1\n", "2001:22::1 10.99.0.1\n2001:22::2 10.99.0.1\n",
		"2001:22::1 10.99.0.1\n2001:22::1 10.99.0.2\n",
	};
	struct pool *p;
	FILE *f;

	no_file();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		f = fopen(path, "w");
		CU_ASSERT_FATAL(f != NULL);
		fputs(bad[i], f);
		fclose(f);
		CU_ASSERT_PTR_NULL(open_pool("10.99.0.0/24", "", -EINVAL));
	}
	f = fopen(path, "w");
	CU_ASSERT_FATAL(f != NULL);
	fputs("# comment\n\n2001:22::1 10.99.0.9 # mine\n2001:22::2 10.5.0.1\n", f);
	fclose(f);
	p = open_pool("10.99.0.0/24", "", 0);
	CU_ASSERT_EQUAL(pool_count(p), 1); /* the other is of a pool that was */
	pool_close(p);
	unlink(path);
}

/* pool_try says what pool_open would, and makes and changes nothing. */
static void a_try_leaves_all_as_it_was(void)
{
	static const char torn[] = "2001:22::1 10.99.0.9\n2001:22::2 10.9";
	struct hp_prefix v4, none = { .bits = 0 };
	char dir[] = "/tmp/hipproxy-try.XXXXXX", name[64], text[64];
	size_t line, n;
	FILE *f;

	CU_ASSERT_FATAL(!hp_prefix_parse("10.99.0.0/24", &v4) && mkdtemp(dir));
	snprintf(name, sizeof(name), "%s/new/clients", dir);
	CU_ASSERT_EQUAL(pool_try(&v4, &none, name, &line), 0);
	snprintf(name, sizeof(name), "%s/new", dir);
	CU_ASSERT(access(name, F_OK) != 0);
	snprintf(name, sizeof(name), "%s/new/er/clients", dir);
	CU_ASSERT_EQUAL(pool_try(&v4, &none, name, &line), -ENOENT);
	CU_ASSERT_EQUAL(pool_try(&v4, &none, dir, &line), -EISDIR);
	CU_ASSERT_EQUAL(pool_try(&v4, &none, "", &line), 0);
	snprintf(name, sizeof(name), "%s/clients", dir);
	f = fopen(name, "w");
	CU_ASSERT_FATAL(f != NULL);
	fputs(torn, f);
	fclose(f);
	CU_ASSERT_EQUAL(pool_try(&v4, &none, name, &line), 0);
	f = fopen(name, "r");
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	CU_ASSERT(n == strlen(torn) && !memcmp(text, torn, n));
	f = fopen(name, "a");
	fputs("\n", f);
	fclose(f);
	CU_ASSERT(pool_try(&v4, &none, name, &line) == -EINVAL && line == 2);
	unlink(name);
	rmdir(dir);
}

static void half_a_line_is_cut_off(void)
{
	static const char *const torn[] = { "2001:22::2 10.99.0.1", "2001:22::2", "2", "2001:22::2 10.99.0.12" };
	struct hp_addr a, h = hit(2);
	struct pool *p;
	bool fresh;
	FILE *f;

	no_file();
	for (size_t i = 0; i < sizeof(torn) / sizeof(*torn); i++) {
		f = fopen(path, "w");
		CU_ASSERT_FATAL(f != NULL);
		fprintf(f, "2001:22::1 10.99.0.9\n%s", torn[i]);
		fclose(f);
		p = open_pool("10.99.0.0/24", "", 0);
		CU_ASSERT_EQUAL_FATAL(pool_count(p), 1);
		CU_ASSERT_EQUAL(pool_address(p, &h, true, &a, &fresh), 0);
		pool_close(p);
		p = open_pool("10.99.0.0/24", "", 0);
		CU_ASSERT_EQUAL_FATAL(pool_count(p), 2);
		CU_ASSERT(pool_hit(p, &a) && hp_addr_eq(pool_hit(p, &a), &h));
		pool_close(p);
	}
	unlink(path);
}

static void one_or_two_addresses_are_a_pool(void)
{
	static const char *const pools[] = { "10.99.0.8/32", "10.99.0.8/31" };
	struct hp_addr a, h;
	struct pool *p;
	bool fresh;

	path[0] = '\0';
	for (unsigned int i = 0; i < 2; i++) {
		p = open_pool(pools[i], "", 0);
		for (unsigned int k = 0; k <= i; k++) {
			h = hit(k);
			CU_ASSERT_EQUAL(pool_address(p, &h, true, &a, &fresh), 0);
			CU_ASSERT(a.b[15] >= 8 && a.b[15] <= 8 + i);
			CU_ASSERT(pool_hit(p, &a) && hp_addr_eq(pool_hit(p, &a), &h));
		}
		h = hit(9);
		CU_ASSERT_EQUAL(pool_address(p, &h, true, &a, &fresh), -ENOBUFS);
		pool_close(p);
	}
}

/* ---- rules */

static void hits_outlive_a_reload(void)
{
	struct rule old_list[] = {
		{ .client = hit(1), .port_max = 65535, .allow = true, .hits = 5 },
		{ .client = hit(2), .port_max = 65535, .allow = true, .hits = 7 },
	};
	struct rule list[] = {
		{ .client = hit(3), .port_max = 65535, .allow = true },
		{ .client = hit(2), .port_max = 65535, .allow = true },
		{ .client = hit(1), .port_max = 65535 },
	};
	struct rules old = { old_list, 2, false, 3 }, r = { list, 3, false, 0 };

	rules_inherit(&r, &old);
	CU_ASSERT(list[0].hits == 0 && list[1].hits == 7 && list[2].hits == 0);
	CU_ASSERT_EQUAL(r.otherwise_hits, 3);
}

static void the_first_rule_that_matches_decides(void)
{
	struct rule list[] = {
		{ .client = hit(1), .hosted = hit(10), .proto = 6, .port_min = 22, .port_max = 22 },
		{ .client = hit(1), .port_min = 0, .port_max = 65535, .allow = true },
		{ .proto = 17, .port_min = 53, .port_max = 60, .allow = true },
		{ .hosted = hit(11), .port_min = 0, .port_max = 65535 },
	};
	struct rules r = { list, 4, false, 0 };
	static const struct {
		unsigned int client, hosted;
		uint8_t proto;
		uint16_t port;
		size_t rule;
	} rows[] = {
		{ 1, 10, 6, 22, 0 },  { 1, 10, 6, 23, 1 }, { 1, 11, 6, 22, 1 }, { 1, 10, 17, 22, 1 },
		{ 2, 10, 17, 53, 2 }, { 2, 10, 17, 60, 2 }, { 2, 10, 17, 61, 4 }, { 2, 10, 6, 53, 4 },
		{ 2, 11, 6, 80, 3 },  { 2, 10, 58, 0, 4 },  { 1, 10, 58, 0, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct question q = { hit(rows[i].client), hit(rows[i].hosted), rows[i].proto,
				      rows[i].port };

		CU_ASSERT_EQUAL(rules_find(&r, &q), rows[i].rule);
		CU_ASSERT_EQUAL(rules_decide(&r, &q),
				rows[i].rule < 4 ? list[rows[i].rule].allow : false);
	}
	CU_ASSERT_EQUAL(list[1].hits, 4);
	CU_ASSERT_EQUAL(r.otherwise_hits, 3);
}

static void an_association_needs_something_that_may_be_reached(void)
{
	struct rule list[] = {
		{ .client = hit(1), .proto = 6, .port_min = 22, .port_max = 22 },
		{ .client = hit(2), .port_min = 0, .port_max = 65535 },
		{ .client = hit(2), .port_min = 80, .port_max = 80, .allow = true },
		{ .client = hit(3), .proto = 6, .port_min = 80, .port_max = 80, .allow = true },
		{ .client = hit(3), .port_min = 0, .port_max = 65535 },
	};
	struct rules r = { list, 5, true, 0 };
	struct hp_addr c, h = hit(10);

	c = hit(1);
	CU_ASSERT_TRUE(rules_any(&r, &c, &h)); /* other ports, by default */
	c = hit(2);
	CU_ASSERT_FALSE(rules_any(&r, &c, &h));
	c = hit(3);
	CU_ASSERT_TRUE(rules_any(&r, &c, &h));
	c = hit(4);
	CU_ASSERT_TRUE(rules_any(&r, &c, &h));
	r.otherwise = false;
	CU_ASSERT_FALSE(rules_any(&r, &c, &h));
}

static const struct hp_test tests[] = {
	HP_TEST(every_hit_has_one_address_for_ever),
	HP_TEST(a_full_pool_gives_nothing_and_a_missing_family_neither),
	HP_TEST(addresses_of_nobody),
	HP_TEST(the_file_is_checked),
	HP_TEST(a_try_leaves_all_as_it_was),
	HP_TEST(half_a_line_is_cut_off),
	HP_TEST(one_or_two_addresses_are_a_pool),
	HP_TEST(hits_outlive_a_reload),
	HP_TEST(the_first_rule_that_matches_decides),
	HP_TEST(an_association_needs_something_that_may_be_reached),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("server", tests, argc, argv);
}
