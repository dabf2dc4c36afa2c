/* SPDX-License-Identifier: MIT
 *
 * An answer being written by a plugin (hipproxy/command.h).
 */
#ifndef HP_PLUGIN_ANSWER_H
#define HP_PLUGIN_ANSWER_H

#include <jansson.h>

#include "plugin/internal.h"

struct hp_answer {
	struct module *m;
	json_t *at[HP_ANSWER_DEPTH]; /* the object to be filled, and what is open inside it */
	unsigned int depth;          /* of them, 1 at least */
	size_t used, max;            /* octets, estimated from above */
	int err;                     /* sticks */
	bool told;                   /* the error's text has been set */
	bool row;                    /* of a list: rows can't be begun */
	struct hp_rows_ref rows;     /* begun by the command; id 0: none */
	char rows_key[HP_ROWS_KEY_MAX + 1];
};

void hp_answer_init(struct hp_answer *a, struct module *m, json_t *object, size_t max);
/* 0, or the error that has stuck; -EINVAL too when something is still open. */
int hp_answer_finish(struct hp_answer *a);
/* Is it a member of a reply that the core writes itself? */
bool hp_answer_is_core_key(const char *key);
/* JSON text of any octets: those that JSON can't hold are replaced.  NULL: no memory. */
json_t *hp_answer_json_text(const char *text);
/* rows.c: the command has failed, and its rows with it. */
void hp_rows_forget(struct hp_answer *a);

#endif
