/* SPDX-License-Identifier: MIT
 *
 * Dialogues through the ftp plugin: what each side says, and what the other side gets.
 *
 * The plugin's own file is compiled in.  What the core would do (follow, announce connections) is
 * played here: lines are offered as the core offers them, in pieces of any length.
 */
#include "../harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../plugins/ftp/ftp.c"

/* ---- the core, played */

static struct hp_flow_key key;
static struct session session;
static bool outbound, transparent[2];
static uint16_t expected_peer, expected_legacy;
static int expect_error;

uint32_t hp_flow_flags(const struct hp_flow *f)
{
	(void)f;
	return 0;
}

void hp_alg_transparent(struct hp_flow *f, enum hp_direction dir, bool on)
{
	(void)f;
	transparent[dir] = on;
}

int hp_expect(struct hp_instance *self, struct hp_flow *f, struct hp_expectation *e)
{
	(void)self, (void)f;
	*(e->kind == HP_EXPECT_PEER ? &expected_peer : &expected_legacy) = e->port;
	e->hip_port = e->port;
	return expect_error;
}

/* ---- a dialogue */

static struct settings settings;
static int64_t port_21[] = { 21 };
static struct hp_instance self;
static uint64_t counts[NOT_FTP + 2];
static char got[4096], held[2][2048];
static size_t got_len, n_held[2], piece; /* octets offered at a time; 0: all */

static void begin(bool client_side)
{
	memset(counts, 0, sizeof(counts));
	memset(n_held, 0, sizeof(n_held));
	memset(transparent, 0, sizeof(transparent));
	memset(&session, 0, sizeof(session));
	outbound = client_side;
	expected_peer = expected_legacy = 0;
	expect_error = 0;
	piece = 0;
	settings = (struct settings){ .ports = { port_21, 1 }, .timeout_s = 60 };
	self = (struct hp_instance){ .plugin = &hipproxy_plugin_ftp, .settings = &settings };
	self.counters.table = counters;
	self.counters.values = counts;
	self.counters.n = NOT_FTP + 2;
	key = (struct hp_flow_key){ .proto = TCP, .far_port = 21, .local_port = 21 };
	hp_addr_parse("10.1.0.11", &key.legacy);
	hp_addr_parse("192.0.2.80", &key.far);
	hp_addr_parse("2001:22::1", &key.local_hit);
	hp_addr_parse("2001:22::2", &key.peer_hit);
	CU_ASSERT_EQUAL_FATAL(algs[0].session_bytes, sizeof(session));
}

static void put(const void *p, size_t len)
{
	memcpy(got + got_len, p, len);
	got_len += len;
	got[got_len] = '\0';
}

/* Offers what is held until the plugin wants more. */
static void offer(enum hp_direction dir)
{
	struct hp_alg_call c = { .self = &self, .key = &key, .session = &session, .outbound = outbound,
				 .is4 = true, .dir = dir,
				 .from_client = (dir == HP_OUTBOUND) == outbound };
	size_t used = 1;

	while (n_held[dir] && used) {
		static uint8_t room[2048];
		struct hp_alg_out out = { .data = room, .cap = sizeof(room) };

		used = transparent[dir] ? n_held[dir] :
		       algs[0].stream(&c, (const uint8_t *)held[dir], n_held[dir], &out);
		CU_ASSERT_FATAL(used <= n_held[dir] && out.len <= out.cap);
		if (out.replace)
			put(out.data, out.len);
		else
			put(held[dir], used);
		n_held[dir] -= used;
		memmove(held[dir], held[dir] + used, n_held[dir]);
	}
}

/* What the other side gets of text. */
static const char *says(bool client, const char *text)
{
	enum hp_direction dir = client == outbound ? HP_OUTBOUND : HP_INBOUND;
	size_t len = strlen(text), step = piece ? piece : len;

	got_len = 0;
	got[0] = '\0';
	for (size_t at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step;

		memcpy(held[dir] + n_held[dir], text + at, n);
		n_held[dir] += n;
		offer(dir);
	}
	return got;
}

#define CLIENT(text, gets) CU_ASSERT_STRING_EQUAL(says(true, text), gets)
#define SERVER(text, gets) CU_ASSERT_STRING_EQUAL(says(false, text), gets)

