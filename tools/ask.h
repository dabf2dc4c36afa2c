/* SPDX-License-Identifier: MIT
 *
 * One request to the daemon: send it, hand on what comes back, say what went wrong.
 */
#ifndef HP_TOOLS_ASK_H
#define HP_TOOLS_ASK_H

#include <jansson.h>

#include "tools/view.h"

/* Sends the request, which stays the caller's, and shows each reply as cmd and view say.  An
 * error goes to standard error.  Returns the exit status. */
int hp_ask_show(const struct hp_ctl *ctl, const struct hp_command *cmd,
		const struct hp_view *view, const json_t *request);
/* The same, once; one_line: JSON without line breaks. */
int hp_ask_view(const struct hp_ctl *ctl, const struct hp_command *cmd,
		const struct hp_view *view, const json_t *request, bool one_line);
/* The same for commands that use the answer themselves: *reply is the caller's if the exit
 * status returned is HP_EXIT_OK, else NULL.  quiet: nothing goes to standard error. */
int hp_ask(const struct hp_ctl *ctl, const json_t *request, bool quiet, json_t **reply);

#endif
