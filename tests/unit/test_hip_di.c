/* SPDX-License-Identifier: MIT
 *
 * Domain Identifiers between octets and text (RFC 7401, section 5.2.9; RFC 1035, section 3.1).
 */
#include "../harness.h"
#include "wire/hip_di.h"
#include "wire/hip_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void builds(const char *text, uint8_t want_type, const void *want, size_t len)
{
	uint8_t out[HP_DI_MAX], type = 99;

	CU_ASSERT_EQUAL(hp_di_build(text, out, &type, NULL), (int)len);
	CU_ASSERT_EQUAL(type, want_type);
	CU_ASSERT(!memcmp(out, want, len));
}

static void refuses(const char *text, const char *words)
{
	uint8_t out[HP_DI_MAX], type;
	const char *why = "";

	CU_ASSERT_EQUAL(hp_di_build(text, out, &type, &why), -EINVAL);
	CU_ASSERT(strstr(why, words) != NULL);
}

static void names_get_their_form(void)
{
	builds("", HP_DI_NONE, "", 0);
	builds("www.example.net", HP_DI_FQDN, "\3www\7example\3net", 17);
	builds("www.example.net.", HP_DI_FQDN, "\3www\7example\3net", 17);
	builds("host", HP_DI_FQDN, "\4host", 6);
	builds("user@realm.example", HP_DI_NAI, "user@realm.example", 18);
}

static void what_is_no_name_is_refused(void)
{
	char label[65] = "", name[300] = "u@";

	refuses(".", "empty");
	refuses("a..b", "empty");
	refuses(".a", "empty");
	memset(label, 'x', 64);
	refuses(label, "63 octets");
	memset(name + 2, 'y', 252);
	refuses(name, "253 octets");
	for (size_t i = 0; i < 254; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	refuses(name, "253 octets");
}

static void format(uint8_t type, const void *octets, size_t len, const char *want)
{
	/* Memory of its own, so that a sanitizer sees who reads on. */
	uint8_t *p = malloc(len ? len : 1);
	char out[HP_DI_TEXT];

	memcpy(p, octets, len);
	hp_di_format(type, p, len, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, want);
	free(p);
}

static void octets_become_text(void)
{
	format(HP_DI_FQDN, "\3www\7example\3net", 17, "www.example.net");
	format(HP_DI_FQDN, "", 1, ".");
	format(HP_DI_FQDN, "\3a.b\1\\", 7, "a\\.b.\\\\");
	format(HP_DI_FQDN, "\4a\0\n\377", 6, "a\\000\\010\\255");
	format(HP_DI_NAI, "user@realm", 10, "user@realm");
	format(HP_DI_NAI, "u\033[2J", 5, "u\\027[2J");
	format(0, "x y", 3, "x\\032y");
	format(HP_DI_FQDN, "", 0, "");
}

/* HIPL and older hipproxy send names as they are typed. */
static void a_name_that_came_as_text_is_shown(void)
{
	format(HP_DI_FQDN, "server.example", 14, "server.example");
	/* '1' is 49: no label, for nothing ends it. */
	format(HP_DI_FQDN, "1host.example", 13, "1host.example");
	format(HP_DI_FQDN, "server.example\0", 15, "server.example\\000");
}

static void broken_labels_are_shown_and_not_followed(void)
{
	format(HP_DI_FQDN, "\3www", 4, "\\003www");
	format(HP_DI_FQDN, "\3www\77", 5, "\\003www?");
	format(HP_DI_FQDN, "\300\14", 2, "\\192\\012");
	format(HP_DI_FQDN, "\3www\0x", 6, "\\003www\\000x");
}

static void everything_comes_back(void)
{
	char text[300];
	uint8_t octets[HP_DI_MAX], type;
	char out[HP_DI_TEXT];

	for (size_t len = 1; len <= 253; len++) {
		int n;

		for (size_t i = 0; i < len; i++)
			text[i] = i % 60 == 59 && i + 1 < len ? '.' : (char)('a' + i % 26);
		text[len] = '\0';
		n = hp_di_build(text, octets, &type, NULL);
		CU_ASSERT_EQUAL_FATAL(n, (int)len + 2);
		hp_di_format(type, octets, (size_t)n, out, sizeof(out));
		CU_ASSERT_STRING_EQUAL(out, text);
	}
}

static void the_text_is_cut_where_room_ends(void)
{
	static const uint8_t octets[255] = {0};
	char out[HP_DI_TEXT + 1];

	for (size_t cap = 1; cap < 40; cap++) {
		memset(out, 'x', sizeof(out));
		hp_di_format(HP_DI_NAI, octets, 255, out, cap);
		CU_ASSERT_EQUAL(strlen(out), (cap - 1) / 4 * 4);
		CU_ASSERT_EQUAL(out[cap], 'x');
	}
	hp_di_format(HP_DI_NAI, octets, 255, out, sizeof(out) - 1);
	CU_ASSERT_EQUAL(strlen(out), 4 * 255);
}

static const struct hp_test tests[] = {
	HP_TEST(names_get_their_form),
	HP_TEST(what_is_no_name_is_refused),
	HP_TEST(octets_become_text),
	HP_TEST(a_name_that_came_as_text_is_shown),
	HP_TEST(broken_labels_are_shown_and_not_followed),
	HP_TEST(everything_comes_back),
	HP_TEST(the_text_is_cut_where_room_ends),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("hip_di", tests, argc, argv);
}
