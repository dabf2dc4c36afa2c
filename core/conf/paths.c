/* SPDX-License-Identifier: MIT
 *
 * Which files a configuration was read from, and which ones it names.
 */
#include "conf/conf.h"

#include <string.h>

#include "conf/tree.h"

static void each_source(const config_setting_t *s, void (*fn)(void *ctx, const char *path), void *ctx)
{
	const char *file = config_setting_source_file(s);
	int n = config_setting_is_aggregate(s) ? config_setting_length(s) : 0;

	if (file)
		fn(ctx, file);
	for (int i = 0; i < n; i++)
		each_source(config_setting_get_elem(s, (unsigned)i), fn, ctx);
}

void hp_conf_each_file(const struct hp_conf *conf, void (*fn)(void *ctx, const char *path),
		       void *ctx)
{
	struct hp_conf_view roots = hp_conf_roots(conf->tree);

	for (size_t i = 0; roots.at && i < roots.n; i++)
		each_source(roots.at[i], fn, ctx);
}

void hp_conf_each_path(const struct hp_conf_row *rows, const void *base,
		       void (*fn)(void *ctx, const struct hp_conf_row *row, const char *path),
		       void *ctx)
{
	for (const struct hp_conf_row *row = rows; row->name; row++) {
		const void *field = (const uint8_t *)base + row->offset;
		const struct hp_conf_list *list = field;
		const char *path;

		if (row->type == HP_CONF_GROUP)
			hp_conf_each_path(row->rows, field, fn, ctx);
		for (size_t i = 0; row->type == HP_CONF_GROUPS && i < list->n; i++)
			hp_conf_each_path(row->rows, (uint8_t *)list->at + i * row->item_bytes, fn,
					  ctx);
		if (row->type != HP_CONF_STRING || !(row->flags & HP_CONF_ABSOLUTE))
			continue;
		memcpy(&path, field, sizeof(path));
		if (path && *path)
			fn(ctx, row, path);
	}
}
