/* SPDX-License-Identifier: MIT
 *
 * The table-driven reader: groups, lists and scalars by their rows.
 */
#include "conf/read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/value.h"

/* Names one key while it is read. */
struct key {
	char s[HP_CONF_KEY_MAX];
};

/* Names only help people: a long one ends in dots. */
static void cut(struct key *k, int n)
{
	if (n >= (int)sizeof(k->s))
		strcpy(k->s + sizeof(k->s) - 4, "...");
}

static struct key key_member(const char *group, const char *name)
{
	struct key k;

	cut(&k, snprintf(k.s, sizeof(k.s), "%s%s%s", group, *group ? "." : "", name));
	return k;
}

static struct key key_element(const char *list, size_t i)
{
	struct key k;

	cut(&k, snprintf(k.s, sizeof(k.s), "%s[%zu]", list, i));
	return k;
}

static void *field_of(const struct hp_conf_row *row, void *base)
{
	return (uint8_t *)base + row->offset;
}

static const struct hp_conf_row *row_find(const struct hp_conf_row *rows, const char *name)
{
	for (const struct hp_conf_row *row = rows; row->name; row++)
		if (!strcmp(row->name, name))
			return row;
	return NULL;
}

static void complain_unknown(struct hp_conf_reader *r, const struct hp_conf_row *rows,
			     const config_setting_t *s, const char *key)
{
	char known[400] = "";
	size_t at = 0;

	for (const struct hp_conf_row *row = rows; row->name && at < sizeof(known); row++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s",
				       row == rows ? "" : ", ", row->name);
	hp_conf_complain(r->tree, r->report, s, key, "unknown key; expected one of: %s", known);
}

/* All members must be known; false if one of the settings is no group. */
static bool check_members(struct hp_conf_reader *r, const struct hp_conf_row *rows,
			  const struct hp_conf_view *view, const char *key)
{
	bool good = true;

	for (size_t i = 0; i < view->n; i++) {
		if (!config_setting_is_group(view->at[i])) {
			hp_conf_complain(r->tree, r->report, view->at[i], key,
					 "expected a group { ... }");
			good = false;
			continue;
		}
		for (int m = 0; m < config_setting_length(view->at[i]); m++) {
			config_setting_t *s = config_setting_get_elem(view->at[i], (unsigned)m);
			struct key k = key_member(key, config_setting_name(s));

			if (!row_find(rows, config_setting_name(s)))
				complain_unknown(r, rows, s, k.s);
		}
	}
	return good;
}

/* Stores v; what is wrong is reported at s. */
static void store(struct hp_conf_reader *r, const struct hp_conf_row *row,
		  const struct hp_conf_value *v, void *field, size_t bytes,
		  const config_setting_t *s, const char *key)
{
	char why[HP_CONF_WHY];
	int err = hp_conf_value_store(r->tree, row, hp_conf_element(row->type), v, field, bytes,
				      why);

	if (err == -EINVAL)
		hp_conf_complain(r->tree, r->report, s, key, "%s", why);
	else if (err)
		r->oom = true;
}

/* ---- scalars */

/* What a field holds when nothing was said and the row has no default. */
static void set_unset(const struct hp_conf_row *row, void *field)
{
	static const struct hp_conf_ports any = { 0, 65535 };
	static const char *const empty = "";
	static const int none = -1;

	if (row->type == HP_CONF_ENUM)
		memcpy(field, &none, sizeof(none));
	else if (row->type == HP_CONF_PORTS)
		memcpy(field, &any, sizeof(any));
	else if (row->type == HP_CONF_STRING)
		memcpy(field, &empty, sizeof(empty));
}

static void read_scalar(struct hp_conf_reader *r, const struct hp_conf_row *row, void *field,
			const struct hp_conf_view *view, const char *key)
{
	struct hp_conf_value v;

	set_unset(row, field);
	if (!view->n && row->def) {
		v = hp_conf_value_text(row->type, row->def);
		store(r, row, &v, field, row->field_bytes, NULL, key);
	}
	for (size_t i = 0; i < view->n; i++) {
		v = hp_conf_value_of(view->at[i]);
		store(r, row, &v, field, row->field_bytes, view->at[i], key);
	}
}

