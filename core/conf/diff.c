/* SPDX-License-Identifier: MIT
 *
 * What a new configuration changes that only a new start can bring about.
 */
#include "conf/conf.h"

#include <stdio.h>
#include <string.h>

static const void *field_of(const struct hp_conf_row *row, const void *base)
{
	return (const uint8_t *)base + row->offset;
}

static bool is_same(const struct hp_conf_row *row, const void *a, const void *b);

static bool is_same_struct(const struct hp_conf_row *rows, const void *a, const void *b)
{
	for (const struct hp_conf_row *row = rows; row->name; row++)
		if (!is_same(row, field_of(row, a), field_of(row, b)))
			return false;
	return true;
}

static bool is_same_strings(const struct hp_conf_strings *a, const struct hp_conf_strings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->at[i], b->at[i]))
			return false;
	return true;
}

static bool is_same_list(const struct hp_conf_list *a, const struct hp_conf_list *b,
			 size_t bytes)
{
	return a->n == b->n && (!a->n || !memcmp(a->at, b->at, a->n * bytes));
}

static bool is_same_prefixes(const struct hp_conf_prefixes *a, const struct hp_conf_prefixes *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->at[i].bits != b->at[i].bits ||
		    !hp_addr_eq(&a->at[i].addr, &b->at[i].addr))
			return false;
	return true;
}

static bool is_same_groups(const struct hp_conf_row *row, const struct hp_conf_list *a,
			   const struct hp_conf_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!is_same_struct(row->rows, (uint8_t *)a->at + i * row->item_bytes,
				    (uint8_t *)b->at + i * row->item_bytes))
			return false;
	return true;
}

static bool is_same(const struct hp_conf_row *row, const void *a, const void *b)
{
	switch (row->type) {
	case HP_CONF_STRING:
		return !strcmp(*(const char *const *)a, *(const char *const *)b);
	case HP_CONF_STRINGS:
	case HP_CONF_NAMES:
	case HP_CONF_OPEN:
		return is_same_strings(a, b);
	case HP_CONF_INTS:
	case HP_CONF_PROTOS:
		return is_same_list(a, b, sizeof(int64_t));
	case HP_CONF_ADDRS:
		return is_same_list(a, b, sizeof(struct hp_addr));
	case HP_CONF_PREFIXES:
		return is_same_prefixes(a, b);
	case HP_CONF_GROUP:
		return is_same_struct(row->rows, a, b);
	case HP_CONF_GROUPS:
		return is_same_groups(row, a, b);
	default:
		return !memcmp(a, b, row->field_bytes);
	}
}

struct differ {
	const struct hp_conf *new;
	struct hp_conf_report *report;
};

static void diff(struct differ *d, const struct hp_conf_row *rows, const void *a, const void *b,
		 const char *group)
{
	char key[128];

	for (const struct hp_conf_row *row = rows; row->name; row++) {
		const void *fa = field_of(row, a), *fb = field_of(row, b);

		snprintf(key, sizeof(key), "%s%s%s", group, *group ? "." : "", row->name);
		if (row->type == HP_CONF_GROUP)
			diff(d, row->rows, fa, fb, key);
		if (!(row->flags & HP_CONF_RESTART) || is_same(row, fa, fb))
			continue;
		hp_conf_complain_key(d->new, d->report, key, "has changed, which needs a restart");
	}
}

unsigned hp_conf_diff(const struct hp_conf *old, const struct hp_conf *new,
		      struct hp_conf_report *report)
{
	struct differ d = { new, report };
	unsigned before = report->n;

	diff(&d, hp_conf_schema(), old, new, "");
	return report->n - before;
}

bool hp_conf_is_same(const struct hp_conf *a, const struct hp_conf *b)
{
	return is_same_struct(hp_conf_schema(), a, b);
}
