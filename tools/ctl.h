/* SPDX-License-Identifier: MIT
 *
 * What all of hipproxyctl's commands are given, and how they end.
 */
#ifndef HP_TOOLS_CTL_H
#define HP_TOOLS_CTL_H

#include <stdbool.h>

enum hp_exit { HP_EXIT_OK, HP_EXIT_REFUSED, HP_EXIT_USAGE, HP_EXIT_UNREACHABLE };

/* The options that stand before the command. */
struct hp_ctl {
	const char *socket; /* the daemon's control socket */
	bool json;          /* print the answer as JSON */
};

#endif
