/* SPDX-License-Identifier: MIT
 *
 * Which plugins there are, loaded or not: for hipproxyd --describe.
 */
#include "plugin/internal.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct finding {
	struct hp_registry *reg;
	void (*fn)(void *ctx, const struct hp_plugin *plugin);
	void *ctx;
	int err; /* the first */
};

static void tell(struct finding *f, const char *name)
{
	const struct hp_plugin *plugin;
	void *dl;
	int err = hp_plugin_open(f->reg, name, &plugin, &dl);

	if (!err)
		err = hp_plugin_check(f->reg, plugin);
	if (!err)
		f->fn(f->ctx, plugin);
	if (dl)
		dlclose(dl);
	f->err = f->err ? f->err : err;
}

static int is_module(const struct dirent *e)
{
	const char *end = strrchr(e->d_name, '.');

	return end && end != e->d_name && !strcmp(end, ".so");
}

static void tell_file(struct finding *f, char *name)
{
	*strrchr(name, '.') = '\0';
	if (!hp_plugin_static(name))
		tell(f, name);
}

static int list_files(struct hp_registry *reg, struct dirent ***files)
{
	int n = scandir(reg->cfg.dir, files, is_module, alphasort), err = errno;

	if (n >= 0)
		return n;
	*files = NULL;
	if (err == ENOENT)
		return 0; /* no plugins but those that are built in */
	hp_plugin_complain(reg, "", "%s: %s", reg->cfg.dir, strerror(err));
	return -err;
}

int hp_registry_found(struct hp_registry *reg, void (*fn)(void *ctx, const struct hp_plugin *plugin),
		      void *ctx)
{
	struct finding f = { reg, fn, ctx, 0 };
	struct dirent **files;
	int n = list_files(reg, &files);

	for (size_t i = 0; hp_plugin_static_at(i); i++)
		tell(&f, hp_plugin_static_at(i)->name);
	for (int i = 0; i < n; i++) {
		tell_file(&f, files[i]->d_name);
		free(files[i]);
	}
	free(files);
	return n < 0 ? n : f.err;
}
