/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl's commands, one row each.
 *
 * Dispatch, usage, help and completion all read this table; a test compares it with the
 * manual page.
 *
 * Arguments and the values of options are written as people read them, and completion
 * reads them too: "on|off" are words to choose from, "FILE", "HIT" and "ADDRESS" are
 * kinds (tools/complete.c), brackets mean optional, "..." means again.
 */
#ifndef HP_TOOLS_COMMANDS_H
#define HP_TOOLS_COMMANDS_H

#include <stddef.h>

#include <jansson.h>

#include "tools/ctl.h"

struct hp_cmd_option {
	const char *name;  /* "-t", "--sort"; NULL ends the list */
	const char *value; /* NULL: it takes none */
	const char *help;
	/* The member of the request that the value becomes: a number if the value is N, seconds
	 * if it is AGE, true without a value, else a string.  NULL: it is for this program. */
	const char *member;
};

struct hp_view;
struct hp_list;

struct hp_command {
	const char *name; /* one word, or several: "peer add" */
	const char *args; /* "" if there are none */
	const char *help; /* one line of the usage */
	const char *text; /* what `help NAME` says below it; lines end with \n; may be NULL */
	const struct hp_cmd_option *options; /* may be NULL */

	/* A command of the daemon has show: the request is {"cmd": name}, filled from
	 * argv[1..] (false: usage; NULL: there are no arguments).  Its options, if it has any,
	 * are those of tools/view.h. */
	bool (*fill)(json_t *request, int argc, char **argv);
	void (*show)(const struct hp_view *view, const json_t *reply);
	/* What is to be done before the request is sent; may be NULL. */
	void (*before)(const struct hp_ctl *ctl, const json_t *request);
	bool stream; /* lines until the daemon closes, or says that it ends */
	bool json_lines; /* a stream that is JSON unless it goes to a terminal */
	/* The columns that --output and --sort of such a command know; may be NULL. */
	const struct hp_list *list;

	/* A command of this program has run instead; argv[0] is the name's last word.
	 * Returns the exit status; the synopsis is printed after HP_EXIT_USAGE, so run only
	 * says what was wrong. */
	int (*run)(const struct hp_ctl *ctl, int argc, char **argv);
};

extern const struct hp_command hp_commands[];
extern const size_t hp_n_commands;

/* The options before any command, for help and completion. */
extern const struct hp_cmd_option hp_ctl_options[];

/* The command whose name argv begins with, the longest name first, and how many words the
 * name has; NULL: none. */
const struct hp_command *hp_command_find(int argc, char *const *argv, int *words);

#endif
