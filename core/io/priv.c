/* SPDX-License-Identifier: MIT
 *
 * Giving up privileges (see priv.h).
 */
#include "io/priv.h"

#include <errno.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

static bool has(cap_value_t cap)
{
	cap_flag_value_t have = CAP_CLEAR;
	cap_t caps = cap_get_proc();

	if (!caps)
		return false;
	if (cap_get_flag(caps, cap, CAP_EFFECTIVE, &have))
		have = CAP_CLEAR;
	cap_free(caps);
	return have == CAP_SET;
}

bool hp_priv_has_admin(void)
{
	return has(CAP_NET_ADMIN);
}

int hp_priv_check(bool admin, struct hp_io_err *e)
{
	if (!has(CAP_NET_RAW))
		return hp_io_fail(e, -EPERM, "must be started as root, or with CAP_NET_RAW");
	if (admin && !has(CAP_NET_ADMIN))
		return hp_io_fail(e, -EPERM, "resolvers and opportunistic mode need CAP_NET_ADMIN: "
				  "must be started as root, or with it");
	return 0;
}

/* Needs CAP_SETPCAP; a daemon started without it has no larger set to give away. */
static int bounding_reduce(bool admin)
{
	for (cap_value_t c = 0; cap_get_bound(c) >= 0; c++)
		if (!(admin && c == CAP_NET_ADMIN) && cap_get_bound(c) > 0 && cap_drop_bound(c) &&
		    errno != EPERM)
			return -errno;
	return 0;
}

/* A reload looks at key files again, which belong to the service's user: user 0 needs this to do so. */
static int keep_reading(cap_t caps)
{
	static const cap_value_t read_files = CAP_DAC_READ_SEARCH;
	cap_t now = cap_get_proc();
	cap_flag_value_t have = CAP_CLEAR;
	int err = 0;

	if (!now)
		return -errno;
	if (cap_get_flag(now, read_files, CAP_PERMITTED, &have) ||
	    (have == CAP_SET &&
	     (cap_set_flag(caps, CAP_PERMITTED, 1, &read_files, CAP_SET) ||
	      cap_set_flag(caps, CAP_EFFECTIVE, 1, &read_files, CAP_SET))))
		err = -errno;
	cap_free(now);
	return err;
}

static int caps_reduce(bool admin)
{
	static const cap_value_t net_admin = CAP_NET_ADMIN;
	cap_t caps = cap_init();
	int err = 0;

	if (!caps)
		return -errno;
	if (admin && (cap_set_flag(caps, CAP_PERMITTED, 1, &net_admin, CAP_SET) ||
		      cap_set_flag(caps, CAP_EFFECTIVE, 1, &net_admin, CAP_SET)))
		err = -errno;
	if (!err)
		err = keep_reading(caps);
	if (!err && cap_set_proc(caps))
		err = -errno;
	cap_free(caps);
	return err;
}

int hp_priv_drop(bool admin, struct hp_io_err *e)
{
	int err = cap_reset_ambient() && errno != EINVAL ? -errno : 0;

	if (!err)
		err = bounding_reduce(admin);
	if (!err)
		err = caps_reduce(admin);
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (!err && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		err = -errno;
	if (err)
		return hp_io_fail(e, err, "giving up privileges: %s", strerror(-err));
	return 0;
}
