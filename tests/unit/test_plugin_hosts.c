/* SPDX-License-Identifier: MIT
 *
 * The table of plugin hosts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/hosts/table.h"
#include "../harness.h"

#define HIT1 "2001:22:1111:2222:3333:4444:5555:6666"
#define HIT2 "2001:22:1111:2222:3333:4444:5555:7777"

static size_t line;
static const char *why;

/* Each in memory of its exact size, so that a sanitizer sees a read past it. */
static struct hosts_table *parse_n(const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);
	struct hosts_table *t;
	int err;

	memcpy(copy, text, n);
	err = hosts_table_parse(copy, n, &t, &line, &why);
	free(copy);
	CU_ASSERT(!err == !!t && (!err || (err == -EINVAL && *why)));
	return t;
}

static struct hosts_table *parse(const char *text)
{
	return parse_n(text, strlen(text));
}

static const struct hosts_host *find(const struct hosts_table *t, const char *addr)
{
	struct hp_addr a;

	CU_ASSERT(!hp_addr_parse(addr, &a));
	return hosts_table_find(t, &a);
}

static const char whole[] =
	"# comment\n"
	"\n"
	HIT1 "\t192.0.2.80 2001:db8::80 www.example.net www # behind\r\n"
	"   " HIT2 " 192.0.2.81\n";

static void a_host_is_found_by_each_of_its_addresses(void)
{
	struct hosts_table *t = parse(whole);
	const struct hosts_host *h;
	struct hp_addr hit;

	CU_ASSERT_FATAL(t != NULL);
	CU_ASSERT(hosts_table_count(t) == 2);
	h = find(t, "192.0.2.80");
	CU_ASSERT_FATAL(h != NULL);
	CU_ASSERT(h == find(t, "2001:db8::80") && h->n == 2 && h->line == 3);
	CU_ASSERT(!hp_addr_parse(HIT1, &hit) && hp_addr_eq(&hit, &h->hit));
	CU_ASSERT(find(t, "192.0.2.81") && find(t, "192.0.2.81")->line == 4);
	CU_ASSERT(!find(t, "192.0.2.82") && !find(t, HIT1));
	hosts_table_free(t);
}

static void an_empty_file_knows_nobody(void)
{
	struct hosts_table *t = parse("");

	CU_ASSERT_FATAL(t != NULL);
	CU_ASSERT(!hosts_table_count(t) && !find(t, "192.0.2.1"));
	hosts_table_free(t);
	t = parse("\n#\n \t\r\n");
	CU_ASSERT(t && !hosts_table_count(t));
	hosts_table_free(t);
}

static void mistakes_are_refused_with_their_line(void)
{
	static const struct {
		const char *text, *why;
		size_t line;
	} bad[] = {
		{ "\n192.0.2.1 www\n", "a HIT (2001:20::/28) is expected first", 2 },
		{ "www\n", "a HIT (2001:20::/28) is expected first", 1 },
		{ HIT1 "\n", "no address behind the HIT", 1 },
		{ HIT1 " www\n", "no address behind the HIT", 1 },
		{ HIT1 " 192.0.2.1 www 192.0.2.2", "an address behind a name", 1 },
		{ HIT1 " 192.0.2.1 w/w", "neither an address nor a name", 1 },
		{ HIT1 " " HIT2, "a host's address is expected behind the HIT", 1 },
		{ HIT1 " 224.0.0.1", "a host's address is expected behind the HIT", 1 },
		{ HIT1 " 2001::7", "a Teredo address (2001::/32) is no address of a peer", 1 },
		{ HIT1 " ::", "a host's address is expected behind the HIT", 1 },
		{ HIT1 " 1.0.0.1 1.0.0.2 1.0.0.3 1.0.0.4 1.0.0.5 1.0.0.6 1.0.0.7 1.0.0.8 "
		  "1.0.0.9", "more than 8 addresses", 1 },
		{ HIT1 " 192.0.2.1\n" HIT2 " 192.0.2.1\n", "the address stands twice", 2 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CU_ASSERT(!parse(bad[i].text));
		CU_ASSERT_STRING_EQUAL(why, bad[i].why);
		CU_ASSERT_EQUAL(line, bad[i].line);
	}
	CU_ASSERT(!parse_n("#\0\n", 3) && !strcmp(why, "the line has a zero octet"));
}

static void a_line_has_a_length_limit(void)
{
	char text[HOSTS_LINE_MAX + 2];
	struct hosts_table *t;

	memset(text, '#', sizeof(text));
	t = parse_n(text, HOSTS_LINE_MAX);
	CU_ASSERT(t != NULL);
	hosts_table_free(t);
	CU_ASSERT(!parse_n(text, HOSTS_LINE_MAX + 1));
	CU_ASSERT_STRING_EQUAL(why, "the line is too long");
}

static void a_file_cut_anywhere_is_refused_or_sound(void)
{
	for (size_t n = 0; n < sizeof(whole); n++) {
		struct hosts_table *t = parse_n(whole, n);

		CU_ASSERT(n != sizeof(whole) - 1 || t);
		hosts_table_free(t);
	}
}

static void many_hosts_are_found(void)
{
	char *text = malloc(5000 * 80);
	struct hosts_table *t;
	size_t at = 0;

	for (int i = 0; i < 5000; i++)
		at += (size_t)sprintf(text + at, "2001:22::%x 10.%d.%d.1 h%d\n", i + 1, i / 250,
				      i % 250, i);
	t = parse_n(text, at);
	CU_ASSERT_FATAL(t != NULL);
	CU_ASSERT(hosts_table_count(t) == 5000);
	CU_ASSERT(find(t, "10.19.249.1") && find(t, "10.19.249.1")->line == 5000);
	CU_ASSERT(find(t, "10.0.0.1") && !find(t, "10.20.0.1"));
	hosts_table_free(t);
	free(text);
}

static const struct hp_test tests[] = {
	HP_TEST(a_host_is_found_by_each_of_its_addresses),
	HP_TEST(an_empty_file_knows_nobody),
	HP_TEST(mistakes_are_refused_with_their_line),
	HP_TEST(a_line_has_a_length_limit),
	HP_TEST(a_file_cut_anywhere_is_refused_or_sound),
	HP_TEST(many_hosts_are_found),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("hosts", tests, argc, argv);
}
