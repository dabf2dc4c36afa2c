/* SPDX-License-Identifier: MIT
 *
 * How an answer is shown: columns, order, width, colour, once or repeatedly.
 */
#ifndef HP_TOOLS_VIEW_H
#define HP_TOOLS_VIEW_H

#include <stdio.h>

#include "tools/commands.h"

struct hp_view {
	FILE *out;
	size_t width, height; /* of the terminal; 0: no terminal, lines are as long as they are */
	bool color, headings, reverse;
	const char *sort;     /* name of a column; NULL: the daemon's order */
	const char *output;   /* names of columns; +NAME adds to the default; NULL: default */
	size_t limit;         /* most rows; 0: all */
	json_t *request;      /* gets what options say to the daemon, borrowed; may be NULL */
	unsigned int watch_s; /* seconds between two answers; 0: only one */
};

/* The options of commands that show a list, and of those that have --watch only. */
extern const struct hp_cmd_option hp_view_list_options[];
extern const struct hp_cmd_option hp_view_flow_options[], hp_view_association_options[],
	hp_view_peer_options[];
extern const struct hp_cmd_option hp_view_watch_options[];

/* As if there were no options: on standard output, for its terminal if it is one. */
void hp_view_init(struct hp_view *view);
/* How large the terminal is now. */
void hp_view_measure(struct hp_view *view);
/* Reads the command's options, and --json, which may stand among them.  Returns how many
 * of argv are left (argv[0] stays the command), or -EINVAL: it has said why. */
int hp_view_parse(struct hp_view *view, const struct hp_command *cmd, struct hp_ctl *ctl,
		  int argc, char **argv);

#endif
