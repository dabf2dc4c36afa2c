/* SPDX-License-Identifier: MIT
 *
 * plugins/skeleton does what its comments say, for it is copied.
 */
#include "../../plugins/skeleton/skeleton.c"
#include "../harness.h"
#include "../pipeline/lab.h"
#include "plugin/command.h"

static struct lab l;
static struct settings set = { .every_s = 1 };

static void it_counts_answers_and_stops_clean(void)
{
	char key[HP_ROWS_KEY_MAX + 1];
	const char *words[] = { "3" };
	const struct hp_plugin_command *c;
	struct hp_instance *self = NULL;
	json_t *answer = json_object();
	struct talk t = lab_talk4(1);
	struct hp_rows_ref rows;

	lab_init(&l);
	l.n[0].plugin = &hipproxy_plugin_skeleton;
	l.n[0].settings = &set;
	lab_start(&l);
	lab_open(&l, &t);
	lab_run(&l, 3500);
	self = hp_registry_plugin(l.n[0].registry, 0);
	CU_ASSERT(self->counters.values[PACKETS] > 0 && self->counters.values[TICKS] == 3);
	c = hp_registry_command(l.n[0].registry, "skeleton.show", &self);
	CU_ASSERT_FATAL(c != NULL);
	CU_ASSERT_EQUAL(hp_registry_run_command(self, c, words, 1, answer, &rows, key), 0);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(answer, "numbers")), 3);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(answer, "ticks_with_restarts")), 3);
	json_decref(answer);
	CU_ASSERT_TRUE(lab_fini(&l));
}

static const struct hp_test tests[] = {
	HP_TEST(it_counts_answers_and_stops_clean),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	int failed = hp_test_main("skeleton", tests, argc, argv);

	world_keys_free();
	return failed;
}