/* ---- lists of scalars */

static bool is_twice(const struct hp_conf_row *row, const struct hp_conf_list *list, size_t bytes)
{
	const uint8_t *at = list->at, *last = at + (list->n - 1) * bytes;

	if (row->type != HP_CONF_NAMES && row->type != HP_CONF_INTS && row->type != HP_CONF_PROTOS)
		return false;
	for (size_t i = 0; i + 1 < list->n; i++)
		if (!memcmp(at + i * bytes, last, bytes))
			return true;
	return false;
}

static void add_element(struct hp_conf_reader *r, const struct hp_conf_row *row,
			struct hp_conf_list *list, const struct hp_conf_value *v,
			const config_setting_t *s, const char *key)
{
	size_t bytes = hp_conf_element_bytes(row->type);
	struct key k = key_element(key, list->n);
	unsigned before = r->report->n;

	store(r, row, v, (uint8_t *)list->at + list->n * bytes, bytes, s, k.s);
	list->n++;
	if (r->report->n == before && !r->oom && is_twice(row, list, bytes))
		hp_conf_complain(r->tree, r->report, s, k.s, "is in the list already");
}

static void read_default_list(struct hp_conf_reader *r, const struct hp_conf_row *row,
			      struct hp_conf_list *list, const char *key)
{
	char *text = hp_conf_copy(r->tree, row->def), *save = NULL;

	list->at = hp_conf_alloc(r->tree, (strlen(row->def) + 1) *
				 hp_conf_element_bytes(row->type));
	if (!text || !list->at) {
		r->oom = true;
		return;
	}
	for (char *w = strtok_r(text, ", ", &save); w; w = strtok_r(NULL, ", ", &save)) {
		struct hp_conf_value v = hp_conf_value_text(hp_conf_element(row->type), w);

		add_element(r, row, list, &v, NULL, key);
	}
}

/* Lists and arrays are both welcome.  Elements of all in view; false if one is neither. */
static bool count_elements(struct hp_conf_reader *r, const struct hp_conf_view *view,
			   const char *key, const char *expected, size_t *n)
{
	bool good = true;

	*n = 0;
	for (size_t i = 0; i < view->n; i++) {
		if (config_setting_is_array(view->at[i]) ||
		    config_setting_is_list(view->at[i])) {
			*n += (size_t)config_setting_length(view->at[i]);
			continue;
		}
		hp_conf_complain(r->tree, r->report, view->at[i], key, "expected %s", expected);
		good = false;
	}
	return good;
}

static void check_count(struct hp_conf_reader *r, const struct hp_conf_row *row, size_t n,
			const struct hp_conf_view *view, const char *key)
{
	if (row->type == HP_CONF_INTS || (!row->min && !row->max))
		return;
	if ((int64_t)n < row->min || (int64_t)n > row->max)
		hp_conf_complain(r->tree, r->report, view->n ? view->at[view->n - 1] : NULL, key,
				 "expected %lld to %lld elements, not %zu",
				 (long long)row->min, (long long)row->max, n);
}

static void read_list(struct hp_conf_reader *r, const struct hp_conf_row *row, void *field,
		      const struct hp_conf_view *view, const char *key)
{
	struct hp_conf_list list = { NULL, 0 };
	size_t n;

	if (!count_elements(r, view, key, "a list such as [ ..., ... ]", &n))
		return;
	if (!view->n && row->def) {
		read_default_list(r, row, &list, key);
	} else {
		list.at = hp_conf_alloc(r->tree, n * hp_conf_element_bytes(row->type));
		r->oom = r->oom || !list.at;
		for (size_t i = 0; list.at && i < view->n; i++)
			for (int e = 0; e < config_setting_length(view->at[i]); e++) {
				const config_setting_t *s =
					config_setting_get_elem(view->at[i], (unsigned)e);
				struct hp_conf_value v = hp_conf_value_of(s);

				add_element(r, row, &list, &v, s, key);
			}
		check_count(r, row, list.n, view, key);
	}
	memcpy(field, &list, sizeof(list));
}

