/* SPDX-License-Identifier: MIT
 *
 * Settings into a C struct, by the rows that describe it.
 */
#ifndef HP_CONF_READ_H
#define HP_CONF_READ_H

#include "conf/tree.h"

#define HP_CONF_KEY_MAX 200 /* a key's full name, octets with the ending zero */

struct hp_conf_reader {
	struct hp_conf_tree *tree;
	struct hp_conf_report *report;
	bool oom;
};

/* Fills base (zeroed) from the groups in view.  key is the group's own full name, "" at the
 * top.  What is wrong is reported; the reader goes on to find everything. */
void hp_conf_read(struct hp_conf_reader *r, const struct hp_conf_row *rows, void *base,
		  const struct hp_conf_view *view, const char *key);

#endif
