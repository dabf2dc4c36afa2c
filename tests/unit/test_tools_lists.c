/* SPDX-License-Identifier: MIT
 *
 * tools: lists as tables: columns, order, what fits a terminal, colours, --watch.
 */
#include "../harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/own.h"
#include "tools/show.h"
#include "tools/unit.h"
#include "tools/watch.h"

static const char peers_json[] =
	"{\"ok\": true, \"peers\": ["
	"{\"address\": \"192.0.2.80\", \"state\": \"protected\", \"source\": \"peers\","
	" \"hit\": \"2001:22:e9a:33f1:5ccf:32f1:2f53:1c9f\", \"held\": 0, \"hits\": 7},"
	"{\"address\": \"192.0.2.9\", \"state\": \"blocked\", \"source\": \"hosts\","
	" \"hit\": \"2001:22:aaa:33f1:5ccf:32f1:2f53:1c9f\", \"held\": 3, \"hits\": 2,"
	" \"expires_s\": 300},"
	"{\"address\": \"2001:db8::1\", \"state\": \"resolving\", \"held\": 12}]}";

static const char drops_json[] =
	"{\"ok\": true, \"drops\": ["
	"{\"group\": \"packet\", \"name\": \"policy\", \"count\": 5, \"help\": \"a rule says block\"},"
	"{\"group\": \"hip\", \"name\": \"hip_mac\", \"count\": 0, \"help\": \"never\"},"
	"{\"group\": \"packet\", \"name\": \"too-big\", \"count\": 100, \"help\":"
	" \"larger than the path; the sender was told the path MTU\"}],"
	"\"counters\": [{\"plugin\": \"natudp\", \"name\": \"punched\", \"value\": 7,"
	" \"help\": \"holes\"}]}";

/* The text of a command's answer, in a buffer that is the caller's. */
static char *shown(void (*show)(const struct hp_view *view, const json_t *reply),
		   const struct hp_view *how, const char *json)
{
	struct hp_view view = *how;
	json_t *reply = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t len;

	CU_ASSERT_FATAL(reply != NULL);
	view.out = open_memstream(&text, &len);
	show(&view, reply);
	fclose(view.out);
	json_decref(reply);
	return text;
}

#define SHOWS(show, json, want, ...)                                                    \
	do {                                                                            \
		char *text_ = shown(show, &(struct hp_view){ __VA_ARGS__ }, json);      \
		CU_ASSERT_STRING_EQUAL(text_, want);                                    \
		free(text_);                                                            \
	} while (0)

static void usual_columns_without_a_terminal_are_whole(void)
{
	SHOWS(hp_show_peers, peers_json,
	      "ADDRESS      STATE      HIT                                   FROM   EXPIRES  HELD  REASON\n"
	      "192.0.2.80   protected  2001:22:e9a:33f1:5ccf:32f1:2f53:1c9f  peers        -     0  -\n"
	      "192.0.2.9    blocked    2001:22:aaa:33f1:5ccf:32f1:2f53:1c9f  hosts    5 min     3  -\n"
	      "2001:db8::1  resolving  -                                     -            -    12  -\n",
	      .headings = true);
}

static void output_chooses_and_adds_columns(void)
{
	SHOWS(hp_show_peers, peers_json, "HELD  ADDRESS\n   0  192.0.2.80\n"
	      "   3  192.0.2.9\n  12  2001:db8::1\n", .headings = true, .output = "held,address");
	SHOWS(hp_show_peers, peers_json, "192.0.2.80\n192.0.2.9\n2001:db8::1\n",
	      .output = "address");
	SHOWS(hp_show_drops, drops_json, "  5  policy\n100  too-big\n7  punched\n",
	      .output = "count,name");
	SHOWS(hp_show_drops, drops_json,
	      "  5  packet  policy   a rule says block                                         5\n"
	      "100  packet  too-big  larger than the path; the sender was told the path MTU  100\n"
	      "7  natudp  punched  holes  7\n", .output = "+count");
}

static void rows_are_sorted_by_numbers_then_by_text(void)
{
	SHOWS(hp_show_peers, peers_json, "192.0.2.9\n192.0.2.80\n2001:db8::1\n",
	      .output = "address", .sort = "address");
	SHOWS(hp_show_peers, peers_json, "12\n 3\n 0\n", .output = "held", .sort = "held",
	      .reverse = true);
	SHOWS(hp_show_peers, peers_json, "resolving\nblocked\nprotected\n", .output = "state",
	      .sort = "hits"); /* a column that is not shown; missing: first */
	SHOWS(hp_show_drops, drops_json, "COUNT\n  100\n    5\n\nCOUNT\n    7\n",
	      .headings = true, .output = "count", .sort = "count", .reverse = true);
}

static void a_narrow_terminal_cuts_hits(void)
{
	SHOWS(hp_show_peers, peers_json,
	      "ADDRESS      STATE      HIT                FROM   EXPIRES  HELD  REASON\n"
	      "192.0.2.80   protected  2001:22:e9a:33f1:  peers        -     0  -\n"
	      "192.0.2.9    blocked    2001:22:aaa:33f1:  hosts    5 min     3  -\n"
	      "2001:db8::1  resolving  -                  -            -    12  -\n",
	      .headings = true, .width = 71);
}

