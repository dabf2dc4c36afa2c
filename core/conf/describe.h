/* SPDX-License-Identifier: MIT
 *
 * Settings as text, out of the rows that describe them: for hipproxyd --describe and manual pages.
 */
#ifndef HP_CONF_DESCRIBE_H
#define HP_CONF_DESCRIBE_H

#include <stdio.h>

#include <hipproxy/conf.h>

/* The names of the columns. */
void hp_conf_describe_head(FILE *out);
/* A line for each row, and for the rows inside groups: name, type, range, unit, default, what a
 * change needs, and help, with a tab between two and "-" for what there is not.  prefix: what the names
 * begin with, "" or "plugins.NAME.".  Elements of lists are named "rules[].action". */
void hp_conf_describe(FILE *out, const char *prefix, const struct hp_conf_row *rows);

#endif
