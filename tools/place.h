/* SPDX-License-Identifier: MIT
 *
 * Files and folders that hipproxyctl makes for the service.
 */
#ifndef HP_TOOLS_PLACE_H
#define HP_TOOLS_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

struct hp_owner {
	uid_t uid;
	gid_t gid;
};

/* Root makes files for the service's user, if there is one; anyone else for himself. */
struct hp_owner hp_owner_of_service(void);

/* Makes the folder that path lies in with this mode and owner, unless it exists, and those around
 * it, open to the service's group (0750) or to all (0755).  *made: it was.  0 or -errno. */
int hp_place_folder(const char *path, mode_t mode, const struct hp_owner *owner, bool *made);
/* Gives the file fresh to owner and puts it in the place of path at once: whoever opens path sees
 * the old file or the whole new one, after a crash too.  replace: path may exist, else -EEXIST.
 * 0 or -errno; fresh is gone in either case. */
int hp_place_commit(const char *fresh, const char *path, const struct hp_owner *owner,
		    bool replace);
/* As hp_place_commit, with a file of this text and mode. */
int hp_place_write(const char *path, const char *text, mode_t mode, const struct hp_owner *owner,
		   bool replace);

#endif
