/* SPDX-License-Identifier: MIT
 *
 * Runs a table of tests with CUnit's basic interface.
 */
#include "harness.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *hp_test_path(const char *name)
{
	static char path[4096];
	const char *src = getenv("srcdir");

	snprintf(path, sizeof(path), "%s/%s", src ? src : ".", name);
	return path;
}

int hp_test_main(const char *suite, const struct hp_test *tests, int argc, char **argv)
{
	CU_pSuite s;
	unsigned int failed, ran;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 99;
	s = CU_add_suite(suite, NULL, NULL);
	for (; s && tests->name; tests++)
		if (argc < 2 || strstr(tests->name, argv[1]))
			CU_add_test(s, tests->name, tests->fn);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	ran = CU_get_number_of_tests_run();
	CU_cleanup_registry();
	return failed || !ran;
}
