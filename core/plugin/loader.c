/* SPDX-License-Identifier: MIT
 *
 * From a plugin's name to its table: the file, its owner and mode, the symbol, the ABI.
 *
 * A plugin runs with the daemon's rights, so neither its file nor the folder may be in reach of
 * anyone but root or the daemon's user.
 */
#include "plugin/internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A plain file name, as identifiers are written. */
static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	size_t n = strlen(name);

	return n && n <= 32 && strspn(name, letters) == n;
}

static int check_path(const struct hp_registry *reg, const char *name, const char *path,
		      bool folder)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		int err = errno;

		hp_plugin_complain(reg, name, "%s: %s", path, strerror(err));
		return -err;
	}
	if (folder ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)) {
		hp_plugin_complain(reg, name, "%s: not a %s", path,
				   folder ? "directory" : "regular file");
		return -ENOENT;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		hp_plugin_complain(reg, name, "%s: mode %04o lets others write it", path,
				   (unsigned)st.st_mode & 07777);
		return -EPERM;
	}
	if (st.st_uid && st.st_uid != geteuid()) {
		hp_plugin_complain(reg, name, "%s: belongs to user %u, expected root or %u",
				   path, (unsigned)st.st_uid, (unsigned)geteuid());
		return -EPERM;
	}
	return 0;
}

/* Only the two numbers at the head are read before both fit. */
static int check_head(const struct hp_registry *reg, const char *name, const char *path,
		      const struct hp_plugin *plugin)
{
	if (!plugin) {
		hp_plugin_complain(reg, name, "%s: has no symbol hipproxy_plugin", path);
		return -ENOEXEC;
	}
	if (plugin->abi != HP_PLUGIN_ABI || plugin->size_bytes != sizeof(*plugin)) {
		hp_plugin_complain(reg, name,
				   "%s: made for ABI %u (%u octets), this is ABI %u (%zu octets)",
				   path, plugin->abi, plugin->size_bytes, HP_PLUGIN_ABI,
				   sizeof(*plugin));
		return -ENOEXEC;
	}
	return 0;
}

static int open_file(const struct hp_registry *reg, const char *name, const char *path,
		     const struct hp_plugin **plugin, void **dl)
{
	int err;

	*dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!*dl) {
		hp_plugin_complain(reg, name, "%s", dlerror());
		return -ENOEXEC;
	}
	*plugin = dlsym(*dl, "hipproxy_plugin");
	err = check_head(reg, name, path, *plugin);
	if (!err && (!(*plugin)->name || strcmp((*plugin)->name, name))) {
		hp_plugin_complain(reg, name, "%s: calls itself \"%s\"", path,
				   (*plugin)->name ? (*plugin)->name : "");
		err = -EINVAL;
	}
	if (err) {
		dlclose(*dl);
		*dl = NULL;
	}
	return err;
}

int hp_plugin_open(const struct hp_registry *reg, const char *name,
		   const struct hp_plugin **plugin, void **dl)
{
	char path[PATH_MAX];
	int err, n;

	*dl = NULL;
	*plugin = hp_plugin_static(name);
	if (*plugin)
		return 0;
	if (!is_name(name)) {
		hp_plugin_complain(reg, name,
				   "a name is made of a-z, 0-9 and _, at most 32 of them");
		return -EINVAL;
	}
	n = snprintf(path, sizeof(path), "%s/%s.so", reg->cfg.dir, name);
	if (n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	err = check_path(reg, name, reg->cfg.dir, true);
	if (!err)
		err = check_path(reg, name, path, false);
	return err ? err : open_file(reg, name, path, plugin, dl);
}
