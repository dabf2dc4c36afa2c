/* SPDX-License-Identifier: MIT
 *
 * The configuration's files as libconfig parsed them, and memory that goes with them.
 *
 * A setting that occurs in several files is seen as a view: all its occurrences in the order
 * of the files.  So nothing has to be copied to merge files, and every value knows its line.
 */
#ifndef HP_CONF_TREE_H
#define HP_CONF_TREE_H

#include <libconfig.h>
#include <stdbool.h>

#include "conf/conf.h"

/* Occurrences of one setting; at is the tree's memory. */
struct hp_conf_view {
	config_setting_t **at;
	size_t n;
};

struct hp_conf_tree;

/* 0, -EINVAL after having reported, -ENOMEM.  In any case *out wants hp_conf_tree_free, NULL
 * excepted. */
int hp_conf_tree_load(const char *path, struct hp_conf_tree **out,
		      struct hp_conf_report *report);
/* name: for complaints. */
int hp_conf_tree_parse(const char *name, const char *text, struct hp_conf_tree **out,
		       struct hp_conf_report *report);
void hp_conf_tree_free(struct hp_conf_tree *tree);
/* May files that settings name be looked at? */
bool hp_conf_tree_has_files(const struct hp_conf_tree *tree);

/* Zeroed memory, freed with the tree; NULL when out of memory.  Equal to NULL never for 0. */
void *hp_conf_alloc(struct hp_conf_tree *tree, size_t bytes);
char *hp_conf_copy(struct hp_conf_tree *tree, const char *s);

/* All roots.  at NULL: out of memory. */
struct hp_conf_view hp_conf_roots(struct hp_conf_tree *tree);
/* Members called name of the groups in view; n may be 0. */
struct hp_conf_view hp_conf_members(struct hp_conf_tree *tree, const struct hp_conf_view *view,
				    const char *name);

/* Reports "file:line: key: text"; s may be NULL: the main file without a line. */
void hp_conf_complain(struct hp_conf_tree *tree, struct hp_conf_report *report,
		      const config_setting_t *s, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* As hp_conf_complain, a warning. */
void hp_conf_warn(struct hp_conf_tree *tree, struct hp_conf_report *report,
		  const config_setting_t *s, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* The setting that decides the key with this full name ("client.rules[2].ports"), or the
 * nearest group around it that was given. */
const config_setting_t *hp_conf_where(struct hp_conf_tree *tree, const char *key);
/* The setting with this full name, NULL if it was not given. */
const config_setting_t *hp_conf_setting(struct hp_conf_tree *tree, const char *key);

#endif
