/* SPDX-License-Identifier: MIT
 *
 * Loading: files to tree, tree to structs, checks.
 */
#include "conf/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/read.h"
#include "conf/schema.h"

/* The whole configuration, or a text of peers alone. */
struct kind {
	const struct hp_conf_row *(*schema)(void);
	int (*check)(struct hp_conf *conf, struct hp_conf_report *report);
};

static int settle_and_check(struct hp_conf *conf, struct hp_conf_report *report)
{
	hp_conf_settle(conf);
	return hp_conf_check(conf, report);
}

static const struct kind whole = { hp_conf_schema, settle_and_check };
static const struct kind peers = { hp_conf_schema_peers, hp_conf_check_peers };

/* Takes the tree over.  before: complaints there were before the tree was read. */
static int load(const struct kind *kind, struct hp_conf_tree *tree, struct hp_conf **out,
		struct hp_conf_report *report, unsigned before)
{
	struct hp_conf *conf = hp_conf_alloc(tree, sizeof(*conf));
	struct hp_conf_reader r = { tree, report, false };
	struct hp_conf_view roots = hp_conf_roots(tree);
	int err = 0;

	if (!conf || !roots.at) {
		hp_conf_tree_free(tree);
		return -ENOMEM;
	}
	conf->tree = tree;
	hp_conf_read(&r, kind->schema(), conf, &roots, "");
	/* Keys are compared once each of them is right. */
	if (!r.oom && report->n == before)
		err = kind->check(conf, report);
	if (r.oom)
		err = -ENOMEM;
	else if (report->n != before)
		err = -EINVAL;
	if (err)
		hp_conf_tree_free(tree);
	else
		*out = conf;
	return err;
}

int hp_conf_load(const char *path, struct hp_conf **out, struct hp_conf_report *report)
{
	unsigned before = report->n;
	struct hp_conf_tree *tree;
	int err = hp_conf_tree_load(path, &tree, report);

	*out = NULL;
	if (!err)
		return load(&whole, tree, out, report, before);
	hp_conf_tree_free(tree);
	return err;
}

static int parse(const struct kind *kind, const char *name, const char *text,
		 struct hp_conf **out, struct hp_conf_report *report)
{
	unsigned before = report->n;
	struct hp_conf_tree *tree;
	int err = hp_conf_tree_parse(name, text, &tree, report);

	*out = NULL;
	if (!err)
		return load(kind, tree, out, report, before);
	hp_conf_tree_free(tree);
	return err;
}

int hp_conf_parse(const char *text, struct hp_conf **out, struct hp_conf_report *report)
{
	return parse(&whole, "text", text, out, report);
}

int hp_conf_parse_peers(const char *name, const char *text, struct hp_conf **out,
			struct hp_conf_report *report)
{
	return parse(&peers, name, text, out, report);
}

void hp_conf_free(struct hp_conf *conf)
{
	if (conf)
		hp_conf_tree_free(conf->tree);
}

int hp_conf_plugin(struct hp_conf *conf, const char *name, const struct hp_conf_row *rows,
		   size_t bytes, const void **out, struct hp_conf_report *report)
{
	static const struct hp_conf_row none[] = { HP_CONF_END };
	struct hp_conf_reader r = { conf->tree, report, false };
	struct hp_conf_view v = hp_conf_roots(conf->tree);
	void *settings = hp_conf_alloc(conf->tree, bytes);
	unsigned before = report->n;
	char key[HP_CONF_KEY_MAX];

	if (v.at)
		v = hp_conf_members(conf->tree, &v, "plugins");
	if (v.at)
		v = hp_conf_members(conf->tree, &v, name);
	if (!v.at || !settings)
		return -ENOMEM;
	snprintf(key, sizeof(key), "plugins.%s", name);
	hp_conf_read(&r, rows ? rows : none, settings, &v, key);
	if (r.oom)
		return -ENOMEM;
	if (report->n != before)
		return -EINVAL;
	*out = settings;
	return 0;
}

void hp_conf_complain_key(const struct hp_conf *conf, struct hp_conf_report *report,
			  const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	hp_conf_complain(conf->tree, report, hp_conf_where(conf->tree, key), key, "%s", text);
}

void hp_conf_warn_key(const struct hp_conf *conf, struct hp_conf_report *report,
		      const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	hp_conf_warn(conf->tree, report, hp_conf_where(conf->tree, key), key, "%s", text);
}

const char *hp_conf_string_at(const struct hp_conf *conf, const char *key)
{
	const config_setting_t *s = hp_conf_setting(conf->tree, key);

	return s ? config_setting_get_string(s) : NULL;
}

int64_t hp_conf_int_at(const struct hp_conf *conf, const char *key, int64_t otherwise)
{
	const config_setting_t *s = hp_conf_setting(conf->tree, key);

	return s && config_setting_is_number(s) ? config_setting_get_int64(s) : otherwise;
}

const struct hp_conf_identity *hp_conf_identity_find(const struct hp_conf *conf,
						     const char *name)
{
	for (size_t i = 0; i < conf->identities.n; i++)
		if (!*name || !strcmp(conf->identities.at[i].name, name))
			return &conf->identities.at[i];
	return NULL;
}

bool hp_conf_discovers(const struct hp_conf *conf)
{
	const struct hp_conf_client *c = &conf->client;

	return c->unknown == HP_CONF_UNKNOWN_PASS &&
	       (c->resolvers.n || conf->hip.opportunistic_initiator != HP_CONF_OPP_OFF);
}
