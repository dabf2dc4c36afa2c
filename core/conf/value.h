/* SPDX-License-Identifier: MIT
 *
 * One value: from a setting or from a default's text, checked by its row, stored in a field.
 */
#ifndef HP_CONF_VALUE_H
#define HP_CONF_VALUE_H

#include "conf/tree.h"

enum hp_conf_kind {
	HP_VALUE_BOOL,
	HP_VALUE_INT,
	HP_VALUE_STRING,
	HP_VALUE_OTHER, /* a float, a group, a list */
};

struct hp_conf_value {
	enum hp_conf_kind kind;
	int64_t i;     /* BOOL, INT */
	const char *s; /* STRING; borrowed */
};

struct hp_conf_value hp_conf_value_of(const config_setting_t *s);
/* What a setting of this type would hold if it read text. */
struct hp_conf_value hp_conf_value_text(enum hp_conf_type type, const char *text);

/* The type of a list's elements; type itself if it is no list of scalars. */
enum hp_conf_type hp_conf_element(enum hp_conf_type type);
size_t hp_conf_element_bytes(enum hp_conf_type type);

/* Room for the sentence that says what was expected. */
#define HP_CONF_WHY 256

/* Checks v against row as a value of the scalar type and stores it at field (bytes octets, for
 * INT).  files: may look at the files named.  0; -EINVAL and why; -ENOMEM. */
int hp_conf_value_store(struct hp_conf_tree *tree, const struct hp_conf_row *row,
			enum hp_conf_type type, const struct hp_conf_value *v, void *field,
			size_t bytes, char why[HP_CONF_WHY]);

#endif
