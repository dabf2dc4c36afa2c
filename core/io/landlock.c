/* SPDX-License-Identifier: MIT
 *
 * Landlock by its three system calls (see landlock.h).  Kernels add rights with each version, and
 * refuse those they do not know.
 */
#include "config.h"
#include "io/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HAVE_LINUX_LANDLOCK_H
#include <linux/landlock.h>

/* Headers may be older than the kernel.  The kernel takes a longer struct whose end is zero. */
struct ruleset {
	uint64_t fs, net, scoped;
};

enum {
	REFER = 1 << 13,     /* version 2 */
	TRUNCATE = 1 << 14,  /* version 3 */
	IOCTL_DEV = 1 << 15, /* version 5 */
};

#define NET_ALL      3u /* bind and connect of TCP, version 4 */
#define SCOPE_SIGNAL 2u /* version 6 */

#define ON_FILES                                                                      \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |                 \
	 LANDLOCK_ACCESS_FS_READ_FILE | TRUNCATE | IOCTL_DEV)
#define VERSION_1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static uint64_t rights_of(unsigned use)
{
	uint64_t rights = 0;

	if (use & HP_PLACE_READ)
		rights |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	if (use & HP_PLACE_WRITE)
		rights |= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
			  LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | TRUNCATE;
	if (use & HP_PLACE_REMOVE)
		rights |= LANDLOCK_ACCESS_FS_REMOVE_FILE;
	if (use & HP_PLACE_DEVICE)
		rights |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | IOCTL_DEV;
	if (use & HP_PLACE_RUN)
		rights |= LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
			  LANDLOCK_ACCESS_FS_READ_DIR;
	return rights;
}

static uint64_t rights_known(int version)
{
	uint64_t rights = VERSION_1;

	if (version >= 2)
		rights |= REFER;
	if (version >= 3)
		rights |= TRUNCATE;
	if (version >= 5)
		rights |= IOCTL_DEV;
	return rights;
}

int hp_landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);

	if (version > 0)
		return (int)version;
	/* EOPNOTSUPP: built in, but not switched on at boot. */
	return errno == ENOSYS ? -EOPNOTSUPP : -errno;
}

static int add(int ruleset, const struct hp_place *p, uint64_t known)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights_of(p->use) & known };
	struct stat st;
	int err = 0;

	rule.parent_fd = open(p->path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (fstat(rule.parent_fd, &st))
		err = -errno;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= ON_FILES;
	if (!err && rule.allowed_access &&
	    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		err = -errno;
	close(rule.parent_fd);
	return err;
}

int hp_landlock_enter(const struct hp_place *places, size_t n)
{
	int version = hp_landlock_version(), fd, err = 0;
	struct ruleset attr = { .fs = 0 };

	if (version < 0)
		return version;
	attr.fs = rights_known(version);
	attr.net = version >= 4 ? NET_ALL : 0;
	attr.scoped = version >= 6 ? SCOPE_SIGNAL : 0;
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; !err && i < n; i++)
		err = add(fd, &places[i], attr.fs);
	if (!err && syscall(SYS_landlock_restrict_self, fd, 0))
		err = -errno;
	close(fd);
	return err;
}

#else

int hp_landlock_version(void)
{
	return -EOPNOTSUPP;
}

int hp_landlock_enter(const struct hp_place *places, size_t n)
{
	(void)places, (void)n;
	return -EOPNOTSUPP;
}

#endif
