/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl's usage and help, from the table of commands.
 */
#ifndef HP_TOOLS_HELP_H
#define HP_TOOLS_HELP_H

#include <stdio.h>

#include "tools/commands.h"

/* All commands, a line each. */
void hp_help_usage(FILE *out);
/* One line: how the command is called. */
void hp_help_synopsis(const struct hp_command *cmd, FILE *out);
/* All about one command. */
void hp_help_command(const struct hp_command *cmd, FILE *out);

/* hipproxyctl help [COMMAND] */
int hp_cmd_help(const struct hp_ctl *ctl, int argc, char **argv);

#endif
