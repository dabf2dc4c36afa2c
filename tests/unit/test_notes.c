/* SPDX-License-Identifier: MIT
 *
 * Records of plugins: they survive restarts, full disks and an end in the middle of a write.
 */
#include "../harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/notes.h"
#include "daemon/state.h"

#define PLACES 64

/* ---- a file in memory */

static struct {
	bool used[PLACES], valid[PLACES];
	struct hp_note_part at[PLACES];
	unsigned int limit;  /* places there are */
	int writes;          /* so many happen, then the process has ended; -1: all */
} disk;

static uint32_t disk_get(void *ctx)
{
	(void)ctx;
	for (uint32_t i = 0; i < disk.limit; i++)
		if (!disk.used[i]) {
			disk.used[i] = true;
			return i;
		}
	return UINT32_MAX;
}

static bool ended(void)
{
	if (disk.writes > 0)
		disk.writes--;
	else if (!disk.writes)
		return true;
	return false;
}

static void disk_put(void *ctx, uint32_t slot)
{
	(void)ctx;
	disk.used[slot] = false;
	if (!ended())
		disk.valid[slot] = false;
}

static void disk_write(void *ctx, uint32_t slot, const struct hp_note_part *part)
{
	(void)ctx;
	if (ended())
		return;
	disk.at[slot] = *part;
	disk.valid[slot] = true;
}

static struct hp_notes *mount(void)
{
	struct hp_note_file file = { disk_get, disk_put, disk_write, NULL };
	struct hp_notes *n = hp_notes_new(&file);

	CU_ASSERT_FATAL(n != NULL);
	disk.writes = -1;
	memcpy(disk.used, disk.valid, sizeof(disk.used));
	for (uint32_t i = 0; i < PLACES; i++)
		if (disk.valid[i])
			hp_notes_found(n, i, &disk.at[i]);
	hp_notes_done(n);
	return n;
}

static struct hp_notes *fresh(unsigned int limit)
{
	memset(&disk, 0, sizeof(disk));
	disk.limit = limit;
	return mount();
}

static struct hp_record record(const char *key, char fill, size_t bytes)
{
	static char value[HP_RECORD_VALUE_MAX];

	memset(value, fill, sizeof(value));
	return (struct hp_record){ .key = key, .key_bytes = strlen(key), .value = value,
				   .value_bytes = bytes, .version = (uint8_t)fill };
}

static int put(struct hp_notes *n, const char *plugin, const char *key, char fill, size_t bytes)
{
	struct hp_record r = record(key, fill, bytes);

	return hp_notes_put(n, plugin, &r);
}

/* The letter the record is full of; 0: there is none, or it is mixed. */
static char letter(const struct hp_notes *n, const char *plugin, const char *key, size_t bytes)
{
	struct hp_record r;

	if (hp_notes_get(n, plugin, key, strlen(key), &r) || r.value_bytes != bytes)
		return 0;
	for (size_t i = 0; i < bytes; i++)
		if (((const char *)r.value)[i] != (char)r.version)
			return 0;
	return (char)r.version;
}

static unsigned int in_use(void)
{
	unsigned int n = 0;

	for (int i = 0; i < PLACES; i++)
		n += disk.used[i];
	return n;
}

/* ---- tests */

static void records_are_kept_by_plugin_and_key(void)
{
	struct hp_notes *n = fresh(PLACES);

	CU_ASSERT_EQUAL(put(n, "dns", "a", 'x', 100), 0);
	CU_ASSERT_EQUAL(put(n, "dn", "sa", 'y', 100), 0); /* the same octets, otherwise cut */
	CU_ASSERT_EQUAL(put(n, "dns", "empty", 'z', 0), 0);
	hp_notes_free(n);
	n = mount();
	CU_ASSERT_EQUAL(letter(n, "dns", "a", 100), 'x');
	CU_ASSERT_EQUAL(letter(n, "dn", "sa", 100), 'y');
	CU_ASSERT_EQUAL(letter(n, "dns", "empty", 0), 'z');
	CU_ASSERT(hp_notes_count(n, "dns") == 2 && hp_notes_count(n, "dn") == 1);
	CU_ASSERT_EQUAL(hp_notes_del(n, "dns", "a", 1), 0);
	CU_ASSERT_EQUAL(hp_notes_del(n, "dns", "a", 1), -ENOENT);
	hp_notes_free(n);
	n = mount();
	CU_ASSERT(hp_notes_count(n, "dns") == 1 && !letter(n, "dns", "a", 100));
	hp_notes_free(n);
}

