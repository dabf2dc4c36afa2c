/* SPDX-License-Identifier: MIT
 *
 * Configuration files and the memory of everything read from them.
 */
#include "conf/tree.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILES 256 /* main file and conf.d */

struct block {
	struct block *next;
	max_align_t bytes[];
};

struct hp_conf_tree {
	config_t docs[MAX_FILES];
	size_t n;
	struct block *blocks;
	const char *name; /* main file, for complaints */
	bool files;
};

void *hp_conf_alloc(struct hp_conf_tree *tree, size_t bytes)
{
	struct block *b = calloc(1, sizeof(*b) + (bytes ? bytes : 1));

	if (!b)
		return NULL;
	b->next = tree->blocks;
	tree->blocks = b;
	return b->bytes;
}

char *hp_conf_copy(struct hp_conf_tree *tree, const char *s)
{
	size_t n = strlen(s) + 1;
	char *to = hp_conf_alloc(tree, n);

	return to ? memcpy(to, s, n) : NULL;
}

static struct hp_conf_tree *tree_new(const char *name, bool files)
{
	struct hp_conf_tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return NULL;
	tree->files = files;
	tree->name = hp_conf_copy(tree, name);
	if (!tree->name) {
		hp_conf_tree_free(tree);
		return NULL;
	}
	return tree;
}

void hp_conf_tree_free(struct hp_conf_tree *tree)
{
	struct block *next;

	if (!tree)
		return;
	for (size_t i = 0; i < tree->n; i++)
		config_destroy(&tree->docs[i]);
	for (struct block *b = tree->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(tree);
}

bool hp_conf_tree_has_files(const struct hp_conf_tree *tree)
{
	return tree->files;
}

/* ---- complaints */

static void report_line(struct hp_conf_report *report, const char *text)
{
	report->n++;
	if (report->line)
		report->line(report->ctx, text);
}

/* "file:line: key: text" */
static void format_line(char *line, size_t bytes, const struct hp_conf_tree *tree,
			const config_setting_t *s, const char *key, const char *text)
{
	const char *file = s ? config_setting_source_file(s) : NULL;
	unsigned at = s ? config_setting_source_line(s) : 0;

	if (at)
		snprintf(line, bytes, "%s:%u: %s: %s", file ? file : tree->name, at, key, text);
	else
		snprintf(line, bytes, "%s: %s: %s", file ? file : tree->name, key, text);
}

void hp_conf_complain(struct hp_conf_tree *tree, struct hp_conf_report *report,
		      const config_setting_t *s, const char *key, const char *fmt, ...)
{
	char text[512], line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	format_line(line, sizeof(line), tree, s, key, text);
	report_line(report, line);
}

void hp_conf_warn(struct hp_conf_tree *tree, struct hp_conf_report *report,
		  const config_setting_t *s, const char *key, const char *fmt, ...)
{
	char text[512], line[1024];
	va_list ap;

	if (!report->warn)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	format_line(line, sizeof(line), tree, s, key, text);
	report->warn(report->ctx, line);
}

static void complain_file(struct hp_conf_report *report, const char *path, const char *why)
{
	char line[PATH_MAX + 256];

	snprintf(line, sizeof(line), "%s: %s", path, why);
	report_line(report, line);
}

static int complain_syntax(struct hp_conf_report *report, const char *path, config_t *doc)
{
	const char *file = config_error_file(doc);
	char line[PATH_MAX + 256];

	snprintf(line, sizeof(line), "%s:%d: %s", file ? file : path, config_error_line(doc),
		 config_error_text(doc));
	report_line(report, line);
	return -EINVAL;
}

/* ---- reading */

/* The parser ends the program when it can't read what it opened, a directory for instance. */
static int check_regular(const char *path, struct hp_conf_report *report)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		complain_file(report, path, strerror(errno));
		return -EINVAL;
	}
	if (!S_ISREG(st.st_mode)) {
		complain_file(report, path, "not a regular file");
		return -EINVAL;
	}
	return 0;
}

static int read_file(struct hp_conf_tree *tree, const char *path, const char *dir,
		     struct hp_conf_report *report)
{
	config_t *doc = &tree->docs[tree->n];
	int err = check_regular(path, report);

	if (err)
		return err;
	if (tree->n == MAX_FILES) {
		complain_file(report, path, "too many configuration files");
		return -EINVAL;
	}
	config_init(doc);
	tree->n++;
	config_set_include_dir(doc, dir);
	if (config_read_file(doc, path) == CONFIG_TRUE)
		return 0;
	if (config_error_type(doc) == CONFIG_ERR_PARSE)
		return complain_syntax(report, path, doc);
	complain_file(report, path, "can't be read");
	return -EINVAL;
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 && !strcmp(e->d_name + n - 5, ".conf");
}

