/* SPDX-License-Identifier: MIT
 *
 * FTP's lines (plugins/ftp/line.c).
 */
#include <string.h>

#include "../../plugins/ftp/line.h"
#include "../harness.h"

static struct ftp_command command(const char *line)
{
	struct ftp_command c;

	ftp_command_parse((const uint8_t *)line, strlen(line), &c);
	return c;
}

static bool open_command(const char *s)
{
	return ftp_command_open((const uint8_t *)s, strlen(s));
}

static void commands_are_known_in_any_case(void)
{
	struct ftp_command c = command("port 10,1,0,11,4,1\r\n");

	CU_ASSERT_EQUAL(c.verb, FTP_PORT);
	CU_ASSERT_STRING_EQUAL(c.arg, "10,1,0,11,4,1");
	CU_ASSERT_EQUAL(c.eol, 2);
	CU_ASSERT_EQUAL(command("PASV\n").verb, FTP_PASV);
	CU_ASSERT_EQUAL(command("Epsv ALL\r\n").verb, FTP_EPSV);
	CU_ASSERT_EQUAL(command("PASVX\r\n").verb, FTP_OTHER);
	CU_ASSERT_EQUAL(command("PAS\r\n").verb, FTP_OTHER);
	CU_ASSERT_EQUAL(command("\r\n").verb, FTP_OTHER);
}

static void telnet_commands_in_front_are_told_apart(void)
{
	struct ftp_command c = command("\xff\xf4\xff\xf2PASV\r\n");

	CU_ASSERT_EQUAL(c.verb, FTP_PASV);
	CU_ASSERT_EQUAL(c.lead, 4);
	CU_ASSERT_TRUE(open_command("\xff"));
	CU_ASSERT_TRUE(open_command("\xff\xfb"));
}

static void only_what_may_become_ours_waits(void)
{
	CU_ASSERT_TRUE(open_command("P"));
	CU_ASSERT_TRUE(open_command("PAS"));
	CU_ASSERT_TRUE(open_command("EPRT |2|20"));
	CU_ASSERT_FALSE(open_command("PASS"));
	CU_ASSERT_FALSE(open_command("R"));
	CU_ASSERT_FALSE(open_command("PORTA"));
}

static void an_argument_of_port_is_six_octets(void)
{
	static const char *const bad[] = { "", "1,2,3,4,5", "1,2,3,4,5,256", "1,2,3,4,5,6,7",
					   "1,2,3,4,0,0", "1,2,3,4,5,", "1, 2,3,4,5,6",
					   "99999999999,2,3,4,5,6", NULL };
	struct hp_addr a, want;
	uint16_t port;

	hp_addr_parse("10.1.0.11", &want);
	CU_ASSERT_EQUAL(ftp_port_parse("10,1,0,11,4,1", &a, &port), 0);
	CU_ASSERT_EQUAL(port, 1025);
	CU_ASSERT_TRUE(hp_addr_eq(&a, &want));
	for (int i = 0; bad[i]; i++)
		CU_ASSERT_NOT_EQUAL(ftp_port_parse(bad[i], &a, &port), 0);
}

static void an_argument_of_eprt_names_its_family(void)
{
	static const char *const bad[] = { "", "|", "|1|", "|1|10.1.0.11|", "|1|10.1.0.11|5|x",
					   "|1|2001:db8::1|5|", "|2|10.1.0.11|5|",
					   "|1|10.1.0.11|0|", "|1|10.1.0.11|65536|",
					   "|1|10.1.0.11|5", "1111111", "| 1|10.1.0.11|5|", NULL };
	unsigned int family;
	struct hp_addr a;
	uint16_t port;

	CU_ASSERT_EQUAL(ftp_eprt_parse("|2|2001:db8:2::31|5282|", &family, &a, &port), 0);
	CU_ASSERT_EQUAL(port, 5282);
	CU_ASSERT_EQUAL(family, 2);
	CU_ASSERT_EQUAL(ftp_eprt_parse("!1!10.1.0.11!21!", &family, &a, &port), 0);
	CU_ASSERT_EQUAL(ftp_eprt_parse("|3|what|21|", &family, &a, &port), 0);
	CU_ASSERT_TRUE(hp_addr_is_zero(&a));
	for (int i = 0; bad[i]; i++)
		CU_ASSERT_NOT_EQUAL(ftp_eprt_parse(bad[i], &family, &a, &port), 0);
}