static void no_line_is_wider_than_the_terminal(void)
{
	static const char flows[] =
		"{\"ok\": true, \"flows\": [{\"proto\": \"tcp\", \"legacy\": \"10.1.0.11\","
		"\"legacy_port\": 40001, \"far\": \"2001:db8:2::80\", \"far_port\": 443,"
		"\"peer_hit\": \"2001:22:e9a:33f1:5ccf:32f1:2f53:1c9f\", \"peer_port\": 443,"
		"\"local_port\": 40001, \"state\": \"established\", \"idle_s\": 7, \"expires_s\":"
		"7433, \"out_bytes\": 4321, \"in_bytes\": 54321, \"out_packets\": 3,"
		"\"in_packets\": 1}]}";

	for (size_t width = 70; width < 200; width++) {
		char *text = shown(hp_show_flows,
				   &(struct hp_view){ .headings = true, .width = width }, flows);

		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			CU_ASSERT(strlen(line) <= width);
		free(text);
	}
	/* What matters less goes first; with room for it all, all is there. */
	SHOWS(hp_show_flows, flows,
	      "PROTO  LEGACY HOST      TALKS TO              STATE        IDLE     OUT       IN\n"
	      "tcp    10.1.0.11:40001  [2001:db8:2::80]:443  established   7 s  4.3 kB  54.3 kB\n",
	      .headings = true, .width = 82);
	SHOWS(hp_show_flows, flows,
	      "tcp  10.1.0.11:40001  [2001:db8:2::80]:443  "
	      "[2001:22:e9a:33f1:5ccf:32f1:2f53:1c9f]:443  40001  established  7 s  2 h 3 min  "
	      "4.3 kB  54.3 kB\n", .width = 200);
}

static void meanings_go_on_in_the_next_line(void)
{
	SHOWS(hp_show_drops, drops_json,
	      "  5  packet  policy   a rule says block\n"
	      "100  packet  too-big  larger than the path;\n"
	      "                      the sender was told the\n"
	      "                      path MTU\n"
	      "7  natudp  punched  holes\n", .width = 46);
}

static void states_have_colours_if_wanted(void)
{
	char *text = shown(hp_show_peers, &(struct hp_view){ .color = true, .width = 100 },
			   peers_json);

	CU_ASSERT(strstr(text, "\033[32mprotected\033[0m") && strstr(text, "\033[31mblocked"));
	free(text);
	text = shown(hp_show_peers, &(struct hp_view){ .width = 100 }, peers_json);
	CU_ASSERT(!strchr(text, '\033'));
	free(text);
}

/* What peers send of themselves must not move the cursor. */
static void control_characters_are_shown_not_sent(void)
{
	char *text = shown(hp_show_associations, &(struct hp_view){ .output = "di" },
			   "{\"ok\": true, \"associations\": [{\"peer_di\": \"a\\u001b[2Jb\\nc\"}]}");

	CU_ASSERT(text[0] == 'a' && !strchr(text, '\033') && strchr(text, '\n') &&
		  !strchr(text, '\n')[1]);
	free(text);
	SHOWS(hp_own_show, "{\"ok\": true, \"message\": \"a\\u001b[2Jb\\u007f\"}", "a?[2Jb?\n",
	      .headings = true);
}

static void what_a_daemon_does_not_tell_is_a_dash(void)
{
	SHOWS(hp_show_associations, "{\"ok\": true, \"associations\": [{}]}",
	      "-  -  -  -  -  -  -  -  -  -\n", .headings = false);
	SHOWS(hp_show_associations, "{\"ok\": true}", "no associations\n", .headings = true);
	SHOWS(hp_show_peers, "{\"ok\": true, \"peers\": []}", "", .headings = false);
}

static void associations_name_the_path(void)
{
	SHOWS(hp_show_associations,
	      "{\"ok\": true, \"associations\": [{\"path\": {\"src\": \"2001:db8::2\", \"sport\": 0,"
	      "\"dst\": \"192.0.2.80\", \"dport\": 10500}, \"spi_out\": 3735928559,"
	      "\"spi_in\": 0, \"exchange_us\": 12340, \"rekeys\": 2}]}",
	      "192.0.2.80:10500  2001:db8::2  0xdeadbeef  -  12.3 ms  2\n",
	      .output = "at,from,spi-out,spi-in,exchange,rekeys");
}

/* ---- options */

static int parse(struct hp_view *view, struct hp_ctl *ctl, const char *line)
{
	static char copy[256];
	char *argv[16];
	int argc = 0, words, left;
	const struct hp_command *cmd;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	cmd = hp_command_find(argc, argv, &words);
	CU_ASSERT_FATAL(cmd != NULL && cmd->options != NULL);
	*view = (struct hp_view){ .headings = true };
	*ctl = (struct hp_ctl){ .json = false };
	left = hp_view_parse(view, cmd, ctl, argc, argv);
	return left;
}

