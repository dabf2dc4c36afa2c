/* SPDX-License-Identifier: MIT
 *
 * tools: the table of hipproxyctl's commands, and what is made from it.
 */
#include "../harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/help.h"

/* What a call writes, in a buffer that is the caller's. */
#define CAPTURE(text, call)                                   \
	do {                                                  \
		size_t len_;                                  \
		FILE *out = open_memstream(&(text), &len_);   \
		call;                                         \
		fclose(out);                                  \
	} while (0)

static void every_command_has_what_it_needs(void)
{
	CU_ASSERT(hp_n_commands > 10);
	for (size_t i = 0; i < hp_n_commands; i++) {
		const struct hp_command *c = &hp_commands[i];

		CU_ASSERT(c->name && *c->name && c->args && c->help && *c->help);
		CU_ASSERT(!c->show != !c->run);
		CU_ASSERT(!c->fill || c->show);
		/* A command of the daemon with arguments needs somebody to read them. */
		CU_ASSERT(!c->show || !*c->args == !c->fill);
		CU_ASSERT(!c->text || c->text[strlen(c->text) - 1] == '\n');
		for (size_t j = 0; j < i; j++)
			CU_ASSERT(strcmp(c->name, hp_commands[j].name));
	}
}

static void commands_are_found_by_whole_words(void)
{
	char *known[] = { "keygen", "-f", "x" }, *unknown[] = { "keyge" }, *longer[] = { "hits" };
	const struct hp_command *c;
	int words = -1;

	c = hp_command_find(3, known, &words);
	CU_ASSERT_FATAL(c != NULL);
	CU_ASSERT(!strcmp(c->name, "keygen") && words == 1);
	CU_ASSERT(!hp_command_find(1, unknown, &words) && words == 0);
	CU_ASSERT(!hp_command_find(1, longer, &words) && !hp_command_find(0, NULL, &words));
}

static void usage_and_help_name_every_command(void)
{
	char *usage, *help, head[128];

	CAPTURE(usage, hp_help_usage(out));
	for (size_t i = 0; i < hp_n_commands; i++) {
		const struct hp_command *c = &hp_commands[i];

		snprintf(head, sizeof(head), "\n  %s ", c->name);
		CU_ASSERT(strstr(usage, head) && strstr(usage, c->help));
		CAPTURE(help, hp_help_command(c, out));
		snprintf(head, sizeof(head), "usage: hipproxyctl %s", c->name);
		CU_ASSERT(!strncmp(help, head, strlen(head)));
		CU_ASSERT(strstr(help, c->args) && strstr(help, c->help));
		for (const struct hp_cmd_option *o = c->options; o && o->name; o++)
			CU_ASSERT(strstr(help, o->name) && strstr(help, o->help));
		free(help);
	}
	free(usage);
}

/* The manual page without troff's backslashes and fonts: "\\fB\\-\\-json\\fR" is "--json". */
static char *read_man(const char *name)
{
	FILE *f = fopen(hp_test_path(name), "r");
	char *text = NULL;
	size_t len;
	int c;
	FILE *mem = open_memstream(&text, &len);

	CU_ASSERT_FATAL(f != NULL && mem != NULL);
	while ((c = getc(f)) != EOF) {
		if (c != '\\') {
			putc(c, mem);
			continue;
		}
		c = getc(f);
		if (c == 'f')
			getc(f);
		else
			putc(c, mem);
	}
	fclose(f);
	fclose(mem);
	return text;
}

/* An entry of the page begins with the command: "NAME ARGS" or ".B NAME" on a line. */
static bool has_entry(const char *man, const char *name, const char *after)
{
	char plain[128], bold[128];

	snprintf(plain, sizeof(plain), "\n.TP\n%s%s", name, after);
	snprintf(bold, sizeof(bold), "\n.TP\n.B %s%s", name, after);
	return strstr(man, plain) || strstr(man, bold);
}

static void the_manual_page_has_every_command_and_option(void)
{
	char *man = read_man("man/hipproxyctl.8");

	for (size_t i = 0; i < hp_n_commands; i++) {
		const struct hp_command *c = &hp_commands[i];
		bool found = has_entry(man, c->name, " ") || has_entry(man, c->name, "\n");

		if (!found)
			printf("man/hipproxyctl.8 lacks: %s\n", c->name);
		CU_ASSERT(found);
		for (const struct hp_cmd_option *o = c->options; o && o->name; o++)
			CU_ASSERT(c->list ? has_entry(man, o->name, " ") ||
					    has_entry(man, o->name, "\n") :
				  !!strstr(man, o->name));
	}
	for (const struct hp_cmd_option *o = hp_ctl_options; o->name; o++)
		CU_ASSERT(has_entry(man, o->name, " ") || has_entry(man, o->name, "\n"));
	free(man);
}

static const struct hp_test tests[] = {
	HP_TEST(every_command_has_what_it_needs),
	HP_TEST(commands_are_found_by_whole_words),
	HP_TEST(usage_and_help_name_every_command),
	HP_TEST(the_manual_page_has_every_command_and_option),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("tools", tests, argc, argv);
}