static void greet(void)
{
	SERVER("220-hello\r\n this is\r\n220 ftp\r\n", "220-hello\r\n this is\r\n220 ftp\r\n");
	CLIENT("USER joe\r\n", "USER joe\r\n");
	SERVER("331 password\r\n", "331 password\r\n");
	CLIENT("PASS x\r\n", "PASS x\r\n");
	SERVER("230-welcome\r\n230 in\r\n", "230-welcome\r\n230 in\r\n");
}

/* ---- replies of several lines */

#define GETS_227 "227 Entering Passive Mode (192,0,2,80,24,25)\r\n"
#define GETS_229 "229 Entering Extended Passive Mode (|||6169|)\r\n"

/* A reply has one code from its first line to its last; the port may stand in any of them. */
static void a_passive_reply_of_several_lines_becomes_one(void)
{
	static const char *const r229[] = {
		"229-ready\r\n229 at (|||6169|)\r\n", "229-at (|||6169|)\r\n229 ready\r\n",
		"229-ready\r\n at (|||6169|)\r\n229 go\r\n",
		"229-ready\r\n229-at (|||6169|)\r\nmore\r\n229 go\r\n",
		"229-ready\r\n220 not the end\r\n229 (|||6169|)\r\n",
		"229 at (|||6169|)\r\n", "229 at (||| 6169|)\r\n",
	};
	static const char *const r227[] = {
		"227-ready\r\n227 at (10,2,0,10,24,25)\r\n", "227-10,2,0,10,24,25\r\n227 ready\r\n",
		"227-ready\r\n at 10,2,0,10,24,25\r\n227 go\r\n",
		"227 at 10,2,0,10,24,25\r\n", "227 at (10, 2, 0, 10, 24, 25)\r\n",
		"227-ready\r\n227 at (10,2,0,10,24, 25).\r\n",
	};

	for (size_t by = 0; by < 3; by++) {
		for (size_t i = 0; i < sizeof(r229) / sizeof(*r229); i++) {
			begin(true);
			piece = by;
			greet();
			CLIENT("PASV\r\n", "EPSV\r\n");
			SERVER(r229[i], GETS_227);
			CU_ASSERT_EQUAL(expected_legacy, 6169);
			CLIENT("NOOP\r\n", "NOOP\r\n");
			SERVER("200 ok\r\n", "200 ok\r\n");
		}
		for (size_t i = 0; i < sizeof(r227) / sizeof(*r227); i++) {
			begin(false);
			piece = by;
			greet();
			CLIENT("EPSV\r\n", "PASV\r\n");
			SERVER(r227[i], GETS_229);
			CU_ASSERT_EQUAL(expected_peer, 6169);
		}
	}
}

/* EPSV that passes as it is: one line stays as it is, several become one. */
static void a_reply_to_epsv_in_several_lines_is_announced(void)
{
	begin(true);
	greet();
	CLIENT("EPSV\r\n", "EPSV\r\n");
	SERVER("229 my (|||6169|) words\r\n", "229 my (|||6169|) words\r\n");
	CU_ASSERT_EQUAL(expected_legacy, 6169);
	CLIENT("EPSV\r\n", "EPSV\r\n");
	SERVER("229-my\r\n229 (|||6169|)\r\n", GETS_229);
}

/* Errors that the gateway says have one code too. */
static void an_error_of_the_gateway_is_one_line(void)
{
	static const char *const bad[] = {
		"229-no port\r\n229 here\r\n", "229 no port\r\n", "229-(|||0|)\r\n229 x\r\n",
		"229-(|||21|)\r\n229 x\r\n", "229 (|||1023|)\r\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		begin(true);
		greet();
		CLIENT(i & 1 ? "PASV\r\n" : "EPSV\r\n", "EPSV\r\n");
		SERVER(bad[i], "425 Can't open data connection\r\n");
	}
	begin(true);
	greet();
	expect_error = -ENOBUFS;
	CLIENT("PORT 10,1,0,11,4,1\r\n", "NOOP\r\n");
	SERVER("200-noop\r\n200 done\r\n", "425 Can't open data connection\r\n");
}

