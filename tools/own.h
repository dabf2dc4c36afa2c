/* SPDX-License-Identifier: MIT
 *
 * Commands of plugins: only the running daemon knows them.
 */
#ifndef HP_TOOLS_OWN_H
#define HP_TOOLS_OWN_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "tools/ctl.h"
#include "tools/view.h"

/* PLUGIN.WHAT: no command of this program has a dot. */
bool hp_own_is_name(const char *name);
/* Runs argv[0] with the words behind it.  Returns the exit status. */
int hp_own_run(const struct hp_ctl *ctl, int argc, char **argv);
/* The answer of one: a sentence if there is one, and all else as JSON. */
void hp_own_show(const struct hp_view *view, const json_t *reply);
/* For help and completion: the daemon's list, released by the caller; NULL if it does not run. */
json_t *hp_own_commands(const struct hp_ctl *ctl);
/* "ADDRESS [on|off]": the arguments of a row of it, as tools/commands.h writes them. */
void hp_own_args(const json_t *row, char *text, size_t bytes);
/* The help of one of them: 0, or HP_EXIT_USAGE with a message: there is none. */
int hp_own_help(const struct hp_ctl *ctl, const char *name, FILE *out);

#endif