/* Wherever the process ends, the record is the old one or the new one, and nothing leaks. */
static void an_end_in_the_middle_of_a_write_leaves_a_whole_record(void)
{
	const size_t big = HP_RECORD_VALUE_MAX;

	for (int writes = 0; writes < 40; writes++) {
		struct hp_notes *n = fresh(PLACES);
		unsigned int places;
		char is;

		put(n, "p", "k", 'o', big);
		places = in_use();
		disk.writes = writes;
		put(n, "p", "k", 'n', big);
		hp_notes_free(n);
		n = mount();
		is = letter(n, "p", "k", big);
		CU_ASSERT(is == 'o' || is == 'n');
		CU_ASSERT_EQUAL(in_use(), places);
		CU_ASSERT_EQUAL(hp_notes_count(n, "p"), 1);
		hp_notes_free(n);
	}
}

static void a_full_disk_keeps_the_old_record(void)
{
	struct hp_notes *n = fresh(10);

	CU_ASSERT_EQUAL(put(n, "p", "k", 'o', 300), 0);
	CU_ASSERT_EQUAL(put(n, "p", "k", 'n', 400), -ENOSPC);
	CU_ASSERT_EQUAL(letter(n, "p", "k", 300), 'o');
	CU_ASSERT_EQUAL(put(n, "p", "k", 'n', 200), 0);
	CU_ASSERT_EQUAL(letter(n, "p", "k", 200), 'n');
	hp_notes_free(n);
}

static void octets_that_are_wrong_make_no_record(void)
{
	for (size_t i = 0; i < 128; i++) {
		struct hp_notes *n = fresh(PLACES);
		uint8_t *octets = (uint8_t *)disk.at;

		put(n, "p", "k", 'o', 60);
		hp_notes_free(n);
		octets[i % sizeof(disk.at[0]) + i / sizeof(disk.at[0]) * sizeof(disk.at[0])] ^= 0x40;
		n = mount();
		CU_ASSERT(letter(n, "p", "k", 60) == 'o' || hp_notes_count(n, "p") == 0);
		CU_ASSERT(hp_notes_count(n, "p") || in_use() == 0);
		hp_notes_free(n);
	}
}

static void records_are_in_the_state_file(void)
{
	struct hp_state *st;
	char path[64], key[16];

	snprintf(path, sizeof(path), "/tmp/hp-notes-%d", (int)getpid());
	unlink(path);
	CU_ASSERT_FATAL(!hp_state_open(path, &st));
	for (int i = 0; i < 200; i++) { /* the file grows */
		snprintf(key, sizeof(key), "key%d", i);
		CU_ASSERT_EQUAL(put(hp_state_notes(st), "p", key, 'v', 1024), 0);
	}
	hp_state_restore(st, NULL, NULL); /* there are no flows */
	CU_ASSERT_EQUAL(hp_notes_count(hp_state_notes(st), "p"), 200);
	hp_state_close(st);
	CU_ASSERT_FATAL(!hp_state_open(path, &st));
	hp_state_restore(st, NULL, NULL);
	CU_ASSERT_EQUAL(hp_notes_count(hp_state_notes(st), "p"), 200);
	CU_ASSERT_EQUAL(letter(hp_state_notes(st), "p", "key77", 1024), 'v');
	hp_state_close(st);
	unlink(path);
}

static const struct hp_test tests[] = {
	HP_TEST(records_are_kept_by_plugin_and_key),
	HP_TEST(an_end_in_the_middle_of_a_write_leaves_a_whole_record),
	HP_TEST(a_full_disk_keeps_the_old_record),
	HP_TEST(octets_that_are_wrong_make_no_record),
	HP_TEST(records_are_in_the_state_file),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("notes", tests, argc, argv);
}