static void passive_replies_are_read_as_servers_write_them(void)
{
	struct hp_addr a;
	uint16_t port;

	CU_ASSERT_EQUAL(ftp_227_parse("Entering Passive Mode (192,0,2,31,237,19)", &a, &port), 0);
	CU_ASSERT_EQUAL(port, 60691);
	CU_ASSERT_EQUAL(ftp_227_parse("Passive 192,0,2,31,237,19.", &a, &port), 0);
	CU_ASSERT_NOT_EQUAL(ftp_227_parse("Entering Passive Mode", &a, &port), 0);
	CU_ASSERT_EQUAL(ftp_229_parse("Extended Passive mode OK (|||60691|)", &port), 0);
	CU_ASSERT_EQUAL(port, 60691);
	CU_ASSERT_NOT_EQUAL(ftp_229_parse("(|||60691)", &port), 0);
	CU_ASSERT_NOT_EQUAL(ftp_229_parse("(|1||60691|)", &port), 0);
	CU_ASSERT_NOT_EQUAL(ftp_229_parse("(", &port), 0);
}

static void replies_have_code_and_kind(void)
{
	struct ftp_reply r;

	CU_ASSERT_TRUE(ftp_reply_parse((const uint8_t *)"220-Hi\r\n", 8, &r));
	CU_ASSERT_TRUE(r.more);
	CU_ASSERT_TRUE(ftp_reply_parse((const uint8_t *)"200\r\n", 5, &r));
	CU_ASSERT_FALSE(r.more);
	CU_ASSERT_FALSE(ftp_reply_parse((const uint8_t *)"2x0 a\r\n", 7, &r));
	CU_ASSERT_FALSE(ftp_reply_parse((const uint8_t *)"\n", 1, &r));
}

static void what_is_built_can_be_read(void)
{
	struct hp_addr v4, v6, a;
	char out[128];
	uint16_t port;
	size_t n;

	hp_addr_parse("192.0.2.31", &v4);
	hp_addr_parse("2001:20::1", &v6);
	n = ftp_port_build((uint8_t *)out, sizeof(out), &v4, 5282);
	CU_ASSERT_EQUAL(n, strlen("PORT 192,0,2,31,20,162\r\n"));
	CU_ASSERT_NSTRING_EQUAL(out, "PORT 192,0,2,31,20,162\r\n", n);
	n = ftp_eprt_build((uint8_t *)out, sizeof(out), &v6, 5282);
	CU_ASSERT_NSTRING_EQUAL(out, "EPRT |2|2001:20::1|5282|\r\n", n);
	CU_ASSERT_EQUAL(ftp_227_build((uint8_t *)out, sizeof(out), &v6, 1), 0);
	CU_ASSERT_EQUAL(ftp_port_build((uint8_t *)out, 10, &v4, 1), 0);
	CU_ASSERT_TRUE(ftp_227_build((uint8_t *)out, sizeof(out), &v4, 60691) > 0);
	CU_ASSERT_EQUAL(ftp_227_parse(out + 4, &a, &port), 0);
	CU_ASSERT_TRUE(hp_addr_eq(&a, &v4) && port == 60691);
	CU_ASSERT_TRUE(ftp_229_build((uint8_t *)out, sizeof(out), 60691) > 0);
	CU_ASSERT_EQUAL(ftp_229_parse(out + 4, &port), 0);
}

static const struct hp_test tests[] = {
	HP_TEST(commands_are_known_in_any_case),
	HP_TEST(telnet_commands_in_front_are_told_apart),
	HP_TEST(only_what_may_become_ours_waits),
	HP_TEST(an_argument_of_port_is_six_octets),
	HP_TEST(an_argument_of_eprt_names_its_family),
	HP_TEST(passive_replies_are_read_as_servers_write_them),
	HP_TEST(replies_have_code_and_kind),
	HP_TEST(what_is_built_can_be_read),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("ftp_line", tests, argc, argv);
}