static int by_octets(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_dir(struct hp_conf_tree *tree, const char *base, struct hp_conf_report *report)
{
	char dir[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
	struct dirent **list;
	int n, err = 0;

	snprintf(dir, sizeof(dir), "%s/conf.d", base);
	n = scandir(dir, &list, is_conf, by_octets);
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0) {
		complain_file(report, dir, strerror(errno));
		return -EINVAL;
	}
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		if (read_file(tree, path, base, report))
			err = -EINVAL;
		free(list[i]);
	}
	free(list);
	return err;
}

int hp_conf_tree_load(const char *path, struct hp_conf_tree **out,
		      struct hp_conf_report *report)
{
	char copy[PATH_MAX];
	const char *base;
	int err, err_dir;

	*out = tree_new(path, true);
	if (!*out)
		return -ENOMEM;
	if (strlen(path) >= sizeof(copy) - sizeof("/conf.d")) {
		complain_file(report, path, "name is too long");
		return -EINVAL;
	}
	base = dirname(strcpy(copy, path));
	err = read_file(*out, path, base, report);
	err_dir = read_dir(*out, base, report);
	return err ? err : err_dir;
}

int hp_conf_tree_parse(const char *name, const char *text, struct hp_conf_tree **out,
		       struct hp_conf_report *report)
{
	struct hp_conf_tree *tree = *out = tree_new(name, false);

	if (!tree)
		return -ENOMEM;
	if (strstr(text, "@include")) {
		complain_file(report, tree->name, "@include is for files");
		return -EINVAL;
	}
	config_init(&tree->docs[0]);
	tree->n = 1;
	if (config_read_string(&tree->docs[0], text) == CONFIG_TRUE)
		return 0;
	return complain_syntax(report, tree->name, &tree->docs[0]);
}

/* ---- views */

static struct hp_conf_view view_new(struct hp_conf_tree *tree, size_t room)
{
	struct hp_conf_view v = { hp_conf_alloc(tree, room * sizeof(*v.at)), 0 };

	return v;
}

struct hp_conf_view hp_conf_roots(struct hp_conf_tree *tree)
{
	struct hp_conf_view v = view_new(tree, tree->n);

	for (size_t i = 0; v.at && i < tree->n; i++)
		v.at[v.n++] = config_root_setting(&tree->docs[i]);
	return v;
}

struct hp_conf_view hp_conf_members(struct hp_conf_tree *tree, const struct hp_conf_view *view,
				    const char *name)
{
	struct hp_conf_view v = view_new(tree, view->n);

	for (size_t i = 0; v.at && i < view->n; i++) {
		config_setting_t *s = config_setting_is_group(view->at[i]) ?
			config_setting_get_member(view->at[i], name) : NULL;

		if (s)
			v.at[v.n++] = s;
	}
	return v;
}

/* Element i of the lists in view, joined. */
static struct hp_conf_view element(struct hp_conf_tree *tree, const struct hp_conf_view *view,
				   unsigned long i)
{
	struct hp_conf_view v = view_new(tree, 1);

	for (size_t k = 0; v.at && !v.n && k < view->n; k++) {
		unsigned long n = config_setting_is_aggregate(view->at[k]) ?
			(unsigned long)config_setting_length(view->at[k]) : 0;

		if (i < n)
			v.at[v.n++] = config_setting_get_elem(view->at[k], (unsigned)i);
		else
			i -= n;
	}
	return v;
}

/* As hp_conf_where; *whole: it is the setting itself. */
static const config_setting_t *find(struct hp_conf_tree *tree, const char *key, bool *whole)
{
	struct hp_conf_view v = hp_conf_roots(tree), next;
	const config_setting_t *best = NULL;
	char name[64];

	while (v.at && *key) {
		size_t n = strcspn(key, ".[");

		if (*key == '[') {
			next = element(tree, &v, strtoul(key + 1, NULL, 10));
			key += strcspn(key, "]");
			key += *key == ']';
		} else {
			if (n >= sizeof(name))
				break;
			memcpy(name, key, n);
			name[n] = '\0';
			next = hp_conf_members(tree, &v, name);
			key += n;
		}
		key += *key == '.';
		if (!next.at || !next.n)
			return best;
		v = next;
		best = v.at[v.n - 1];
	}
	*whole = best && !*key;
	return best;
}

const config_setting_t *hp_conf_where(struct hp_conf_tree *tree, const char *key)
{
	bool whole;

	return find(tree, key, &whole);
}

const config_setting_t *hp_conf_setting(struct hp_conf_tree *tree, const char *key)
{
	bool whole = false;
	const config_setting_t *s = find(tree, key, &whole);

	return whole ? s : NULL;
}
