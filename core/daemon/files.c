/* SPDX-License-Identifier: MIT
 *
 * Folders of files that the daemon keeps.
 */
#include "daemon/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int hp_file_folder(const char *path)
{
	char *copy = strdup(path);
	int err = 0;

	if (!copy)
		return -ENOMEM;
	if (mkdir(dirname(copy), 0755) && errno != EEXIST)
		err = -errno;
	free(copy);
	return err;
}

static int may_write(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS) ? -errno : 0;
}

/* path is cut. */
static int try_folder(char *path)
{
	char *folder = dirname(path);
	struct stat st;

	if (!stat(folder, &st))
		return S_ISDIR(st.st_mode) ? may_write(folder, W_OK | X_OK) : -ENOTDIR;
	return errno == ENOENT ? may_write(dirname(folder), W_OK | X_OK) : -errno;
}

int hp_file_try(const char *path)
{
	struct stat st;
	char *copy;
	int err;

	if (!stat(path, &st))
		return S_ISDIR(st.st_mode) ? -EISDIR : may_write(path, W_OK);
	if (errno != ENOENT)
		return -errno;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	err = try_folder(copy);
	free(copy);
	return err;
}
