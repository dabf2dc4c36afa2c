/* SPDX-License-Identifier: MIT
 *
 * The command line of a daemon, by a table of options.
 */
#ifndef HP_UTIL_OPTIONS_H
#define HP_UTIL_OPTIONS_H

#include <stdbool.h>

#define HP_OPTIONS_MAX 24

/* Exactly one of flag, text and level is not NULL. */
struct hp_option {
	const char *name;  /* without "--"; NULL ends the table */
	char letter;       /* 0: none */
	bool *flag;        /* becomes true */
	const char **text; /* becomes the argument */
	int *level;        /* becomes the argument as enum hp_log_level */
};

struct hp_program {
	const char *name;
	const char *usage;                /* text for --help and for errors */
	const struct hp_option *options;  /* besides -h, --help, -V and --version; up to HP_OPTIONS_MAX */
};

/* Reads the command line and answers --help and --version.  -1: go on; otherwise the exit status: 0,
 * 1 (output was lost) or 2 (an error, reported with the usage on standard error). */
int hp_options_read(const struct hp_program *p, int argc, char **argv);
/* After the last output: status, or 1, reported, if output was lost (a full disk). */
int hp_output_status(const struct hp_program *p, int status);

#endif
