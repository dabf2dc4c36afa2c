/* SPDX-License-Identifier: MIT
 *
 * Peers from elsewhere: what is taken, what is written, what is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/peertext.h"
#include "../harness.h"

#define HIT1 "2001:22:1111:2222:3333:4444:5555:6666"
#define HIT2 "2001:21:1111:2222:3333:4444:5555:7777"

static char said[8192];

static void collect(void *ctx, const char *line)
{
	(void)ctx;
	strncat(said, line, sizeof(said) - strlen(said) - 2);
	strcat(said, "\n");
}

static struct hp_conf *parse_n(const char *text, size_t len)
{
	struct hp_conf_report report = { .line = collect };
	struct hp_conf *conf;
	int err;

	said[0] = '\0';
	err = hp_peertext_parse("text", text, len, &conf, &report);
	CU_ASSERT(!err == !!conf && !err == !report.n);
	return conf;
}

static struct hp_conf *parse(const char *text)
{
	return parse_n(text, strlen(text));
}

static char *print(const struct hp_conf *conf)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	hp_peertext_print(f, &conf->peers);
	fclose(f);
	return text;
}

static const char whole[] =
	"# comment\n"
	"peers = ( { name = \"east-1\"; hit = \"" HIT1 "\";\n"
	"  addresses = [ \"192.0.2.1\", \"2001:db8::1\" ]; serves = [ \"10.0.0.0/8\", \"fd00::/8\" ];\n"
	"  esn_icv = false; },\n"
	"{ name = \"w.x_2\"; hit = \"" HIT2 "\"; addresses = ( \"192.0.2.2\" ); } );\n";

static void what_is_written_is_what_was_read(void)
{
	static const char want[] =
		"peers = ( {\n\tname = \"east-1\";\n\thit = \"" HIT1 "\";\n"
		"\taddresses = [ \"192.0.2.1\", \"2001:db8::1\" ];\n"
		"\tserves = [ \"10.0.0.0/8\", \"fd00::/8\" ];\n\tesn_icv = false;\n}, {\n"
		"\tname = \"w.x_2\";\n\thit = \"" HIT2 "\";\n\taddresses = [ \"192.0.2.2\" ];\n} );\n";
	struct hp_conf *c = parse(whole), *again;
	char *text, *text2;

	CU_ASSERT_FATAL(c != NULL);
	text = print(c);
	CU_ASSERT_STRING_EQUAL(text, want);
	again = parse(text);
	CU_ASSERT_FATAL(again != NULL);
	text2 = print(again);
	CU_ASSERT_STRING_EQUAL(text2, want);
	hp_conf_free(c);
	hp_conf_free(again);
	free(text);
	free(text2);
}

static void a_text_cut_anywhere_is_refused_or_sound(void)
{
	char *text = strdup(whole);

	for (size_t n = strlen(whole) + 1; n-- > 0;) {
		struct hp_conf *c;

		text[n] = '\0';
		c = parse_n(text, n);
		/* The last semicolon and newline may lack. */
		CU_ASSERT(!c || (n + 2 >= strlen(whole) && c->peers.n == 2));
		hp_conf_free(c);
	}
	free(text);
}

static bool refuses(const char *text, const char *sentence)
{
	struct hp_conf *c = parse(text);
	bool good = !c && strstr(said, sentence);

	if (!good)
		printf("\nwanted: %s\ngot: %s", sentence, said);
	hp_conf_free(c);
	return good;
}

#define PEER(rest) "peers = ( { hit = \"" HIT1 "\"; addresses = [ \"192.0.2.1\" ]; " rest " } );"

