/* SPDX-License-Identifier: MIT
 *
 * What commands of this program say when they refuse.
 */
#ifndef HP_TOOLS_COMPLAIN_H
#define HP_TOOLS_COMPLAIN_H

/* "hipproxyctl: what: why" to the standard error; HP_EXIT_REFUSED. */
int hp_complain(const char *what, const char *why);
/* A line of a configuration report (struct hp_conf_report), which may quote a text from elsewhere:
 * a terminal must not obey it. */
void hp_complain_line(void *ctx, const char *line);

#endif
