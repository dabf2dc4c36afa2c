/* SPDX-License-Identifier: MIT
 *
 * Parts of the daemon: started in order, stopped in reverse order, whichever of them fails.
 *
 * The daemon's own parts are used, except for those that need root or a gate.  Run with
 * AddressSanitizer, the same test shows that a start which fails leaks no memory.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../harness.h"
#include "daemon/daemon.h"

#define PARTS_MAX 128

static char dir[64];
static const struct hp_part *table[PARTS_MAX];
static size_t started[PARTS_MAX], stopped[PARTS_MAX], n_started, n_stopped;

/* ---- parts that write down when they are called: d->begun is their place in the table */

static int note_start(struct hp_daemon *d)
{
	started[n_started++] = d->begun;
	return 0;
}

static void note_stop(struct hp_daemon *d)
{
	stopped[n_stopped++] = d->begun;
}

static int fail(struct hp_daemon *d)
{
	started[n_started++] = d->begun;
	return -ECHILD;
}

static void note_reload(struct hp_daemon *d, struct hp_prepared *p)
{
	(void)d, (void)p;
	n_started++;
}

static const struct hp_part noting = { "noting", note_start, note_stop, note_reload };
static const struct hp_part failing = { "failing", fail, note_stop, NULL };
static const struct hp_part only_stops = { "only stops", .stop = note_stop };
static const struct hp_part only_starts = { "only starts", .start = note_start };

static void forget_calls(void)
{
	n_started = n_stopped = 0;
}

/* ---- the order */

static void parts_are_started_in_order_and_stopped_in_reverse_order(void)
{
	const struct hp_part *const parts[] = { &noting, &only_stops, &only_starts, &noting, NULL };
	struct hp_daemon d = { 0 };

	forget_calls();
	CU_ASSERT_EQUAL(hp_daemon_start_parts(&d, parts), 0);
	CU_ASSERT_EQUAL(n_started, 3);
	CU_ASSERT(started[0] == 0 && started[1] == 2 && started[2] == 3);
	CU_ASSERT_EQUAL(n_stopped, 0);
	CU_ASSERT_FALSE(d.quit.stopping);
	hp_daemon_stop(&d);
	CU_ASSERT_EQUAL(n_stopped, 3);
	CU_ASSERT(stopped[0] == 3 && stopped[1] == 1 && stopped[2] == 0);
	hp_daemon_stop(&d);
	CU_ASSERT_EQUAL(n_stopped, 3);
}

static void a_part_that_fails_is_stopped_with_those_before_it(void)
{
	const struct hp_part *const parts[] = { &noting, &noting, &failing, &noting, NULL };
	struct hp_daemon d = { 0 };

	forget_calls();
	CU_ASSERT_EQUAL(hp_daemon_start_parts(&d, parts), -ECHILD);
	CU_ASSERT_EQUAL(n_started, 3);
	CU_ASSERT_EQUAL(n_stopped, 3);
	CU_ASSERT(stopped[0] == 2 && stopped[1] == 1 && stopped[2] == 0);
	CU_ASSERT_TRUE(d.quit.stopping);
	hp_daemon_stop(&d);
	CU_ASSERT_EQUAL(n_stopped, 3);
}

static void parts_without_settings_are_left_out_of_a_reload(void)
{
	const struct hp_part *const parts[] = { &noting, &only_starts, &noting, NULL };

	forget_calls();
	hp_parts_reload(parts, NULL, NULL);
	CU_ASSERT_EQUAL(n_started, 2);
}

/* ---- the daemon's own */

/* Parts that need root, a gate, or change this process for good. */
static bool is_outside(const struct hp_part *p)
{
	return p == &hp_part_process || p == &hp_part_gate || p == &hp_part_sockets ||
	       p == &hp_part_rights || p == &hp_part_capture || p == &hp_part_sandbox;
}

/* The daemon's parts, each with a noting one before it; the one at `at` fails.  How many parts. */
static size_t fill_table(size_t at)
{
	size_t n = 0;

	for (; hp_daemon_parts[n]; n++) {
		CU_ASSERT_FATAL(2 * n + 2 < PARTS_MAX);
		table[2 * n] = &noting;
		table[2 * n + 1] = n == at ? &failing :
				   is_outside(hp_daemon_parts[n]) ? &only_stops : hp_daemon_parts[n];
	}
	table[2 * n] = NULL;
	return n;
}

static void put_conf(void)
{
	struct hp_key *key = NULL;
	char path[96];
	FILE *f;

	strcpy(dir, "/tmp/hipproxy-parts.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/key.pem", dir);
	CU_ASSERT_EQUAL(hp_key_generate(HP_KEY_P256, 0, &key), 0);
	CU_ASSERT_EQUAL(hp_key_save(key, path), 0);
	hp_key_unref(key);
	snprintf(path, sizeof(path), "%s/conf", dir);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f, "identities = ( { name = \"me\"; key = \"%s/key.pem\"; } );\n"
		   "host: { enabled = true; identity = \"me\"; };\n"
		   "control: { socket = \"%s/control\"; group = \"\"; };\n"
		   "hip: { pins = \"%s/pins\"; revoked = \"%s/revoked\"; "
		   "opportunistic_initiator = \"pinned\"; };\n"
		   "esp: { keylog = \"%s/keys\"; };\n"
		   "state = \"%s/state\";\npidfile = \"\";\n", dir, dir, dir, dir, dir, dir);
	fclose(f);
}