static void options_are_read_in_any_order(void)
{
	struct hp_view v;
	struct hp_ctl ctl;

	CU_ASSERT(parse(&v, &ctl, "flows --sort idle -r --output +id --noheadings") == 1);
	CU_ASSERT(!strcmp(v.sort, "idle") && !strcmp(v.output, "+id"));
	CU_ASSERT(v.reverse && !v.headings && !v.watch_s && !ctl.json);
	CU_ASSERT(parse(&v, &ctl, "flows --json --watch=7 --color always") == 1);
	CU_ASSERT(ctl.json && v.watch_s == 7 && v.color);
	CU_ASSERT(parse(&v, &ctl, "status --watch") == 1 && v.watch_s == 2);
	CU_ASSERT(parse(&v, &ctl, "peers --watch 5 --sort held") == 1 && v.watch_s == 5);
}

static void wrong_options_are_refused(void)
{
	static const char *const wrong[] = {
		"flows --sort", "flows --sort nothing", "flows --output legacy,,far",
		"flows --output", "flows --color=blue", "flows --watch=0", "flows --watch x",
		"flows --watch=86401", "flows -x", "flows --nothing", "status --sort idle",
		"flows --output +", "flows --watch=-1",
	};
	struct hp_view v;
	struct hp_ctl ctl;
	int err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);

	CU_ASSERT_FATAL(null >= 0 && dup2(null, STDERR_FILENO) >= 0);
	close(null);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int left = parse(&v, &ctl, wrong[i]);

		if (left != -EINVAL)
			printf("accepted: %s\n", wrong[i]);
		CU_ASSERT(left == -EINVAL);
	}
	dup2(err, STDERR_FILENO);
	close(err);
	/* One more word is left for the command to refuse. */
	CU_ASSERT(parse(&v, &ctl, "flows 5") == 2);
}

static void every_column_has_a_name_and_a_meaning(void)
{
	static const struct hp_list *const lists[] = {
		&hp_list_associations, &hp_list_flows, &hp_list_peers, &hp_list_drops
	};

	for (size_t l = 0; l < 4; l++) {
		for (size_t i = 0; i < lists[l]->n; i++) {
			const struct hp_column *c = &lists[l]->columns[i];

			CU_ASSERT(*c->name && *c->heading && *c->help && *c->key && c->cell);
			CU_ASSERT(!strpbrk(c->name, ",+ ="));
			for (size_t j = 0; j < i; j++)
				CU_ASSERT(strcmp(c->name, lists[l]->columns[j].name));
		}
	}
}

/* ---- --watch */

static void painting_stays_on_the_screen(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	hp_watch_paint(out, "one\ntwo\nthree\nfour\n", 3);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, "\033[Hone\033[K\ntwo\033[K\nthree\033[K\033[J");
	free(text);
	out = open_memstream(&text, &len);
	hp_watch_paint(out, "one\n\ntwo\n", 24);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, "\033[Hone\033[K\n\033[K\ntwo\033[K\n\033[J");
	free(text);
}

static void units_change_at_their_limits(void)
{
	char buf[HP_UNIT_MAX];

	CU_ASSERT_STRING_EQUAL(hp_unit_bytes(buf, 999), "999 B");
	CU_ASSERT_STRING_EQUAL(hp_unit_bytes(buf, 1000), "1.0 kB");
	CU_ASSERT_STRING_EQUAL(hp_unit_bytes(buf, 999949), "999.9 kB");
	CU_ASSERT_STRING_EQUAL(hp_unit_bytes(buf, 999950), "1.0 MB");
	CU_ASSERT_STRING_EQUAL(hp_unit_time(buf, 119), "119 s");
	CU_ASSERT_STRING_EQUAL(hp_unit_time(buf, 120), "2 min");
	CU_ASSERT_STRING_EQUAL(hp_unit_time(buf, 7200), "2 h 0 min");
	CU_ASSERT_STRING_EQUAL(hp_unit_time(buf, 172800), "2 d 0 h");
}

static const struct hp_test tests[] = {
	HP_TEST(usual_columns_without_a_terminal_are_whole),
	HP_TEST(output_chooses_and_adds_columns),
	HP_TEST(rows_are_sorted_by_numbers_then_by_text),
	HP_TEST(a_narrow_terminal_cuts_hits),
	HP_TEST(no_line_is_wider_than_the_terminal),
	HP_TEST(meanings_go_on_in_the_next_line),
	HP_TEST(states_have_colours_if_wanted),
	HP_TEST(control_characters_are_shown_not_sent),
	HP_TEST(what_a_daemon_does_not_tell_is_a_dash),
	HP_TEST(associations_name_the_path),
	HP_TEST(options_are_read_in_any_order),
	HP_TEST(wrong_options_are_refused),
	HP_TEST(every_column_has_a_name_and_a_meaning),
	HP_TEST(painting_stays_on_the_screen),
	HP_TEST(units_change_at_their_limits),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("tools_lists", tests, argc, argv);
}
