/* SPDX-License-Identifier: MIT
 *
 * Users and groups: see account.h.
 */
#include "util/account.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#define ENTRY_MAX 16384 /* octets; a group of many members is long */

/* Looked up once: a running daemon can't read /etc/passwd any more. */
static struct {
	bool known;
	uid_t uid;
	gid_t gid;
} service;

static bool look_up(const char *name, uid_t *uid, gid_t *gid)
{
	struct passwd pw, *found;
	char buf[ENTRY_MAX];

	if (getpwnam_r(name, &pw, buf, sizeof(buf), &found) || !found)
		return false;
	*uid = pw.pw_uid;
	*gid = pw.pw_gid;
	return true;
}

bool hp_account_user(const char *name, uid_t *uid, gid_t *gid)
{
	bool is_service = !strcmp(name, HP_SERVICE_ACCOUNT);

	if (!is_service || !service.known) {
		if (!look_up(name, uid, gid))
			return false;
		service.known |= is_service;
		if (is_service) {
			service.uid = *uid;
			service.gid = *gid;
		}
		return true;
	}
	*uid = service.uid;
	*gid = service.gid;
	return true;
}

bool hp_account_group(const char *name, gid_t *gid)
{
	struct group gr, *found;
	char buf[ENTRY_MAX];

	if (getgrnam_r(name, &gr, buf, sizeof(buf), &found) || !found)
		return false;
	*gid = gr.gr_gid;
	return true;
}

const char *hp_account_format(uid_t uid, gid_t gid, char buf[HP_ACCOUNT_STRLEN])
{
	char pw_buf[ENTRY_MAX], gr_buf[ENTRY_MAX];
	struct passwd pw, *user;
	struct group gr, *group;
	int n;

	if (getpwuid_r(uid, &pw, pw_buf, sizeof(pw_buf), &user) || !user)
		n = snprintf(buf, HP_ACCOUNT_STRLEN / 2, "%u", (unsigned)uid);
	else
		n = snprintf(buf, HP_ACCOUNT_STRLEN / 2, "%s", user->pw_name);
	if (n >= HP_ACCOUNT_STRLEN / 2)
		n = HP_ACCOUNT_STRLEN / 2 - 1;
	if (getgrgid_r(gid, &gr, gr_buf, sizeof(gr_buf), &group) || !group)
		snprintf(buf + n, HP_ACCOUNT_STRLEN - (size_t)n, ":%u", (unsigned)gid);
	else
		snprintf(buf + n, HP_ACCOUNT_STRLEN - (size_t)n, ":%s", group->gr_name);
	return buf;
}
