/* SPDX-License-Identifier: MIT
 *
 * What every test program is made of: a table of named tests, run by CUnit.
 *
 *	static const struct hp_test tests[] = {
 *		HP_TEST(truncated_esp_info_is_refused),
 *		HP_TEST_END
 *	};
 *	int main(int argc, char **argv) { return hp_test_main("wire", tests, argc, argv); }
 */
#ifndef HP_TESTS_HARNESS_H
#define HP_TESTS_HARNESS_H

#include <CUnit/CUnit.h>

struct hp_test {
	const char *name;
	void (*fn)(void);
};

#define HP_TEST(fn) { #fn, fn }
#define HP_TEST_END { NULL, NULL }

/* Runs all tests, or those whose name contains argv[1].  0 if all passed and one ran. */
int hp_test_main(const char *suite, const struct hp_test *tests, int argc, char **argv);

/* A file of the source tree: $srcdir/name, in a static buffer. */
const char *hp_test_path(const char *name);

#endif
