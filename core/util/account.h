/* SPDX-License-Identifier: MIT
 *
 * Users and groups of the system.
 */
#ifndef HP_UTIL_ACCOUNT_H
#define HP_UTIL_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The service's user and group.  A package makes them; without one they need not exist. */
#define HP_SERVICE_ACCOUNT "hipproxy"

#define HP_ACCOUNT_STRLEN 80

/* False: there is no user of that name.  HP_SERVICE_ACCOUNT is remembered once it was found. */
bool hp_account_user(const char *name, uid_t *uid, gid_t *gid);
bool hp_account_group(const char *name, gid_t *gid);
/* "user:group", numbers where there are no names; returns buf. */
const char *hp_account_format(uid_t uid, gid_t gid, char buf[HP_ACCOUNT_STRLEN]);

#endif