static void remove_all(void)
{
	DIR *files = opendir(dir);
	struct dirent *e;
	char path[400];

	while ((e = readdir(files)))
		if (e->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
			unlink(path);
		}
	closedir(files);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static int count_descriptors(void)
{
	DIR *fds = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(fds))
		n++;
	closedir(fds);
	return n;
}

static int start_with_failure(struct hp_daemon *d, size_t at)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/conf", dir);
	*d = (struct hp_daemon){ .opt.level = -1 };
	hp_log_level_all(HP_LOG_ERROR);
	CU_ASSERT_EQUAL_FATAL(hp_daemon_load(d, path), 0);
	forget_calls();
	fill_table(at);
	return hp_daemon_start_parts(d, table);
}

/* Every noting part before the failing one was stopped, the last one first. */
static void assert_stopped_in_reverse(size_t at)
{
	size_t last = SIZE_MAX, before = 0;

	for (size_t i = 0; i < n_stopped; i++) {
		CU_ASSERT(stopped[i] < last);
		last = stopped[i];
		before += !(stopped[i] % 2);
	}
	CU_ASSERT_EQUAL(before, at + 1);
	CU_ASSERT_EQUAL(stopped[0], 2 * at + 1);
	CU_ASSERT_EQUAL(last, 0);
}

static void each_part_that_fails_undoes_those_before_it(void)
{
	size_t n = fill_table(SIZE_MAX);
	struct hp_daemon d;
	int fds;

	put_conf();
	CU_ASSERT(n > 15);
	start_with_failure(&d, 0); /* what is opened only once, by libraries */
	hp_daemon_stop(&d);
	fds = count_descriptors();
	for (size_t at = 0; at < n; at++) {
		CU_ASSERT_EQUAL(start_with_failure(&d, at), -ECHILD);
		CU_ASSERT_EQUAL(n_started, at + 2);
		assert_stopped_in_reverse(at);
		CU_ASSERT_PTR_NULL(d.loop);
		CU_ASSERT_PTR_NULL(d.hip);
		CU_ASSERT_PTR_NULL(d.pipe);
		hp_daemon_stop(&d);
		CU_ASSERT_EQUAL(count_descriptors(), fds);
	}
	remove_all();
}

/* A folder is in the way of a file that the part makes, after the configuration was checked. */
static void fail_by_folder(const char *name, const struct hp_part *part)
{
	struct hp_daemon d = { .opt.level = -1 };
	size_t n = fill_table(SIZE_MAX), at = 0;
	char path[96];
	int fds = count_descriptors();

	while (at < n && hp_daemon_parts[at] != part)
		at++;
	snprintf(path, sizeof(path), "%s/conf", dir);
	CU_ASSERT_EQUAL_FATAL(hp_daemon_load(&d, path), 0);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	forget_calls();
	CU_ASSERT(hp_daemon_start_parts(&d, table) < 0);
	CU_ASSERT_EQUAL(stopped[0], 2 * at);
	hp_daemon_stop(&d);
	CU_ASSERT_EQUAL(count_descriptors(), fds);
	CU_ASSERT_EQUAL(rmdir(path), 0);
}

static void a_part_that_fails_half_way_undoes_its_half(void)
{
	put_conf();
	hp_log_level_all(HP_LOG_ERROR);
	fail_by_folder("pins", &hp_part_kept);
	fail_by_folder("revoked", &hp_part_kept);
	fail_by_folder("keys", &hp_part_keylog);
	fail_by_folder("control", &hp_part_control);
	remove_all();
}

static void all_parts_start_and_stop(void)
{
	struct hp_daemon d;
	char path[96];
	int fds;

	put_conf();
	fds = count_descriptors();
	CU_ASSERT_EQUAL(start_with_failure(&d, SIZE_MAX), 0);
	CU_ASSERT_PTR_NOT_NULL(d.pipe);
	CU_ASSERT_PTR_NOT_NULL(d.sweep);
	snprintf(path, sizeof(path), "%s/control", dir);
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	hp_daemon_stop(&d);
	CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
	CU_ASSERT_EQUAL(count_descriptors(), fds);
	remove_all();
}

static const struct hp_test tests[] = {
	HP_TEST(parts_are_started_in_order_and_stopped_in_reverse_order),
	HP_TEST(a_part_that_fails_is_stopped_with_those_before_it),
	HP_TEST(parts_without_settings_are_left_out_of_a_reload),
	HP_TEST(each_part_that_fails_undoes_those_before_it),
	HP_TEST(a_part_that_fails_half_way_undoes_its_half),
	HP_TEST(all_parts_start_and_stop),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("parts", tests, argc, argv);
}