/* ---- groups */

static void read_groups(struct hp_conf_reader *r, const struct hp_conf_row *row, void *field,
			const struct hp_conf_view *view, const char *key)
{
	struct hp_conf_list list = { NULL, 0 };
	size_t n;

	if (!count_elements(r, view, key, "a list of groups ( { ... }, ... )", &n))
		return;
	list.at = hp_conf_alloc(r->tree, n * row->item_bytes);
	r->oom = r->oom || !list.at;
	for (size_t i = 0; list.at && i < view->n; i++)
		for (int e = 0; e < config_setting_length(view->at[i]); e++) {
			config_setting_t *s = config_setting_get_elem(view->at[i], (unsigned)e);
			struct hp_conf_view one = { &s, 1 };
			struct key k = key_element(key, list.n);

			hp_conf_read(r, row->rows,
				     (uint8_t *)list.at + list.n++ * row->item_bytes, &one,
				     k.s);
		}
	check_count(r, row, list.n, view, key);
	memcpy(field, &list, sizeof(list));
}

static bool is_listed(const struct hp_conf_strings *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->at[i], name))
			return true;
	return false;
}

static void open_member(struct hp_conf_reader *r, struct hp_conf_strings *names,
			const config_setting_t *s, const char *key)
{
	struct key k = key_member(key, config_setting_name(s));

	if (!config_setting_is_group(s))
		hp_conf_complain(r->tree, r->report, s, k.s, "expected a group { ... }");
	else if (!is_listed(names, config_setting_name(s)))
		names->at[names->n++] = config_setting_name(s);
}

static void read_open(struct hp_conf_reader *r, void *field, const struct hp_conf_view *view,
		      const char *key)
{
	struct hp_conf_strings names = { NULL, 0 };
	size_t room = 0;

	for (size_t i = 0; i < view->n; i++) {
		if (config_setting_is_group(view->at[i])) {
			room += (size_t)config_setting_length(view->at[i]);
			continue;
		}
		hp_conf_complain(r->tree, r->report, view->at[i], key,
				 "expected a group { ... }");
		return;
	}
	names.at = hp_conf_alloc(r->tree, room * sizeof(*names.at));
	r->oom = r->oom || !names.at;
	for (size_t i = 0; names.at && i < view->n; i++)
		for (int m = 0; m < config_setting_length(view->at[i]); m++)
			open_member(r, &names,
				    config_setting_get_elem(view->at[i], (unsigned)m), key);
	memcpy(field, &names, sizeof(names));
}

static void read_row(struct hp_conf_reader *r, const struct hp_conf_row *row, void *base,
		     const struct hp_conf_view *group, const char *key)
{
	struct hp_conf_view view = hp_conf_members(r->tree, group, row->name);
	struct key k = key_member(key, row->name);

	if (!view.at) {
		r->oom = true;
		return;
	}
	if (!view.n && (row->flags & HP_CONF_REQUIRED)) {
		hp_conf_complain(r->tree, r->report, group->n ? group->at[group->n - 1] : NULL,
				 k.s, "must be given: %s", row->help ? row->help : "required");
		return;
	}
	switch (row->type) {
	case HP_CONF_GROUP:
		hp_conf_read(r, row->rows, field_of(row, base), &view, k.s);
		break;
	case HP_CONF_GROUPS:
		read_groups(r, row, field_of(row, base), &view, k.s);
		break;
	case HP_CONF_OPEN:
		read_open(r, field_of(row, base), &view, k.s);
		break;
	default:
		if (hp_conf_element(row->type) == row->type)
			read_scalar(r, row, field_of(row, base), &view, k.s);
		else
			read_list(r, row, field_of(row, base), &view, k.s);
	}
}

void hp_conf_read(struct hp_conf_reader *r, const struct hp_conf_row *rows, void *base,
		  const struct hp_conf_view *view, const char *key)
{
	if (!check_members(r, rows, view, key))
		return;
	for (const struct hp_conf_row *row = rows; row->name; row++)
		read_row(r, row, base, view, key);
}
