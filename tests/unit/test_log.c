/* SPDX-License-Identifier: MIT
 *
 * core/util: where log lines go, and the journal's native protocol against a socket of the
 * test's own.
 */
#include "../harness.h"
#include "../journal.h"

#include <endian.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/addr.h"
#include "util/journal.h"
#include "util/log.h"

/* ---- standard error into a file */

static int stderr_was = -1, stderr_file = -1;

static void stderr_keep(void)
{
	FILE *f = tmpfile();

	fflush(stderr);
	stderr_was = dup(STDERR_FILENO);
	stderr_file = f ? dup(fileno(f)) : -1;
	CU_ASSERT_FATAL(stderr_file >= 0 && dup2(stderr_file, STDERR_FILENO) >= 0);
	fclose(f);
}

static const char *stderr_text(void)
{
	static char text[4096];
	ssize_t n = pread(stderr_file, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void stderr_back(void)
{
	dup2(stderr_was, STDERR_FILENO);
	close(stderr_was);
	close(stderr_file);
	unsetenv("JOURNAL_STREAM");
	hp_log_target(HP_LOG_STDERR, "test");
}

/* As systemd does for a service whose standard error is the journal. */
static void stderr_is_journal(void)
{
	char value[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(value, sizeof(value), "%" PRIu64 ":%" PRIu64, (uint64_t)st.st_dev,
		 (uint64_t)st.st_ino);
	setenv("JOURNAL_STREAM", value, 1);
}

/* ---- the protocol */

static void fields_are_lines_unless_they_have_lines(void)
{
	static const char want[] = "MESSAGE=text\nHIP_REASON\n\3\0\0\0\0\0\0\0a\nb\nE=\n";
	struct hp_journal_entry e = { .len = 0 };

	hp_journal_field(&e, "MESSAGE", "text");
	hp_journal_field(&e, "NONE", NULL);
	hp_journal_field(&e, "HIP_REASON", "a\nb");
	hp_journal_field(&e, "E", "");
	CU_ASSERT(e.len == sizeof(want) - 1 && !memcmp(e.bytes, want, e.len));
}

static void a_field_that_does_not_fit_is_left_out(void)
{
	struct hp_journal_entry e = { .len = 0 };
	char *value = malloc(HP_JOURNAL_MAX + 1);

	for (size_t len = 0; len <= HP_JOURNAL_MAX; len++) {
		memset(value, len % 2 ? '\n' : 'x', len);
		value[len] = '\0';
		e.len = 0;
		hp_journal_field(&e, "A", value);
		CU_ASSERT(e.len <= HP_JOURNAL_MAX);
		CU_ASSERT(!e.len == (len > HP_JOURNAL_MAX - 2 - 1 - 8));
	}
	free(value);
}

static void only_the_right_file_is_the_journal(void)
{
	struct stat st = { .st_dev = 8, .st_ino = 1234 };

	CU_ASSERT(hp_journal_names("8:1234", &st));
	CU_ASSERT(!hp_journal_names("8:12345", &st) && !hp_journal_names("9:1234", &st));
	CU_ASSERT(!hp_journal_names("8:1234x", &st) && !hp_journal_names("8:", &st));
	CU_ASSERT(!hp_journal_names("", &st) && !hp_journal_names(NULL, &st));
}

/* ---- targets */

static void plain_lines_have_name_subsystem_and_level(void)
{
	stderr_keep();
	hp_log_target(HP_LOG_AUTO, "test");
	hp_log(HP_LOG_HIP, HP_LOG_WARNING, "number %d", 7);
	CU_ASSERT_STRING_EQUAL(stderr_text(), "test: hip: warning: number 7\n");
	stderr_back();
}

static void lines_to_a_journal_begin_with_their_priority(void)
{
	stderr_keep();
	stderr_is_journal();
	hp_log_target(HP_LOG_STDERR, "test");
	hp_log(HP_LOG_HIP, HP_LOG_ERROR, "one");
	hp_log(HP_LOG_IO, HP_LOG_INFO, "two");
	CU_ASSERT_STRING_EQUAL(stderr_text(), "<3>hip: one\n<6>io: two\n");
	stderr_back();
}

static void a_journal_gets_fields(void)
{
	static const char want[] =
		"MESSAGE=hip: failed, no answer\nPRIORITY=5\nSYSLOG_IDENTIFIER=test\n"
		"HIP_SUBSYSTEM=hip\nHIP_PEER=2001:22::1\nHIP_PEER=192.0.2.80\n"
		"HIP_CLIENT=10.1.0.11\nHIP_REASON=no-answer\n";
	struct hp_addr peer, at, client;
	char got[8192];
	size_t len;

	hp_addr_parse("2001:22::1", &peer);
	hp_addr_parse("192.0.2.80", &at);
	hp_addr_parse("10.1.0.11", &client);
	hp_test_journal_start();
	stderr_keep();
	hp_log_target(HP_LOG_JOURNAL, "test");
	hp_log_about(HP_LOG_HIP, HP_LOG_NOTICE,
		     &(struct hp_log_about){ .peer = &peer, .peer_at = &at, .client = &client,
					     .reason = "no-answer" },
		     "failed, %s", "no answer");
	hp_log_about(HP_LOG_HIP, HP_LOG_DEBUG, &(struct hp_log_about){ .peer = &peer }, "quiet");
	CU_ASSERT(hp_test_journal_read(got, sizeof(got), &len));
	CU_ASSERT_STRING_EQUAL(got, want);
	CU_ASSERT(!hp_test_journal_read(got, sizeof(got), &len));
	CU_ASSERT_STRING_EQUAL(stderr_text(), "");
	stderr_back();
	hp_test_journal_stop();
}

static void auto_is_the_journal_where_stderr_is(void)
{
	char got[8192];
	size_t len;

	hp_test_journal_start();
	stderr_keep();
	stderr_is_journal();
	hp_log_target(HP_LOG_AUTO, "test");
	hp_log(HP_LOG_CONF, HP_LOG_INFO, "loaded");
	CU_ASSERT(hp_test_journal_read(got, sizeof(got), &len));
	CU_ASSERT_STRING_EQUAL(got, "MESSAGE=conf: loaded\nPRIORITY=6\nSYSLOG_IDENTIFIER=test\n"
				    "HIP_SUBSYSTEM=conf\n");
	CU_ASSERT_STRING_EQUAL(stderr_text(), "");
	stderr_back();
	hp_test_journal_stop();
}

static void lines_with_newlines_and_the_longest_arrive_whole(void)
{
	char longest[4096], got[8192];
	uint64_t len_le;
	size_t len;

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	hp_test_journal_start();
	stderr_keep();
	hp_log_target(HP_LOG_JOURNAL, "test");
	hp_log(HP_LOG_IO, HP_LOG_INFO, "a\nb");
	CU_ASSERT_FATAL(hp_test_journal_read(got, sizeof(got), &len));
	CU_ASSERT(!memcmp(got, "MESSAGE\n", 8));
	memcpy(&len_le, got + 8, 8);
	CU_ASSERT(le64toh(len_le) == 7 && !memcmp(got + 16, "io: a\nb\nPRIORITY=6\n", 19));
	hp_log(HP_LOG_IO, HP_LOG_INFO, "%s", longest);
	CU_ASSERT_FATAL(hp_test_journal_read(got, sizeof(got), &len));
	CU_ASSERT(len > 1000 && strstr(got, "xxx\nPRIORITY=6\n") != NULL);
	stderr_back();
	hp_test_journal_stop();
}

static void without_a_journal_lines_go_to_stderr_until_it_is_back(void)
{
	char got[8192];
	size_t len;

	hp_log_journal_path(hp_test_journal_path());
	stderr_keep();
	hp_log_target(HP_LOG_JOURNAL, "test");
	hp_log(HP_LOG_IO, HP_LOG_INFO, "alone");
	CU_ASSERT_STRING_EQUAL(stderr_text(), "test: io: info: alone\n");
	hp_test_journal_start();
	hp_log(HP_LOG_IO, HP_LOG_INFO, "back");
	CU_ASSERT(hp_test_journal_read(got, sizeof(got), &len) && strstr(got, "io: back"));
	CU_ASSERT_STRING_EQUAL(stderr_text(), "test: io: info: alone\n");
	stderr_back();
	hp_test_journal_stop();
}

/* The loop never waits for a journal that is behind; what was lost is told. */
static void a_full_journal_loses_lines_and_says_so(void)
{
	char got[8192];
	int sent, received = 0;
	size_t len;

	hp_test_journal_start();
	stderr_keep();
	hp_log_target(HP_LOG_JOURNAL, "test");
	for (sent = 0; sent < 5000; sent++)
		hp_log(HP_LOG_IO, HP_LOG_INFO, "line %d", sent);
	while (hp_test_journal_read(got, sizeof(got), &len))
		received++;
	CU_ASSERT(received > 0 && received < sent);
	hp_log(HP_LOG_IO, HP_LOG_INFO, "after");
	CU_ASSERT_FATAL(hp_test_journal_read(got, sizeof(got), &len));
	CU_ASSERT(!strncmp(got, "MESSAGE=io: after (", 19));
	CU_ASSERT(strtol(got + 19, NULL, 10) == sent - received);
	CU_ASSERT(strstr(got, " earlier lines lost, the journal was full)\n") != NULL);
	hp_log(HP_LOG_IO, HP_LOG_INFO, "then");
	CU_ASSERT(hp_test_journal_read(got, sizeof(got), &len));
	CU_ASSERT(!strncmp(got, "MESSAGE=io: then\n", 17));
	CU_ASSERT_STRING_EQUAL(stderr_text(), "");
	stderr_back();
	hp_test_journal_stop();
}

static void the_limit_says_how_many_were_not_shown(void)
{
	struct hp_tokens limit = HP_TOKENS(1000, 1);
	const struct hp_log_about about = { .limit = &limit };

	stderr_keep();
	hp_log_target(HP_LOG_STDERR, "test");
	hp_log_about(HP_LOG_IO, HP_LOG_INFO, &about, "a");
	limit.level_milli = 0;
	limit.refused = 3;
	while (limit.refused)
		hp_log_about(HP_LOG_IO, HP_LOG_INFO, &about, "b");
	CU_ASSERT(!strncmp(stderr_text(), "test: io: info: a\ntest: io: info: b (", 37));
	CU_ASSERT(strstr(stderr_text(), " more not shown)\n") != NULL);
	stderr_back();
}

/* Last: it can't be undone. */
static void in_the_background_nothing_goes_to_stderr(void)
{
	stderr_keep();
	hp_log_target(HP_LOG_STDERR, "test");
	hp_log_background();
	hp_log(HP_LOG_IO, HP_LOG_INFO, "one");
	hp_log_target(HP_LOG_STDERR, "test"); /* as a reload does */
	hp_log(HP_LOG_IO, HP_LOG_INFO, "two");
	stderr_is_journal();
	hp_log_target(HP_LOG_AUTO, "test");
	hp_log(HP_LOG_IO, HP_LOG_INFO, "three");
	CU_ASSERT_STRING_EQUAL(stderr_text(), "");
	stderr_back();
}

static const struct hp_test tests[] = {
	HP_TEST(fields_are_lines_unless_they_have_lines),
	HP_TEST(a_field_that_does_not_fit_is_left_out),
	HP_TEST(only_the_right_file_is_the_journal),
	HP_TEST(plain_lines_have_name_subsystem_and_level),
	HP_TEST(lines_to_a_journal_begin_with_their_priority),
	HP_TEST(a_journal_gets_fields),
	HP_TEST(auto_is_the_journal_where_stderr_is),
	HP_TEST(lines_with_newlines_and_the_longest_arrive_whole),
	HP_TEST(without_a_journal_lines_go_to_stderr_until_it_is_back),
	HP_TEST(a_full_journal_loses_lines_and_says_so),
	HP_TEST(the_limit_says_how_many_were_not_shown),
	HP_TEST(in_the_background_nothing_goes_to_stderr),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	unsetenv("JOURNAL_STREAM");
	return hp_test_main("log", tests, argc, argv);
}
