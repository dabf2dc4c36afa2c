/* SPDX-License-Identifier: MIT
 *
 * What may come next on a command line of hipproxyctl, for the shell's completion.
 */
#ifndef HP_TOOLS_COMPLETE_H
#define HP_TOOLS_COMPLETE_H

#include <stdio.h>

#include "tools/ctl.h"

/* Printed in place of words: the name of a file belongs here. */
#define HP_COMPLETE_FILE "<file>"

/* line: the command line up to the cursor, the program's name in front.  Prints all that its
 * last word, empty behind a blank, may become, a line each.  Asks the daemon for what only it
 * knows, and prints nothing if it does not answer. */
void hp_complete(FILE *out, const struct hp_ctl *ctl, const char *line);

#endif
