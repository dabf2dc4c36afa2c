/* SPDX-License-Identifier: MIT
 *
 * core/util and the harness itself.
 */
#include "../harness.h"

#include <string.h>

static void source_paths_end_in_the_name_given(void)
{
	const char *p = hp_test_path("tests/harness.h");

	CU_ASSERT(strlen(p) > 15 && !strcmp(p + strlen(p) - 15, "tests/harness.h"));
}

static const struct hp_test tests[] = {
	HP_TEST(source_paths_end_in_the_name_given),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("util", tests, argc, argv);
}