static void anything_else_is_refused(void)
{
	CU_ASSERT(refuses("", "text: peers: must be given"));
	CU_ASSERT(refuses("peers = ( );", "text:1: peers: expected 1 to "));
	CU_ASSERT(refuses(PEER("") "\ntun = { name = \"x\"; };", "text:2: tun: unknown key"));
	CU_ASSERT(refuses(PEER("key = \"/etc/shadow\";"), "text:1: peers[0].key: unknown key"));
	CU_ASSERT(refuses("@include \"/etc/passwd\"\n" PEER(""), "@include"));
	CU_ASSERT(refuses(PEER("name = \"a\\\"; tun = { }; x = \\\"\";"), "text:1: peers[0].name: expected letters"));
	CU_ASSERT(refuses(PEER("name = \"../../etc/x\";"), "text:1: peers[0].name: expected letters"));
	CU_ASSERT(refuses(PEER("name = \".x\";"), "text:1: peers[0].name: expected letters"));
	CU_ASSERT(refuses(PEER("name = \"a b\";"), "text:1: peers[0].name: expected letters"));
	CU_ASSERT(refuses(PEER("name = \"a\\nb\";"), "text:1: peers[0].name: expected letters"));
	CU_ASSERT(refuses("peers = ( { hit = \"2001:db8::1\"; addresses = [ \"192.0.2.1\" ]; } );",
			  "text:1: peers[0].hit: expected a HIT"));
	CU_ASSERT(refuses("peers = ( { hit = \"" HIT1 "\"; addresses = [ \"" HIT2 "\" ]; } );",
			  "text:1: peers[0].addresses[0]: expected an address, no HIT"));
	CU_ASSERT(refuses("peers = ( { hit = \"" HIT1 "\"; addresses = [ \"2001::1\" ]; } );",
			  "text:1: peers[0].addresses[0]: 2001::1 is a Teredo address"));
	CU_ASSERT(refuses("peers = ( { hit = \"" HIT1 "\"; addresses = [ \"192.0.2.1\" ]; },\n"
			  "{ hit = \"" HIT1 "\"; addresses = [ \"192.0.2.2\" ]; } );",
			  "text:2: peers[1].hit: another peer has this HIT"));
}

static void what_is_no_text_is_not_parsed(void)
{
	char *large = malloc(HP_PEERTEXT_MAX + 2);

	CU_ASSERT(!parse_n("peers\0 = ( );", 13) && strstr(said, "not control characters"));
	CU_ASSERT(refuses("#\x1b[2J\n" PEER(""), "not control characters"));
	CU_ASSERT(refuses("#\x7f\n" PEER(""), "not control characters"));
	memset(large, '#', HP_PEERTEXT_MAX + 1);
	large[HP_PEERTEXT_MAX + 1] = '\0';
	CU_ASSERT(!parse_n(large, HP_PEERTEXT_MAX + 1) && strstr(said, "at most 64 KB"));
	CU_ASSERT(!parse_n(large, HP_PEERTEXT_MAX) && !strstr(said, "at most 64 KB"));
	free(large);
}

static void there_may_be_64_peers(void)
{
	char text[16384], *at;
	struct hp_conf *c;

	for (int n = HP_PEERTEXT_PEERS; n <= HP_PEERTEXT_PEERS + 1; n++) {
		at = text + sprintf(text, "peers = ( ");
		for (int i = 0; i < n; i++)
			at += sprintf(at, "%s{ hit = \"2001:22::%x\"; addresses = [ \"10.0.0.%d\" ]; }",
				      i ? "," : "", i + 1, i + 1);
		strcpy(at, " );");
		c = parse(text);
		CU_ASSERT((n == HP_PEERTEXT_PEERS) == !!c);
		hp_conf_free(c);
	}
	CU_ASSERT(strstr(said, "peers: expected at most 64 groups") != NULL);
}

static void plain_names(void)
{
	static const char *const good[] = { "a", "0", "east", "gw-1.example_x", "A.b" };
	static const char *const bad[] = { "", ".", "..", "-a", "_a", "a/b", "a b", "a\"", "a\n",
					   "\xc3\xa4", "a;b" };
	char longest[HP_PEER_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CU_ASSERT(hp_peer_name_is_plain(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT(!hp_peer_name_is_plain(bad[i]));
	memset(longest, 'a', sizeof(longest));
	longest[HP_PEER_NAME_MAX] = '\0';
	CU_ASSERT(hp_peer_name_is_plain(longest));
	longest[HP_PEER_NAME_MAX] = 'a';
	longest[HP_PEER_NAME_MAX + 1] = '\0';
	CU_ASSERT(!hp_peer_name_is_plain(longest));
}

static const struct hp_test tests[] = {
	HP_TEST(what_is_written_is_what_was_read),
	HP_TEST(a_text_cut_anywhere_is_refused_or_sound),
	HP_TEST(anything_else_is_refused),
	HP_TEST(what_is_no_text_is_not_parsed),
	HP_TEST(there_may_be_64_peers),
	HP_TEST(plain_names),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("peertext", tests, argc, argv);
}