/* A refusal in several lines is nobody's business. */
static void other_replies_of_several_lines_pass(void)
{
	begin(true);
	greet();
	CLIENT("PASV\r\n", "EPSV\r\n");
	SERVER("500-no\r\n (|||6169|)\r\n500 EPSV\r\n", "500-no\r\n (|||6169|)\r\n500 EPSV\r\n");
	CLIENT("LIST\r\n", "LIST\r\n");
	SERVER("425 Use PASV\r\n", "425 Use PASV\r\n");
	CU_ASSERT_EQUAL(expected_legacy, 0);
}

/* ---- what opens no data connection */

static void ports_below_1024_are_refused_unless_allowed(void)
{
	begin(true);
	greet();
	CLIENT("PORT 10,1,0,11,0,22\r\n", "NOOP\r\n");
	SERVER("200 ok\r\n", "425 Can't open data connection\r\n");
	CLIENT("EPRT |1|10.1.0.11|1023|\r\n", "NOOP\r\n");
	SERVER("200 ok\r\n", "425 Can't open data connection\r\n");
	CU_ASSERT_EQUAL(expected_peer, 0);
	CU_ASSERT_EQUAL(counts[LOW_PORT], 2);
	settings.low_ports = true;
	CLIENT("PORT 10,1,0,11,0,22\r\n", "EPRT |2|2001:22::1|22|\r\n");
	CU_ASSERT_EQUAL(expected_peer, 22);
	begin(false);
	greet();
	CLIENT("EPRT |2|2001:22::2|80|\r\n", "NOOP\r\n");
	SERVER("200 ok\r\n", "425 Can't open data connection\r\n");
	CU_ASSERT_EQUAL(expected_legacy, 0);
}

static void what_does_not_begin_as_ftp_opens_nothing(void)
{
	static const char *const first[] = {
		"POST / HTTP/1.1\r\nHost: x\r\n\r\nPORT 10,1,0,11,31,144\r\n",
		"GET / HTTP/1.0\r\n\r\nPORT 10,1,0,11,31,144\r\n", "\r\nPORT 10,1,0,11,31,144\r\n",
		"\x16\x03\x01PORT 10,1,0,11,31,144\r\n", "USERS\r\nPORT 10,1,0,11,31,144\r\n",
		"REGISTER sip:x\r\nPORT 10,1,0,11,31,144\r\n", "US\r\nPORT 10,1,0,11,31,144\r\n",
	};

	for (size_t by = 0; by < 3; by++)
		for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++) {
			begin(true);
			piece = by;
			SERVER("220 ftp\r\n", "220 ftp\r\n");
			CLIENT(first[i], first[i]);
			SERVER("227 at 192,0,2,80,24,25\r\n", "227 at 192,0,2,80,24,25\r\n");
			CU_ASSERT_EQUAL(expected_peer + expected_legacy, 0);
			CU_ASSERT_EQUAL(counts[NOT_FTP], 1);
		}
}

/* ---- AUTH */

static void auth_is_passed_or_refused(void)
{
	begin(true);
	SERVER("220 ftp\r\n", "220 ftp\r\n");
	CLIENT("AUTH TLS\r\n", "AUTH TLS\r\n");
	CU_ASSERT(transparent[HP_OUTBOUND]);
	SERVER("234 go\r\n", "234 go\r\n");
	CU_ASSERT(transparent[HP_INBOUND]);
	for (int side = 0; side < 2; side++) {
		begin(side);
		settings.auth = AUTH_REFUSE;
		SERVER("220 ftp\r\n", "220 ftp\r\n");
		CLIENT("AUTH TLS\r\n", "NOOP\r\n");
		SERVER("200 ok\r\n", "502 Command not implemented\r\n");
		CLIENT("USER joe\r\n", "USER joe\r\n");
		CU_ASSERT(!transparent[0] && !transparent[1]);
	}
}

static const struct hp_test tests[] = {
	HP_TEST(a_passive_reply_of_several_lines_becomes_one),
	HP_TEST(a_reply_to_epsv_in_several_lines_is_announced),
	HP_TEST(an_error_of_the_gateway_is_one_line),
	HP_TEST(other_replies_of_several_lines_pass),
	HP_TEST(ports_below_1024_are_refused_unless_allowed),
	HP_TEST(what_does_not_begin_as_ftp_opens_nothing),
	HP_TEST(auth_is_passed_or_refused),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("ftp", tests, argc, argv);
}
