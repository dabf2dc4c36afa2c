/* SPDX-License-Identifier: MIT
 *
 * Files and folders for the service: see place.h.
 */
#include "tools/place.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/account.h"

struct hp_owner hp_owner_of_service(void)
{
	struct hp_owner o = { geteuid(), getegid() };

	if (!geteuid())
		hp_account_user(HP_SERVICE_ACCOUNT, &o.uid, &o.gid);
	return o;
}

/* ---- folders */

/* Folders around the one that is wanted belong to root: the service only passes through. */
static int make_parents(char *folder, const struct hp_owner *owner)
{
	char *copy = strdup(folder), *up;
	bool group = !geteuid() && owner->gid;
	struct stat st;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	up = dirname(copy);
	if (stat(up, &st)) {
		err = errno == ENOENT ? make_parents(up, owner) : -errno;
		if (!err && mkdir(up, group ? 0750 : 0755))
			err = -errno;
		if (!err && group && chown(up, 0, owner->gid))
			err = -errno;
	}
	free(copy);
	return err;
}

static int make_folder(char *folder, mode_t mode, const struct hp_owner *owner, bool *made)
{
	struct stat st;
	int err;

	if (!stat(folder, &st))
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	err = errno == ENOENT ? make_parents(folder, owner) : -errno;
	if (err)
		return err;
	if (mkdir(folder, mode) || chmod(folder, mode) ||
	    (!geteuid() && chown(folder, owner->uid, owner->gid)))
		return -errno;
	*made = true;
	return 0;
}

int hp_place_folder(const char *path, mode_t mode, const struct hp_owner *owner, bool *made)
{
	char *copy = strdup(path);
	int err = copy ? make_folder(dirname(copy), mode, owner, made) : -ENOMEM;

	free(copy);
	return err;
}

/* ---- files */

static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd, err = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	if (fd < 0 || fsync(fd))
		err = -errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	return err;
}

static int put(const char *fresh, const char *path, bool replace)
{
	if (replace)
		return rename(fresh, path) ? -errno : 0;
	return link(fresh, path) || unlink(fresh) ? -errno : 0;
}

/* The folder may belong to the service, which must not make root give away another file: only the
 * file that we have just made is given. */
static int give(const char *fresh, const struct hp_owner *owner)
{
	int fd = open(fresh, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid())
		err = -EPERM;
	else if ((!geteuid() && fchown(fd, owner->uid, owner->gid)) || fsync(fd))
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

int hp_place_commit(const char *fresh, const char *path, const struct hp_owner *owner,
		    bool replace)
{
	int err = give(fresh, owner);

	if (!err)
		err = put(fresh, path, replace);
	if (err) {
		unlink(fresh);
		return err;
	}
	return sync_folder(path);
}

static int write_all(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode), err = 0;
	size_t len = strlen(text);

	if (fd < 0)
		return -errno;
	/* The umask is for files of people. */
	if (fchmod(fd, mode))
		err = -errno;
	while (!err && len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			err = -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	close(fd);
	if (err)
		unlink(path);
	return err;
}

int hp_place_write(const char *path, const char *text, mode_t mode, const struct hp_owner *owner,
		   bool replace)
{
	char *fresh, *copy = strdup(path);
	int err;

	/* A hidden file of that folder is no configuration file. */
	if (!copy || asprintf(&fresh, "%s/.%s.%d.new", dirname(copy),
			      strrchr(path, '/') ? strrchr(path, '/') + 1 : path,
			      (int)getpid()) < 0) {
		free(copy);
		return -ENOMEM;
	}
	free(copy);
	err = write_all(fresh, text, mode);
	if (!err)
		err = hp_place_commit(fresh, path, owner, replace);
	free(fresh);
	return err;
}
