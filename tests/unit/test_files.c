/* SPDX-License-Identifier: MIT
 *
 * Files of lines that the daemon keeps: pins, and what is revoked.
 */
#include "../harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/pins.h"
#include "daemon/revoked.h"
#include "packets.h"

#define HIT1 "2001:20::1"
#define HIT2 "2001:20::2"

static char dir[64], path[128];
static uint64_t now_ms;
static int told_err, n_told;

static uint64_t mock_ms(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static const struct hp_clock mock_clock = { mock_ms, mock_ms, NULL };
static struct hp_timers timers;

static void told(void *ctx, const char *p, int err)
{
	(void)ctx;
	CU_ASSERT_STRING_EQUAL(p, path);
	told_err = err;
	n_told++;
}

static struct hp_disk disk = { .timers = &timers, .clock = &mock_clock, .told = told };

static void begin(void)
{
	snprintf(dir, sizeof(dir), "/tmp/hp-files-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	now_ms = 1000;
	hp_timers_init(&timers, now_ms);
	told_err = n_told = 0;
}

static void end(void)
{
	unlink(path);
	CU_ASSERT(!rmdir(dir)); /* nothing else was left there */
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_FATAL(f != NULL);
	fputs(text, f);
	fclose(f);
}

static const char *file_text(void)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return f ? text : "none";
}

static struct hp_pins *pins_open(void)
{
	struct hp_io_err e = { "" };
	struct hp_pins *pins = NULL;

	CU_ASSERT_EQUAL(hp_pins_open(path, &disk, NULL, &pins, &e), 0);
	CU_ASSERT_FATAL(pins != NULL);
	return pins;
}

static int pin(struct hp_pins *pins, const char *addr, const char *hit)
{
	struct hp_addr a = test_addr(addr), h = test_addr(hit);

	return hp_pins_check(pins, &a, &h);
}

/* ---- reading */

static void bad_lines_are_skipped_and_counted(void)
{
	struct hp_pins *pins;
	const struct hp_lines_bad *bad;

	begin();
	write_file("# pins\n192.0.2.1 " HIT1 "\nnonsense\n192.0.2.2 2001:20\n"
		   "192.0.2.3 " HIT1 " more\n192.0.2.4 192.0.2.5\n\n192.0.2.9 " HIT2 " # why\n");
	pins = pins_open();
	bad = hp_pins_bad(pins);
	CU_ASSERT_EQUAL(bad->n, 4);
	CU_ASSERT(bad->at[0] == 3 && bad->at[1] == 4 && bad->at[2] == 5 && bad->at[3] == 6);
	CU_ASSERT(!bad->no_newline && !bad->full);
	CU_ASSERT_EQUAL(pin(pins, "192.0.2.1", HIT2), -EACCES);
	CU_ASSERT_EQUAL(pin(pins, "192.0.2.9", HIT2), 0);
	hp_pins_close(pins);
	end();
}

/* Cut anywhere, it can be read; what is whole is there. */
static void a_file_cut_anywhere_can_be_read(void)
{
	static const char text[] = "192.0.2.1 " HIT1 "\n192.0.2.2 " HIT2 "\n";

	begin();
	for (size_t len = 0; len < sizeof(text); len++) {
		char cut[sizeof(text)];
		struct hp_pins *pins;

		snprintf(cut, len + 1, "%s", text);
		write_file(cut);
		pins = pins_open();
		CU_ASSERT(hp_pins_bad(pins)->n <= 1);
		CU_ASSERT_EQUAL(hp_pins_bad(pins)->no_newline, len && cut[len - 1] != '\n');
		if (len > strlen("192.0.2.1 " HIT1))
			CU_ASSERT_EQUAL(pin(pins, "192.0.2.1", HIT2), -EACCES);
		hp_pins_close(pins);
	}
	end();
}

static void octets_that_are_no_text_are_bad_lines(void)
{
	static const char text[] = "192.0.2.1 " HIT1 "\0x\n\xff\xfe\n192.0.2.2 " HIT1 "\n";
	struct hp_pins *pins;
	int fd;

	begin();
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	CU_ASSERT(write(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	pins = pins_open();
	CU_ASSERT_EQUAL(hp_pins_bad(pins)->at[0], 1);
	CU_ASSERT_EQUAL(pin(pins, "192.0.2.2", HIT2), -EACCES);
	hp_pins_close(pins);
	end();
}

static void a_symbolic_link_is_not_followed(void)
{
	char other[160];
	struct hp_io_err e = { "" };
	struct hp_lines_bad bad;
	struct hp_pins *pins;

	begin();
	snprintf(other, sizeof(other), "%s/other", dir);
	CU_ASSERT(!symlink(other, path));
	CU_ASSERT_EQUAL(hp_pins_open(path, &disk, NULL, &pins, &e), -ELOOP);
	CU_ASSERT(strstr(e.text, "is a symbolic link; expected a file") != NULL);
	CU_ASSERT_EQUAL(hp_pins_try(path, &bad, &e), -ELOOP);
	CU_ASSERT_EQUAL(hp_lines_edit(path, "+x\n"), -ELOOP);
	CU_ASSERT(access(other, F_OK) != 0);
	end();
	/* Nor is one that stands where the new file is made. */
	begin();
	write_file("old\n");
	snprintf(other, sizeof(other), "%s/victim", dir);
	snprintf(path + strlen(path), 5, ".new");
	CU_ASSERT(!symlink(other, path));
	path[strlen(path) - 4] = '\0';
	CU_ASSERT_EQUAL(hp_lines_edit(path, "+new\n"), 0);
	CU_ASSERT_STRING_EQUAL(file_text(), "old\nnew\n");
	CU_ASSERT(access(other, F_OK) != 0);
	end();
}

static void a_folder_is_no_file(void)
{
	struct hp_io_err e = { "" };
	struct hp_pins *pins;

	begin();
	CU_ASSERT(!mkdir(path, 0700));
	CU_ASSERT_EQUAL(hp_pins_open(path, &disk, NULL, &pins, &e), -EISDIR);
	rmdir(path);
	end();
}

/* ---- writing */

static void a_new_pin_is_glued_to_nothing(void)
{
	struct hp_pins *pins;

	begin();
	write_file("192.0.2.1 " HIT1 "\n192.0.2.2 " HIT1); /* no newline */
	pins = pins_open();
	CU_ASSERT_EQUAL(pin(pins, "192.0.2.3", HIT2), 0);
	hp_pins_close(pins);
	CU_ASSERT_STRING_EQUAL(file_text(), "192.0.2.1 " HIT1 "\n192.0.2.2 " HIT1
					    "\n192.0.2.3 " HIT2 "\n");
	pins = pins_open();
	CU_ASSERT_EQUAL(pin(pins, "192.0.2.2", HIT2), -EACCES);
	CU_ASSERT_EQUAL(pin(pins, "192.0.2.3", HIT1), -EACCES);
	hp_pins_close(pins);
	end();
}

static void what_people_wrote_stays_and_so_do_mode_and_owner(void)
{
	struct stat st;

	begin();
	write_file("# a comment\n\nwhat is this\n");
	chmod(path, 0640);
	CU_ASSERT_EQUAL(hp_lines_edit(path, "+" HIT1 "\n"), 0);
	CU_ASSERT_STRING_EQUAL(file_text(), "# a comment\n\nwhat is this\n" HIT1 "\n");
	CU_ASSERT(!stat(path, &st) && (st.st_mode & 0777) == 0640);
	end();
}

static void edits_are_made_in_their_order(void)
{
	begin();
	write_file("2001:20::1 # one\n2001:0020::2\n 2001:20::1\n2001:20::11\n");
	CU_ASSERT_EQUAL(hp_lines_edit(path, "-2001:20::1\n+2001:20::3\n-2001:20::3\n"
					    "+2001:20::1 # again\n"), 0);
	CU_ASSERT_STRING_EQUAL(file_text(), "2001:0020::2\n2001:20::11\n2001:20::1 # again\n");
	end();
}

static void the_old_file_is_there_until_the_new_one_is_whole(void)
{
	struct stat before, after;

	begin();
	write_file("old\n");
	CU_ASSERT(!stat(path, &before));
	CU_ASSERT_EQUAL(hp_lines_edit(path, "+new\n"), 0);
	CU_ASSERT(!stat(path, &after));
	CU_ASSERT(before.st_ino != after.st_ino); /* another file took its place */
	end();
}

/* ---- a full disk: a small file system in a mount namespace of its own */

static int on_full_disk(void)
{
	struct hp_pins *pins;
	char filler[160], block[4096];
	int fd, bad = 0;

	snprintf(filler, sizeof(filler), "%s/filler", dir);
	memset(block, 'x', sizeof(block));
	write_file("192.0.2.1 " HIT1 "\n");
	fd = open(filler, O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
	pins = pins_open();
	/* It counts, the file is as it was, and somebody is told once. */
	bad |= pin(pins, "192.0.2.2", HIT1) != 0;
	bad |= pin(pins, "192.0.2.3", HIT1) != 0;
	bad |= pin(pins, "192.0.2.2", HIT2) != -EACCES;
	bad |= strcmp(file_text(), "192.0.2.1 " HIT1 "\n") != 0;
	bad |= n_told != 1 || told_err != -ENOSPC || hp_pins_error(pins) != -ENOSPC;
	now_ms += HP_KEEPER_RETRY_MS;
	hp_timers_run(&timers, now_ms);
	bad |= n_told != 1;
	/* With room again, all of it is written by itself. */
	unlink(filler);
	now_ms += HP_KEEPER_RETRY_MS;
	hp_timers_run(&timers, now_ms);
	bad |= n_told != 2 || told_err || hp_pins_error(pins);
	bad |= strcmp(file_text(), "192.0.2.1 " HIT1 "\n192.0.2.2 " HIT1 "\n192.0.2.3 " HIT1
				   "\n") != 0;
	hp_pins_close(pins);
	return bad;
}

static void a_full_disk_loses_nothing(void)
{
	int status = 0;
	pid_t pid;

	if (geteuid())
		return;
	begin();
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("none", dir, "tmpfs", 0, "size=64k"))
			_exit(77);
		_exit(on_full_disk());
	}
	waitpid(pid, &status, 0);
	CU_ASSERT(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77));
	end();
}

/* ---- reload, revocations */

static void a_reload_keeps_what_is_not_written_yet(void)
{
	struct hp_io_err e = { "" };
	struct hp_pins *pins, *next = NULL;
	char folder[160];

	begin();
	pins = pins_open();
	/* What stands in the way of the new file makes writing fail. */
	snprintf(folder, sizeof(folder), "%s.new", path);
	CU_ASSERT(!mkdir(folder, 0700));
	CU_ASSERT_EQUAL(pin(pins, "192.0.2.1", HIT1), 0);
	CU_ASSERT_STRING_EQUAL(file_text(), "none");
	CU_ASSERT_EQUAL(hp_pins_open(path, &disk, pins, &next, &e), 0);
	hp_pins_close(pins);
	CU_ASSERT_EQUAL(pin(next, "192.0.2.1", HIT2), -EACCES);
	CU_ASSERT(!rmdir(folder));
	hp_pins_close(next);
	CU_ASSERT_STRING_EQUAL(file_text(), "192.0.2.1 " HIT1 "\n");
	end();
}

static struct hp_revoked *revoked_open(const struct hp_revoked *before)
{
	struct hp_io_err e = { "" };
	struct hp_revoked *r = NULL;

	CU_ASSERT_EQUAL(hp_revoked_open(path, &disk, before, &r, &e), 0);
	CU_ASSERT_FATAL(r != NULL);
	return r;
}

static void what_is_revoked_stays_so_until_it_is_taken_out(void)
{
	struct hp_addr one = test_addr(HIT1), two = test_addr(HIT2);
	struct hp_revoked *r, *next;

	begin();
	r = revoked_open(NULL);
	CU_ASSERT(!hp_revoked_has(r, &one) && !hp_revoked_has(NULL, &one));
	CU_ASSERT_EQUAL(hp_revoked_add(r, &one, "lost\nor stolen"), 0);
	CU_ASSERT_EQUAL(hp_revoked_add(r, &one, ""), -EEXIST);
	CU_ASSERT_EQUAL(hp_revoked_add(r, &two, ""), 0);
	hp_revoked_close(r);
	CU_ASSERT(strstr(file_text(), " lost or stolen\n") != NULL);
	r = revoked_open(NULL);
	CU_ASSERT(hp_revoked_has(r, &one) && hp_revoked_has(r, &two));
	CU_ASSERT_EQUAL(hp_revoked_bad(r)->n, 0);
	CU_ASSERT_EQUAL(hp_revoked_remove(r, &one), 0);
	CU_ASSERT_EQUAL(hp_revoked_remove(r, &one), -ENOENT);
	next = revoked_open(r);
	hp_revoked_close(r);
	CU_ASSERT(!hp_revoked_has(next, &one) && hp_revoked_has(next, &two));
	hp_revoked_close(next);
	CU_ASSERT(!strstr(file_text(), "2001:20::1 ") && strstr(file_text(), "2001:20::2 "));
	end();
}

static void a_line_that_is_no_hit_revokes_nothing(void)
{
	struct hp_addr one = test_addr(HIT1);
	struct hp_revoked *r;

	begin();
	write_file("192.0.2.1\n2001:db8::1\n" HIT1 "\n" HIT2 " x\n");
	r = revoked_open(NULL);
	CU_ASSERT_EQUAL(hp_revoked_bad(r)->n, 3);
	CU_ASSERT(hp_revoked_has(r, &one));
	hp_revoked_close(r);
	end();
}

static const struct hp_test tests[] = {
	HP_TEST(bad_lines_are_skipped_and_counted),
	HP_TEST(a_file_cut_anywhere_can_be_read),
	HP_TEST(octets_that_are_no_text_are_bad_lines),
	HP_TEST(a_symbolic_link_is_not_followed),
	HP_TEST(a_folder_is_no_file),
	HP_TEST(a_new_pin_is_glued_to_nothing),
	HP_TEST(what_people_wrote_stays_and_so_do_mode_and_owner),
	HP_TEST(edits_are_made_in_their_order),
	HP_TEST(the_old_file_is_there_until_the_new_one_is_whole),
	HP_TEST(a_full_disk_loses_nothing),
	HP_TEST(a_reload_keeps_what_is_not_written_yet),
	HP_TEST(what_is_revoked_stays_so_until_it_is_taken_out),
	HP_TEST(a_line_that_is_no_hit_revokes_nothing),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("files", tests, argc, argv);
}
