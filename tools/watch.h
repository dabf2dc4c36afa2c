/* SPDX-License-Identifier: MIT
 *
 * --watch: one request, repeated.
 */
#ifndef HP_TOOLS_WATCH_H
#define HP_TOOLS_WATCH_H

#include "tools/view.h"

/* Asks every view->watch_s seconds until Ctrl-C (then HP_EXIT_OK) or an error.  On a terminal
 * each answer takes the place of the one before, and what does not fit is left out; elsewhere
 * they follow one another. */
int hp_watch(const struct hp_ctl *ctl, const struct hp_command *cmd,
	     const struct hp_view *view, const json_t *request);

/* Pure: paints the text over what is on the terminal, at most height lines of it. */
void hp_watch_paint(FILE *out, const char *text, size_t height);

#endif
